"""Change a topic tree: add, rename, merge, move, split, remove and lock topics.

A change never loses records silently: where a topic that holds records gets its first sub-topic, what it held
goes on as a sub-topic of its own. Ids of the topics that stay are kept, and a topic that others were merged
into knows their ids. Neither the results nor the locks are checked here.
"""

import re
from collections.abc import Callable, Sequence

from lucy.errors import InputError
from lucy.tools.topics.tree import TopicTree, find_topic, iterate, make_topic_id, path_of
from lucy.tools.vocabulary import Topic


def add_topic(tree: TopicTree, name: str, parent_id: str | None) -> TopicTree:
    """Add a topic last below a parent, or at the top."""
    topic = Topic(id=_make_id(tree, name, parent_id), name=name)
    return _put(tree, topic, parent_id)


def rename_topic(tree: TopicTree, topic_id: str, name: str) -> TopicTree:
    """Give a topic another name."""
    _need(tree, topic_id)
    return _update(tree, topic_id, lambda topic: topic.model_copy(update={"name": name}))


def remove_topic(tree: TopicTree, topic_id: str) -> TopicTree:
    """Take out a topic and everything below it; a group that loses its last sub-topic stays."""
    _need(tree, topic_id)
    return _without(tree, (topic_id,), drop_emptied=False)


def lock_topic(tree: TopicTree, topic_id: str, *, locked: bool) -> TopicTree:
    """Lock a topic, or unlock it with all below it, so that nothing in it stays locked."""
    _need(tree, topic_id)
    if locked:
        return _update(tree, topic_id, lambda topic: topic.model_copy(update={"locked": True}))
    return _update(tree, topic_id, _unlock)


def _unlock(topic: Topic) -> Topic:
    return topic.model_copy(update={"locked": False, "children": tuple(map(_unlock, topic.children))})


def move_topic(tree: TopicTree, topic_id: str, parent_id: str | None) -> TopicTree:
    """Put a topic last below another parent, or at the top; a group that this empties goes."""
    topic = _need(tree, topic_id)
    if parent_id is not None:
        parent = _need(tree, parent_id)
        if any(below.id == parent.id for below in iterate(TopicTree(roots=(topic,)))):
            raise InputError(f"{topic.name!r} cannot be moved below itself; choose another parent.")
        if any(child.id == topic.id for child in parent.children):
            return tree
    emptied = [one.id for one in iterate(tree) if [child.id for child in one.children] == [topic.id]]
    rest = _without(tree, (topic.id,), drop_emptied=False)
    placed = _put(rest, topic, parent_id)
    return _without(placed, emptied, drop_emptied=True)


def split_topic(tree: TopicTree, topic_id: str, names: Sequence[str]) -> TopicTree:
    """Give a topic new sub-topics that its records are to be sorted into."""
    if len(names) < 2:
        raise InputError("A topic is split into two or more; name them all.")
    topic = _need(tree, topic_id)
    made = tuple(Topic(id=_make_id(tree, name, topic.id), name=name) for name in names)
    return _update(tree, topic_id, lambda old: old.model_copy(update={"children": (*old.children, *made)}))


def merge_topics(tree: TopicTree, topic_ids: Sequence[str], name: str = "") -> TopicTree:
    """Make one topic of several, with all their keywords, examples, shares and sub-topics.

    The first keeps its id and place (the first with sub-topics, if any has some). Topics without
    sub-topics become sub-topics of it then. The ids of all that go, and what these had absorbed, are kept
    in `absorbed` of the topic that takes their place. A group that is left without sub-topics goes.
    """
    parts = [_need(tree, topic_id) for topic_id in dict.fromkeys(topic_ids)]
    if len(parts) < 2:
        raise InputError("Merging takes two or more different topics; name them all.")
    inside = {below.id for part in parts for below in iterate(TopicTree(roots=part.children))}
    outer = [part for part in parts if part.id not in inside]
    whole = _unite(outer, [part for part in parts if part.id in inside])
    whole = whole.model_copy(update={"name": name or join_names([part.name for part in parts])})
    rest = _without(tree, [part.id for part in outer if part.id != whole.id], drop_emptied=True)
    return _update(rest, whole.id, lambda _: whole)


def join_names(names: Sequence[str]) -> str:
    """Join names into one: "Informational" and "Relationship" give "Information & Relationship"."""
    shortened = list(dict.fromkeys(re.sub(r"ional$", "ion", name) for name in names))
    if len(shortened) < 2:
        return names[0]
    last = shortened[0].split()[-1]
    if len(shortened) == 2 and last == shortened[1].split()[-1] and len(shortened[0].split()) > 1:
        return f"{shortened[0].removesuffix(last).strip()} & {shortened[1]}"
    return f"{', '.join(shortened[:-1])} & {shortened[-1]}"


def _need(tree: TopicTree, topic_id: str) -> Topic:
    topic = find_topic(tree, topic_id)
    if topic is None:
        raise InputError(
            f"There is no topic with id {topic_id!r} in the tree; use an id of the current tree."
        )
    return topic


def _make_id(tree: TopicTree, name: str, parent_id: str | None) -> str:
    path = f"{path_of(tree, parent_id)}/{name}" if parent_id else name
    # An absorbed id is taken too: a new topic with it would draw what belongs to the merged one.
    taken = {taken for topic in iterate(tree) for taken in (topic.id, *topic.absorbed)}
    return make_topic_id(path, taken)


def _update(tree: TopicTree, topic_id: str, change: Callable[[Topic], Topic]) -> TopicTree:
    """Replace one topic, wherever it stands."""

    def visit(topic: Topic) -> Topic:
        if topic.id == topic_id:
            return change(topic)
        return topic.model_copy(update={"children": tuple(map(visit, topic.children))})

    return tree.model_copy(update={"roots": tuple(map(visit, tree.roots))})


def _without(tree: TopicTree, gone: Sequence[str], *, drop_emptied: bool) -> TopicTree:
    """Leave out topics, and the groups this empties if asked."""

    def visit(topics: tuple[Topic, ...]) -> tuple[Topic, ...]:
        kept: list[Topic] = []
        for topic in topics:
            children = visit(topic.children)
            if topic.id in gone or (drop_emptied and topic.children and not children):
                continue
            kept.append(topic.model_copy(update={"children": children}))
        return tuple(kept)

    return tree.model_copy(update={"roots": visit(tree.roots)})


def _put(tree: TopicTree, topic: Topic, parent_id: str | None) -> TopicTree:
    """Put a topic last below a parent; what the parent held itself becomes a sub-topic."""
    if parent_id is None:
        return tree.model_copy(update={"roots": (*tree.roots, topic)})
    rest = _keep_own_records(tree, _need(tree, parent_id))

    def adopt(parent: Topic) -> Topic:
        return parent.model_copy(update={"children": (*parent.children, *rest, topic)})

    return _update(tree, parent_id, adopt)


def _keep_own_records(tree: TopicTree, parent: Topic) -> tuple[Topic, ...]:
    if parent.children or parent.share <= 0:
        return ()
    name = parent.name if parent.name.startswith("Other ") else f"Other {parent.name}"
    return (parent.model_copy(update={"id": _make_id(tree, name, parent.id), "name": name}),)


def _unite(topics: Sequence[Topic], dissolved: Sequence[Topic] = ()) -> Topic:
    """Make one topic of several; `dissolved` ones already stand below them and lose their own place."""
    gone = {topic.id for topic in dissolved}
    groups = [topic for topic in topics if topic.children]
    first, *others = [*groups, *(topic for topic in topics if not topic.children)]
    children = [child for group in groups for child in group.children]
    if groups:
        children += [topic for topic in topics if not topic.children]
    kept = [below for child in children for below in ((child,) if child.id not in gone else child.children)]
    gone_topics = [*(topic for topic in others if topic.children or not groups), *dissolved]
    return first.model_copy(
        update={
            "description": " ".join(
                dict.fromkeys(topic.description for topic in topics if topic.description)
            ),
            "keywords": _unite_words([topic.keywords for topic in (first, *others, *dissolved)]),
            "examples": _unite_words([topic.examples for topic in (first, *others, *dissolved)]),
            "share": sum(topic.share for topic in topics),
            "absorbed": _list_absorbed(first, gone_topics),
            "children": _unite_namesakes(kept),
        }
    )


def _list_absorbed(first: Topic, others: Sequence[Topic]) -> tuple[str, ...]:
    ids = (*first.absorbed, *(taken for topic in others for taken in (topic.id, *topic.absorbed)))
    return tuple(dict.fromkeys(ids))


def _unite_namesakes(children: Sequence[Topic]) -> tuple[Topic, ...]:
    named: dict[str, list[Topic]] = {}
    for child in children:
        named.setdefault(" ".join(child.name.split()).casefold(), []).append(child)
    return tuple(_unite(group) if len(group) > 1 else group[0] for group in named.values())


def _unite_words(lists: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Take the firsts of all lists, then the seconds, and so on; each word once."""
    longest = max(map(len, lists))
    return tuple(
        dict.fromkeys(words[place] for place in range(longest) for words in lists if place < len(words))
    )


def add_up_shares(topics: tuple[Topic, ...]) -> tuple[Topic, ...]:
    """Make every group's share the sum of its sub-topics' shares, where these are known."""
    summed: list[Topic] = []
    for topic in topics:
        children = add_up_shares(topic.children)
        share = sum(child.share for child in children)
        is_known = share > 0 and abs(share - topic.share) > 1e-9
        summed.append(
            topic.model_copy(update={"children": children, **({"share": share} if is_known else {})})
        )
    return tuple(summed)
