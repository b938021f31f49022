"""The planted cases of the benchmark, on few seeds."""

import importlib.util
import sys
from pathlib import Path

import pytest

PATH = Path(__file__).parents[3] / "benchmarks" / "dry_run_planted.py"
SEEDS, DRAWS = 6, 60


def _load():
    spec = importlib.util.spec_from_file_location("dry_run_planted", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["dry_run_planted"] = module
    spec.loader.exec_module(module)
    return module


planted = _load()


@pytest.mark.parametrize("case", [*planted.HEALTHY, *planted.PLANTED], ids=lambda case: case.name)
def test_a_planted_case_gets_the_right_verdict_with_its_cause(case):
    found = planted.judge_case(case, SEEDS)
    assert (found.right, found.false_no_go) == (SEEDS, 0)


def test_a_dry_run_that_asks_for_more_prompts_is_mostly_decided_by_them():
    asked, decided = planted.check_more_prompts(8, a=0.3, b=2.7)
    assert asked >= 3
    assert decided >= 0.67 * asked


@pytest.mark.parametrize("name", ["right or wrong, beta(1, 19)", "partial credit"])
@pytest.mark.parametrize("siblings", [1, 5])
def test_intervals_cover_the_truth_about_as_often_as_they_say(name, siblings):
    sizes = planted.Sizes(200, siblings)
    shares = [one.share for one in planted.check_figures(name, planted.TRUTHS[name], sizes, DRAWS)]
    assert min(shares) > 0.78
    assert sum(shares) / len(shares) < 0.98


def test_the_forecast_covers_the_truth_about_as_often_as_it_says():
    found = planted.check_forecast("three levels", planted.draw_three, planted.Sizes(200), DRAWS)
    assert 0.78 < found.share < 1


def test_the_reliability_covers_the_truth_about_as_often_as_it_says():
    found = list(planted.check_reliability(0.1, planted.Sizes(100, 1, 0.1), DRAWS))
    assert [one.figure for one in found] == ["noise", "reliability"]
    assert all(0.78 < one.share < 1 for one in found)
