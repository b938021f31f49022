"""Measure how evenly the records cover the topics, and what generating would change.

`balance_score = min over topics (share / target) / max over topics (share / target)`, over the leaf topics,
with shares of the categorized records; 0 to 1. Evenness is Pielou's index: Shannon's entropy of the shares
divided by the logarithm of the number of topics (Pielou 1966). Neither says whether the records of a topic
are any good.
"""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from lucy.tools.coverage_plan import (
    ENOUGH,
    GOOD,
    GROWTH,
    Reach,
    Round,
    compute_balance,
    find_reach,
    plan_rounds,
)
from lucy.tools.coverage_targets import resolve_targets
from lucy.tools.generation.plan import StrategyName
from lucy.tools.topics.tree import TopicTree, iterate_paths
from lucy.tools.vocabulary import Assignment

Rating = Literal["excellent", "good", "fair", "poor", "critical"]
Status = Literal["under", "ok", "over"]

RATINGS: tuple[tuple[float, Rating], ...] = (
    (0.8, "excellent"),
    (GOOD, "good"),
    (0.4, "fair"),
    (0.2, "poor"),
    (0.0, "critical"),
)
GAP = 5.0
"""Percentage points off target from which a topic is under or over."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TopicCoverage(_Part):
    """One leaf topic."""

    topic_id: str
    name: str
    path: str
    """Names from the top down, as "A/B"."""
    count: int
    synthetic: int
    """Synthetic records among them."""
    percentage: float
    """Of the categorized records, 0 to 100."""
    target_percentage: float
    gap: float
    """Target minus percentage, in points."""
    status: Status


class Recommendation(_Part):
    """What to generate for one topic in the next round."""

    topic_id: str
    action: Literal["generate"]
    reason: str
    suggested_count: int
    needs_agreement: bool
    """Whether the round goes over the limit on synthetic records, so that the person has to agree."""
    strategy: StrategyName | None
    """What suits the topic's records; None when that was not looked at."""


class CoverageReport(_Part):
    """The balance of a dataset's topics."""

    topics: tuple[TopicCoverage, ...]
    balance_score: float
    balance_rating: Rating
    evenness: float
    """Pielou's index, 0 to 1."""
    total: int
    uncategorized: int
    """Reported beside the score, not in it."""
    synthetic: int
    max_synthetic_share: float
    """The limit that the plan keeps to, 0 to 1."""
    small_topics: int
    """Topics with a target that have fewer than `ENOUGH` records."""
    recommendations: tuple[Recommendation, ...]
    """The next round for the balance; nothing when it is good."""
    expected_score: float
    """Balance score after following the recommendations; the present score where there are none."""
    rounds: tuple[Round, ...]
    """All rounds planned; see `plan_rounds`."""
    within_limit: Reach
    """What the rounds reach that keep to the limit on synthetic records."""
    with_agreement: Reach
    """What all rounds reach; the same where no round goes over the limit."""
    limited: bool
    """Whether the limit on synthetic records, or a want of real ones, keeps from `GOOD`."""


def analyze_coverage(
    assignments: Sequence[Assignment],
    tree: TopicTree,
    *,
    targets: Mapping[str, float] | None = None,
    synthetic_ids: Collection[str] = frozenset(),
    max_synthetic_share: float = 0.3,
    strategies: Mapping[str, StrategyName] | None = None,
) -> CoverageReport:
    """Measure the balance over the leaf topics and say what generating would change.

    Args:
        assignments: The topic of each record; none for a dataset that is still empty.
        tree: The topics; only leaves count.
        targets: Share wanted per topic id, as `resolve_targets` takes them; uniform when None. A leaf with a
            target of 0 does not enter the score.
        synthetic_ids: Which of the records are synthetic already.
        max_synthetic_share: Limit on the share of synthetic records, 0 to 1; 1 is no limit.
        strategies: What suits each leaf, from `suggest_strategies`.

    Raises:
        InputError: targets are off their sum, negative, or name an unknown topic.
    """
    wanted = resolve_targets(tree, targets)
    found = Counter(one.topic_id for one in assignments)
    made = Counter(one.topic_id for one in assignments if one.record_id in synthetic_ids)
    counts = {key: found.get(key, 0) for key in wanted}
    rounds = plan_rounds(
        counts,
        wanted,
        total=len(assignments),
        synthetic=made.total(),
        real={key: counts[key] - made.get(key, 0) for key in wanted},
        max_synthetic_share=max_synthetic_share,
    )
    score = compute_balance(counts, wanted)
    share = made.total() / len(assignments) if assignments else 0.0
    within = find_reach(rounds, score, share, agreed=False)
    following = rounds[0] if rounds and rounds[0].aim == "balance" else None
    return CoverageReport(
        topics=_describe_topics(tree, counts, made, wanted),
        balance_score=score,
        balance_rating=rate_balance(score),
        evenness=compute_evenness(counts),
        total=len(assignments),
        uncategorized=len(assignments) - sum(counts.values()),
        synthetic=made.total(),
        max_synthetic_share=max_synthetic_share,
        small_topics=sum(counts[key] < ENOUGH for key, target in wanted.items() if target > 0),
        recommendations=_recommend(following, tree, counts, strategies or {}),
        expected_score=following.expected_score if following else score,
        rounds=rounds,
        within_limit=within,
        with_agreement=find_reach(rounds, score, share, agreed=True),
        limited=within.expected_score < GOOD,
    )


def rate_balance(score: float) -> Rating:
    """Name a balance score in a word."""
    return next(word for limit, word in RATINGS if score >= limit)


def compute_evenness(counts: Mapping[str, int]) -> float:
    """Compute Pielou's evenness; 1 for a single topic, 0 without records."""
    total = sum(counts.values())
    if total == 0:
        return 0.0
    if len(counts) == 1:
        return 1.0
    shares = [count / total for count in counts.values() if count]
    # Rounding can leave a trace outside 0 to 1.
    return min(1.0, max(0.0, -sum(share * math.log(share) for share in shares) / math.log(len(counts))))


def list_statistics(report: CoverageReport, *, calculated_at: str) -> dict[str, Any]:
    """Give the statistics that are kept on the dataset, readable without a workflow.

    Args:
        report: The report.
        calculated_at: Time of the report, ISO 8601.
    """
    return {
        "balance_score": report.balance_score,
        "balance_rating": report.balance_rating,
        "topic_distribution": {topic.path: topic.count for topic in report.topics},
        "uncategorized_count": report.uncategorized,
        "total_records": report.total,
        "synthetic_count": report.synthetic,
        "evenness": report.evenness,
        "last_calculated_at": calculated_at,
    }


def _describe_topics(
    tree: TopicTree, counts: Mapping[str, int], made: Mapping[str | None, int], targets: Mapping[str, float]
) -> tuple[TopicCoverage, ...]:
    total = sum(counts.values())
    rows: list[TopicCoverage] = []
    for topic, path in iterate_paths(tree):
        if topic.children:
            continue
        percentage = 100 * counts[topic.id] / total if total else 0.0
        gap = 100 * targets[topic.id] - percentage
        rows.append(
            TopicCoverage(
                topic_id=topic.id,
                name=topic.name,
                path=path,
                count=counts[topic.id],
                synthetic=made.get(topic.id, 0),
                percentage=percentage,
                target_percentage=100 * targets[topic.id],
                gap=gap,
                status="under" if gap > GAP else "over" if gap < -GAP else "ok",
            )
        )
    return tuple(rows)


def _recommend(
    following: Round | None,
    tree: TopicTree,
    counts: Mapping[str, int],
    strategies: Mapping[str, StrategyName],
) -> tuple[Recommendation, ...]:
    if following is None:
        return ()
    return tuple(
        Recommendation(
            topic_id=topic.id,
            action="generate",
            reason=_explain(topic.name, counts[topic.id], following.counts[topic.id]),
            suggested_count=following.counts[topic.id],
            needs_agreement=following.needs_agreement,
            strategy=strategies.get(topic.id),
        )
        for topic, _ in iterate_paths(tree)
        if topic.id in following.counts
    )


def _explain(name: str, count: int, added: int) -> str:
    if count == 0:
        return f"{name} has no records yet: {added} are a first set to judge."
    has = f"{name} has {count} record{'s' if count > 1 else ''}"
    if count < ENOUGH:
        has += f", fewer than the {ENOUGH} that a topic should have"
    if added == GROWTH * count:
        return f"{has}; more than {GROWTH} new ones for each at once would mostly repeat one another."
    return f"{has}."
