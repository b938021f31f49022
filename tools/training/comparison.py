"""Compare the answers before and after training on the same held-out prompts."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from lucy.errors import InputError
from lucy.tools.dry_run.intervals import Interval, estimate_mean, number_clusters
from lucy.tools.dry_run.rollouts import GradedRollout
from lucy.tools.dry_run.statistics import UNCATEGORIZED
from lucy.tools.policy.sentences import describe_text

WORTHWHILE = 0.02
"""A gain proved smaller than this is called `not better`."""
MIN_FAMILIES = 8
"""With fewer unrelated prompts nothing is concluded, whatever the interval."""

Conclusion = Literal["better", "not better", "too little evidence"]
_Measure = Callable[[GradedRollout], float | None]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Change(_Part):
    """One figure before and after, paired by prompt."""

    before: float
    after: float
    difference: Interval
    """After minus before."""
    prompts: int


class Comparison(_Part):
    """What training changed on prompts it never saw."""

    reward: Change
    criteria: dict[str, Change]
    """By criterion id, where the grader has criteria."""
    by_topic: dict[str, Change]
    words: Change
    """Length of the answers in words; a large growth with a small gain is a sign of gaming."""
    distinct_before: float
    """Different answers per answer, 0 to 1; a fall toward 0 means one answer for everything."""
    distinct_after: float
    left_out: int
    """Prompts left out because either side could not be graded."""
    conclusion: Conclusion
    sentence: str


def compare(
    before: Sequence[GradedRollout],
    after: Sequence[GradedRollout],
    families: Mapping[str, str] | None = None,
    *,
    seed: int = 0,
) -> Comparison:
    """Compare two sets of graded answers to the same prompts, paired by record.

    The answers of one record are averaged first; the interval of the difference resamples families whole
    (2000 draws). `better` needs a 95% interval above 0; `not better` one below the worthwhile gain of 0.02;
    anything else is `too little evidence`.

    Args:
        before: Answers of the base model, errors included.
        after: Answers of the trained model to the same records.
        families: Family by record id; else the answers' own.
        seed: Of the resampling.

    Raises:
        InputError: when no record has a graded answer on both sides.
    """
    lineage = {rollout.record_id: rollout.cluster for rollout in (*before, *after)} | dict(families or {})
    reward = _compare_by(before, after, lineage, _read_score, seed)
    if reward is None:
        raise InputError(
            "No held-out record has a graded answer both before and after training; repair the grader and "
            "compare again."
        )
    words = _compare_by(before, after, lineage, _count_words, seed) or reward
    records = {rollout.record_id for rollout in (*before, *after)}
    shared = _average(before, _read_score).keys() & _average(after, _read_score).keys()
    conclusion = conclude(reward.difference, len({lineage[record_id] for record_id in shared}))
    return Comparison(
        reward=reward,
        criteria=_compare_criteria(before, after, lineage, seed),
        by_topic=_compare_topics(before, after, lineage, seed),
        words=words,
        distinct_before=_share_distinct(before),
        distinct_after=_share_distinct(after),
        left_out=len(records) - reward.prompts,
        conclusion=conclusion,
        sentence=_phrase(reward, conclusion),
    )


def conclude(difference: Interval, families: int) -> Conclusion:
    """Conclude from the interval of a difference."""
    if families >= MIN_FAMILIES:
        if difference.low95 > 0:
            return "better"
        if difference.high95 < WORTHWHILE:
            return "not better"
    return "too little evidence"


def _compare_by(
    before: Sequence[GradedRollout],
    after: Sequence[GradedRollout],
    lineage: Mapping[str, str],
    measure: _Measure,
    seed: int,
) -> Change | None:
    first, second = _average(before, measure), _average(after, measure)
    shared = sorted(first.keys() & second.keys())
    if not shared:
        return None
    differences = np.array([second[record_id] - first[record_id] for record_id in shared])
    clusters = number_clusters([lineage.get(record_id) or record_id for record_id in shared])
    return Change(
        before=round(float(np.mean([first[record_id] for record_id in shared])), 6),
        after=round(float(np.mean([second[record_id] for record_id in shared])), 6),
        difference=estimate_mean(differences, clusters, seed=seed),
        prompts=len(shared),
    )


def _compare_criteria(
    before: Sequence[GradedRollout], after: Sequence[GradedRollout], lineage: Mapping[str, str], seed: int
) -> dict[str, Change]:
    names = sorted({name for rollout in (*before, *after) for name in rollout.grade.criteria})
    changes: dict[str, Change] = {}
    for name in names:
        change = _compare_by(before, after, lineage, _read_criterion(name), seed)
        if change is not None:
            changes[name] = change
    return changes


def _compare_topics(
    before: Sequence[GradedRollout], after: Sequence[GradedRollout], lineage: Mapping[str, str], seed: int
) -> dict[str, Change]:
    topics = sorted({rollout.topic_id or UNCATEGORIZED for rollout in (*before, *after)})
    changes: dict[str, Change] = {}
    for topic in topics:
        parts = [
            [rollout for rollout in side if (rollout.topic_id or UNCATEGORIZED) == topic]
            for side in (before, after)
        ]
        change = _compare_by(parts[0], parts[1], lineage, _read_score, seed)
        if change is not None:
            changes[topic] = change
    return changes


def _average(rollouts: Sequence[GradedRollout], measure: _Measure) -> dict[str, float]:
    """Average the answers of each record, those that could not be graded left out."""
    values: dict[str, list[float]] = {}
    for rollout in rollouts:
        value = measure(rollout)
        if value is not None:
            values.setdefault(rollout.record_id, []).append(value)
    return {record_id: sum(found) / len(found) for record_id, found in values.items()}


def _read_score(rollout: GradedRollout) -> float | None:
    return rollout.grade.score


def _read_criterion(name: str) -> _Measure:
    return lambda rollout: rollout.grade.criteria.get(name) if rollout.grade.score is not None else None


def _count_words(rollout: GradedRollout) -> float | None:
    return float(describe_text(rollout.response).words)


def _share_distinct(rollouts: Sequence[GradedRollout]) -> float:
    return len({rollout.response for rollout in rollouts}) / len(rollouts)


def _phrase(reward: Change, conclusion: Conclusion) -> str:
    gap = reward.difference
    figures = (
        f"the mean reward on {reward.prompts} held-out prompts went from {reward.before:.2f} to "
        f"{reward.after:.2f} (difference {gap.value:+.3f}, 95% interval {gap.low95:+.3f} to "
        f"{gap.high95:+.3f})"
    )
    if conclusion == "better":
        return f"The trained model is better: {figures}."
    if conclusion == "not better":
        return f"The trained model is not better: {figures}."
    return f"There is too little evidence that the trained model is better: {figures}."
