"""Read, find, check and draw the nodes of a topic tree."""

from collections.abc import Iterator, Mapping

from pydantic import BaseModel, ConfigDict

from lucy.errors import InputError, NotFoundError
from lucy.tools.vocabulary import Topic

MAX_LEVELS = 3
MAX_TOPICS = 500
CLOSE_ENOUGH = 85.0
"""Similarity from 0 to 100 (rapidfuzz's weighted ratio) from which a misspelt name is taken for a topic's."""


class TopicTree(BaseModel):
    """The topics that records are sorted into; only the leaves hold records."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = ""
    """Label of the root, such as the dataset's name."""
    roots: tuple[Topic, ...] = ()


def iterate(tree: TopicTree) -> Iterator[Topic]:
    """Go through all topics, a parent before its children, in order."""
    stack = list(reversed(tree.roots))
    while stack:
        topic = stack.pop()
        yield topic
        stack.extend(reversed(topic.children))


def leaves(tree: TopicTree) -> list[Topic]:
    """List the topics without children, in order."""
    return [topic for topic in iterate(tree) if not topic.children]


def find_topic(tree: TopicTree, topic_id: str) -> Topic:
    """Find a topic by its id.

    Raises:
        NotFoundError: no topic has it.
    """
    for topic in iterate(tree):
        if topic.id == topic_id:
            return topic
    raise NotFoundError(f"There is no topic with the id {topic_id!r} in the tree.")


def find_by_name(tree: TopicTree, words: str) -> Topic | None:
    """Find the one topic that words name: exactly, by its beginning, or nearly; None when unclear."""
    from rapidfuzz import fuzz, process

    said = " ".join(words.split()).strip("\"'").casefold()
    named = [(topic.name.casefold(), topic) for topic in iterate(tree)]
    for matches in (
        [topic for name, topic in named if name == said],
        [topic for name, topic in named if said and name.startswith(said)],
    ):
        if len(matches) == 1:
            return matches[0]
    names = [name for name, _ in named]
    found = process.extract(said, names, scorer=fuzz.WRatio, score_cutoff=CLOSE_ENOUGH, limit=2)
    if not found or (len(found) == 2 and found[0][1] - found[1][1] < 1.0):
        return None
    return named[found[0][2]][1]


def path_of(tree: TopicTree, topic_id: str) -> str:
    """Give a topic's path, `A/B`.

    Raises:
        NotFoundError: no topic has that id.
    """
    path = _find_path(tree.roots, topic_id)
    if path is None:
        raise NotFoundError(f"There is no topic with the id {topic_id!r} in the tree.")
    return "/".join(topic.name for topic in path)


def _find_path(topics: tuple[Topic, ...], topic_id: str) -> list[Topic] | None:
    for topic in topics:
        if topic.id == topic_id:
            return [topic]
        below = _find_path(topic.children, topic_id)
        if below is not None:
            return [topic, *below]
    return None


def check_tree(tree: TopicTree) -> None:
    """Refuse a tree that records cannot be sorted into.

    Raises:
        InputError: no topic, too many, too deep, an empty or a repeated name, a repeated id.
    """
    topics = list(iterate(tree))
    if not topics:
        raise InputError("The hierarchy has no topic; give at least one.")
    if len(topics) > MAX_TOPICS:
        raise InputError(f"The hierarchy has {len(topics):,} topics; at most {MAX_TOPICS} can be used.")
    if len({topic.id for topic in topics}) < len(topics):
        raise InputError("The hierarchy uses one id for two topics; give each topic an id of its own.")
    _check_level(tree.roots, level=1)


def _check_level(topics: tuple[Topic, ...], *, level: int) -> None:
    if topics and level > MAX_LEVELS:
        raise InputError(f"The hierarchy is deeper than {MAX_LEVELS} levels at {topics[0].name!r}.")
    seen: set[str] = set()
    for topic in topics:
        name = topic.name.strip().casefold()
        if not name:
            raise InputError("The hierarchy has a topic without a name; name every topic.")
        if name in seen:
            raise InputError(
                f"The hierarchy names {topic.name!r} twice under one parent; rename or merge one."
            )
        seen.add(name)
        _check_level(topic.children, level=level + 1)


def draw_tree(tree: TopicTree, marks: Mapping[str, str] | None = None) -> str:
    """Draw the tree as text; `marks` adds a word behind the topics with those ids."""
    lines = [tree.name] if tree.name else []
    lines += _draw(tree.roots, "", marks or {})
    return "\n".join(lines)


def _draw(topics: tuple[Topic, ...], indent: str, marks: Mapping[str, str]) -> list[str]:
    lines: list[str] = []
    for topic in topics:
        last = topic is topics[-1]
        mark = f" ← {marks[topic.id]}" if topic.id in marks else ""
        lines.append(f"{indent}{'└── ' if last else '├── '}{topic.name}{mark}")
        lines += _draw(topic.children, indent + ("    " if last else "│   "), marks)
    return lines
