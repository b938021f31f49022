from collections.abc import Sequence
from pathlib import Path

import pytest

from lucy.errors import CancelledByPersonError
from lucy.tools.rollouts import grade_rollouts, remember_grades, roll_out
from lucy.tools.store.database import Store
from lucy.tools.vocabulary import Grade, Record

RECORDS = [
    Record(f"r{number}", ({"role": "user", "content": f"question {number}"},)) for number in range(100)
]
BY_ID = {record.id: record for record in RECORDS}


class CountingPolicy:
    """Answers by number, and counts what it was asked."""

    sha = "policy-1"

    def __init__(self) -> None:
        self.asked = 0

    def sample_many(self, records: Sequence[Record], n: int, *, seed: int) -> list[list[str]]:
        self.asked += n * len(records)
        return [[f"{record.id} answer {number}" for number in range(n)] for record in records]


@pytest.fixture
def store(home: Path):
    store = Store(home)
    yield store
    store.close()


def score_length(pairs: Sequence[tuple[Record, str]]) -> list[Grade]:
    score_length.graded += len(pairs)
    return [Grade(len(response) / 100) for _, response in pairs]


def test_nothing_is_answered_twice(store: Store) -> None:
    policy = CountingPolicy()
    first = roll_out(store, policy, RECORDS, count=4, seed=0)
    assert policy.asked == 400
    assert roll_out(store, policy, RECORDS, count=4, seed=0) == first
    assert policy.asked == 400


def test_a_cancelled_run_keeps_what_it_has_and_the_next_does_only_the_rest(store: Store) -> None:
    policy = CountingPolicy()

    def stop(label: str, done: int, total: int) -> None:
        if done >= 64:
            raise CancelledByPersonError("stopped")

    with pytest.raises(CancelledByPersonError):
        roll_out(store, policy, RECORDS, count=2, seed=0, progress=stop)
    assert policy.asked == 128
    rollouts = roll_out(store, policy, RECORDS, count=2, seed=0)
    assert policy.asked == 200
    assert [one.record_id for one in rollouts[:4]] == ["r0", "r0", "r1", "r1"]


def test_another_grader_scores_again_without_a_new_answer(store: Store) -> None:
    policy = CountingPolicy()
    rollouts = roll_out(store, policy, RECORDS, count=2, seed=0)
    score_length.graded = 0
    for grader in ("grader-1", "grader-1", "grader-2"):
        score = remember_grades(store, grader, score_length)
        grades = grade_rollouts(score, rollouts, records=BY_ID)
        assert len(grades) == 200
    assert score_length.graded == 400
    assert policy.asked == 200


def test_a_failed_grading_is_no_score_and_is_tried_again(store: Store) -> None:
    def fail(pairs: Sequence[tuple[Record, str]]) -> list[Grade]:
        return [Grade(None, error="timeout") for _ in pairs]

    rollouts = roll_out(store, CountingPolicy(), RECORDS[:3], count=1, seed=0)
    failed = grade_rollouts(remember_grades(store, "g", fail), rollouts, records=BY_ID)
    assert [grade.score for grade in failed] == [None, None, None]
    score_length.graded = 0
    grades = grade_rollouts(remember_grades(store, "g", score_length), rollouts, records=BY_ID)
    assert score_length.graded == 3
    assert all(grade.score is not None for grade in grades)
