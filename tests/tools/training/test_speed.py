from collections import Counter

import pytest

from lucy.tools.training.speed import measure_speed

ANSWERED = Counter({100.0: 128, 101.28: 128, 102.56: 128, 103.2: 64})


def test_speed_is_seconds_for_each_answer_and_for_each_grading() -> None:
    found = measure_speed(ANSWERED, Counter({104.2: 60, 105.44: 40}))
    assert found is not None
    assert found.answering == pytest.approx(0.01)
    assert found.grading == pytest.approx(2.24 / 448)


def test_a_pause_between_chunks_counts_little() -> None:
    paused = Counter({at + (3600 if at > 102 else 0): count for at, count in ANSWERED.items()})
    found = measure_speed(paused, Counter({3703.9: 10}))
    assert found is not None
    assert found.answering == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("answered", "graded"),
    [
        (Counter({100.0: 128}), Counter({101.0: 3})),
        (ANSWERED, Counter[float]()),
        (ANSWERED, Counter({90_000.0: 3})),
        (ANSWERED, Counter({50.0: 3})),
    ],
    ids=["one chunk", "nothing graded", "graded the next day", "graded before"],
)
def test_what_cannot_be_told_is_unknown(answered: Counter[float], graded: Counter[float]) -> None:
    assert measure_speed(answered, graded) is None
