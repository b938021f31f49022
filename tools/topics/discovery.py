"""Find the topics of a dataset and build a named tree of them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lucy.errors import InputError
from lucy.tools.topics.clustering import assign_nearest, group_points
from lucy.tools.topics.features import FIT_LIMIT, Lens, TextSpace, fit_space
from lucy.tools.topics.naming import Label, Profile, name_groups, name_topics, profile_topics
from lucy.tools.topics.tree import TopicTree, check_tree, make_topic_id
from lucy.tools.topics.wordcounts import WordCounts
from lucy.tools.topics.words import Family, drop_boilerplate
from lucy.tools.vocabulary import Progress, Topic, ignore_progress

EXAMPLES = 5
"""Typical records kept per topic."""

_BATCH = 2000

_FAMILIES: dict[Family, str] = {
    "information": "Informational",
    "transaction": "Transactional",
    "problem": "Problem Resolution",
    "relationship": "Relationship",
}
"""Roots of an intent tree, in drawing order."""


class _Placed(NamedTuple):
    """Where the records of a dataset ended up."""

    leaf: NDArray[np.intp]
    """Leaf number per record."""
    closeness: NDArray[np.float64]
    """Cosine of each record to its leaf's center."""


class _Draft(NamedTuple):
    """A leaf before it is put into the tree."""

    label: Label
    profile: Profile
    size: int
    """Records in it."""
    examples: tuple[str, ...]


class _Group(NamedTuple):
    """A named set of leaves; one leaf alone stands in the tree without it."""

    label: Label
    leaves: list[_Draft]


def discover_topics(
    ids: Sequence[str],
    texts: Sequence[str],
    *,
    goal: str = "",
    name: str = "",
    max_leaves: int | None = None,
    seed: int = 0,
    progress: Progress = ignore_progress,
    lens: Lens = "content",
) -> TopicTree:
    """Find topics in texts and arrange them in a tree of one or two levels below the root.

    A space and clusters are fitted on at most `FIT_LIMIT` texts and the rest is placed by them, so time
    grows linearly. The number of leaves follows from the data (see `group_points`), up to `max_leaves`. The
    goal's words count half as much again. The lens `intent` gives the words for requests and problems more
    weight than subjects, and groups the leaves by the kind of request.

    It does not understand meaning: two ways to say a thing that share no word, and two languages, end up in
    different topics.

    Raises:
        InputError: No texts, or not as many ids as texts.
    """
    if not texts or len(ids) != len(texts):
        raise InputError(f"Topics need as many ids as texts, at least one; got {len(ids)} and {len(texts)}.")
    rows = _choose_sample(len(texts), seed)
    originals = [texts[row] for row in rows]
    sample = drop_boilerplate(originals)
    space = fit_space(sample, goal=goal, lens=lens, seed=seed)
    grouping = group_points(space.place(sample), max_leaves=max_leaves, seed=seed, progress=progress)
    placed = _place_all(texts, space, grouping.centers, progress)
    counts = WordCounts(sample, originals)
    members = np.eye(len(grouping.centers))[placed.leaf[rows]]
    drafts = _draft_leaves(ids, placed, counts, members, groups=grouping.groups, lens=lens)
    groups = (
        _group_by_family(drafts) if lens == "intent" else _group(counts, members, drafts, grouping.groups)
    )
    tree = TopicTree(roots=_build_roots(groups, len(texts)), name=name)
    check_tree(tree)
    return tree


def _choose_sample(count: int, seed: int) -> list[int]:
    """Give the rows to fit on, in order: all of a small dataset, a random `FIT_LIMIT` of a large one."""
    if count <= FIT_LIMIT:
        return list(range(count))
    chosen: list[int] = np.random.default_rng(seed).choice(count, FIT_LIMIT, replace=False).tolist()
    return sorted(chosen)


def _place_all(
    texts: Sequence[str], space: TextSpace, centers: NDArray[np.float64], progress: Progress
) -> _Placed:
    leaf = np.zeros(len(texts), dtype=np.intp)
    closeness = np.zeros(len(texts))
    for start in range(0, len(texts), _BATCH):
        progress("Placing records", start, len(texts))
        points = space.place(texts[start : start + _BATCH])
        nearest = assign_nearest(points, centers)
        leaf[start : start + _BATCH] = nearest
        closeness[start : start + _BATCH] = np.sum(points * centers[nearest], axis=1)
    progress("Placing records", len(texts), len(texts))
    return _Placed(leaf, closeness)


def _draft_leaves(
    ids: Sequence[str],
    placed: _Placed,
    counts: WordCounts,
    members: NDArray[np.float64],
    *,
    groups: NDArray[np.intp],
    lens: Lens,
) -> list[_Draft]:
    """Name and describe the leaves, each measured against its siblings in the group."""
    siblings = (groups[:, None] == groups) & ~np.eye(len(groups), dtype=bool)
    profiles = profile_topics(counts, members, siblings.astype(np.float64))
    sizes: list[int] = np.bincount(placed.leaf, minlength=len(groups)).tolist()
    labels = name_topics(counts, profiles, sizes=sizes, lens=lens)
    examples = [_choose_examples(ids, placed, leaf) for leaf in range(len(groups))]
    return [_Draft(*parts) for parts in zip(labels, profiles, sizes, examples, strict=True)]


def _choose_examples(ids: Sequence[str], placed: _Placed, leaf: int) -> tuple[str, ...]:
    rows = np.flatnonzero(placed.leaf == leaf)
    nearest: list[int] = rows[np.argsort(-placed.closeness[rows], kind="stable")][:EXAMPLES].tolist()
    return tuple(ids[row] for row in nearest)


def _group(
    counts: WordCounts, members: NDArray[np.float64], drafts: Sequence[_Draft], groups: NDArray[np.intp]
) -> list[_Group]:
    """Put the leaves into their groups, largest first, and name the groups."""
    together = np.eye(int(groups.max()) + 1)[groups]
    profiles = profile_topics(counts, members @ together)
    sets: list[list[_Draft]] = [[] for _ in profiles]
    for draft, group in sorted(zip(drafts, groups.tolist(), strict=True), key=lambda pair: -pair[0].size):
        sets[group].append(draft)
    labels = name_groups(
        counts,
        profiles,
        leaves=[[leaf.profile for leaf in leaves] for leaves in sets],
        taken=[draft.label.name for draft in drafts],
    )
    found = [_Group(*parts) for parts in zip(labels, sets, strict=True)]
    return sorted(found, key=lambda group: -sum(leaf.size for leaf in group.leaves))


def _group_by_family(drafts: Sequence[_Draft]) -> list[_Group]:
    """Put leaves under what the person is after; a leaf without a request is a question."""
    sets: dict[Family, list[_Draft]] = {family: [] for family in _FAMILIES}
    for draft in sorted(drafts, key=lambda draft: -draft.size):
        requests = draft.profile.requests
        sets[requests[0].action.family if requests else "information"].append(draft)
    return [
        _Group(
            Label(_FAMILIES[family], f"Conversations of the kind: {_FAMILIES[family].lower()}.", ()), leaves
        )
        for family, leaves in sets.items()
        if leaves
    ]


def _build_roots(groups: Sequence[_Group], total: int) -> tuple[Topic, ...]:
    taken: set[str] = set()
    return tuple(_build_root(group, total, taken) for group in groups)


def _build_root(group: _Group, total: int, taken: set[str]) -> Topic:
    if len(group.leaves) == 1:
        return _build_leaf(group.leaves[0], "", total, taken)
    topic_id = make_topic_id(group.label.name, taken)
    taken.add(topic_id)
    children = tuple(_build_leaf(leaf, f"{group.label.name}/", total, taken) for leaf in group.leaves)
    return Topic(
        id=topic_id,
        name=group.label.name,
        description=group.label.description,
        keywords=group.label.keywords,
        share=sum(leaf.size for leaf in group.leaves) / total,
        children=children,
    )


def _build_leaf(leaf: _Draft, above: str, total: int, taken: set[str]) -> Topic:
    topic_id = make_topic_id(above + leaf.label.name, taken)
    taken.add(topic_id)
    return Topic(
        id=topic_id,
        name=leaf.label.name,
        description=leaf.label.description,
        keywords=leaf.label.keywords,
        share=leaf.size / total,
        examples=leaf.examples,
    )
