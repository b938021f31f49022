"""Choose the hierarchy to propose: the groups found in the records, or a template that they speak like.

Groups found by words alone are clear where many records say similar things, and arbitrary where every record
is worded differently. Then a template whose words the records use says more to a person than the groups do.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from lucy.tools.categories import categorize
from lucy.tools.topics.discovery import discover_topics
from lucy.tools.topics.templates import list_templates, load_template
from lucy.tools.topics.tree import TopicTree, leaves
from lucy.tools.vocabulary import Assignment, Progress, Topic, ignore_progress

CLEAR = 0.5
"""Share of records that fit a found group with confidence, from which the groups are taken as they are."""
CONFIDENT = 0.7
SPOKEN = 0.6
"""Share of records that must use a keyword of the template."""
AHEAD = 1.2
"""How many times as often as any other template its keywords must meet in twos, and how many times as many
records must fit it with confidence as fit the groups found."""
NAMED = 1.5
"""How much more a template counts that the dataset's name or the goal names."""
SPREAD = 5.0
"""Leaves that the records must spread over at least: the exponential of the shares' entropy."""
PRESENT = 0.02
"""Share of records that a leaf of a template needs to be kept."""
LOOKED_AT = 2000
"""Records that are looked at to compare."""
UNSPECIFIC = ("general assistant", "tool-using agent")
"""Templates that fit anything, and so tell nothing."""


class Proposed(NamedTuple):
    """The hierarchy to propose and where it comes from."""

    tree: TopicTree
    template: str
    """Name of the template; empty for groups found in the records."""
    clear: float
    """Share of the records (0 to 1) that fit one of the groups found in them with confidence."""


def propose_topics(
    ids: Sequence[str],
    texts: Sequence[str],
    *,
    goal: str,
    name: str,
    seed: int = 0,
    progress: Progress = ignore_progress,
) -> Proposed:
    """Find topics, or take a fitting template where what was found is not clear.

    Args:
        ids: Ids of the records.
        texts: Their user messages, in the same order.
        goal: The training goal; steers the search.
        name: Label of the tree's root.
        seed: Of the search.
        progress: Reported to during the search.
    """
    found = discover_topics(ids, texts, goal=goal, name=name, seed=seed, progress=progress)
    stride = max(1, len(ids) // LOOKED_AT)
    some_ids, some_texts = ids[::stride], texts[::stride]
    clear = _share_confident(categorize(some_ids, some_texts, found, threshold=CONFIDENT, seed=seed))
    template = find_template(some_texts, hints=f"{name} {goal}") if clear < CLEAR else None
    if template is None:
        return Proposed(found, "", clear)
    tree = load_template(template)
    sorted_in = categorize(some_ids, some_texts, tree, threshold=CONFIDENT, seed=seed)
    if _share_confident(sorted_in) < AHEAD * clear:
        return Proposed(found, "", clear)
    return Proposed(TopicTree(name=name, roots=_prune(tree, sorted_in)), template, clear)


def _share_confident(assignments: Sequence[Assignment]) -> float:
    sure = sum(one.confidence >= CONFIDENT and one.topic_id is not None for one in assignments)
    return sure / len(assignments)


def find_template(texts: Sequence[str], *, hints: str = "") -> str | None:
    """Find the one template whose keywords the texts use; None when none stands out.

    A template that the hints (the dataset's name, the goal) name counts half as much again.
    """
    folded = [f" {re.sub(r'[^a-z0-9_]+', ' ', text.casefold())} " for text in texts]
    measured = {name: _measure(name, folded) for name in list_templates() if name not in UNSPECIFIC}
    named = {name: NAMED if _names(hints, name) else 1.0 for name in measured}
    weight = {name: one.twice * named[name] for name, one in measured.items()}
    ranked = sorted(weight, key=lambda name: -weight[name])
    best = measured[ranked[0]]
    ahead = weight[ranked[0]] >= AHEAD * weight[ranked[1]]
    fits = best.once >= SPOKEN and ahead and best.spread >= SPREAD
    return ranked[0] if fits else None


def _names(hints: str, template: str) -> bool:
    return any(word in hints.casefold() for word in re.findall(r"[a-z]{5,}", template))


class _Measured(NamedTuple):
    once: float
    """Share of texts with a keyword of some leaf."""
    twice: float
    """Share of texts with two keywords of one leaf."""
    spread: float


def _measure(template: str, folded: Sequence[str]) -> _Measured:
    words = {
        leaf.id: [f" {keyword.casefold()}" for keyword in leaf.keywords]
        for leaf in leaves(load_template(template))
    }
    best = [
        max((sum(word in text for word in some), leaf) for leaf, some in words.items()) for text in folded
    ]
    total = len(folded)
    counts = Counter(leaf for hits, leaf in best if hits)
    shares = [count / max(1, sum(counts.values())) for count in counts.values()]
    return _Measured(
        once=sum(hits >= 1 for hits, _ in best) / total,
        twice=sum(hits >= 2 for hits, _ in best) / total,
        spread=math.exp(-sum(share * math.log(share) for share in shares)),
    )


def _prune(tree: TopicTree, assignments: Sequence[Assignment]) -> tuple[Topic, ...]:
    """Leave out leaves that hardly any record goes to, and note the share of the others."""
    counts = Counter(one.topic_id for one in assignments)
    kept = [_keep(topic, counts, len(assignments)) for topic in tree.roots]
    return tuple(topic for topic in kept if topic is not None)


def _keep(topic: Topic, counts: Counter[str | None], total: int) -> Topic | None:
    if not topic.children:
        share = counts[topic.id] / total
        return topic.model_copy(update={"share": share}) if share >= PRESENT else None
    kept = [child for child in (_keep(child, counts, total) for child in topic.children) if child]
    if not kept:
        return None
    share = sum(child.share for child in kept)
    return topic.model_copy(update={"children": tuple(kept), "share": share})
