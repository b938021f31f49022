"""Compute everything a dry run reports from its graded answers."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from lucy.errors import GraderError
from lucy.tools.dry_run.informative import estimate_informative
from lucy.tools.dry_run.intervals import Interval, estimate_share, estimate_spread, number_clusters
from lucy.tools.dry_run.keywords import KeywordPull, measure_keywords
from lucy.tools.dry_run.lengths import LengthPull, measure_length
from lucy.tools.dry_run.noise import EXACT, Noise
from lucy.tools.dry_run.rollouts import GradedRollout, group_scores, read_scores
from lucy.tools.dry_run.signal import Signal, keep_comparable, measure_signal, share_differing
from lucy.tools.dry_run.thresholds import THRESHOLDS

TopicStatus = Literal["good", "attention", "problem"]
UNCATEGORIZED = "uncategorized"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Percentiles(_Part):
    """Rewards below which that percentage of the answers lies, interpolated linearly."""

    p10: float
    p25: float
    p50: float
    p75: float
    p90: float


class Bucket(_Part):
    """One fifth of the reward scale; the last one includes 1."""

    label: str
    """Such as `0.2-0.4`."""
    count: int
    share: float


class TopicStatistics(_Part):
    """The rewards of one topic."""

    topic_id: str
    """`uncategorized` for records without a topic."""
    mean: Interval
    std: float
    count: int
    """Graded answers."""
    prompts: int
    status: TopicStatus
    share_differing: float | None = None
    """Share of its prompts whose rewards differ by more than noise explains; None without two answers."""
    informative: Interval | None = None
    """Expected share of training groups with differing rewards; None without two answers to a prompt."""


class SampleRef(_Part):
    """One answer worth looking at; its text is in the store under record and index."""

    record_id: str
    index: int
    score: float
    reason: str


class Samples(_Part):
    """Answers to look at, each record at most once per list."""

    highest: tuple[SampleRef, ...] = ()
    lowest: tuple[SampleRef, ...] = ()
    middle: tuple[SampleRef, ...] = ()
    """Nearest to the median."""


class DryRunStatistics(_Part):
    """What the rewards of a dry run look like.

    All figures leave out answers that could not be graded; these are counted by class in `errors`.
    """

    prompts: int
    families: int
    """Unrelated groups of records among the graded prompts: what intervals rest on."""
    answers: int
    """Answers including those that could not be graded."""
    graded: int
    errors: dict[str, int]
    error_share: Interval
    mean: Interval
    std: Interval
    median: float
    min: float
    max: float
    percentiles: Percentiles
    above_zero: Interval
    """Share of answers with a reward above 0."""
    at_one: Interval
    """Share of answers with reward 1."""
    distribution: tuple[Bucket, ...]
    most_common: float
    """Share of answers with the most frequent reward, to two decimals."""
    levels: int
    """Number of different rewards, to two decimals."""
    headroom: float
    """Mean over prompts of the best answer's reward, minus the mean: what choosing better could gain."""
    signal: Signal | None
    """None when no prompt has two graded answers."""
    length: LengthPull | None = None
    """How rewards follow the length of the answers; None where lengths or rewards hardly differ."""
    keyword: KeywordPull | None = None
    """The word that explains most of the rewards; None where no word could."""
    by_criterion: dict[str, Interval] = {}
    """Mean per criterion id; answers that a criterion does not apply to are left out."""
    by_topic: tuple[TopicStatistics, ...]
    samples: Samples


def compute_statistics(
    rollouts: Sequence[GradedRollout], *, noise: Noise = EXACT, group_size: int = 8
) -> DryRunStatistics:
    """Compute the statistics of a dry run.

    Args:
        rollouts: All graded answers, errors included, in any order.
        noise: Of the grader, see `lucy.tools.dry_run.signal.measure_noise`.
        group_size: Answers per prompt that training will use.

    Raises:
        GraderError: when no answer could be graded.
    """
    rollouts = sorted(rollouts, key=lambda rollout: (rollout.record_id, rollout.index))
    graded = [rollout for rollout in rollouts if rollout.grade.score is not None]
    errors = Counter(rollout.grade.error or "unknown" for rollout in rollouts if rollout.grade.score is None)
    if not graded:
        found = ", ".join(f"{count} {name}" for name, count in errors.most_common()) or "no answers at all"
        raise GraderError(
            f"No answer of the dry run could be graded ({found}); repair the grader, then repeat it."
        )
    scores = read_scores(graded)
    clusters = number_clusters([rollout.cluster for rollout in graded])
    groups = group_scores(graded)
    return DryRunStatistics(
        prompts=len({rollout.record_id for rollout in rollouts}),
        families=clusters.size,
        answers=len(rollouts),
        graded=len(graded),
        errors=dict(errors.most_common()),
        error_share=_estimate_error_share(rollouts),
        mean=estimate_share(scores, clusters),
        std=estimate_spread(scores, clusters),
        median=float(np.median(scores)),
        min=float(scores.min()),
        max=float(scores.max()),
        percentiles=_find_percentiles(scores),
        above_zero=estimate_share((scores > 0).astype(np.float64), clusters),
        at_one=estimate_share((scores >= 1).astype(np.float64), clusters),
        distribution=count_fifths(scores),
        most_common=max(Counter(np.round(scores, 2).tolist()).values()) / len(scores),
        levels=len(set(np.round(scores, 2).tolist())),
        headroom=round(float(np.mean([group.scores.max() for group in groups]) - scores.mean()), 6),
        signal=measure_signal(groups, noise=noise, group_size=group_size),
        length=measure_length(graded),
        keyword=measure_keywords(graded),
        by_criterion=_describe_criteria(graded),
        by_topic=_describe_topics(graded, noise, group_size),
        samples=choose_samples(graded),
    )


def count_fifths(scores: NDArray[np.float64]) -> tuple[Bucket, ...]:
    """Count rewards in fifths of the scale from 0 to 1."""
    # Rounded first: 0.6 as a sum of weights may be 0.5999999.
    places = np.minimum((np.round(scores, 9) * 5).astype(np.int64), 4)
    counts = np.bincount(places, minlength=5).tolist()
    return tuple(
        Bucket(label=f"{at / 5:.1f}-{(at + 1) / 5:.1f}", count=count, share=count / len(scores))
        for at, count in enumerate(counts)
    )


def choose_samples(graded: Sequence[GradedRollout], size: int = 5) -> Samples:
    """Choose the highest, lowest and middle answers, each record at most once per list."""
    median = float(np.median(read_scores(graded)))

    def take(distance: NDArray[np.float64]) -> tuple[SampleRef, ...]:
        chosen: dict[str, SampleRef] = {}
        for at in np.argsort(distance, kind="stable").tolist():
            rollout = graded[at]
            if len(chosen) < size and rollout.record_id not in chosen:
                chosen[rollout.record_id] = _refer(rollout)
        return tuple(chosen.values())

    scores = read_scores(graded)
    return Samples(highest=take(-scores), lowest=take(scores), middle=take(np.abs(scores - median)))


def _refer(rollout: GradedRollout) -> SampleRef:
    score = rollout.grade.score or 0.0
    return SampleRef(
        record_id=rollout.record_id, index=rollout.index, score=score, reason=rollout.grade.reason
    )


def _estimate_error_share(rollouts: Sequence[GradedRollout]) -> Interval:
    failed = np.array([rollout.grade.score is None for rollout in rollouts], dtype=np.float64)
    return estimate_share(failed, number_clusters([rollout.cluster for rollout in rollouts]))


def _find_percentiles(scores: NDArray[np.float64]) -> Percentiles:
    p10, p25, p50, p75, p90 = np.percentile(scores, (10, 25, 50, 75, 90)).tolist()
    return Percentiles(p10=p10, p25=p25, p50=p50, p75=p75, p90=p90)


def _describe_criteria(graded: Sequence[GradedRollout]) -> dict[str, Interval]:
    names = sorted({name for rollout in graded for name in rollout.grade.criteria})
    means: dict[str, Interval] = {}
    for name in names:
        members = [rollout for rollout in graded if name in rollout.grade.criteria]
        values = np.array([rollout.grade.criteria[name] for rollout in members], dtype=np.float64)
        clusters = number_clusters([rollout.cluster for rollout in members])
        means[name] = estimate_share(values, clusters)
    return means


def _describe_topics(
    graded: Sequence[GradedRollout], noise: Noise, group_size: int
) -> tuple[TopicStatistics, ...]:
    by_topic: dict[str, list[GradedRollout]] = {}
    for rollout in graded:
        by_topic.setdefault(rollout.topic_id or UNCATEGORIZED, []).append(rollout)
    return tuple(
        _describe_topic(topic, members, noise=noise, group_size=group_size)
        for topic, members in sorted(by_topic.items())
    )


def _describe_topic(
    topic_id: str, members: Sequence[GradedRollout], *, noise: Noise, group_size: int
) -> TopicStatistics:
    scores, groups = read_scores(members), group_scores(members)
    mean = estimate_share(scores, number_clusters([rollout.cluster for rollout in members]))
    comparable = keep_comparable(groups)
    informative = estimate_informative(comparable, noise=noise, group_size=group_size) if comparable else None
    return TopicStatistics(
        topic_id=topic_id,
        mean=mean,
        std=round(float(scores.std()), 6),
        count=len(members),
        prompts=len(groups),
        status=judge_topic(mean, len(groups), informative),
        share_differing=round(share_differing(comparable, noise), 6) if comparable else None,
        informative=informative,
    )


def judge_topic(mean: Interval, prompts: int, informative: Interval | None = None) -> TopicStatus:
    """Judge one topic on its intervals: `problem` when nothing can be learned from it.

    That is proved when its mean lies at an end of the scale, or when few of its training groups would have
    differing rewards. `attention` when proved outside the healthy range, or tried on too few prompts to tell.
    """
    limits = THRESHOLDS
    at_end = mean.high95 < limits.hopeless_mean or mean.low95 > limits.saturated_mean
    if at_end or (informative is not None and informative.high95 < limits.weak_signal):
        return "problem"
    outside = mean.low95 > limits.healthy_mean_high or mean.high95 < limits.healthy_mean_low
    return "attention" if outside or prompts < limits.topic_prompts else "good"
