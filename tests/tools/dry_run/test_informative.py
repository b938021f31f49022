import numpy as np
import pytest

from lucy.tools.dry_run.informative import estimate_informative, informative_probability
from lucy.tools.dry_run.noise import EXACT, estimate_noise
from lucy.tools.dry_run.rollouts import Group


def _groups(rewards, siblings=1):
    return [Group(str(at // siblings), np.array(group, dtype=float)) for at, group in enumerate(rewards)]


def _estimate(groups, noise=EXACT, size=8):
    return estimate_informative(groups, noise=noise, group_size=size)


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


@pytest.mark.parametrize(("a", "b"), [(1, 1), (0.3, 0.3), (0.2, 2), (5, 5), (1, 19)])
def test_the_estimate_from_four_answers_finds_the_share_at_eight(a, b):
    random = np.random.default_rng(1)
    chances = random.beta(a, b, 400)
    truth = float(np.mean([informative_probability(chance, 8) for chance in random.beta(a, b, 20_000)]))
    groups = _groups((random.random((400, 4)) < chances[:, None]).astype(float))
    interval = _estimate(groups)
    naive = np.mean([np.ptp(group.scores) > 0 for group in groups])
    assert interval.value == pytest.approx(truth, abs=0.06)
    assert abs(interval.value - truth) < abs(naive - truth)


def test_larger_groups_are_more_often_informative():
    groups = _groups([[0, 0, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1]] * 20)
    assert (
        _estimate(groups, size=4).value < _estimate(groups, size=8).value < _estimate(groups, size=16).value
    )


def test_few_dead_prompts_prove_nothing():
    assert _estimate(_groups([[0.0, 0.0]] * 5)).high95 > 0.25


def test_siblings_tell_less_than_unrelated_prompts():
    rewards = (np.random.default_rng(2).random((100, 1)) < 0.5) * np.ones((1, 4))
    rewards[::5, 0] = 1 - rewards[::5, 0]
    alone, related = _estimate(_groups(rewards)), _estimate(_groups(np.repeat(rewards[:20], 5, axis=0), 5))
    assert related.half95 > 1.4 * alone.half95


def test_one_family_counts_as_one_prompt():
    alone = _groups([[0.0] * 4] * 40)
    assert _estimate([one._replace(family="one") for one in alone]).high95 > _estimate(alone).high95 + 0.2


def test_differences_that_are_only_noise_are_not_informative():
    random = np.random.default_rng(2)
    groups = _groups(0.5 + random.normal(0, 0.05, (100, 4)))
    noise = estimate_noise(random.normal(0, 0.05 * 2**0.5, 100))
    assert _estimate(groups).low95 > 0.95
    assert _estimate(groups, noise).low95 == 0
    assert _estimate(groups, noise).value < 0.25


def test_noise_on_top_of_real_differences_does_not_hide_them():
    random = np.random.default_rng(4)
    exact = (random.random((200, 4)) < random.beta(0.3, 0.5, (200, 1))).astype(float)
    noise = estimate_noise(random.normal(0, 0.08 * 2**0.5, 100))
    seen = _estimate(_groups(exact + random.normal(0, 0.08, exact.shape)), noise)
    assert seen.low95 < _estimate(_groups(exact)).value < seen.high95


def test_a_coin_tossing_grader_leaves_everything_open():
    random = np.random.default_rng(5)
    tosses = random.integers(0, 2, (200, 4)).astype(float)
    noise = estimate_noise(tosses.ravel()[:100] - random.integers(0, 2, 100))
    assert _estimate(_groups(tosses), noise).half95 > 0.2
