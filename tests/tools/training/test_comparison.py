import numpy as np
import pytest

from lucy.errors import InputError
from lucy.tools.dry_run.rollouts import GradedRollout
from lucy.tools.training.comparison import Comparison, compare
from lucy.tools.vocabulary import Grade


def _answer(record, score, *, topic="t", text="some words here", index=0, **criteria):
    grade = Grade(None, error="timeout") if score is None else Grade(score, criteria=criteria)
    return GradedRollout(record, "", topic, index, text, grade)


def _pairs(gain, count=60, spread=0.1, seed=0):
    random = np.random.default_rng(seed)
    before = random.uniform(0.3, 0.6, count)
    after = before + gain + random.normal(0, spread, count)
    return (
        [_answer(f"r{at}", float(score)) for at, score in enumerate(before)],
        [_answer(f"r{at}", float(score)) for at, score in enumerate(after)],
    )


def test_a_clear_gain_is_better():
    found = compare(*_pairs(0.1))
    assert found.conclusion == "better"
    assert found.reward.difference.low95 > 0
    assert found.sentence.startswith("The trained model is better")


@pytest.mark.parametrize("gain", [-0.1, -0.02])
def test_a_loss_is_not_better(gain):
    found = compare(*_pairs(gain, spread=0.05))
    assert found.conclusion == "not better"
    assert "not better" in found.sentence


def test_no_change_at_all_is_not_better():
    before, _ = _pairs(0)
    assert compare(before, before).conclusion == "not better"


def test_a_wide_interval_is_too_little_evidence():
    found = compare(*_pairs(0.01, count=20, spread=0.3))
    assert found.conclusion == "too little evidence"


def test_few_prompts_are_too_little_evidence_whatever_the_gain():
    assert compare(*_pairs(0.3, count=5, spread=0.01)).conclusion == "too little evidence"


def test_one_family_is_too_little_evidence():
    before, after = _pairs(0.1)
    families = {answer.record_id: "one" for answer in before}
    assert compare(before, after, families).conclusion == "too little evidence"


def test_answers_are_averaged_per_record_before_pairing():
    before = [_answer("a", 0.2), _answer("a", 0.4, index=1), _answer("b", 0.6)]
    after = [_answer("a", 0.5), _answer("b", 0.8)]
    change = compare(before, after).reward
    assert (change.before, change.after, change.prompts) == (0.45, 0.65, 2)
    assert change.difference.value == pytest.approx(0.2)


def test_what_could_not_be_graded_is_left_out_and_counted():
    before = [_answer("a", 0.2), _answer("b", None), _answer("c", 0.3)]
    after = [_answer("a", 0.4), _answer("b", 0.9), _answer("c", 0.5)]
    found = compare(before, after)
    assert (found.reward.prompts, found.left_out) == (2, 1)


def test_criteria_topics_and_length_are_compared_on_their_own():
    before = [_answer("a", 0.2, topic="x", polite=0.1), _answer("b", 0.4, topic=None, polite=0.3)]
    after = [
        _answer("a", 0.4, topic="x", polite=0.5, text="rather more words than before"),
        _answer("b", 0.4, topic=None, polite=0.5),
    ]
    found = compare(before, after)
    assert found.criteria["polite"].after == 0.5
    assert found.by_topic["x"].difference.value == pytest.approx(0.2)
    assert found.by_topic["uncategorized"].difference.value == 0
    assert found.words.difference.value == 1.0


def test_one_answer_for_everything_shows():
    before = [_answer(f"r{at}", 0.5, text=f"reply {at}") for at in range(10)]
    after = [_answer(f"r{at}", 0.6, text="reply") for at in range(10)]
    found = compare(before, after)
    assert (found.distinct_before, found.distinct_after) == (1.0, 0.1)


def test_the_comparison_is_repeatable_and_plain_json():
    found = compare(*_pairs(0.1), seed=7)
    assert found == compare(*_pairs(0.1), seed=7)
    assert Comparison.model_validate_json(found.model_dump_json()) == found


def test_nothing_to_compare_is_refused():
    with pytest.raises(InputError, match="No held-out record"):
        compare([_answer("a", None)], [_answer("a", 0.5)])
