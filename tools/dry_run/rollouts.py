"""Name one graded answer: what dry run and comparison are computed from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lucy.tools.vocabulary import Grade


@dataclass(frozen=True, slots=True)
class GradedRollout:
    """One answer of a model to one record's prompt, with its grade."""

    record_id: str
    family: str
    """Lineage root of the record; empty means the record stands alone."""
    topic_id: str | None
    index: int
    """Number of the answer for this record, from 0."""
    response: str
    grade: Grade

    @property
    def cluster(self) -> str:
        """Give what intervals are clustered by: the family, else the record."""
        return self.family or self.record_id


class Group(NamedTuple):
    """The rewards of one prompt's answers."""

    family: str
    scores: NDArray[np.float64]


def group_answers(graded: Sequence[GradedRollout]) -> list[list[GradedRollout]]:
    """Put the answers to one prompt together, prompts in order of appearance."""
    by_record: dict[str, list[GradedRollout]] = {}
    for rollout in graded:
        by_record.setdefault(rollout.record_id, []).append(rollout)
    return list(by_record.values())


def read_scores(graded: Sequence[GradedRollout]) -> NDArray[np.float64]:
    """Collect the rewards of graded answers."""
    return np.array([rollout.grade.score for rollout in graded], dtype=np.float64)


def group_scores(graded: Sequence[GradedRollout]) -> list[Group]:
    """Collect the rewards by prompt."""
    return [Group(answers[0].cluster, read_scores(answers)) for answers in group_answers(graded)]
