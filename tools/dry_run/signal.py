"""Measure whether a prompt's answers differ enough for training to learn from them.

GRPO learns only from groups whose rewards differ. The spread over all prompts says nothing about that: easy
prompts at 1 and hard ones at 0 have a large spread and no signal. So everything here is per prompt.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from lucy.tools.dry_run.informative import MIN_DIFFERENCE, estimate_informative
from lucy.tools.dry_run.intervals import Interval, measure_moments, number_clusters
from lucy.tools.dry_run.noise import EXACT, Noise, describe_noise, estimate_noise, estimate_reliability
from lucy.tools.dry_run.rollouts import Group
from lucy.tools.vocabulary import Grade

_FREEDOM = 1e6
"""Stands for all degrees of freedom that are more than enough."""


class Signal(BaseModel):
    """Per-prompt differences between rewards."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompts: int
    """Prompts with at least two graded answers."""
    within_std: float
    """Typical standard deviation of the rewards of one prompt."""
    noise: float
    """Standard deviation of the grader's own gradings of one answer."""
    noise_interval: Interval | None = None
    """Of `noise`; None when no answer was graded twice."""
    noise_pairs: int = 0
    """Answers that were graded twice."""
    reliability: float
    """Share of the within-prompt variance that is not the grader's noise, 0 to 1."""
    reliability_interval: Interval | None = None
    """Of `reliability`; its lower bound is 0 when the differences are no larger than noise explains. None
    when no answer was graded twice, or when nothing differs."""
    share_differing: float
    """Share of prompts whose rewards differ by more than noise explains, as observed."""
    group_size: int
    """Answers per prompt in training, which `informative` is for."""
    informative: Interval
    """Expected share of training groups with differing rewards, noise left out, 0 to 1."""


def measure_signal(groups: Sequence[Group], *, noise: Noise = EXACT, group_size: int = 8) -> Signal | None:
    """Measure the per-prompt signal; None when no prompt has two graded answers.

    Args:
        groups: Rewards by prompt; prompts with fewer than two are left out.
        noise: Of the grader, see `measure_noise`.
        group_size: Answers per prompt in training, 2 or more.
    """
    groups = keep_comparable(groups)
    if not groups:
        return None
    within = _measure_within(groups)
    reliability = estimate_reliability(within.variance, within.freedom, noise) if within.variance else None
    return Signal(
        prompts=len(groups),
        within_std=round(within.variance**0.5, 6),
        noise=noise.std,
        noise_interval=describe_noise(noise),
        noise_pairs=noise.pairs,
        reliability=reliability.value if reliability else 0.0,
        reliability_interval=reliability if noise.pairs else None,
        share_differing=share_differing(groups, noise),
        group_size=group_size,
        informative=estimate_informative(groups, noise=noise, group_size=group_size),
    )


def keep_comparable(groups: Sequence[Group]) -> list[Group]:
    """Keep the prompts with two graded answers or more."""
    return [group for group in groups if len(group.scores) >= 2]


def measure_noise(first: Sequence[Grade], second: Sequence[Grade]) -> Noise:
    """Measure the grader's noise by grading the same answers twice.

    Gradings that failed are left out; `EXACT` is given when no pair is left. The answers count as unrelated.
    """
    pairs = [
        (a.score, b.score)
        for a, b in zip(first, second, strict=True)
        if a.score is not None and b.score is not None
    ]
    return estimate_noise(np.array([a - b for a, b in pairs], dtype=np.float64))


def share_differing(groups: Sequence[Group], noise: Noise) -> float:
    """Give the observed share of prompts whose rewards differ by more than noise explains.

    Chi-square test of their variance at 5%; without noise, any difference from 0.01.
    """
    by_size: dict[int, list[NDArray[np.float64]]] = {}
    for group in groups:
        by_size.setdefault(len(group.scores), []).append(group.scores)
    return sum(_count_differing(np.array(rows), noise.std) for rows in by_size.values()) / len(groups)


def _count_differing(scores: NDArray[np.float64], noise: float) -> int:
    """Count the rows that differ."""
    far = np.ptp(scores, axis=1) > MIN_DIFFERENCE
    if noise > 0:
        from scipy.special import chdtri  # slow to import

        freedom = scores.shape[1] - 1
        far &= scores.var(axis=1, ddof=1) * freedom > noise**2 * float(chdtri(freedom, 0.05))
    return int(np.count_nonzero(far))


class _Within(NamedTuple):
    variance: float
    """Mean variance of the rewards of one prompt."""
    freedom: float


def _measure_within(groups: Sequence[Group]) -> _Within:
    """Measure the within-prompt variance, with degrees of freedom from its differences between families."""
    variances = np.array([group.scores.var(ddof=1) for group in groups])
    mean = float(variances.mean())
    if mean <= MIN_DIFFERENCE**2 / 1e4:
        return _Within(0.0, _FREEDOM)
    clusters = number_clusters([group.family for group in groups])
    if clusters.size < 2:
        return _Within(mean, 1.0)
    spread = measure_moments(variances, clusters).variance
    return _Within(mean, min(2 * mean**2 / spread, _FREEDOM) if spread > 0 else _FREEDOM)
