import pytest

from lucy.errors import InputError
from lucy.tools.generation.plan import MAX_RECORDS, GenerationPlan


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


def test_a_plan_survives_json() -> None:
    plan = GenerationPlan(batch="b", counts={"a": 3}, mode="sft", seed=4)
    assert GenerationPlan.model_validate_json(plan.model_dump_json()) == plan
