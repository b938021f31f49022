"""Forecast what a training takes and costs, from what the dry run measured."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from lucy.tools.calls.door import Estimate
from lucy.tools.calls.prices import MILLION, Price
from lucy.tools.training.hosted.prices import TrainingPrice
from lucy.tools.training.job import EVALUATION_ANSWERS
from lucy.tools.training.speed import Speed

GROWTH = 1.5
"""How much longer answers may grow while training, for the high figure; twice is a sign of gaming."""
VALIDATED = 28
"""Answers to each prompt set aside, at most: 4 at 7 measurements."""
FASTER, SLOWER = 0.25, 3.0
"""A training's time over that of answering and grading as in the dry run: answers that repeat are graded
once (faster), each step also moves the weights (slower)."""
OPENING = 10.0
"""Seconds to start a process and open a model twice, for the high figure."""
_SIDE90 = 1.645


class Range(NamedTuple):
    """A forecast figure; None is unknown and stays so in every sum."""

    low: float | None
    likely: float | None
    high: float | None


class Part(NamedTuple):
    """One thing that is paid for, or done."""

    name: str
    amount: str
    """In words, such as `12,000 answers`."""
    cost: Range
    """US dollars."""


class Forecast(NamedTuple):
    """What a training takes."""

    parts: tuple[Part, ...]
    total: Range
    """US dollars."""
    known: float
    """US dollars of the parts whose cost is known, by their likely figure: the least it takes."""
    seconds: Range
    """On this machine, from start to comparison."""


FREE = Range(0.0, 0.0, 0.0)
UNKNOWN = Range(None, None, None)


class Load(NamedTuple):
    """What is trained on, and what the dry run measured of it."""

    prompts: int
    heldout: int
    epochs: int
    group_size: int
    """1 for supervised training: the recorded reply."""
    prompt_tokens: float
    """Mean of a prompt."""
    answer_tokens: Sequence[float]
    """Of the dry run's answers, one by one."""
    validation: int = 0
    """Prompts of the training side that are set aside to find the best checkpoint."""
    reply_tokens: float | None = None
    """Mean of a recorded reply, where supervised training learns from them; else None."""
    distinct: float = 1.0
    """Share of the dry run's answers that differ, above 0 and at most 1: equal ones are judged once."""


class Prices(NamedTuple):
    """What is known of the prices; None is unknown."""

    training: TrainingPrice | None = None
    """Of the base model at its service."""
    before: Price | None = None
    """Of the base model's answers."""
    after: Price | None = None
    """Of the trained model's answers."""


def forecast(
    load: Load,
    *,
    prices: Prices,
    is_local: bool,
    judging: Estimate | None,
    judged: int,
    speed: Speed | None = None,
) -> Forecast:
    """Forecast cost and time with low, likely and high figures.

    The figures of tokens vary with the dry run's answers: 90% of the mean's interval, and answers that grow
    half as long again for the high one. The hours of a training at a service are not forecast: by the hour it
    is unknown.

    Args:
        load: The training.
        prices: Of the services; not used where the training is local.
        is_local: The training runs on this machine and costs no money.
        judging: What a judge took, or would take, for so many answers; None where no model judges.
        judged: How many answers `judging` is about.
        speed: Of answering and grading on this machine; None was not measured.
    """
    trained, compared = _count_trained(load), load.heldout * EVALUATION_ANSWERS
    graded = (trained if load.reply_tokens is None else 0) + load.validation * VALIDATED
    said = f"{compared:,} answers"
    parts = [
        Part("Training", _say_amount(load, trained), _price_training(load, trained, prices, is_local)),
        *_list_judging("Judging while training", graded, load, judging, judged),
        Part("Base model's answers", said, _price_answers(load, compared, prices.before, is_local)),
        Part("Trained model's answers", said, _price_answers(load, compared, prices.after, is_local)),
        *_list_judging("Judging before and after", 2 * compared, load, judging, judged),
    ]
    costs = [part.cost for part in parts]
    return Forecast(
        parts=tuple(parts),
        total=_add(costs),
        known=sum(cost.likely or 0.0 for cost in costs),
        seconds=_time(trained + load.validation * VALIDATED + 2 * compared, speed if is_local else None),
    )


def _count_trained(load: Load) -> int:
    return (load.prompts - load.validation) * load.epochs * load.group_size


def _say_amount(load: Load, trained: int) -> str:
    return f"{trained:,} {'answers' if load.reply_tokens is None else 'conversations'}"


def _range_tokens(lengths: Sequence[float]) -> Range:
    """Give tokens of one answer."""
    values = np.array(lengths or [0.0], dtype=np.float64)
    mean, side = float(values.mean()), _SIDE90 * float(values.std()) / math.sqrt(len(values))
    return Range(max(0.0, mean - side), mean, (mean + side) * GROWTH)


def _price_training(load: Load, trained: int, prices: Prices, is_local: bool) -> Range:
    price = prices.training
    if is_local:
        return FREE
    if price is None or price.per_million_tokens is None:
        return UNKNOWN
    tokens = _range_tokens(load.answer_tokens)
    if load.reply_tokens is not None:  # the recorded replies are there, and do not grow
        tokens = Range(load.reply_tokens, load.reply_tokens, load.reply_tokens)
    each = price.per_million_tokens * trained / MILLION
    return _map(tokens, lambda one: (load.prompt_tokens + one) * each)


def _price_answers(load: Load, count: int, price: Price | None, is_local: bool) -> Range:
    if is_local:
        return FREE
    if price is None:
        return UNKNOWN
    asked = load.prompt_tokens * price.input
    return _map(_range_tokens(load.answer_tokens), lambda one: count * (asked + one * price.output) / MILLION)


def _list_judging(name: str, answers: int, load: Load, judging: Estimate | None, judged: int) -> list[Part]:
    """Give what a judge takes for so many answers: at least the different ones, at most all, grown."""
    if judging is None:
        return []
    share = answers / max(1, judged)
    cost = UNKNOWN
    if judging.cost is not None:
        likely = judging.cost * share
        cost = Range(likely * load.distinct, likely, likely * GROWTH)
    return [Part(name, f"at most {round(judging.calls * share):,} calls", cost)]


def _time(answers: int, speed: Speed | None) -> Range:
    if speed is None:
        return UNKNOWN
    likely = answers * (speed.answering + speed.grading)
    return Range(likely * FASTER, likely, likely * SLOWER + OPENING)


def _map(figures: Range, change: Callable[[float], float]) -> Range:
    return Range(*(None if one is None else change(one) for one in figures))


def _add(ranges: Sequence[Range]) -> Range:
    columns = zip(*ranges, strict=True)
    return Range(*(None if None in column else sum(one or 0.0 for one in column) for column in columns))
