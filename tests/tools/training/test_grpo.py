import re

import numpy as np
import pytest

from lucy.errors import CancelledByPersonError, InputError
from lucy.tools.dry_run.report import build_report
from lucy.tools.dry_run.rollouts import GradedRollout
from lucy.tools.policy.retrieval import base_policy
from lucy.tools.training.comparison import compare
from lucy.tools.training.grpo import Checkpoint, train_policy
from lucy.tools.training.split import split_records
from lucy.tools.vocabulary import Grade


def like_questions(pairs):
    """Reward a reply that offers more, and a little its length."""
    return [Grade(0.2 + 0.6 * ("anything else" in text) + min(len(text), 100) / 500) for _, text in pairs]


def roll_out(policy, records, score_many, answers=4):
    replies = policy.sample_many(records, answers)
    pairs = [(record, text) for record, texts in zip(records, replies, strict=True) for text in texts]
    grades = iter(score_many(pairs))
    return [
        GradedRollout(record.id, record.family, None, index, text, next(grades))
        for record, texts in zip(records, replies, strict=True)
        for index, text in enumerate(texts)
    ]


def test_training_raises_the_reward(records):
    policy = base_policy(records)
    result = train_policy(policy, records, like_questions, epochs=3)
    before = np.mean([one.grade.score for one in roll_out(policy, records, like_questions)])
    after = np.mean([one.grade.score for one in roll_out(result.policy, records, like_questions)])
    assert after > before + 0.15


def test_the_base_policy_is_not_changed_and_the_name_tells_the_origin(records):
    policy = base_policy(records)
    weights = policy.weights
    result = train_policy(policy, records, like_questions, epochs=1)
    assert policy.weights == weights
    assert result.policy.name.startswith("offline-base-grpo-")
    assert result.policy.pool is policy.pool


def test_a_killed_and_continued_run_gives_the_same_bits(records):
    policy = base_policy(records)
    stored: list[str] = []

    def stop(label, done, total):
        if done == 3:
            raise CancelledByPersonError("stopped")

    whole = train_policy(policy, records, like_questions, epochs=4)
    with pytest.raises(CancelledByPersonError):
        train_policy(
            policy,
            records,
            like_questions,
            epochs=4,
            progress=stop,
            checkpoint=lambda state: stored.append(state.model_dump_json()),
        )
    start = Checkpoint.model_validate_json(stored[-1])
    continued = train_policy(policy, records, like_questions, epochs=4, start=start)
    assert start.step == 3
    assert continued.policy.weights == whole.policy.weights
    assert continued.history == whole.history
    assert continued.best_step == whole.best_step


def test_training_is_repeatable_and_depends_on_the_seed(records):
    policy = base_policy(records)
    first, second, other = (
        train_policy(policy, records, like_questions, epochs=1, seed=seed).policy.weights
        for seed in (1, 1, 2)
    )
    assert first == second
    assert first != other


def test_no_answer_is_graded_twice(records):
    graded = []

    def count(pairs):
        graded.extend((record.id, text) for record, text in pairs)
        return like_questions(pairs)

    result = train_policy(base_policy(records), records, count, epochs=3)
    assert len(graded) == len(set(graded)) == result.graded


def test_equal_rewards_move_nothing(records):
    policy = base_policy(records)
    result = train_policy(policy, records, lambda pairs: [Grade(0.5)] * len(pairs))
    assert result.policy.weights == policy.weights
    assert all(step.informative_share == 0 for step in result.history)


def test_a_failed_grade_is_left_out_and_never_zero(records):
    policy = base_policy(records)

    def fail_some(pairs):
        return [Grade(None, error="timeout") if "anything else" in text else Grade(0.5) for _, text in pairs]

    result = train_policy(policy, records, fail_some, epochs=1)
    assert result.policy.weights == policy.weights
    assert result.grader_errors > 0
    assert sum(step.grader_errors for step in result.history) > 0


def test_a_grader_that_always_fails_trains_nothing_and_says_so(records):
    policy = base_policy(records)
    result = train_policy(policy, records, lambda pairs: [Grade(None, error="x")] * len(pairs), epochs=1)
    assert result.policy.weights == policy.weights
    assert all(step.mean_reward is None for step in result.history)
    assert result.grader_errors == result.graded


def test_records_without_replies_can_be_trained_on(maths_records):
    policy = base_policy(maths_records[:30])
    result = train_policy(policy, maths_records[:30], like_questions, epochs=2)
    assert result.policy.weights != policy.weights


def test_progress_counts_the_steps(records):
    seen = []
    train_policy(
        base_policy(records),
        records,
        like_questions,
        epochs=2,
        progress=lambda label, done, total: seen.append((done, total)),
    )
    assert seen == [(step, 4) for step in range(1, 5)]


def test_a_checkpoint_of_another_run_is_refused(records):
    policy = base_policy(records)
    stored = []
    train_policy(policy, records, like_questions, epochs=1, checkpoint=stored.append)
    with pytest.raises(InputError, match="epochs"):
        train_policy(policy, records, like_questions, epochs=2, start=stored[0])


@pytest.mark.parametrize(
    "wrong",
    [{"epochs": 0}, {"epochs": 51}, {"group_size": 1}, {"learning_rate": 0.0}, {"learning_rate": -1.0}],
)
def test_impossible_parameters_are_refused(records, wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        train_policy(base_policy(records[:5]), records[:5], like_questions, **wrong)


def test_no_records_are_refused(records):
    with pytest.raises(InputError, match="no records"):
        train_policy(base_policy(records), [], like_questions)


def like_support(pairs):
    """Stand in for a rubric: words of the recorded answer, courtesy, and no promises."""
    grades = []
    for record, text in pairs:
        words = set(re.findall(r"\w+", text.lower()))
        expected = set(re.findall(r"\w+", str(record.reply[0]["content"]).lower()))
        agreement = 2 * len(words & expected) / max(1, len(words) + len(expected))
        polite = len(words & {"please", "thank", "welcome", "sorry", "great", "help", "anything"})
        promises = bool(words & {"guarantee", "tomorrow", "asap", "immediately"})
        grades.append(Grade(0.5 * agreement + 0.15 * min(polite, 2) + 0.2 * (not promises)))
    return grades


def test_on_public_dialogues_the_heldout_reward_rises(support_records):
    topics = {record.id: record.metadata["domain"] for record in support_records}
    split = split_records(support_records, topics)
    by_id = {record.id: record for record in support_records}
    policy = base_policy(support_records)
    result = train_policy(policy, [by_id[name] for name in split.train_ids], like_support)
    heldout = [by_id[name] for name in split.heldout_ids]
    comparison = compare(
        roll_out(policy, heldout, like_support), roll_out(result.policy, heldout, like_support)
    )
    assert comparison.conclusion == "better"
    assert comparison.reward.difference.low95 > 0.03


def test_on_public_maths_the_dry_run_is_no_go(maths_records):
    def compare_numbers(pairs):
        found = [(record, re.findall(r"-?\d+", text) or [""]) for record, text in pairs]
        return [Grade(float(numbers[-1] == record.item["reference_answer"])) for record, numbers in found]

    report = build_report(roll_out(base_policy(maths_records), maths_records[:100], compare_numbers))
    assert report.verdict.verdict == "NO-GO"
    assert "hardly ever succeeds" in report.verdict.reasons[0]
