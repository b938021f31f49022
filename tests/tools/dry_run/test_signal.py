import numpy as np
import pytest

from lucy.tools.dry_run.signal import (
    Group,
    estimate_informative,
    informative_probability,
    measure_noise,
    measure_signal,
)
from lucy.tools.vocabulary import Grade


def _groups(rewards):
    return [Group(str(at), np.array(group, dtype=float)) for at, group in enumerate(rewards)]


@pytest.mark.parametrize(
    ("success", "size", "expected"),
    [
        (0.05, 4, 0.185),
        (0.25, 4, 0.680),
        (0.02, 8, 0.149),
        (0.10, 8, 0.570),
        (0.5, 8, 0.992),
        (0.1, 16, 0.815),
    ],
)
def test_the_informative_probability_agrees_with_known_values(success, size, expected):
    assert informative_probability(success, size) == pytest.approx(expected, abs=6e-4)
    assert informative_probability(1 - success, size) == pytest.approx(expected, abs=6e-4)


@pytest.mark.parametrize(("a", "b"), [(1, 1), (0.3, 0.3), (0.2, 2), (5, 5)])
def test_the_estimate_from_four_answers_finds_the_share_at_eight(a, b):
    random = np.random.default_rng(1)
    chances = random.beta(a, b, 400)
    truth = float(np.mean([informative_probability(chance, 8) for chance in random.beta(a, b, 20_000)]))
    groups = _groups((random.random((400, 4)) < chances[:, None]).astype(float))
    interval = estimate_informative(groups, noise=0, group_size=8)
    naive = np.mean([np.ptp(group.scores) > 0 for group in groups])
    assert interval.value == pytest.approx(truth, abs=0.06)
    assert abs(interval.value - truth) < abs(naive - truth)


def test_a_large_spread_over_prompts_is_no_signal():
    signal = measure_signal(_groups([[0.0] * 4] * 30 + [[1.0] * 4] * 30))
    assert signal is not None
    assert (signal.within_std, signal.share_differing) == (0, 0)
    assert signal.informative.high95 < 0.15


def test_few_dead_prompts_prove_nothing():
    signal = measure_signal(_groups([[0.0, 0.0]] * 5))
    assert signal is not None
    assert signal.informative.high95 > 0.3


def test_differences_within_the_noise_do_not_count():
    random = np.random.default_rng(2)
    groups = _groups(0.5 + random.normal(0, 0.05, (60, 4)))
    exact, noisy = measure_signal(groups), measure_signal(groups, noise=0.05)
    assert exact is not None
    assert noisy is not None
    assert exact.share_differing > 0.95
    assert noisy.share_differing < 0.15
    assert exact.reliability == 1
    assert noisy.reliability < 0.2


def test_siblings_weigh_as_much_as_one_prompt():
    alone = _groups([[0.0] * 4] * 40)
    siblings = [group._replace(family="one") for group in alone]
    assert (
        estimate_informative(siblings, noise=0, group_size=8).high95
        > estimate_informative(alone, noise=0, group_size=8).high95 + 0.2
    )


def test_one_answer_per_prompt_has_no_signal_to_measure():
    assert measure_signal(_groups([[0.5]] * 20)) is None


def test_noise_is_measured_by_grading_twice():
    random = np.random.default_rng(3)
    first, second = ([Grade(0.5 + noise) for noise in random.normal(0, 0.1, 2000)] for _ in range(2))
    assert measure_noise(first, second) == pytest.approx(0.1, abs=0.01)


def test_failed_gradings_are_left_out_of_the_noise():
    assert measure_noise([Grade(0.5), Grade(None, error="x")], [Grade(0.5), Grade(0.1)]) == 0
    assert measure_noise([Grade(None)], [Grade(None)]) == 0
