"""Give means an interval that knows about families of related records."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

RESAMPLES = 2000
_LEVELS = (0.025, 0.05, 0.95, 0.975)
_BLOCK = 5000
_ROUNDING = 1e-20
"""Equal values leave a variance up to this behind."""


class Interval(BaseModel):
    """An estimate with its uncertainty."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: float
    low90: float
    high90: float
    low95: float
    high95: float

    @property
    def half95(self) -> float:
        """Half of the 95% interval's width."""
        return (self.high95 - self.low95) / 2


class Clusters(NamedTuple):
    """Which family each value belongs to, as numbers from 0."""

    labels: NDArray[np.int64]
    size: int


def number_clusters(families: Sequence[str]) -> Clusters:
    """Number the families in order of appearance."""
    numbers: dict[str, int] = {}
    labels = [numbers.setdefault(family, len(numbers)) for family in families]
    return Clusters(np.array(labels, dtype=np.int64), len(numbers))


def estimate_share(values: NDArray[np.float64], clusters: Clusters) -> Interval:
    """Estimate the mean of values between 0 and 1, such as rewards or shares, families counted whole.

    Beta quantiles at an effective number of answers, m(1-m) / variance of the mean, shrunk by Student's t
    (Korn and Graubard 1998, Survey Methodology 24:193, with Jeffreys' half answers at 0 and 1 in place of
    their Clopper-Pearson bounds; the variance is that of a ratio, by family, or where all families are alike
    that of unrelated answers). Where nothing varies, a family counts as one answer: 30 failures in a row give
    an upper bound near 0.08, not 0. A single family tells next to nothing.
    """
    from scipy.special import betaincinv, ndtri, stdtrit  # slow to import

    moments = measure_moments(values, clusters)
    centre, variance = moments.mean, moments.variance
    if variance == 0 and clusters.size > 1:
        variance = _clear(float(values.var())) / len(values)
    bounds: dict[float, tuple[float, float]] = {}
    for level in (0.90, 0.95):
        answers = float(clusters.size)
        if variance > 0:
            shrink = float(ndtri((1 + level) / 2) / stdtrit(clusters.size - 1, (1 + level) / 2))
            answers = centre * (1 - centre) / variance * shrink**2
        a, b = answers * centre + 0.5, answers * (1 - centre) + 0.5
        low, high = float(betaincinv(a, b, (1 - level) / 2)), float(betaincinv(a, b, (1 + level) / 2))
        bounds[level] = min(low, centre), max(high, centre)
    return make_interval(centre, ninety=bounds[0.90], ninetyfive=bounds[0.95])


def estimate_spread(values: NDArray[np.float64], clusters: Clusters) -> Interval:
    """Estimate the standard deviation of values between 0 and 1, families counted whole.

    Linearised variance of the squared deviations by family, Student's t, on the log scale; the interval's
    centre makes up for what the estimated mean takes away. It is widened to what the mean's interval leaves
    possible: the variance is m(1-m) less the mean of x(1-x), and near m = 0.5 nothing else moves it. Below 10
    families it is too narrow for rewards that are nearly all equal.
    """
    from scipy.special import stdtrit  # slow to import

    moments, found = measure_moments(values, clusters), _clear(float(values.var()))
    observed = math.sqrt(found)
    if found == 0 and 0 < moments.mean < 1:
        return make_interval(0.0, ninety=(0.0, 0.0), ninetyfive=(0.0, 0.0))
    share = estimate_share(values, clusters)
    inner = moments.mean * (1 - moments.mean) - found if clusters.size > 1 else 0.0
    low90, high90 = _spread_by_mean(share.low90, share.high90, inner)
    low95, high95 = _spread_by_mean(share.low95, share.high95, inner)
    if found == 0 or clusters.size < 2:
        return make_interval(observed, ninety=(0.0, high90), ninetyfive=(0.0, high95))
    squares = measure_moments((values - moments.mean) ** 2, clusters)
    centre, most = found + moments.variance, 0.25 * len(values) / (len(values) - 1)
    relative = math.sqrt(squares.variance) / centre
    by90, by95 = (math.exp(float(stdtrit(clusters.size - 1, at)) * relative) for at in (0.95, 0.975))
    return make_interval(
        observed,
        ninety=(min(low90, math.sqrt(centre / by90)), max(high90, math.sqrt(min(centre * by90, most)))),
        ninetyfive=(min(low95, math.sqrt(centre / by95)), max(high95, math.sqrt(min(centre * by95, most)))),
    )


def _spread_by_mean(low: float, high: float, inner: float) -> tuple[float, float]:
    """Give the least and largest deviation of values with a mean in a range, `inner` being mean x(1-x)."""
    nearest, farthest = min(max(0.5, low), high), low if 0.5 - low > high - 0.5 else high
    least, most = (math.sqrt(max(0.0, mean * (1 - mean) - inner)) for mean in (farthest, nearest))
    return least, most


def estimate_mean(values: NDArray[np.float64], clusters: Clusters, *, seed: int = 0) -> Interval:
    """Estimate a mean without bounds, such as a difference, families resampled whole.

    Bayesian cluster bootstrap (Rubin 1981, Annals of Statistics 9:130), each family weighted by a standard
    exponential, widened for few families by Student's t over the normal quantile and by sqrt(n / (n - 1)).
    A single family tells nothing: the interval is then plus or minus 1, the largest difference between two
    rewards.
    """
    centre = float(values.mean())
    if clusters.size < 2:
        return make_interval(centre, ninety=(centre - 1, centre + 1), ninetyfive=(centre - 1, centre + 1))
    from scipy.special import stdtrit  # slow to import

    draws = _resample(values, clusters, seed=seed) - centre
    freedom = clusters.size - 1
    stretch = math.sqrt(clusters.size / freedom)
    wide95 = stretch * float(stdtrit(freedom, 0.975)) / 1.959964
    wide90 = stretch * float(stdtrit(freedom, 0.95)) / 1.644854
    low95, low90, high90, high95 = np.quantile(draws, _LEVELS).tolist()
    return make_interval(
        centre,
        ninety=(centre + wide90 * low90, centre + wide90 * high90),
        ninetyfive=(centre + wide95 * low95, centre + wide95 * high95),
    )


class Moments(NamedTuple):
    """A mean and how uncertain it is."""

    mean: float
    variance: float
    """Of the mean; 0 where the families do not differ, or where there is only one."""


def measure_moments(values: NDArray[np.float64], clusters: Clusters) -> Moments:
    """Measure a mean and its variance as a ratio of family sums (Cochran 1977, chapter 9)."""
    mean, size = float(values.mean()), clusters.size
    if size < 2:
        return Moments(mean, 0.0)
    sums = np.bincount(clusters.labels, weights=values - mean, minlength=size)
    variance = size / (size - 1) * float(sums @ sums) / len(values) ** 2
    return Moments(mean, _clear(variance))


def _clear(variance: float) -> float:
    """Take what rounding leaves for nothing."""
    return variance if variance > _ROUNDING else 0.0


def make_interval(value: float, *, ninety: tuple[float, float], ninetyfive: tuple[float, float]) -> Interval:
    """Round to six places: the last bits of a matrix product depend on the computer."""
    low90, high90, low95, high95 = (round(bound, 6) for bound in (*ninety, *ninetyfive))
    return Interval(value=round(value, 6), low90=low90, high90=high90, low95=low95, high95=high95)


def _resample(values: NDArray[np.float64], clusters: Clusters, *, seed: int) -> NDArray[np.float64]:
    """Draw weighted means; in blocks of families, so that memory stays small for large samples."""
    sums = np.bincount(clusters.labels, weights=values, minlength=clusters.size)
    sizes = np.bincount(clusters.labels, minlength=clusters.size).astype(np.float64)
    random = np.random.default_rng(seed)
    numerator, denominator = np.zeros(RESAMPLES), np.zeros(RESAMPLES)
    for start in range(0, clusters.size, _BLOCK):
        weights = random.standard_exponential((RESAMPLES, len(sums[start : start + _BLOCK])))
        numerator += weights @ sums[start : start + _BLOCK]
        denominator += weights @ sizes[start : start + _BLOCK]
    return numerator / denominator
