"""Hold, search, check, draw and read trees of topics."""

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from lucy.errors import InputError
from lucy.tools.vocabulary import Topic

DEEPEST = 3
"""Levels a tree may have."""

MOST_TOPICS = 500
"""Topics a tree may have, all levels together."""

_CLOSE_ENOUGH = 80.0
"""Similarity of names, 0 to 100, from which a misspelt name is taken to mean a topic."""

_CLEARLY_AHEAD = 5.0
"""By how much the best match must beat the second; otherwise the name means neither."""


class TopicTree(BaseModel):
    """The topics of a dataset, at most three levels below the root."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    roots: tuple[Topic, ...]
    name: str = ""
    """Label above the roots, such as the dataset's name."""


def make_topic_id(path: str, taken: Collection[str] = ()) -> str:
    """Give a new id from a topic's path at its birth: the same path gives the same id, unless taken.

    Later renames and moves keep the id; it says nothing about the present name.
    """
    number = 1
    while True:
        seed = path if number == 1 else f"{path}#{number}"
        topic_id = f"t-{hashlib.sha256(seed.encode()).hexdigest()[:8]}"
        if topic_id not in taken:
            return topic_id
        number += 1


def iterate(tree: TopicTree) -> Iterator[Topic]:
    """Give every topic, each before its children, in drawing order."""
    waiting = list(reversed(tree.roots))
    while waiting:
        topic = waiting.pop()
        yield topic
        waiting.extend(reversed(topic.children))


def leaves(tree: TopicTree) -> list[Topic]:
    """Give the topics without children, to which records are assigned."""
    return [topic for topic in iterate(tree) if not topic.children]


def find_topic(tree: TopicTree, topic_id: str) -> Topic | None:
    """Give the topic with an id, if the tree has it."""
    return next((topic for topic in iterate(tree) if topic.id == topic_id), None)


def resolve_ids(tree: TopicTree) -> dict[str, str]:
    """Give, for each id of a topic that was merged into another, the id of the present topic.

    Present ids are not listed. The present topic may have sub-topics: what was assigned to the merged topic
    then belongs somewhere below it.
    """
    found = {gone: topic.id for topic in iterate(tree) for gone in topic.absorbed}
    for topic in iterate(tree):
        found.pop(topic.id, None)
    return found


def find_by_name(tree: TopicTree, words: str) -> Topic | None:
    """Give the one topic that words mean: same name or path, unique beginning, or close spelling.

    Case and the words "topic" and "category" do not matter. Two equally good topics: none.
    """
    from rapidfuzz import fuzz, process

    wanted = _fold(words)
    topics = list(iterate(tree))
    if not wanted:
        return None
    same = [
        placed.topic
        for placed in iterate_paths(tree)
        if wanted in {_fold(placed.topic.name), _fold(placed.path)}
    ]
    found = same or [topic for topic in topics if _fold(topic.name).startswith(wanted)]
    if found:
        return found[0] if len(found) == 1 else None
    matches = process.extract(wanted, [_fold(topic.name) for topic in topics], scorer=fuzz.WRatio, limit=2)
    if not matches or matches[0][1] < _CLOSE_ENOUGH:
        return None
    if len(matches) > 1 and matches[0][1] - matches[1][1] < _CLEARLY_AHEAD:
        return None
    return topics[matches[0][2]]


def list_near_names(tree: TopicTree, words: str, limit: int = 3) -> list[str]:
    """Give the names most like some words, best first, for an error message."""
    from rapidfuzz import fuzz, process

    names = list(dict.fromkeys(topic.name for topic in iterate(tree)))
    return [match[0] for match in process.extract(words, names, scorer=fuzz.WRatio, limit=limit)]


def _fold(words: str) -> str:
    plain = re.sub(r"[\"'`\u2018\u2019\u201c\u201d]", "", words.casefold()).replace("&", " and ")
    plain = re.sub(r"\s*[/>]\s*", "/", plain)
    plain = re.sub(r"^(the|a|an)\s+|\s+(topics?|category|categories|group)$", "", plain.strip())
    return " ".join(plain.split())


def path_of(tree: TopicTree, topic_id: str) -> str:
    """Give the names from the root down to a topic, as "A/B"; a slash inside a name is kept.

    Raises:
        InputError: The tree has no such topic.
    """
    for topic, path in iterate_paths(tree):
        if topic.id == topic_id:
            return path
    raise InputError(f"There is no topic with id {topic_id!r} in the tree; use an id of the current tree.")


class Placed(NamedTuple):
    """A topic and the names down to it."""

    topic: Topic
    path: str


def iterate_paths(tree: TopicTree) -> Iterator[Placed]:
    """Give every topic with its path, in drawing order."""
    waiting = [Placed(topic, topic.name) for topic in reversed(tree.roots)]
    while waiting:
        placed = waiting.pop()
        yield placed
        waiting.extend(
            Placed(child, f"{placed.path}/{child.name}") for child in reversed(placed.topic.children)
        )


def check_tree(tree: TopicTree) -> None:
    """Refuse a tree that cannot be used.

    Raises:
        InputError: No topic, a name that is empty or twice among siblings, an id twice, more than
            `DEEPEST` levels or more than `MOST_TOPICS` topics.
    """
    topics = list(iterate(tree))
    if not topics:
        raise InputError("The topic tree is empty; give at least one topic.")
    if len(topics) > MOST_TOPICS:
        raise InputError(
            f"The tree has {len(topics):,} topics, at most {MOST_TOPICS} are possible; merge some."
        )
    counts = Counter(topic.id for topic in topics)
    twice = next((topic_id for topic_id, count in counts.items() if not topic_id or count > 1), None)
    if twice is not None:
        raise InputError(
            f"The topic id {twice!r} is empty or used twice; every topic needs an id of its own."
        )
    _check_siblings(tree.roots, above=tree.name or "the root", level=1)


def _check_siblings(siblings: tuple[Topic, ...], *, above: str, level: int) -> None:
    if siblings and level > DEEPEST:
        raise InputError(
            f"Topics below {above!r} are on level {level}, at most {DEEPEST} levels are possible."
        )
    seen: set[str] = set()
    for topic in siblings:
        folded = " ".join(topic.name.split()).casefold()
        if not folded:
            raise InputError(f"A topic below {above!r} has no name; give every topic a name.")
        if folded in seen:
            raise InputError(
                f"The topic {topic.name!r} stands twice below {above!r}; rename or merge the two."
            )
        seen.add(folded)
        _check_siblings(topic.children, above=topic.name, level=level + 1)


def draw_tree(tree: TopicTree, marks: Mapping[str, str] | None = None) -> str:
    """Draw the tree with branches; `marks` are written behind the topics with these ids, such as "← NEW"."""
    lines = [tree.name] if tree.name else []
    _draw(tree.roots, "", marks or {}, lines)
    return "\n".join(lines)


def _draw(topics: tuple[Topic, ...], indent: str, marks: Mapping[str, str], lines: list[str]) -> None:
    for topic in topics:
        is_last = topic is topics[-1]
        mark = f" {marks[topic.id]}" if marks.get(topic.id) else ""
        lines.append(f"{indent}{'└── ' if is_last else '├── '}{topic.name}{mark}")
        _draw(topic.children, indent + ("    " if is_last else "│   "), marks, lines)
