"""Measure whether a grader pays for the length of an answer."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from pydantic import BaseModel, ConfigDict

from lucy.tools.dry_run.informative import MIN_DIFFERENCE
from lucy.tools.dry_run.intervals import Interval, estimate_share, number_clusters
from lucy.tools.dry_run.rollouts import GradedRollout, group_answers

_LONGER = 0.05
"""Lengths closer than this share of the longer one count as equal."""


class LengthPull(BaseModel):
    """How the rewards of answers to one prompt follow their lengths."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    longer_wins: Interval
    """Of two answers to one prompt with different lengths and rewards: how often the longer one has the
    higher reward, 0 to 1; 0.5 is no relation."""
    pairs: int
    """Such pairs."""
    prompts: int
    """Prompts that have such a pair."""
    decides: float
    """Share of the pairs with different lengths whose rewards differ too, 0 to 1: near 1 when every
    difference in length is paid, lower when answers of one kind get one reward whatever their length."""


def measure_length(graded: Sequence[GradedRollout]) -> LengthPull | None:
    """Measure how rewards follow length within prompts; None when no two answers can be compared.

    Lengths are characters. Differences between prompts do not count: hard prompts may need long answers.
    What it does not do: tell whether longer answers are better. A strong relation may be earned.
    """
    wins: list[float] = []
    families: list[str] = []
    prompts: set[str] = set()
    different = 0
    for answers in group_answers(graded):
        for one, other in combinations(answers, 2):
            longer = _compare_lengths(one, other)
            if not longer:
                continue
            different += 1
            gain = (one.grade.score or 0.0) - (other.grade.score or 0.0)
            if abs(gain) > MIN_DIFFERENCE:
                wins.append(float((gain > 0) == (longer > 0)))
                families.append(one.cluster)
                prompts.add(one.record_id)
    if not wins:
        return None
    return LengthPull(
        longer_wins=estimate_share(np.array(wins), number_clusters(families)),
        pairs=len(wins),
        prompts=len(prompts),
        decides=round(len(wins) / different, 6),
    )


def _compare_lengths(one: GradedRollout, other: GradedRollout) -> int:
    """Give 1 when the first answer is longer, -1 when it is shorter, 0 when about as long."""
    first, second = len(one.response), len(other.response)
    if abs(first - second) <= _LONGER * max(first, second):
        return 0
    return 1 if first > second else -1
