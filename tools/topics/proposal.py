"""Choose the hierarchy to propose: the groups found in the records, or a template that they speak like.

Groups found in the records are clear where many records say similar things. Where every record is worded
differently they are not, and other groups would do as well; then a template of the domain that the
dataset's name or the goal names, and whose words the records use, says more to a person.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from lucy.tools.categories.sorting import categorize
from lucy.tools.topics.discovery import discover
from lucy.tools.topics.templates import list_templates, load_template
from lucy.tools.topics.tree import TopicTree, leaves
from lucy.tools.vocabulary import Assignment, Progress, Topic, ignore_progress

UNCLEAR = 0.5
"""Clarity of the groups found below which a template is looked for."""
SPOKEN = 0.6
"""Share of records that must use a keyword of the template."""
SPREAD = 5.0
"""Leaves that the records must spread over at least: the exponential of the shares' entropy."""
PRESENT = 0.02
"""Share of records that a leaf of a template needs to be kept."""
LOOKED_AT = 2000
"""Records that are looked at to compare."""


class Proposed(NamedTuple):
    """The hierarchy to propose and where it comes from."""

    tree: TopicTree
    template: str
    """Name of the template; empty for groups found in the records."""
    reason: str
    """Why there are as many topics, in a sentence; empty for a template."""


def propose_topics(
    ids: Sequence[str],
    texts: Sequence[str],
    *,
    goal: str,
    name: str,
    seed: int = 0,
    progress: Progress = ignore_progress,
) -> Proposed:
    """Find topics, or take a fitting template where what was found are no clear groups.

    Args:
        ids: Ids of the records.
        texts: Their user messages, in the same order.
        goal: The training goal; steers the search.
        name: Label of the tree's root.
        seed: Of the search.
        progress: Reported to during the search.
    """
    found = discover(ids, texts, goal=goal, name=name, seed=seed, progress=progress)
    stride = max(1, len(ids) // LOOKED_AT)
    template = (
        find_template(texts[::stride], hints=f"{name} {goal}") if found.chosen.clarity < UNCLEAR else None
    )
    if template is None:
        return Proposed(found.tree, "", found.reason)
    tree = load_template(template)
    assigned = categorize(ids[::stride], texts[::stride], tree, seed=seed)
    roots = _prune(tree, assigned)
    # Nothing fits it after all: what was found in the records says more.
    return (
        Proposed(TopicTree(name=name, roots=roots), template, "")
        if roots
        else Proposed(found.tree, "", found.reason)
    )


def find_template(texts: Sequence[str], *, hints: str) -> str | None:
    """Find the template that the hints name and whose keywords the texts use, if there is one."""
    folded = [f" {re.sub(r'[^a-z0-9_]+', ' ', text.casefold())} " for text in texts]
    for template in list_templates():
        words = re.findall(r"[a-z]{5,}", template)
        if any(word in hints.casefold() for word in words) and _speaks(template, folded):
            return template
    return None


def _speaks(template: str, folded: Sequence[str]) -> bool:
    """Tell whether most texts use words of the template, spread over its leaves."""
    found = leaves(load_template(template))
    words = {leaf.id: [f" {keyword.casefold()}" for keyword in leaf.keywords] for leaf in found}
    best = [
        max((sum(word in text for word in some), leaf) for leaf, some in words.items()) for text in folded
    ]
    counts = Counter(leaf for hits, leaf in best if hits)
    total = sum(counts.values())
    shares = [count / total for count in counts.values()]
    spread = math.exp(-sum(share * math.log(share) for share in shares))
    return total >= SPOKEN * len(folded) and spread >= SPREAD


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
