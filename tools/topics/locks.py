"""Keep locked topics as they are: refuse edits of them, and carry them over into another tree."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lucy.errors import InputError
from lucy.tools.topics.edit_kinds import LockTopic, MoveTopic, TreeEdit
from lucy.tools.topics.tree import TopicTree, check_tree, find_topic, iterate, make_topic_id
from lucy.tools.vocabulary import Topic


class Locked(NamedTuple):
    """A locked topic and where it stands."""

    topic: Topic
    above: tuple[Topic, ...]
    """Its groups, the root first; none of them is locked."""
    place: int
    """Number of the root that it stands in, from 0."""


def list_locked(tree: TopicTree) -> list[Locked]:
    """Give the locked topics that stand in no locked topic, in drawing order."""
    return [found for place, root in enumerate(tree.roots) for found in _search(root, above=(), place=place)]


def _search(topic: Topic, *, above: tuple[Topic, ...], place: int) -> Iterator[Locked]:
    if topic.locked:
        yield Locked(topic, above, place)
        return
    for child in topic.children:
        yield from _search(child, above=(*above, topic), place=place)


def list_locked_ids(tree: TopicTree) -> set[str]:
    """Give the ids of all topics that are locked or stand in a locked one, absorbed ids included."""
    return {topic_id for locked in list_locked(tree) for topic_id in _list_ids(locked.topic)}


def _list_ids(topic: Topic) -> set[str]:
    return {one for below in iterate(TopicTree(roots=(topic,))) for one in (below.id, *below.absorbed)}


def check_locks(before: TopicTree, after: TopicTree, edit: TreeEdit) -> None:
    """Refuse an edit that changes a locked topic or what stands below it, or that moves it.

    Renaming, merging or moving an unlocked group that a locked topic stands in is allowed.

    Raises:
        InputError: It does.
    """
    for topic, _, _ in list_locked(before):
        if isinstance(edit, LockTopic):
            if edit.topic_id != topic.id and edit.topic_id in _list_ids(topic):
                raise InputError(f"That topic is locked with {topic.name!r}; lock or unlock {topic.name!r}.")
            continue
        is_moved = isinstance(edit, MoveTopic) and edit.topic_id == topic.id
        kept = find_topic(after, topic.id)
        if is_moved or kept is None or _without_shares(kept) != _without_shares(topic):
            raise InputError(f"The topic {topic.name!r} is locked; unlock it first.")


def _without_shares(topic: Topic) -> Topic:
    children = tuple(map(_without_shares, topic.children))
    return topic.model_copy(update={"share": 0.0, "children": children})


def merge_locked(old: TopicTree, new: TopicTree, *, rest: float = 1.0) -> TopicTree:
    """Put the locked topics of the old tree into the new one, each in the groups that it stood in.

    A locked topic stays as it is, with all below it. Its groups are those of the new tree with the same name
    in the same place, else the old ones without their other topics; either way they keep their old ids. A
    new topic that has the name of a locked one beside it is called "Other ...", one that has its id gets
    another. Shares of the new topics are multiplied by `rest`, the share of the records that they were found
    in.

    Raises:
        InputError: The whole would have too many topics.
    """
    locked = list_locked(old)
    if not locked:
        return new
    kept = {one for place in locked for part in place.above for one in (part.id, *part.absorbed)}
    kept |= list_locked_ids(old)
    roots = _renew(new.roots, kept=kept, path="", rest=rest)
    for one in locked:
        roots = _insert(roots, [*one.above, one.topic], place=one.place)
    tree = new.model_copy(update={"roots": roots})
    check_tree(tree)
    return tree


def _renew(topics: Sequence[Topic], *, kept: set[str], path: str, rest: float) -> tuple[Topic, ...]:
    """Scale the shares of new topics, and give those another id whose id an old topic keeps."""
    renewed: list[Topic] = []
    for topic in topics:
        below = f"{path}/{topic.name}" if path else topic.name
        topic_id = make_topic_id(f"new {below}", kept) if topic.id in kept else topic.id
        kept.add(topic_id)
        children = _renew(topic.children, kept=kept, path=below, rest=rest)
        renewed.append(
            topic.model_copy(update={"id": topic_id, "share": topic.share * rest, "children": children})
        )
    return tuple(renewed)


def _insert(siblings: tuple[Topic, ...], chain: Sequence[Topic], *, place: int) -> tuple[Topic, ...]:
    """Put the last topic of a chain below the others of it, which are found by name or made."""
    head, *below = chain
    twin = next((index for index, one in enumerate(siblings) if _fold(one) == _fold(head)), None)
    if not below:
        others = siblings if twin is None else _rename(siblings, twin)
        return (*others[:place], head, *others[place:])
    if twin is None:
        group = head.model_copy(update={"share": 0.0, "children": ()})
        place = min(place, len(siblings))
        siblings, twin = (*siblings[:place], group, *siblings[place:]), place
    group = siblings[twin]
    if group.locked or (not group.children and group.share > 0):
        # A new leaf with the name of an old group: its records stay a topic beside that group.
        siblings = _rename(siblings, twin)
        return _insert(siblings, chain, place=place)
    children = _insert(group.children, below, place=len(group.children))
    changed = group.model_copy(
        update={"id": head.id, "absorbed": head.absorbed, "share": _add_up(children), "children": children}
    )
    return (*siblings[:twin], changed, *siblings[twin + 1 :])


def _add_up(children: Sequence[Topic]) -> float:
    return sum(child.share for child in children)


def _rename(siblings: tuple[Topic, ...], place: int) -> tuple[Topic, ...]:
    """Call a topic "Other ...", as often as it takes to be told from its siblings."""
    topic = siblings[place]
    names = {_fold(one) for one in siblings}
    name = f"Other {topic.name}"
    while " ".join(name.split()).casefold() in names:
        name = f"Other {name}"
    return (*siblings[:place], topic.model_copy(update={"name": name}), *siblings[place + 1 :])


def _fold(topic: Topic) -> str:
    return " ".join(topic.name.split()).casefold()
