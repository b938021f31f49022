"""Let TRL ask the configured grader for rewards."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lucy.errors import GraderError
from lucy.tools.training.local.prompts import read_answer
from lucy.tools.vocabulary import Grade, Record, ScoreMany

RECORD_COLUMN = "record_id"
"""Column of the training data that leads from a completion back to its record."""
PATIENCE = 3
"""Batches in a row without a single grade after which a training stops."""

RewardFunction = Callable[..., list[float | None]]


def make_reward_function(records: Mapping[str, Record], score_many: ScoreMany) -> RewardFunction:
    """Make the function that TRL calls with the completions of a batch.

    An answer that cannot be graded has the reward None: TRL leaves it out of its group's mean and gives it
    no weight. It never counts as 0.

    Raises:
        GraderError: from the function, when three batches in a row could not be graded at all.
    """
    failures = 0

    def grader(
        completions: Sequence[str], log_metric: Callable[[str, float], None], **columns: Any
    ) -> list[float | None]:
        nonlocal failures
        grades = grade_texts(
            [records[record_id] for record_id in columns[RECORD_COLUMN]], completions, score_many
        )
        missing = sum(1 for grade in grades if grade.score is None)
        log_metric("grader_errors", float(missing))
        failures = failures + 1 if missing == len(grades) else 0
        if failures >= PATIENCE:
            raise GraderError(
                f"No answer of the last {PATIENCE} batches could be graded ({grades[0].error}: "
                f"{grades[0].reason}); repair the grader, then start the training again."
            )
        return [grade.score for grade in grades]

    return grader


def grade_texts(records: Sequence[Record], texts: Sequence[str], score_many: ScoreMany) -> list[Grade]:
    """Grade what a model wrote, as the response that it is."""
    return score_many([(record, read_answer(text)) for record, text in zip(records, texts, strict=True)])
