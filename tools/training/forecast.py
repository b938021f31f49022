"""Forecast what a training takes and costs, from what the dry run measured."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lucy.tools.calls.door import Estimate
from lucy.tools.calls.prices import MILLION
from lucy.tools.training.hosted.spending import TrainingPrice
from lucy.tools.training.job import EVALUATION_ANSWERS

GROWTH = 1.5
"""How much longer answers may grow while training, for the high figure; twice is a sign of gaming."""
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


def forecast(
    load: Load, *, price: TrainingPrice | None, is_local: bool, judging: Estimate | None, judged: int
) -> Forecast:
    """Forecast cost with low, likely and high figures.

    The figures of tokens vary with the dry run's answers: 90% of the mean's interval, and answers that grow
    half as long again for the high one. The hours of a training are not forecast: by the hour it is unknown.

    Args:
        load: The training.
        price: Of the base model at its service; None is unknown.
        is_local: The training runs on this machine and costs no money.
        judging: What a judge took, or would take, for so many answers; None where no model judges.
        judged: How many answers `judging` is about.
    """
    rollouts = load.prompts * load.epochs * load.group_size
    answers = rollouts + load.heldout * 2 * EVALUATION_ANSWERS
    tokens = _range_tokens(load)
    parts = [Part("Training", f"{rollouts:,} answers", _price_training(tokens, rollouts, price, is_local))]
    if judging is not None:
        share = answers / max(1, judged)
        cost = None if judging.cost is None else judging.cost * share
        likely = Range(cost, cost, None if cost is None else cost * GROWTH)
        parts.append(Part("Judging", f"about {round(judging.calls * share):,} calls", likely))
    return Forecast(tuple(parts), _add([part.cost for part in parts]))


def _range_tokens(load: Load) -> Range:
    """Give tokens of one rollout, prompt and answer."""
    lengths = np.array(load.answer_tokens or [0.0], dtype=np.float64)
    mean, side = float(lengths.mean()), _SIDE90 * float(lengths.std()) / math.sqrt(len(lengths))
    asked = load.prompt_tokens
    return Range(asked + max(0.0, mean - side), asked + mean, asked + (mean + side) * GROWTH)


def _price_training(tokens: Range, rollouts: int, price: TrainingPrice | None, is_local: bool) -> Range:
    if is_local:
        return FREE
    if price is None or price.per_million_tokens is None:
        return UNKNOWN
    each = price.per_million_tokens * rollouts / MILLION
    return Range(*(None if one is None else one * each for one in tokens))


def _add(ranges: Sequence[Range]) -> Range:
    columns = zip(*ranges, strict=True)
    return Range(*(None if None in column else sum(one or 0.0 for one in column) for column in columns))
