"""Sort records into the leaves of a topic tree, with a confidence."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from lucy.errors import InputError
from lucy.tools.topics.features import FIT_LIMIT, fit_space
from lucy.tools.topics.tree import TopicTree, leaves
from lucy.tools.vocabulary import Assignment, Progress, Topic, ignore_progress


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TopicSummary(_Part):
    """The records of one topic, those of its sub-topics included."""

    topic_id: str
    name: str
    count: int
    mean_confidence: float
    """0 to 1; 0 without records."""


class CategoriesSummary(_Part):
    """What sorting found."""

    assigned: int
    """Records with a topic."""
    low_confidence: int
    """Of these, records below the threshold."""
    uncategorized: int
    top_level: tuple[TopicSummary, ...]
    leaves: tuple[TopicSummary, ...]


def categorize(
    ids: Sequence[str],
    texts: Sequence[str],
    tree: TopicTree,
    *,
    threshold: float = 0.7,
    seed: int = 0,
    progress: Progress = ignore_progress,
) -> list[Assignment]:
    """Give every text a leaf topic and a confidence, in order."""
    if len(ids) != len(texts):
        raise InputError(f"Sorting needs as many ids as texts; got {len(ids)} and {len(texts)}.")
    if not texts:
        return []
    topics = leaves(tree)
    sample = list(texts[:FIT_LIMIT])
    space = fit_space(sample, seed=seed)
    queries = space.place([" ".join([t.name, *t.keywords, t.description]) for t in topics])
    points = space.place(texts)
    where = {record: row for row, record in enumerate(ids)}
    for number, topic in enumerate(topics):
        rows = [where[record] for record in topic.examples if record in where]
        if rows:
            queries[number] = queries[number] * 0.3 + points[rows].mean(axis=0)
    scores: NDArray[np.float64] = points @ queries.T
    best = scores.argmax(axis=1)
    progress("categorize", len(ids), len(ids))
    found: list[Assignment] = []
    for row, record in enumerate(ids):
        score = float(scores[row, best[row]])
        topic_id = topics[int(best[row])].id if score > 0.05 else None
        found.append(Assignment(record, topic_id, max(0.0, min(1.0, score)), "embedding"))
    return found


def summarize_categories(
    assignments: Sequence[Assignment], tree: TopicTree, threshold: float
) -> CategoriesSummary:
    """Count records and average confidences per topic, in the tree's order."""
    confidences: dict[str, list[float]] = {}
    for one in assignments:
        if one.topic_id is not None:
            confidences.setdefault(one.topic_id, []).append(one.confidence)
    found = [confidence for values in confidences.values() for confidence in values]
    return CategoriesSummary(
        assigned=len(found),
        low_confidence=sum(confidence < threshold for confidence in found),
        uncategorized=len(assignments) - len(found),
        top_level=tuple(_summarize(topic, confidences) for topic in tree.roots),
        leaves=tuple(_summarize(topic, confidences) for topic in leaves(tree)),
    )


def _summarize(topic: Topic, confidences: dict[str, list[float]]) -> TopicSummary:
    below = leaves(TopicTree(roots=(topic,)))
    values = [value for leaf in below for value in confidences.get(leaf.id, [])]
    mean = float(np.mean(values)) if values else 0.0
    return TopicSummary(topic_id=topic.id, name=topic.name, count=len(values), mean_confidence=mean)
