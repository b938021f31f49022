import numpy as np
import pytest

from lucy.tools.dry_run.lengths import measure_length


def _texts(lengths):
    return [["x" * length for length in row] for row in lengths]


def test_a_reward_for_length_is_seen(make):
    lengths = np.random.default_rng(0).integers(20, 200, (60, 4))
    found = measure_length(make((lengths / 200).tolist(), texts=_texts(lengths)))
    assert found is not None
    assert found.longer_wins.low95 > 0.95
    assert found.decides > 0.9


def test_a_reward_that_has_nothing_to_do_with_length_is_even(make):
    random = np.random.default_rng(1)
    found = measure_length(
        make(random.random((100, 4)).tolist(), texts=_texts(random.integers(20, 200, (100, 4))))
    )
    assert found is not None
    assert found.longer_wins.low95 < 0.5 < found.longer_wins.high95


def test_long_prompts_with_high_rewards_are_no_pull_within_prompts(make):
    lengths = np.array([[20, 30], [200, 300]] * 20)
    rewards = [[0.2, 0.1], [0.9, 0.8]] * 20
    found = measure_length(make(rewards, texts=_texts(lengths)))
    assert found is not None
    assert found.longer_wins.value == 0


def test_one_kind_of_answer_that_is_longer_does_not_decide_by_length(make):
    lengths = np.random.default_rng(2).integers((20, 20, 20, 200), (80, 80, 80, 400), (60, 4))
    found = measure_length(make([[0.0, 0.0, 0.0, 1.0]] * 60, texts=_texts(lengths)))
    assert found is not None
    assert found.longer_wins.value == pytest.approx(1)
    assert found.decides < 0.6


@pytest.mark.parametrize("rewards", [[[0.5, 0.5]] * 10, [[0.5]] * 10])
def test_without_two_rewards_there_is_nothing_to_compare(make, rewards):
    assert measure_length(make(rewards, texts=[["short", "a longer one"]] * 10)) is None
