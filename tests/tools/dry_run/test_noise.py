import numpy as np
import pytest

from lucy.tools.dry_run.noise import EXACT, describe_noise, estimate_noise, estimate_reliability
from lucy.tools.dry_run.signal import measure_noise
from lucy.tools.vocabulary import Grade


def _draw(std, pairs, seed=0):
    return estimate_noise(np.random.default_rng(seed).normal(0, std * 2**0.5, pairs))


def test_noise_is_measured_by_grading_twice():
    random = np.random.default_rng(3)
    first, second = ([Grade(0.5 + noise) for noise in random.normal(0, 0.1, 2000)] for _ in range(2))
    found = measure_noise(first, second)
    assert found.std == pytest.approx(0.1, abs=0.01)
    assert found.pairs == 2000


def test_failed_gradings_are_left_out_of_the_noise():
    found = measure_noise([Grade(0.5), Grade(None, error="x")], [Grade(0.5), Grade(0.1)])
    assert (found.std, found.pairs) == (0, 1)
    assert measure_noise([Grade(None)], [Grade(None)]) == EXACT


def test_few_pairs_leave_the_noise_uncertain():
    few, many = describe_noise(_draw(0.1, 10)), describe_noise(_draw(0.1, 200))
    assert few is not None
    assert many is not None
    assert few.half95 > 3 * many.half95
    assert few.low95 < 0.1 < few.high95


def test_a_few_large_differences_tell_less_than_many_small_ones():
    rare = estimate_noise(np.array([0.0] * 90 + [1.0] * 10))
    assert _draw(0.1, 100).freedom > 80
    assert rare.freedom < 40


def test_gradings_that_never_differ_are_exact():
    noise = estimate_noise(np.zeros(50))
    interval = describe_noise(noise)
    assert interval is not None
    assert interval.high95 == 0
    assert estimate_reliability(0.04, 100, noise).low95 == 1
    assert describe_noise(EXACT) is None


def test_reliability_is_one_less_the_share_of_noise():
    interval = estimate_reliability(0.04, 600, _draw(0.1, 4000))
    assert interval.value == pytest.approx(0.75, abs=0.02)
    assert interval.low95 < 0.75 < interval.high95


def test_differences_no_larger_than_noise_have_no_proved_reliability():
    interval = estimate_reliability(0.01, 600, _draw(0.1, 100))
    assert interval.low95 == 0
    assert interval.high95 < 0.5


def test_a_mostly_exact_grader_has_a_small_tolerance():
    assert estimate_noise(np.array([0.0] * 90 + [1.0] * 10)).tolerance == 0
    assert _draw(0.1, 500).tolerance == pytest.approx(0.28, abs=0.04)
    assert EXACT.tolerance == 0
