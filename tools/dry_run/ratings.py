"""Rate the main figures of a dry run against their healthy ranges, for a table."""

from typing import Literal, NamedTuple

from lucy.tools.dry_run.finding import percent
from lucy.tools.dry_run.informative import MIN_DIFFERENCE
from lucy.tools.dry_run.intervals import Interval
from lucy.tools.dry_run.statistics import DryRunStatistics
from lucy.tools.dry_run.thresholds import THRESHOLDS, Thresholds

Status = Literal["good", "warning", "problem"]


class FigureRating(NamedTuple):
    """One row of the table of figures."""

    name: str
    value: float
    """Reward or share, 0 to 1."""
    interval: Interval
    healthy: str
    """The healthy range in words."""
    status: Status
    """`problem`: the 95% interval lies where training cannot work; `warning`: outside the healthy range."""
    share: bool
    """Whether the figure is a share, best shown as a percentage."""


def rate_figures(statistics: DryRunStatistics, limits: Thresholds = THRESHOLDS) -> tuple[FigureRating, ...]:
    """Rate mean, standard deviation, share above 0 and share at 1 on their intervals."""
    low, high = limits.healthy_mean_low, limits.healthy_mean_high
    mean, std = statistics.mean, statistics.std
    above, full = statistics.above_zero, statistics.at_one
    return (
        _rate("Mean", mean, f"{low:.2f} to {high:.2f}", _rate_mean(mean, limits)),
        _rate(
            "Std", std, f"{limits.healthy_std:.2f} and above",
            _rate_from_below(std, problem=MIN_DIFFERENCE, warning=limits.healthy_std),
        ),
        _rate(
            "Above 0", above, f"more than {percent(limits.healthy_above_zero)}",
            _rate_from_below(above, problem=limits.hopeless_above_zero, warning=limits.healthy_above_zero),
            share=True,
        ),
        _rate(
            "At 1.0", full, f"fewer than {percent(limits.healthy_at_one)}",
            _rate_from_above(full, problem=limits.saturated_at_one, warning=limits.healthy_at_one),
            share=True,
        ),
    )  # fmt: skip


def _rate(
    name: str, interval: Interval, healthy: str, status: Status, *, share: bool = False
) -> FigureRating:
    return FigureRating(name, interval.value, interval, healthy, status, share)


def _rate_mean(mean: Interval, limits: Thresholds) -> Status:
    below = _rate_from_below(mean, problem=limits.hopeless_mean, warning=limits.healthy_mean_low)
    above = _rate_from_above(mean, problem=limits.saturated_mean, warning=limits.healthy_mean_high)
    return below if below != "good" else above


def _rate_from_below(interval: Interval, *, problem: float, warning: float) -> Status:
    return "problem" if interval.high95 < problem else "warning" if interval.high95 < warning else "good"


def _rate_from_above(interval: Interval, *, problem: float, warning: float) -> Status:
    return "problem" if interval.low95 > problem else "warning" if interval.low95 > warning else "good"
