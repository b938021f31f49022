from datetime import date

import pytest

from lucy.tools.calls.door import Estimate
from lucy.tools.training.forecast import FREE, UNKNOWN, Load, forecast
from lucy.tools.training.hosted.spending import TrainingPrice

LOAD = Load(prompts=100, heldout=10, epochs=2, group_size=8, prompt_tokens=50.0, answer_tokens=[100.0] * 40)
PRICE = TrainingPrice(per_million_tokens=10.0, as_of=date(2026, 11, 1))


def test_a_training_on_this_machine_costs_nothing() -> None:
    found = forecast(LOAD, price=None, is_local=True, judging=None, judged=0)
    assert found.total == FREE
    assert found.parts[0].amount == "1,600 answers"


def test_a_price_that_is_not_known_stays_unknown_in_the_sum() -> None:
    judging = Estimate(40, 4000, 400, 0.5)
    found = forecast(LOAD, price=None, is_local=False, judging=judging, judged=40)
    assert found.parts[0].cost == UNKNOWN
    assert found.parts[1].cost.likely is not None
    assert found.total == UNKNOWN


def test_tokens_are_priced_and_answers_may_grow() -> None:
    found = forecast(LOAD, price=PRICE, is_local=False, judging=None, judged=0)
    assert found.total.likely == pytest.approx(1600 * 150 * 10 / 1_000_000)
    assert found.total.high == pytest.approx(1600 * (50 + 150) * 10 / 1_000_000)


def test_answers_that_vary_widen_the_forecast() -> None:
    found = forecast(
        LOAD._replace(answer_tokens=[20.0, 180.0] * 20), price=PRICE, is_local=False, judging=None, judged=0
    )
    assert found.total.low is not None
    assert found.total.low < 2.4 < (found.total.high or 0)


def test_a_price_by_the_hour_forecasts_no_sum() -> None:
    hourly = TrainingPrice(per_hour=100.0, as_of=date(2026, 11, 1))
    assert forecast(LOAD, price=hourly, is_local=False, judging=None, judged=0).total == UNKNOWN
