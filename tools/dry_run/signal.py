"""Measure whether a prompt's answers differ enough for training to learn from them.

GRPO learns only from groups whose rewards differ. The spread over all prompts says nothing about that: easy
prompts at 1 and hard ones at 0 have a large spread and no signal. So everything here is per prompt.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from lucy.tools.dry_run.intervals import Interval, make_interval
from lucy.tools.vocabulary import Grade

MIN_DIFFERENCE = 0.01
"""Rewards closer than this count as equal, however exact the grader."""
REPEATABILITY = 2.8
"""Two gradings of one answer differ by more than 2.8 noise deviations in 5% of cases (ISO 5725-6)."""
_MEANS = np.sin(np.pi / 2 * (np.arange(80) + 0.5) / 80) ** 2
_SIZES = np.logspace(-1, 2, 36)


class Signal(BaseModel):
    """Per-prompt differences between rewards."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompts: int
    """Prompts with at least two graded answers."""
    within_std: float
    """Typical standard deviation of the rewards of one prompt."""
    noise: float
    """Standard deviation of the grader's own gradings of one answer."""
    reliability: float
    """Share of the within-prompt variance that is not the grader's noise, 0 to 1."""
    share_differing: float
    """Share of prompts whose rewards differ by more than noise explains, as observed."""
    group_size: int
    """Answers per prompt in training, which `informative` is for."""
    informative: Interval
    """Expected share of training groups with differing rewards, 0 to 1."""


class Group(NamedTuple):
    """The rewards of one prompt's answers."""

    family: str
    scores: NDArray[np.float64]


def measure_signal(groups: Sequence[Group], *, noise: float = 0.0, group_size: int = 8) -> Signal | None:
    """Measure the per-prompt signal; None when no prompt has two graded answers.

    Args:
        groups: Rewards by prompt; prompts with fewer than two are left out.
        noise: Standard deviation of repeated gradings, see `measure_noise`; 0 for an exact grader.
        group_size: Answers per prompt in training, 2 or more.
    """
    groups = [group for group in groups if len(group.scores) >= 2]
    if not groups:
        return None
    variance = float(np.mean([group.scores.var(ddof=1) for group in groups]))
    differing = [differs(group.scores, noise) for group in groups]
    return Signal(
        prompts=len(groups),
        within_std=round(variance**0.5, 6),
        noise=noise,
        reliability=round(max(0.0, 1 - noise**2 / variance), 6) if variance > 0 else 0.0,
        share_differing=sum(differing) / len(groups),
        group_size=group_size,
        informative=estimate_informative(groups, noise=noise, group_size=group_size),
    )


def measure_noise(first: Sequence[Grade], second: Sequence[Grade]) -> float:
    """Estimate the grader's noise from grading the same answers twice.

    Root of half the mean squared difference (Dahlberg's formula); failed gradings are left out, and 0 is
    given when no pair is left.
    """
    pairs = [
        (a.score, b.score)
        for a, b in zip(first, second, strict=True)
        if a.score is not None and b.score is not None
    ]
    if not pairs:
        return 0.0
    differences = np.array([a - b for a, b in pairs])
    return float(np.sqrt(np.mean(differences**2) / 2))


def differs(scores: NDArray[np.float64], noise: float) -> bool:
    """Tell whether rewards differ by more than noise: chi-square test of their variance at 5%."""
    if float(np.ptp(scores)) <= MIN_DIFFERENCE:
        return False
    if noise <= 0:
        return True
    from scipy.special import chdtri  # slow to import

    freedom = len(scores) - 1
    return float(scores.var(ddof=1)) * freedom > noise**2 * float(chdtri(freedom, 0.05))


def informative_probability(success: float, group_size: int) -> float:
    """Give the chance that a group of right-or-wrong rewards has both: 1 - p^K - (1-p)^K."""
    return 1 - success**group_size - (1 - success) ** group_size


def estimate_informative(groups: Sequence[Group], *, noise: float, group_size: int) -> Interval:
    """Estimate the share of groups of `group_size` whose rewards differ, from groups of fewer answers.

    Let t be the chance that another answer of a prompt gets the same reward as a given one. A group of K is
    without signal with probability E[t^(K-1)], exactly, for any number of reward levels. The answers that
    agree with each answer in turn are beta-binomial counts; the beta's shape is integrated over a fixed
    grid (mean with Jeffreys' spacing, size 0.1 to 100 evenly in log), which shrinks small samples and, unlike
    plugging in observed shares, does not count every unanimous small group as dead. A family weighs as much
    as one prompt. The interval is the posterior's; it assumes prompts of different families independent.
    """
    members: dict[str, int] = {}
    for group in groups:
        members[group.family] = members.get(group.family, 0) + 1
    weights: dict[tuple[int, int], float] = {}
    for group in groups:
        for agreeing in _count_agreeing(group.scores, noise):
            cell = (agreeing, len(group.scores) - 1)
            weights[cell] = weights.get(cell, 0.0) + 1 / (members[group.family] * len(group.scores))
    posterior = _weigh_shapes(weights)
    return _summarise(_informative_by_shape(group_size), posterior)


def _count_agreeing(scores: NDArray[np.float64], noise: float) -> list[int]:
    """Count, for each answer, the other answers with the same reward."""
    tolerance = max(MIN_DIFFERENCE, REPEATABILITY * noise)
    close = np.abs(scores[:, None] - scores[None, :]) <= tolerance
    return (close.sum(axis=1) - 1).tolist()


def _weigh_shapes(weights: Mapping[tuple[int, int], float]) -> NDArray[np.float64]:
    from scipy.special import betaln  # slow to import

    a, b = _shapes()
    log_likelihood = np.zeros_like(a)
    for (agreeing, of), weight in sorted(weights.items()):
        log_likelihood += weight * (betaln(a + agreeing, b + of - agreeing) - betaln(a, b))
    posterior = np.exp(log_likelihood - log_likelihood.max())
    return posterior / posterior.sum()


@lru_cache(maxsize=16)
def _informative_by_shape(group_size: int) -> NDArray[np.float64]:
    from scipy.special import betaln  # slow to import

    a, b = _shapes()
    shares: NDArray[np.float64] = 1 - np.exp(betaln(a + group_size - 1, b) - betaln(a, b))
    return shares


def _shapes() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    means, sizes = np.meshgrid(_MEANS, _SIZES)
    return (means * sizes).ravel(), ((1 - means) * sizes).ravel()


def _summarise(values: NDArray[np.float64], posterior: NDArray[np.float64]) -> Interval:
    order = np.argsort(values, kind="stable")
    cumulative = np.cumsum(posterior[order])
    low95, low90, high90, high95 = (
        float(values[order][min(int(np.searchsorted(cumulative, level)), len(values) - 1)])
        for level in (0.025, 0.05, 0.95, 0.975)
    )
    mean = float(values @ posterior)
    return make_interval(mean, ninety=(low90, high90), ninetyfive=(low95, high95))
