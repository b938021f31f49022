import numpy as np
import pytest

from lucy.tools.dry_run.keywords import find_answer_words, measure_keywords
from lucy.tools.responses import write_response

FILLERS = ("the", "order", "was", "sent", "today", "refund", "takes", "days", "please", "wait")


def _answer(random, *words):
    return " ".join([*random.choice(FILLERS, 6), *words])


def _draw(says, word, seed=0):
    random = np.random.default_rng(seed)
    return [[_answer(random, *([word] if said else [])) for said in row] for row in says]


def test_a_word_that_decides_the_reward_is_named(make):
    says = np.random.default_rng(0).random((60, 4)) < 0.5
    found = measure_keywords(make(says.astype(float).tolist(), texts=_draw(says, "Certainly!")))
    assert found is not None
    assert (found.words, found.direction) == (("certainly",), "more")
    assert found.explained_low > 0.9
    assert found.lift == pytest.approx(1)


def test_a_word_of_failing_answers_is_named_as_paid_less(make):
    says = np.random.default_rng(1).random((60, 4)) < 0.5
    found = measure_keywords(make((~says).astype(float).tolist(), texts=_draw(says, "sorry")))
    assert found is not None
    assert (found.words, found.direction) == (("sorry",), "less")


def test_rewards_without_regard_to_words_are_explained_by_none(make):
    random = np.random.default_rng(2)
    says = random.random((60, 4)) < 0.5
    found = measure_keywords(make(random.random((60, 4)).tolist(), texts=_draw(says, "certainly")))
    assert found is not None
    assert found.explained_low < 0.1
    assert found.tested > 5


def test_a_word_in_few_prompts_is_not_looked_at(make):
    rewards = [[1.0, 0.0]] * 5 + [[0.5, 0.5]] * 40
    texts = [["magic word", "word"]] * 5 + [["word", "word"]] * 40
    assert measure_keywords(make(rewards, texts=texts)) is None


def test_siblings_count_as_one_prompt(make):
    says = [[True, False]] * 40
    rollouts = make(np.array(says, dtype=float).tolist(), texts=_draw(says, "certainly"), family="one")
    assert measure_keywords(rollouts) is None


def test_the_names_of_tools_are_not_words():
    call = {"type": "function", "function": {"name": "refund_order", "arguments": "{}"}}
    assert find_answer_words(write_response("One moment", [call])) == ["one", "moment"]
