import pytest

from lucy.errors import InputError
from lucy.tools.generation.plan import ANY_TOPIC, MAX_RECORDS, GenerationPlan


@pytest.mark.parametrize("counts", [{}, {"a": 0}, {"a": -3}, {"a": 60_000, "b": 60_000}])
def test_counts_outside_the_range_are_refused(counts: dict[str, int]) -> None:
    with pytest.raises(InputError, match="asks for"):
        GenerationPlan(batch="b", counts=counts)


@pytest.mark.parametrize("field", [{"strategy": "magic"}, {"mode": "dpo"}, {"batch": ""}, {"colour": 1}])
def test_an_unusable_field_is_named_in_the_error(field: dict[str, object]) -> None:
    with pytest.raises(InputError, match=next(iter(field))):
        GenerationPlan(**({"batch": "b", "counts": {"a": 1}} | field))


def test_the_largest_plan_is_allowed() -> None:
    assert GenerationPlan(batch="b", counts={"a": MAX_RECORDS}).total == 100_000


@pytest.mark.parametrize(
    "fields",
    [
        {"counts": {"a": 3}, "mode": "sft", "seed": 4, "goal": "be kind"},
        {"record_ids": ("r1", "r2"), "variations_per_record": 2},
        {"record_ids": ("r1", "r2"), "counts": {"a": 7}},
    ],
)
def test_a_plan_survives_json(fields: dict[str, object]) -> None:
    plan = GenerationPlan(batch="b", **fields)
    assert GenerationPlan.model_validate_json(plan.model_dump_json()) == plan


def test_named_records_are_varied_three_times_unless_told_otherwise() -> None:
    assert GenerationPlan(batch="b", record_ids=("r1", "r2")).counts == {ANY_TOPIC: 6}
    assert GenerationPlan(batch="b", record_ids=["r1"], variations_per_record=5).counts == {ANY_TOPIC: 5}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"record_ids": ("r1", "r1")}, "'r1' twice"),
        ({"counts": {"a": 1}, "variations_per_record": 3}, "one of the two"),
        ({"record_ids": ("r1",), "variations_per_record": 0}, "variations_per_record"),
        ({"record_ids": ("r1",), "variations_per_record": 1_000_000}, "variations_per_record"),
        ({"record_ids": ("r1",), "counts": {"a": 1_000_000}}, "1,000,000"),
        ({"record_ids": 7}, "record_ids"),
        ({}, "asks for 0 records"),
    ],
)
def test_what_cannot_be_planned_is_said_in_a_sentence(fields: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        GenerationPlan(batch="b", **fields)
    assert "\n" not in str(caught.value)
