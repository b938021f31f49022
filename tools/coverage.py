"""Measure how evenly the records cover the topics, and what generating would change.

`balance_score = min over topics (share / target) / max over topics (share / target)`, over the leaf topics,
with shares of the categorized records; 0 to 1. Evenness is Pielou's index: Shannon's entropy of the shares
divided by the logarithm of the number of topics (Pielou 1966). Neither says whether the records of a topic
are any good.
"""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from lucy.errors import InputError
from lucy.tools.topics.tree import TopicTree, leaves
from lucy.tools.vocabulary import Assignment, Topic

Rating = Literal["excellent", "good", "fair", "poor", "critical"]
Status = Literal["under", "ok", "over"]

RATINGS: tuple[tuple[float, Rating], ...] = (
    (0.8, "excellent"),
    (0.5, "good"),
    (0.4, "fair"),
    (0.2, "poor"),
    (0.0, "critical"),
)
GOOD = 0.5
"""Balance score from which generating is not recommended."""
WANTED = 0.52
"""Balance score that recommendations aim at: a little above `GOOD`, since some records will be rejected."""
GAP = 5.0
"""Percentage points off target from which a topic is under or over."""
ENOUGH = 100
"""Records that a topic should have where possible."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TopicCoverage(_Part):
    """One leaf topic."""

    topic_id: str
    name: str
    count: int
    percentage: float
    """Of the categorized records, 0 to 100."""
    target_percentage: float
    gap: float
    """Target minus percentage, in points."""
    status: Status


class Recommendation(_Part):
    """What to generate for one topic."""

    topic_id: str
    action: Literal["generate"]
    reason: str
    suggested_count: int


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
    recommendations: tuple[Recommendation, ...]
    expected_score: float
    """Balance score after following the recommendations; the present score where there are none."""
    limited: bool
    """Whether the limit on synthetic records keeps the recommendations from reaching `GOOD`."""


def analyze_coverage(
    assignments: Sequence[Assignment],
    tree: TopicTree,
    *,
    targets: Mapping[str, float] | None = None,
    synthetic_ids: Collection[str] = frozenset(),
    max_synthetic_share: float = 0.3,
) -> CoverageReport:
    """Measure the balance over the leaf topics and say what generating would change.

    Args:
        assignments: The topic of each record.
        tree: The topics; only leaves count.
        targets: Share wanted per leaf id, adding up to 1; uniform when None. Leaves left out have target 0
            and do not enter the score.
        synthetic_ids: Which of the records are synthetic already.
        max_synthetic_share: Limit on the share of synthetic records after following the recommendations.

    Raises:
        InputError: targets do not add up to 1, are negative, or name an unknown topic.
    """
    topics = leaves(tree)
    wanted = _check_targets(topics, targets)
    found = Counter(one.topic_id for one in assignments)
    counts = {topic.id: found.get(topic.id, 0) for topic in topics}
    score = compute_balance(counts, wanted)
    synthetic = sum(one.record_id in synthetic_ids for one in assignments)
    room = _find_room(len(assignments), synthetic, max_synthetic_share)
    additions = _plan_additions(counts, wanted, room) if score < GOOD else {}
    after = compute_balance({key: counts[key] + additions.get(key, 0) for key in counts}, wanted)
    return CoverageReport(
        topics=tuple(_describe(topic, counts, wanted) for topic in topics),
        balance_score=score,
        balance_rating=rate_balance(score),
        evenness=compute_evenness(counts),
        total=len(assignments),
        uncategorized=len(assignments) - sum(counts.values()),
        synthetic=synthetic,
        recommendations=tuple(
            _recommend(topic, counts, additions) for topic in topics if topic.id in additions
        ),
        expected_score=after,
        limited=score < GOOD and after < GOOD,
    )


def compute_balance(counts: Mapping[str, int], targets: Mapping[str, float]) -> float:
    """Compute the balance score; 0 without records, 1 with a single topic that has records."""
    total = sum(counts[key] for key in targets if targets[key] > 0)
    if total == 0:
        return 0.0
    ratios = [counts[key] / total / target for key, target in targets.items() if target > 0]
    return min(ratios) / max(ratios)


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
    return -sum(share * math.log(share) for share in shares) / math.log(len(counts))


def _check_targets(topics: Sequence[Topic], targets: Mapping[str, float] | None) -> dict[str, float]:
    if targets is None:
        return {topic.id: 1 / len(topics) for topic in topics}
    unknown = set(targets) - {topic.id for topic in topics}
    if unknown:
        raise InputError(f"The targets name {min(unknown)!r}, which is no topic without sub-topics.")
    if min(targets.values(), default=0) < 0 or abs(sum(targets.values()) - 1) > 0.01:
        raise InputError(
            f"The targets add up to {sum(targets.values()):.2f}; they must not be negative and add up to 1."
        )
    return {topic.id: targets.get(topic.id, 0.0) for topic in topics}


def _find_room(total: int, synthetic: int, share: float) -> int:
    """Count the records that can be added before synthetic ones exceed their share of all."""
    return max(0, math.floor((share * total - synthetic) / (1 - share)))


def _plan_additions(counts: Mapping[str, int], targets: Mapping[str, float], room: int) -> dict[str, int]:
    """Fill every topic up to a level that the largest one sets, or as far as the room allows.

    Adding to a topic never lowers the largest ratio of count to target, so lifting every topic to a share of
    that ratio gives exactly that share as balance score.
    """
    largest = max(counts[key] / target for key, target in targets.items() if target > 0)

    def fill(level: float) -> dict[str, int]:
        missing = {key: math.ceil(level * largest * target) - counts[key] for key, target in targets.items()}
        return {key: count for key, count in missing.items() if count > 0}

    if sum(fill(WANTED).values()) <= room:
        return fill(WANTED)
    low, high = 0.0, WANTED
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(fill(middle).values()) <= room else (low, middle)
    return fill(low)


def _describe(topic: Topic, counts: Mapping[str, int], targets: Mapping[str, float]) -> TopicCoverage:
    total = sum(counts.values())
    percentage = 100 * counts[topic.id] / total if total else 0.0
    gap = 100 * targets[topic.id] - percentage
    status: Status = "under" if gap > GAP else "over" if gap < -GAP else "ok"
    return TopicCoverage(
        topic_id=topic.id,
        name=topic.name,
        count=counts[topic.id],
        percentage=percentage,
        target_percentage=100 * targets[topic.id],
        gap=gap,
        status=status,
    )


def _recommend(topic: Topic, counts: Mapping[str, int], additions: Mapping[str, int]) -> Recommendation:
    count = counts[topic.id]
    reason = f"{topic.name} has {count} records" + (
        f", fewer than the {ENOUGH} that a topic should have." if count < ENOUGH else "."
    )
    return Recommendation(
        topic_id=topic.id, action="generate", reason=reason, suggested_count=additions[topic.id]
    )
