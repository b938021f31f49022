from datetime import date
from typing import Any

import pytest

from lucy.nodes.training_words import (
    describe_cost,
    describe_power,
    describe_results,
    describe_split,
    describe_time,
)
from lucy.nodes.wording import show_seconds
from lucy.tools.dry_run.rollouts import GradedRollout
from lucy.tools.training.comparison import compare
from lucy.tools.training.examples import choose_examples
from lucy.tools.training.forecast import FREE, UNKNOWN, Forecast, Part, Range
from lucy.tools.training.hosted.prices import TrainingPrice
from lucy.tools.training.split import Split, split_records
from lucy.tools.vocabulary import Grade, Record

KNOWN = Range(1.0, 2.0, 3.0)


def _record(name: str, text: str) -> Record:
    return Record(name, ({"role": "user", "content": text},))


def _split(families: int, of: int = 200) -> Split:
    held = {f"r{at}": f"r{at}" for at in range(families)}
    return Split(train_ids=("t",), heldout_ids=tuple(held), leakage=(), families=of, heldout_families=held)


def _result(gain: float, **more: Any) -> dict[str, Any]:
    """Give the result of a job with sixteen held-out prompts of two topics."""
    records = {
        f"r{at}": _record(f"r{at}", f"When does the parcel number {at} come to my house?") for at in range(16)
    }

    def answer(name: str, at: int, reward: float, text: str) -> GradedRollout:
        grade = Grade(reward, {"polite": reward})
        return GradedRollout(name, "", f"t{at % 2}", 0, text.format(name), grade)

    before = [answer(name, at, 0.4 + at / 100, "It comes, {}.") for at, name in enumerate(records)]
    after = [answer(name, at, 0.4 + at / 100 + gain, "It comes soon {}.") for at, name in enumerate(records)]
    comparison = compare(before, after, lookalikes={"r3"})
    return {
        "comparison": comparison.model_dump(mode="json"),
        "examples": [one.model_dump(mode="json") for one in choose_examples(before, after, records)],
        "history": [{"step": 1, "validation_reward": 0.5}],
        "split": {"validation": 12},
        "best_step": 4,
        "steps": 6,
        "model_id": "m-1",
        "version": 1,
        **more,
    }


NAMES = {"polite": "Politeness", "t0": "Deliveries", "t1": "Returns"}


@pytest.mark.parametrize(
    ("gain", "said"), [(0.2, "The model got better"), (-0.1, "**not better**, and I would not deploy it")]
)
def test_the_result_begins_with_the_conclusion(gain: float, said: str) -> None:
    text = describe_results(_result(gain), NAMES)
    assert text.startswith("**Training complete.**")
    assert said in text.splitlines()[0]


def test_the_result_has_criteria_topics_length_examples_and_how_the_best_was_chosen() -> None:
    text = describe_results(_result(0.2), NAMES)
    for said in (
        "| Politeness |",
        "| Deliveries | 8 |",
        "Length, words",
        "answers that refuse",
        "better in 2, worse in 0 of the 2 topics",
        "**Gained most**",
        "Before: It comes, r",
        "On the 15 held-out prompts without a similar one",
        "step 4 of 6: the best by reward on 12 training prompts",
    ):
        assert said in text


def test_what_it_took_stands_beside_the_forecast() -> None:
    took = {"seconds": 130.0, "is_resumed": True, "training": 0.0, "calls": 1.5, "cost": 1.5, "known": 1.5}
    forecast = {"seconds": [60.0, 120.0, 600.0], "cost": [1.0, 2.0, 3.0], "known": 2.0}
    text = describe_results(_result(0.2, took=took, forecast=forecast), NAMES)
    assert "It took 2 min and cost $1.50. The forecast was 60 s to 10 min and $1.00 to $3.00." in text
    assert "includes the interruption" in text


def test_a_cost_that_is_not_known_is_never_shown_as_nothing() -> None:
    took = {"seconds": 5.0, "is_resumed": False, "training": None, "calls": 2.0, "cost": None, "known": 2.0}
    text = describe_results(_result(0.2, took=took), NAMES)
    assert "cost at least $2.00" in text


def test_without_prompts_set_aside_the_last_step_is_said_to_be_kept() -> None:
    assert "no prompts were set aside" in describe_results(_result(0.2, split={"validation": 0}), NAMES)


def test_the_untrained_model_kept_is_said() -> None:
    assert "the untrained model, was kept" in describe_results(_result(0.0, best_step=0), NAMES)


def test_a_gain_with_doubts_is_not_cheered() -> None:
    result = _result(0.2)
    result["comparison"]["doubts"] = ["The answers became longer."]
    assert "🎉" not in describe_results(result, NAMES)


def test_the_split_names_the_closest_pair_across_the_sides() -> None:
    texts = [f"please change the booking of my room {at} today" for at in range(20)]
    records = [_record(f"r{at}", text) for at, text in enumerate(texts)]
    said = describe_split(split_records(records, {}), records, aside=2)
    assert "2 held-out prompts share 60% of their words or more" in said
    assert "the closest pair shares 100%" in said
    assert "made from one template" in said


@pytest.mark.parametrize(
    ("families", "of", "said"),
    [
        (3, 200, "below 8 nothing can be told from chance: hold out more (`split 0.95`)"),
        (3, 10, "add records that differ"),
        (200, 2000, "a gain of about 0.04"),
        (20, 200, "For 0.10 it takes about 32 unrelated ones: hold out more (`split 0.8`)"),
    ],
)
def test_what_the_held_out_prompts_can_prove(families: int, of: int, said: str) -> None:
    assert said in describe_power(_split(families, of), 0.2)


def _describe_cost(total: Range, limit: float | None = None, hourly: float | None = None) -> str:
    price = None if hourly is None else TrainingPrice(per_hour=hourly, as_of=date(2026, 1, 2))
    found = Forecast((Part("Training", "100 answers", total),), total, 2.0, UNKNOWN)
    return describe_cost(found, limit, is_local=False, price=price)


def test_an_unknown_price_is_said_with_what_is_known() -> None:
    said = _describe_cost(UNKNOWN)
    assert "| Training | 100 answers | unknown | unknown | unknown |" in said
    assert "it is at least $2.00" in said


def test_a_price_by_the_hour_says_what_a_limit_buys() -> None:
    assert "known since 2026-01-02" in _describe_cost(UNKNOWN, None, 100.0)
    assert "$20.00 buys 12 min of it" in _describe_cost(UNKNOWN, 20.0, 100.0)
    assert "$100.00 for an hour" in _describe_cost(UNKNOWN, None, 100.0)


def test_a_price_by_tokens_is_said_with_its_day() -> None:
    found = Forecast((Part("Training", "100 answers", KNOWN),), KNOWN, 2.0, UNKNOWN)
    price = TrainingPrice(per_million_tokens=25.0, as_of=date(2026, 1, 2))
    said = describe_cost(found, None, is_local=False, price=price)
    assert "$25.00 for a million trained tokens (known since 2026-01-02" in said


def test_low_likely_and_high_stand_in_the_table() -> None:
    assert "| **Together** |  | $1.00 | $2.00 | $3.00 |" in _describe_cost(KNOWN, 20.0)


def test_this_machine_costs_nothing() -> None:
    found = Forecast((), FREE, 0.0, UNKNOWN)
    assert describe_cost(found, None, is_local=True, price=None).startswith("$0.00")


def test_a_time_that_was_not_measured_is_unknown() -> None:
    assert describe_time(UNKNOWN, is_local=True).startswith("unknown")
    assert describe_time(Range(5, 20, 70), is_local=True).startswith(
        "about 20 s on this machine (5 s to 70 s"
    )


@pytest.mark.parametrize(("seconds", "said"), [(0.2, "1 s"), (89, "89 s"), (600, "10 min"), (7200, "2.0 h")])
def test_seconds_are_shown_in_the_unit_of_a_person(seconds: float, said: str) -> None:
    assert show_seconds(seconds) == said
