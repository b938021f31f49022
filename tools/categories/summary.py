"""Count how records were sorted: per topic, and how many need a look."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from lucy.tools.categories.sorting import THRESHOLD
from lucy.tools.topics.tree import TopicTree, iterate, iterate_paths
from lucy.tools.vocabulary import Assignment, Topic


class TopicSummary(BaseModel):
    """Records of one topic, those of the topics below it included."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    topic_id: str
    name: str
    path: str
    is_leaf: bool
    count: int
    mean_confidence: float
    """0 to 1; 0 without records."""
    low_confidence: int
    """Records below the threshold."""


class CategorySummary(BaseModel):
    """How a dataset was sorted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    total: int
    assigned: int
    """Records with a topic, sure or not."""
    high_confidence: int
    low_confidence: int
    """Records with a topic but below the threshold: for review."""
    uncategorized: int
    threshold: float
    mean_confidence: float
    """Over the assigned records."""
    topics: tuple[TopicSummary, ...]
    """Top-level topics, in drawing order."""
    leaves: tuple[TopicSummary, ...]


def summarize_categories(
    assignments: Sequence[Assignment], tree: TopicTree, threshold: float = THRESHOLD
) -> CategorySummary:
    """Count assignments per top-level topic and per leaf; a topic unknown to the tree is uncategorized."""
    known = {topic.id for topic in iterate(tree)}
    assigned = [each for each in assignments if each.topic_id in known]
    low = sum(each.confidence < threshold for each in assigned)
    summaries = [_summarize(topic, path, assigned, threshold) for topic, path in iterate_paths(tree)]
    roots = {topic.id for topic in tree.roots}
    return CategorySummary(
        total=len(assignments),
        assigned=len(assigned),
        high_confidence=len(assigned) - low,
        low_confidence=low,
        uncategorized=len(assignments) - len(assigned),
        threshold=threshold,
        mean_confidence=_average([each.confidence for each in assigned]),
        topics=tuple(summary for summary in summaries if summary.topic_id in roots),
        leaves=tuple(summary for summary in summaries if summary.is_leaf),
    )


def _summarize(topic: Topic, path: str, assigned: Sequence[Assignment], threshold: float) -> TopicSummary:
    inside = {found.id for found in iterate(TopicTree(roots=(topic,)))}
    confidences = [each.confidence for each in assigned if each.topic_id in inside]
    return TopicSummary(
        topic_id=topic.id,
        name=topic.name,
        path=path,
        is_leaf=not topic.children,
        count=len(confidences),
        mean_confidence=_average(confidences),
        low_confidence=sum(confidence < threshold for confidence in confidences),
    )


def _average(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
