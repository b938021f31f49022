"""Compare the answers before and after training on the same held-out prompts."""

from collections.abc import Callable, Collection, Mapping, Sequence
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

MUCH_LONGER = 0.25
"""Answers that became longer or shorter by this share are named beside the conclusion."""
FEW_WORDS = 3.0
"""A smaller change of length, in words, is not named."""
FEWER_ANSWERS = 0.5
"""Different answers that fell to this part of what they were are named beside the conclusion."""

Conclusion = Literal["better", "not better", "too little evidence"]
Direction = Literal["better", "worse", "uncertain"]
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
    families: int = 0
    """Unrelated ones among the prompts."""
    certainly: Direction = "uncertain"
    """Where one of several figures is looked at (criteria, topics): which way it went, with 95% certainty for
    all of them together (Bonferroni), so that of many topics none is called better by chance. Uncertain below
    MIN_FAMILIES unrelated prompts."""


class Comparison(_Part):
    """What training changed on prompts it never saw."""

    reward: Change
    criteria: dict[str, Change]
    """By criterion id, where the grader has criteria."""
    by_topic: dict[str, Change]
    words: Change
    """Length of the answers in words; a large growth with a small gain is a sign of gaming."""
    refusals: Change | None = None
    """Share of the answers that refuse or say they cannot, 0 to 1; seen by English phrases only."""
    without_lookalikes: Change | None = None
    """The reward on held-out prompts that have no similar one in training; None where all have, or none."""
    distinct_before: float
    """Different answers per answer, 0 to 1; a fall toward 0 means one answer for everything."""
    distinct_after: float
    left_out: int
    """Prompts left out because either side could not be graded."""
    conclusion: Conclusion
    sentence: str
    """The conclusion with its figures, then what casts doubt on it."""
    doubts: tuple[str, ...] = ()
    """Signs that the reward may not tell the whole: length, refusals, repetition."""


def compare(
    before: Sequence[GradedRollout],
    after: Sequence[GradedRollout],
    families: Mapping[str, str] | None = None,
    *,
    lookalikes: Collection[str] = (),
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
        lookalikes: Held-out records that resemble one in training: the reward is given without them as well.
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
    refusals = _compare_by(before, after, lineage, _read_refusal, seed)
    records = {rollout.record_id for rollout in (*before, *after)}
    conclusion = conclude(reward.difference, reward.families)
    distinct = _share_distinct(before), _share_distinct(after)
    doubts = [
        *_doubt_length(words, conclusion),
        *_doubt_refusals(refusals),
        *_doubt_variety(*distinct),
        *_doubt_missing(before, after, families or ()),
    ]
    return Comparison(
        reward=reward,
        criteria=_compare_criteria(before, after, lineage, seed),
        by_topic=_compare_topics(before, after, lineage, seed),
        words=words,
        refusals=refusals,
        without_lookalikes=_compare_unlike(before, after, lineage, lookalikes, seed) if lookalikes else None,
        distinct_before=distinct[0],
        distinct_after=distinct[1],
        left_out=len(records) - reward.prompts,
        conclusion=conclusion,
        doubts=tuple(doubts),
        sentence=" ".join((_phrase(reward, conclusion), *doubts)),
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
        families=clusters.size,
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
    return _judge_together(changes)


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
    return _judge_together(changes)


def _compare_unlike(
    before: Sequence[GradedRollout],
    after: Sequence[GradedRollout],
    lineage: Mapping[str, str],
    lookalikes: Collection[str],
    seed: int,
) -> Change | None:
    """Compare the rewards of those prompts that have no similar one in training."""
    first, second = ([one for one in side if one.record_id not in lookalikes] for side in (before, after))
    return _compare_by(first, second, lineage, _read_score, seed)


def _judge_together(changes: dict[str, Change]) -> dict[str, Change]:
    """Say of each of several figures which way it went, with 95% certainty for all of them together."""
    looks = sum(change.families >= MIN_FAMILIES for change in changes.values())
    return {
        name: change.model_copy(update={"certainly": _judge(change, looks)})
        for name, change in changes.items()
    }


def _judge(change: Change, looks: int) -> Direction:
    """Judge one of several figures by its interval, widened for so many looks (Bonferroni)."""
    from scipy.special import stdtrit  # slow to import

    if change.families < MIN_FAMILIES:
        return "uncertain"
    freedom, found = change.families - 1, change.difference
    stretch = float(stdtrit(freedom, 1 - 0.025 / looks) / stdtrit(freedom, 0.975))
    if found.value - (found.value - found.low95) * stretch > 0:
        return "better"
    return "worse" if found.value + (found.high95 - found.value) * stretch < 0 else "uncertain"


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


def _read_refusal(rollout: GradedRollout) -> float | None:
    return float(describe_text(rollout.response).refusal)


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


def is_certain(difference: Interval) -> bool:
    """Tell whether a difference's 95% interval leaves out 0."""
    return difference.low95 > 0 or difference.high95 < 0


def _doubt_length(words: Change, conclusion: Conclusion) -> list[str]:
    share = (words.after - words.before) / words.before if words.before else 0.0
    is_small = abs(share) < MUCH_LONGER or abs(words.after - words.before) < FEW_WORDS
    if is_small or not is_certain(words.difference):
        return []
    way = "longer" if share > 0 else "shorter"
    said = f"The answers became {abs(share):.0%} {way} ({words.before:.0f} to {words.after:.0f} words)"
    if conclusion == "better":
        return [f"{said}: read the examples to see whether they are better, or only {way}."]
    return [f"{said}."]


def _doubt_refusals(refusals: Change | None) -> list[str]:
    if refusals is None or refusals.difference.low95 <= 0:
        return []
    return [f"Answers that refuse rose from {refusals.before:.0%} to {refusals.after:.0%}."]


def _doubt_missing(
    before: Sequence[GradedRollout], after: Sequence[GradedRollout], heldout: Collection[str]
) -> list[str]:
    """Say how many prompts a service did not answer: who is left out may not be chance."""
    sides = [len(set(heldout) - {one.record_id for one in side}) for side in (before, after)]
    if not any(sides):
        return []
    return [
        f"Of {len(heldout)} held-out prompts {sides[0]} got no answer before the training and {sides[1]} "
        "after it; they are left out."
    ]


def _doubt_variety(before: float, after: float) -> list[str]:
    if after > FEWER_ANSWERS * before:
        return []
    return [
        f"It repeats itself: different answers fell from {before:.0%} to {after:.0%} of all, so the same "
        "answer now serves many prompts."
    ]
