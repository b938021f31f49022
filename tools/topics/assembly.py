"""Put named leaves together into a tree of up to three levels."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lucy.tools.topics.clustering import Grouping
from lucy.tools.topics.naming import Label, name_groups
from lucy.tools.topics.profiles import Profile, profile_topics
from lucy.tools.topics.tree import make_topic_id
from lucy.tools.topics.wordcounts import WordCounts
from lucy.tools.topics.words import Family, find_action, find_stem, split_words
from lucy.tools.vocabulary import Topic

_FAMILIES: dict[Family, str] = {
    "information": "Informational",
    "transaction": "Transactional",
    "problem": "Problem Resolution",
    "relationship": "Relationship",
}
"""Roots of an intent tree, in drawing order."""


class Draft(NamedTuple):
    """A leaf before it is put into the tree."""

    label: Label
    profile: Profile
    size: int
    """Records in it."""
    examples: tuple[str, ...]


class Group(NamedTuple):
    """A named set of leaves and groups; one member alone stands in the tree without it."""

    label: Label
    members: "list[Draft | Group]"
    is_heading: bool = False
    """It stands in the tree also with one member: the kinds of request, which people expect to find."""


def join_leaves(
    counts: WordCounts, members: NDArray[np.float64], drafts: Sequence[Draft], grouping: Grouping
) -> list[Group]:
    """Put the leaves into their parts, these into their groups, largest first, and name both."""
    taken = [draft.label.name for draft in drafts]
    # The groups come first: the plainest names belong to the top of the tree.
    group_labels = _name_sets(counts, members, drafts, numbers=grouping.groups, taken=taken)
    taken += [label.name for label in group_labels.values()]
    part_labels = _name_sets(counts, members, drafts, numbers=grouping.parts, taken=taken)
    found: list[Group] = []
    for group in range(int(grouping.groups.max()) + 1):
        parts: list[Draft | Group] = []
        for part in np.unique(grouping.parts[grouping.groups == group]).tolist():
            inside = [drafts[leaf] for leaf in np.flatnonzero(grouping.parts == part).tolist()]
            parts.append(_join(part_labels.get(part), inside))
        whole = _join(group_labels.get(group), parts)
        found.append(whole if isinstance(whole, Group) else Group(whole.label, [whole]))
    return sorted(found, key=_measure_size, reverse=True)


def _join(label: Label | None, members: "Sequence[Draft | Group]") -> "Draft | Group":
    """Make a group, largest member first; one member alone stays what it is."""
    if label is None or len(members) == 1:
        return members[0]
    return Group(label, sorted(members, key=_measure_size, reverse=True))


def _name_sets(
    counts: WordCounts,
    members: NDArray[np.float64],
    drafts: Sequence[Draft],
    *,
    numbers: NDArray[np.intp],
    taken: Sequence[str],
) -> dict[int, Label]:
    """Name each set of two leaves or more with the same number."""
    profiles = profile_topics(counts, members @ np.eye(int(numbers.max()) + 1)[numbers])
    sets = {number: np.flatnonzero(numbers == number).tolist() for number in range(len(profiles))}
    several = [number for number, leaves in sets.items() if len(leaves) > 1]
    inside = [
        sorted((drafts[leaf] for leaf in sets[number]), key=lambda draft: -draft.size) for number in several
    ]
    labels = name_groups(
        counts,
        [profiles[number] for number in several],
        leaves=[[(draft.label.name, draft.profile) for draft in some] for some in inside],
        taken=taken,
    )
    return dict(zip(several, labels, strict=True))


def _unwrap(thing: "Draft | Group") -> "Draft | Group":
    """Give the only member of a group that has but one."""
    while isinstance(thing, Group) and len(thing.members) == 1 and not thing.is_heading:
        thing = thing.members[0]
    return thing


def _list_drafts(thing: "Draft | Group") -> list[Draft]:
    if isinstance(thing, Draft):
        return [thing]
    return [draft for one in thing.members for draft in _list_drafts(one)]


def _measure_size(thing: "Draft | Group") -> int:
    return sum(draft.size for draft in _list_drafts(thing))


def join_by_family(drafts: Sequence[Draft]) -> list[Group]:
    """Put leaves under what the person is after; a leaf without a request is a question."""
    sets: dict[Family, list[Draft | Group]] = {family: [] for family in _FAMILIES}
    for draft in sorted(drafts, key=lambda draft: -draft.size):
        sets[_find_family(draft)].append(draft)
    return [
        Group(
            Label(_FAMILIES[family], f"Conversations of the kind: {_FAMILIES[family].lower()}.", ()),
            leaves,
            is_heading=True,
        )
        for family, leaves in sets.items()
        if leaves
    ]


def _find_family(draft: Draft) -> Family:
    """Tell what people are after in a leaf: by the request in its name, else the commonest one in it."""
    named = [action for word in split_words(draft.label.name) if (action := find_action(find_stem(word)))]
    asked = [request.action for request in draft.profile.requests]
    families: list[Family] = [action.family for action in [*named, *asked]]
    return families[0] if families else "information"


def build_roots(groups: Sequence[Group], total: int) -> tuple[Topic, ...]:
    """Make topics of groups; `total` is the number of all records."""
    taken: set[str] = set()
    return tuple(_build(group, "", total, taken) for group in groups)


def _build(thing: "Draft | Group", above: str, total: int, taken: set[str]) -> Topic:
    thing = _unwrap(thing)
    if isinstance(thing, Draft):
        return _build_leaf(thing, above, total, taken)
    topic_id = make_topic_id(above + thing.label.name, taken)
    taken.add(topic_id)
    path = f"{above}{thing.label.name}/"
    return Topic(
        id=topic_id,
        name=thing.label.name,
        description=thing.label.description,
        keywords=thing.label.keywords,
        share=_measure_size(thing) / total,
        children=tuple(_build(member, path, total, taken) for member in thing.members),
    )


def _build_leaf(leaf: Draft, above: str, total: int, taken: set[str]) -> Topic:
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
