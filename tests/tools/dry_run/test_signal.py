import numpy as np
import pytest

from lucy.tools.dry_run.rollouts import Group
from lucy.tools.dry_run.signal import measure_signal


def _groups(rewards):
    return [Group(str(at), np.array(group, dtype=float)) for at, group in enumerate(rewards)]


def test_a_large_spread_over_prompts_is_no_signal():
    signal = measure_signal(_groups([[0.0] * 4] * 30 + [[1.0] * 4] * 30))
    assert signal is not None
    assert (signal.within_std, signal.share_differing, signal.reliability) == (0, 0, 0)
    assert signal.informative.high95 < 0.15


def test_differences_within_the_noise_do_not_count(make_noise):
    random = np.random.default_rng(2)
    groups = _groups(0.5 + random.normal(0, 0.05, (60, 4)))
    exact, noisy = measure_signal(groups), measure_signal(groups, noise=make_noise(0.05))
    assert exact is not None
    assert noisy is not None
    assert (exact.share_differing > 0.95, noisy.share_differing < 0.15) == (True, True)
    assert (exact.reliability, exact.reliability_interval) == (1, None)
    assert noisy.reliability < 0.3
    assert noisy.reliability_interval is not None
    assert noisy.reliability_interval.low95 == 0


def test_the_noise_comes_with_its_interval(make_noise):
    signal = measure_signal(_groups([[0.2, 0.8]] * 30), noise=make_noise(0.1))
    assert signal is not None
    assert signal.noise_interval is not None
    assert signal.noise_interval.low95 < signal.noise < signal.noise_interval.high95
    assert signal.noise_pairs == 100


def test_prompts_with_different_numbers_of_answers_count_alike():
    signal = measure_signal(_groups([[0.0, 1.0], [0.0, 0.0, 0.0], [0.5], [0.2, 0.4, 0.6, 0.8]]))
    assert signal is not None
    assert signal.prompts == 3
    assert signal.share_differing == pytest.approx(2 / 3)


def test_one_answer_per_prompt_has_no_signal_to_measure():
    assert measure_signal(_groups([[0.5]] * 20)) is None
