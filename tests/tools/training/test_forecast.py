from datetime import date

import pytest

from lucy.tools.calls.door import Estimate
from lucy.tools.calls.prices import Price
from lucy.tools.training.forecast import FREE, UNKNOWN, Forecast, Load, Prices, forecast
from lucy.tools.training.hosted.prices import TrainingPrice
from lucy.tools.training.speed import Speed

LOAD = Load(prompts=100, heldout=10, epochs=2, group_size=8, prompt_tokens=50.0, answer_tokens=[100.0] * 40)
DAY = date(2026, 11, 1)
TRAINING = TrainingPrice(per_million_tokens=10.0, as_of=DAY)
ANSWER = Price(input=2.0, output=8.0, as_of=DAY)
JUDGING = Estimate(40, 4000, 400, 0.5)


def _forecast(load: Load = LOAD, *, judging: Estimate | None = None, **prices: object) -> Forecast:
    return forecast(load, prices=Prices(**prices), is_local=False, judging=judging, judged=40)  # type: ignore[arg-type]


def _find(found: Forecast, name: str):
    return next(part for part in found.parts if part.name == name)


def test_a_training_on_this_machine_costs_nothing() -> None:
    found = forecast(LOAD, prices=Prices(), is_local=True, judging=None, judged=0)
    assert found.total == FREE
    assert found.parts[0].amount == "1,600 answers"


def test_the_parts_are_training_both_models_answers_and_judging_while_and_after() -> None:
    assert [part.name for part in _forecast(judging=JUDGING).parts] == [
        "Training",
        "Judging while training",
        "Base model's answers",
        "Trained model's answers",
        "Judging before and after",
    ]


def test_a_price_that_is_not_known_stays_unknown_in_the_sum_and_is_never_0() -> None:
    found = _forecast(judging=JUDGING, training=TRAINING, before=ANSWER)
    assert _find(found, "Trained model's answers").cost == UNKNOWN
    assert _find(found, "Judging while training").cost.likely == pytest.approx(1600 / 40 * 0.5)
    assert found.total == UNKNOWN
    assert found.known > 20


def test_a_judge_without_a_price_is_unknown() -> None:
    found = _forecast(judging=JUDGING._replace(cost=None), training=TRAINING, before=ANSWER, after=ANSWER)
    assert _find(found, "Judging before and after").cost == UNKNOWN
    assert found.total == UNKNOWN


def test_tokens_are_priced_and_answers_may_grow() -> None:
    found = _forecast(training=TRAINING, before=ANSWER, after=ANSWER)
    training = _find(found, "Training").cost
    assert training.likely == pytest.approx(1600 * 150 * 10 / 1_000_000)
    assert training.high == pytest.approx(1600 * (50 + 150) * 10 / 1_000_000)
    answers = 80 * (50 * 2 + 100 * 8) / 1_000_000
    assert found.total.likely == pytest.approx(1600 * 150 * 10 / 1_000_000 + 2 * answers)


def test_answers_that_vary_widen_the_forecast() -> None:
    found = _forecast(LOAD._replace(answer_tokens=[20.0, 180.0] * 20), training=TRAINING)
    low, likely, high = _find(found, "Training").cost
    assert low is not None
    assert low < (likely or 0) < (high or 0)


def test_a_price_by_the_hour_forecasts_no_sum() -> None:
    hourly = TrainingPrice(per_hour=100.0, as_of=DAY)
    assert _find(_forecast(training=hourly), "Training").cost == UNKNOWN


def test_supervised_training_is_priced_by_the_recorded_replies_and_asks_no_judge_for_them() -> None:
    load = LOAD._replace(group_size=1, reply_tokens=30.0)
    found = _forecast(load, judging=JUDGING, training=TRAINING)
    assert _find(found, "Training").amount == "200 conversations"
    assert _find(found, "Training").cost == pytest.approx((0.16, 0.16, 0.16))
    assert _find(found, "Judging while training").cost == FREE


def test_equal_answers_are_judged_once_so_the_low_figure_is_lower() -> None:
    cost = _find(_forecast(LOAD._replace(distinct=0.25), judging=JUDGING), "Judging while training").cost
    assert cost.low == pytest.approx((cost.likely or 0) / 4)


def test_prompts_set_aside_are_not_trained_on_but_judged() -> None:
    found = _forecast(LOAD._replace(validation=10), judging=JUDGING)
    assert _find(found, "Training").amount == "1,440 answers"
    assert _find(found, "Judging while training").amount == "at most 1,720 calls"


def test_time_is_forecast_from_the_speed_of_the_dry_run_and_unknown_without_it() -> None:
    found = forecast(
        LOAD,
        prices=Prices(),
        is_local=True,
        judging=None,
        judged=0,
        speed=Speed(answering=0.01, grading=0.02),
    )
    low, likely, high = found.seconds
    assert likely == pytest.approx((1600 + 160) * 0.03)
    assert (low or 0) < likely < (high or 0)
    assert forecast(LOAD, prices=Prices(), is_local=True, judging=None, judged=0).seconds == UNKNOWN
