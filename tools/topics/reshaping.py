"""Rebuild a tree with one topic added, replaced, merged or taken out."""

from collections.abc import Callable, Sequence

from lucy.errors import InputError
from lucy.tools.topics.tree import TopicTree, find_topic, iterate, make_topic_id
from lucy.tools.vocabulary import Topic

MOST_KEYWORDS = 16
"""Keywords and examples kept when topics are united."""

Change = Callable[[Topic], Sequence[Topic]]
"""What stands in the place of a topic: itself changed, several, or nothing."""


def require_topic(tree: TopicTree, topic_id: str) -> Topic:
    """Give the topic with an id.

    Raises:
        InputError: The tree has no such topic.
    """
    topic = find_topic(tree, topic_id)
    if topic is None:
        raise InputError(f"There is no topic with id {topic_id!r}; use an id of the current tree.")
    return topic


def rebuild(tree: TopicTree, change: Change) -> TopicTree:
    """Put every topic through a change, children before their parent."""
    return tree.model_copy(update={"roots": _rebuild(tree.roots, change)})


def _rebuild(topics: Sequence[Topic], change: Change) -> tuple[Topic, ...]:
    result: list[Topic] = []
    for topic in topics:
        result.extend(change(topic.model_copy(update={"children": _rebuild(topic.children, change)})))
    return tuple(result)


def replace_topic(tree: TopicTree, topic_id: str, change: Callable[[Topic], Topic]) -> TopicTree:
    """Change one topic."""
    return rebuild(tree, lambda topic: [change(topic) if topic.id == topic_id else topic])


def take_out(tree: TopicTree, topic_ids: Sequence[str], *, drop_emptied: bool) -> TopicTree:
    """Take topics out with all below them; parents left without children go too, or become leaves."""

    def change(topic: Topic) -> list[Topic]:
        if topic.id in topic_ids:
            return []
        had_children = any(child.id in topic_ids for child in require_topic(tree, topic.id).children)
        return [] if drop_emptied and had_children and not topic.children else [topic]

    return rebuild(tree, change)


def put_under(tree: TopicTree, parent_id: str | None, topic: Topic) -> TopicTree:
    """Put a topic last below a parent, or last among the roots.

    A parent that was a leaf with records gets a second child that stands for what it was, since records
    live in leaves only.
    """
    if parent_id is None:
        return tree.model_copy(update={"roots": (*tree.roots, topic)})
    parent = require_topic(tree, parent_id)
    kept = parent.children or _make_rest(tree, parent)
    return replace_topic(tree, parent_id, lambda found: found.model_copy(update={"children": (*kept, topic)}))


def _make_rest(tree: TopicTree, parent: Topic) -> tuple[Topic, ...]:
    if not parent.share and not parent.examples:
        return ()
    name = f"Other {parent.name}"
    topic_id = make_topic_id(name, {topic.id for topic in iterate(tree)})
    return (parent.model_copy(update={"id": topic_id, "name": name}),)


def unite(topics: Sequence[Topic], name: str) -> Topic:
    """Make one topic of several: the first one's id, everything else joined, same-named children united."""
    return topics[0].model_copy(
        update={
            "name": name,
            "description": " ".join(
                dict.fromkeys(topic.description for topic in topics if topic.description)
            ),
            "keywords": _join([topic.keywords for topic in topics]),
            "examples": _join([topic.examples for topic in topics]),
            "share": min(1.0, sum(topic.share for topic in topics)),
            "children": _unite_children([child for topic in topics for child in topic.children]),
        }
    )


def _unite_children(children: Sequence[Topic]) -> tuple[Topic, ...]:
    by_name: dict[str, list[Topic]] = {}
    for child in children:
        by_name.setdefault(child.name.casefold(), []).append(child)
    return tuple(unite(same, same[0].name) if len(same) > 1 else same[0] for same in by_name.values())


def _join(lists: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Join lists without repeats, taking turns, so that each is represented."""
    longest = max((len(each) for each in lists), default=0)
    turns = [each[place] for place in range(longest) for each in lists if place < len(each)]
    return tuple(dict.fromkeys(turns))[:MOST_KEYWORDS]
