"""Measure how much a grader's own gradings of one answer differ, and how sure that is."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lucy.tools.dry_run.intervals import Interval, make_interval

REPEATABILITY = 2.8
"""Two gradings of one answer differ by more than 2.8 noise deviations in 5% of cases (ISO 5725-6)."""
_NORMAL_KURTOSIS = 3.0
_NORMAL_EIGHTY = 1.8124
"""Of two gradings in noise deviations, the difference that 80% stay below when noise is normal."""


@dataclass(frozen=True, slots=True)
class Noise:
    """The grader's noise as found by grading some answers twice."""

    std: float
    """Standard deviation of repeated gradings of one answer."""
    differences: tuple[float, ...]
    """Absolute differences of the two gradings, one for each answer that was graded twice."""

    @property
    def pairs(self) -> int:
        """Answers that were graded twice."""
        return len(self.differences)

    @property
    def freedom(self) -> float:
        """Degrees of freedom of the variance: a pair each, fewer where a few pairs make all the noise.

        Satterthwaite's 2 variance^2 / Var(variance), with the kurtosis of the differences, at least the
        normal distribution's.
        """
        squares = np.array(self.differences) ** 2
        kurtosis = float(np.mean(squares**2) / np.mean(squares) ** 2)
        return 2 * self.pairs / (max(kurtosis, _NORMAL_KURTOSIS) - 1)

    @property
    def tolerance(self) -> float:
        """Difference of two rewards from which on it is seldom noise.

        2.8 deviations; less for a grader that is mostly exact and sometimes far off, whose deviation says
        little: then from the difference that four of five pairs stay below.
        """
        if not self.pairs:
            return 0.0
        eighty = float(np.quantile(self.differences, 0.8))
        return REPEATABILITY * min(self.std, eighty / _NORMAL_EIGHTY)


EXACT = Noise(0.0, ())
"""No noise is known of: the grader counts as exact."""


def estimate_noise(differences: NDArray[np.float64]) -> Noise:
    """Estimate the noise from the differences between two gradings of the same answers.

    Root of half the mean squared difference (Dahlberg's formula).
    """
    if not len(differences):
        return EXACT
    std = float(np.sqrt(np.mean(differences**2) / 2))
    return Noise(std, tuple(sorted(np.abs(differences).tolist())))


def describe_noise(noise: Noise) -> Interval | None:
    """Give the noise with its chi-square interval; None when no answer was graded twice.

    Gradings that never differed leave an interval of 0 to 0: such a grader is taken as exact.
    """
    if not noise.pairs:
        return None
    if noise.std == 0:
        return make_interval(0.0, ninety=(0.0, 0.0), ninetyfive=(0.0, 0.0))
    from scipy.special import chdtri  # slow to import

    freedom = noise.freedom

    def bound(upper_tail: float) -> float:
        return noise.std * math.sqrt(freedom / float(chdtri(freedom, upper_tail)))

    return make_interval(
        noise.std, ninety=(bound(0.05), bound(0.95)), ninetyfive=(bound(0.025), bound(0.975))
    )


def estimate_reliability(within: float, freedom: float, noise: Noise) -> Interval:
    """Estimate the share of the within-prompt variance that is not noise, 1 - noise^2 / within.

    The ratio of two variances has an F distribution (degrees of freedom as in `Noise.freedom`); shares below
    0 are given as 0. A lower bound of 0 means: the differences are no larger than noise explains.

    Args:
        within: Mean variance of the rewards of one prompt, above 0.
        freedom: Its degrees of freedom.
        noise: Of the grader.
    """
    if noise.std == 0:
        return make_interval(1.0, ninety=(1.0, 1.0), ninetyfive=(1.0, 1.0))
    from scipy.special import fdtri  # slow to import

    ratio = noise.std**2 / within

    def bound(tail: float) -> float:
        return min(1.0, max(0.0, 1 - ratio / float(fdtri(noise.freedom, freedom, tail))))

    return make_interval(
        max(0.0, 1 - ratio), ninety=(bound(0.05), bound(0.95)), ninetyfive=(bound(0.025), bound(0.975))
    )
