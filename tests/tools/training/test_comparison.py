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


def _texts(before, after, count=30):
    scores = [(0.4 + at % 3 / 100, 0.6 + at % 3 / 100) for at in range(count)]
    return (
        [_answer(f"r{at}", one, text=before.format(at)) for at, (one, _) in enumerate(scores)],
        [_answer(f"r{at}", two, text=after.format(at)) for at, (_, two) in enumerate(scores)],
    )


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("word {} and a few", "word {} and a few and many more beside it", "100% longer"),
        ("word {} and a few and many more beside it", "word {} and a few", "shorter"),
        ("Here it is, number {}.", "I am sorry, I cannot help with {}.", "refuse rose"),
        ("Here it is, number {}.", "Here it is, my friend.", "repeats itself"),
    ],
)
def test_signs_of_gaming_stand_in_the_conclusion(before, after, said):
    found = compare(*_texts(before, after))
    assert found.conclusion == "better"
    assert said in found.sentence
    assert any(said in doubt for doubt in found.doubts)


def test_an_honest_gain_has_no_doubts():
    assert compare(*_texts("Here it is, number {}.", "There you are, number {}.")).doubts == ()


def test_refusals_are_compared_with_an_interval():
    found = compare(*_texts("Here it is, number {}.", "I am sorry, I cannot help with {}."))
    assert found.refusals is not None
    assert (found.refusals.before, found.refusals.after) == (0.0, 1.0)
    assert found.refusals.difference.low95 > 0


def test_the_reward_is_given_without_look_alikes_too():
    before, after = _pairs(0.1)
    found = compare(before, after, lookalikes={"r0", "r1"})
    assert found.without_lookalikes is not None
    assert found.without_lookalikes.prompts == 58
    assert compare(before, after).without_lookalikes is None


def test_families_of_the_split_widen_the_interval():
    before, after = _pairs(0.05)
    pairs = {answer.record_id: f"f{at // 6}" for at, answer in enumerate(before)}
    alone, joined = compare(before, after).reward, compare(before, after, pairs).reward
    assert (alone.families, joined.families) == (60, 10)


def _topics(gains, count, spread=0.05, seed=0):
    random = np.random.default_rng(seed)
    before, after = [], []
    for topic, gain in enumerate(gains):
        for at in range(count):
            score = float(random.uniform(0.3, 0.6))
            name = f"t{topic}-{at}"
            before.append(_answer(name, score, topic=f"t{topic}"))
            after.append(_answer(name, score + gain + float(random.normal(0, spread)), topic=f"t{topic}"))
    return before, after


def test_a_topic_is_better_or_worse_only_for_certain():
    found = compare(*_topics([0.2, -0.2, 0.0], 12)).by_topic
    assert [found[f"t{at}"].certainly for at in range(3)] == ["better", "worse", "uncertain"]


def test_a_topic_of_few_prompts_is_never_certain():
    assert compare(*_topics([0.2, 0.2], 7, spread=0.001)).by_topic["t0"].certainly == "uncertain"


def test_of_many_topics_without_any_change_few_runs_call_one_certain():
    wrong = 0
    for seed in range(40):
        found = compare(*_topics([0.0] * 12, 10, seed=seed))
        wrong += any(change.certainly != "uncertain" for change in found.by_topic.values())
    assert wrong <= 6  # 5% of 40 are 2; each of the 12 alone would be wrong in about 18 of 40 runs


def test_what_was_stored_by_an_earlier_version_is_still_read():
    stored = compare(*_pairs(0.1)).model_dump(mode="json")
    for name in ("refusals", "without_lookalikes", "doubts"):
        del stored[name]
    del stored["reward"]["families"], stored["reward"]["certainly"]
    assert Comparison.model_validate(stored).doubts == ()
