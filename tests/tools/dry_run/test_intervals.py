import numpy as np
import pytest

from lucy.tools.dry_run.intervals import estimate_mean, estimate_share, estimate_spread, number_clusters


def _alone(count):
    return number_clusters([str(number) for number in range(count)])


def test_the_half_width_agrees_with_the_normal_formula():
    values = np.tile([0.2, 0.8], 50)  # standard deviation 0.30: 0.059 at 100
    assert estimate_share(values, _alone(100)).half95 == pytest.approx(0.059, abs=0.006)
    assert estimate_mean(values, _alone(100)).half95 == pytest.approx(0.059, abs=0.006)


def test_all_failures_leave_room_above_zero():
    interval = estimate_share(np.zeros(30), _alone(30))
    assert interval.value == interval.low95 == 0
    assert 0.04 < interval.high95 < 0.12


def test_a_proportion_agrees_with_wilson():
    values = np.array([1.0] * 30 + [0.0] * 70)
    interval = estimate_share(values, _alone(100))
    assert (interval.low95, interval.high95) == (
        pytest.approx(0.219, abs=0.02),
        pytest.approx(0.396, abs=0.02),
    )


def test_siblings_do_not_shrink_the_interval():
    values = np.repeat(np.tile([0.2, 0.8], 10), 10)
    families = number_clusters([str(at // 10) for at in range(200)])
    assert estimate_share(values, families).half95 > 2.5 * estimate_share(values, _alone(200)).half95


def test_ninety_percent_lies_inside_ninety_five():
    interval = estimate_mean(np.linspace(0, 1, 20), _alone(20))
    assert interval.low95 < interval.low90 < interval.value < interval.high90 < interval.high95


def test_one_family_tells_nothing_about_a_difference():
    interval = estimate_mean(np.array([0.2, 0.3]), number_clusters(["f", "f"]))
    assert (interval.low95, interval.high95) == (-0.75, 1.25)


def test_the_interval_is_repeatable():
    values = np.linspace(0, 1, 40)
    assert estimate_mean(values, _alone(40), seed=4) == estimate_mean(values, _alone(40), seed=4)


def test_the_interval_of_a_difference_holds_the_truth_in_about_95_of_100_cases():
    random = np.random.default_rng(0)
    held = 0
    for trial in range(200):
        interval = estimate_mean(random.normal(0.1, 0.3, 15), _alone(15), seed=trial)
        held += interval.low95 <= 0.1 <= interval.high95
    assert 0.90 <= held / 200 <= 0.99


def test_the_spread_of_constant_values_is_zero():
    assert estimate_spread(np.full(20, 0.3), _alone(20)).high95 == 0


def test_the_spread_of_values_that_are_all_at_an_end_may_be_larger_than_seen():
    interval = estimate_spread(np.zeros(30), _alone(30))
    assert interval.value == interval.low95 == 0
    assert 0.2 < interval.high95 < 0.35


def test_one_family_tells_next_to_nothing():
    family = number_clusters(["f"] * 8)
    mean, spread = (one(np.tile([0.4, 0.6], 4), family) for one in (estimate_share, estimate_spread))
    assert (mean.low95 < 0.05, mean.high95 > 0.95) == (True, True)
    assert (spread.low95, spread.high95) == (0, pytest.approx(0.5, abs=0.02))


def test_rewards_close_together_need_few_prompts():
    values = np.tile([0.49, 0.51], 5)
    assert estimate_share(values, _alone(10)).half95 < 0.02


@pytest.mark.parametrize("estimate", [estimate_share, estimate_spread])
def test_the_value_lies_in_its_interval(estimate):
    for seed in range(40):
        values = np.random.default_rng(seed).integers(0, 2, 12).astype(float)
        interval = estimate(values, _alone(12))
        assert interval.low95 <= interval.low90 <= interval.value <= interval.high90 <= interval.high95
