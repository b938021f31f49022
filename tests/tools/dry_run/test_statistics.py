import numpy as np
import pytest

from lucy.errors import GraderError
from lucy.tools.dry_run.rollouts import GradedRollout
from lucy.tools.dry_run.statistics import compute_statistics, count_fifths
from lucy.tools.vocabulary import Grade

REWARDS = [[0.0, 0.25], [0.5, 0.75], [1.0, 1.0], [0.5, 0.5]]


def test_the_figures_are_those_of_the_rewards(make):
    found = compute_statistics(make(REWARDS))
    scores = np.ravel(REWARDS)
    assert found.mean.value == pytest.approx(scores.mean(), abs=1e-6)
    assert found.std.value == pytest.approx(scores.std(), abs=1e-6)
    assert (found.median, found.min, found.max) == (0.5, 0.0, 1.0)
    assert found.percentiles.p10 == pytest.approx(np.percentile(scores, 10))
    assert found.above_zero.value == 7 / 8
    assert found.at_one.value == 2 / 8
    assert found.headroom == pytest.approx((0.25 + 0.75 + 1 + 0.5) / 4 - scores.mean(), abs=1e-6)


def test_fifths_hold_every_reward_once():
    buckets = count_fifths(np.array([0.0, 0.2, 0.39, 0.4, 3 * 0.2, 0.8, 1.0]))
    assert [bucket.count for bucket in buckets] == [1, 2, 1, 1, 2]
    assert [bucket.label for bucket in buckets] == ["0.0-0.2", "0.2-0.4", "0.4-0.6", "0.6-0.8", "0.8-1.0"]


def test_failed_grades_are_counted_by_class_and_never_zero(make):
    found = compute_statistics(make([[0.5, None], [0.5, 0.5]]))
    assert found.errors == {"timeout": 1}
    assert found.min == 0.5
    assert (found.answers, found.graded) == (4, 3)
    assert found.error_share.value == 0.25


def test_without_one_graded_answer_there_are_no_statistics(make):
    with pytest.raises(GraderError, match="2 timeout"):
        compute_statistics(make([[None, None]]))


def test_topics_are_described_on_their_own():
    rollouts = [
        GradedRollout(f"{topic}{at}", "", topic, 0, "x", Grade(score))
        for topic, score in (("easy", 1.0), ("fair", 0.5), (None, 0.4))
        for at in range(60)
    ]
    topics = {topic.topic_id: topic for topic in compute_statistics(rollouts).by_topic}
    assert {name: topic.status for name, topic in topics.items()} == {
        "easy": "problem",
        "fair": "good",
        "uncategorized": "good",
    }
    assert topics["fair"].mean.value == 0.5


def test_a_topic_whose_prompts_each_get_one_reward_is_a_problem_whatever_its_mean():
    rollouts = [
        GradedRollout(f"{topic}{at}", "", topic, index, "x", Grade(0.2 + 0.1 * (at % 5) + step * index))
        for topic, step in (("alive", 0.1), ("dead", 0.0))
        for at in range(40)
        for index in range(4)
    ]
    alive, dead = compute_statistics(rollouts).by_topic
    assert (alive.status, alive.share_differing) == ("good", 1)
    assert (dead.status, dead.share_differing) == ("problem", 0)
    assert dead.informative is not None
    assert dead.informative.high95 < 0.3


def test_a_topic_with_few_prompts_asks_for_attention(make):
    assert compute_statistics(make([[0.5], [0.4]])).by_topic[0].status == "attention"


def test_samples_name_the_highest_lowest_and_middle_answers(make):
    samples = compute_statistics(make(REWARDS)).samples
    assert samples.highest[0].record_id == "r0002"
    assert samples.lowest[0].record_id == "r0000"
    assert samples.middle[0].score == 0.5
    assert len({sample.record_id for sample in samples.highest}) == len(samples.highest) == 4


def test_the_order_of_the_rollouts_does_not_matter(make):
    rollouts = make(REWARDS)
    assert compute_statistics(rollouts) == compute_statistics(rollouts[::-1])


def test_intervals_are_clustered_by_family(make):
    rewards = [[0.1, 0.1], [0.9, 0.9]] * 15
    alone, related = compute_statistics(make(rewards)), compute_statistics(make(rewards, family="one"))
    assert related.families == 1
    assert related.mean.half95 > 2 * alone.mean.half95
