import numpy as np
import pytest

from lucy.tools.dry_run.ratings import rate_figures
from lucy.tools.dry_run.statistics import compute_statistics


def _rate(make, rewards):
    return {one.name: one.status for one in rate_figures(compute_statistics(make(rewards)))}


def _draw(mean, spread):
    return np.clip(np.random.default_rng(0).normal(mean, spread, (100, 4)), 0.01, 0.99).tolist()


def test_healthy_figures_are_good(make):
    assert _rate(make, _draw(0.5, 0.2)) == dict.fromkeys(("Mean", "Std", "Above 0", "At 1.0"), "good")


@pytest.mark.parametrize(
    ("rewards", "name", "status"),
    [
        (_draw(0.75, 0.1), "Mean", "warning"),
        (_draw(0.15, 0.05), "Mean", "warning"),
        ([[0.0] * 4] * 100, "Mean", "problem"),
        ([[1.0] * 4] * 100, "Mean", "problem"),
        (_draw(0.5, 0.04), "Std", "warning"),
        ([[0.5] * 4] * 100, "Std", "problem"),
        ([[0.0, 0.0, 0.0, 0.0]] * 60 + [[0.0, 0.0, 0.0, 1.0]] * 60, "Above 0", "warning"),
        ([[0.0] * 4] * 100, "Above 0", "problem"),
        ([[1.0, 1.0, 0.2, 1.0], [0.1, 0.5, 1.0, 0.2]] * 200, "At 1.0", "good"),
        ([[1.0, 1.0, 0.2, 1.0], [1.0, 0.5, 1.0, 0.2]] * 200, "At 1.0", "warning"),
        ([[1.0, 1.0, 1.0, 0.9]] * 200, "At 1.0", "problem"),
    ],
)
def test_figures_proved_outside_are_rated(make, rewards, name, status):
    assert _rate(make, rewards)[name] == status


def test_a_row_has_all_that_a_table_shows(make):
    mean, *_, full = rate_figures(compute_statistics(make(_draw(0.5, 0.2))))
    assert (mean.healthy, mean.share) == ("0.25 to 0.65", False)
    assert (full.healthy, full.share) == ("fewer than 50%", True)
    assert mean.interval.low95 < mean.value < mean.interval.high95
