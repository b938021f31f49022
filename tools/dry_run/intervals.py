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


def estimate_share(values: NDArray[np.float64], clusters: Clusters, *, seed: int = 0) -> Interval:
    """Estimate the mean of values between 0 and 1, families resampled whole.

    Bayesian cluster bootstrap (Rubin 1981, Annals of Statistics 9:130), each family weighted by a standard
    exponential, with half an average family added at 0 and half at 1 (Jeffreys' prior for a proportion): so
    30 failures in a row give an upper bound near 0.08, not 0.
    """
    centre = float(values.mean())
    low95, low90, high90, high95 = np.quantile(
        _resample(values, clusters, edges=(0.0, 1.0), seed=seed), _LEVELS
    ).tolist()
    return make_interval(
        centre,
        ninety=(min(low90, centre), max(high90, centre)),
        ninetyfive=(min(low95, centre), max(high95, centre)),
    )


def estimate_spread(values: NDArray[np.float64], clusters: Clusters, *, seed: int = 0) -> Interval:
    """Estimate the standard deviation of values, families resampled whole (Bayesian cluster bootstrap)."""
    mean = _resample(values, clusters, edges=(), seed=seed)
    square = _resample(values**2, clusters, edges=(), seed=seed)
    spreads = np.sqrt(np.maximum(square - mean**2, 0.0))
    low95, low90, high90, high95 = np.quantile(spreads, _LEVELS).tolist()
    return make_interval(float(values.std()), ninety=(low90, high90), ninetyfive=(low95, high95))


def estimate_mean(values: NDArray[np.float64], clusters: Clusters, *, seed: int = 0) -> Interval:
    """Estimate a mean without bounds, such as a difference, families resampled whole.

    Bayesian cluster bootstrap as in `estimate_share`, widened for few families by Student's t over the
    normal quantile and by sqrt(n / (n - 1)). A single family tells nothing: the interval is then plus or
    minus 1, the largest difference between two rewards.
    """
    centre = float(values.mean())
    if clusters.size < 2:
        return make_interval(centre, ninety=(centre - 1, centre + 1), ninetyfive=(centre - 1, centre + 1))
    from scipy.special import stdtrit  # slow to import

    draws = _resample(values, clusters, edges=(), seed=seed) - centre
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


def make_interval(value: float, *, ninety: tuple[float, float], ninetyfive: tuple[float, float]) -> Interval:
    """Round to six places: the last bits of a matrix product depend on the computer."""
    low90, high90, low95, high95 = (round(bound, 6) for bound in (*ninety, *ninetyfive))
    return Interval(value=round(value, 6), low90=low90, high90=high90, low95=low95, high95=high95)


def _resample(
    values: NDArray[np.float64], clusters: Clusters, *, edges: Sequence[float], seed: int
) -> NDArray[np.float64]:
    """Draw weighted means; in blocks of families, so that memory stays small for large samples."""
    sums = np.bincount(clusters.labels, weights=values, minlength=clusters.size)
    sizes = np.bincount(clusters.labels, minlength=clusters.size).astype(np.float64)
    random = np.random.default_rng(seed)
    numerator, denominator = np.zeros(RESAMPLES), np.zeros(RESAMPLES)
    for start in range(0, clusters.size, _BLOCK):
        weights = random.standard_exponential((RESAMPLES, len(sums[start : start + _BLOCK])))
        numerator += weights @ sums[start : start + _BLOCK]
        denominator += weights @ sizes[start : start + _BLOCK]
    for edge in edges:
        weight = random.standard_gamma(0.5, RESAMPLES) * sizes.mean()
        numerator += weight * edge
        denominator += weight
    return numerator / denominator
