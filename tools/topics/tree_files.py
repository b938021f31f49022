"""Read topic trees that a person or a tool hands in, as JSON values or as a file."""

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from lucy.errors import InputError
from lucy.tools.topics.outline import parse_outline
from lucy.tools.topics.tree import DEEPEST, MOST_TOPICS, TopicTree, check_tree, make_topic_id
from lucy.tools.vocabulary import Topic

LONGEST_NAME = 120
"""Characters of a name."""

LARGEST_FILE = 4_000_000
"""Bytes of a file with a tree."""

_WRAPPERS = ("roots", "hierarchy", "topics", "tree", "children", "nodes")
_CHILDREN = ("children", "subtopics", "topics")
_PARENT = ("parent_id", "parentId", "parent")
_SUFFIXES = (".json", ".txt", ".md")


@dataclass(slots=True)
class _Node:
    """A topic as it was handed in, checked for itself."""

    fields: dict[str, Any]
    """Fields of the topic that will be made, without its id and children."""
    id: str
    """Empty where none was given."""
    parent: str
    """Id or name that the entry of a flat list refers to; empty for none."""
    children: list["_Node"] = field(default_factory=list["_Node"])


def parse_tree(data: object, *, name: str = "") -> TopicTree:
    """Read a tree from JSON values: nested topics, or a flat list with parents.

    A topic is a mapping with `name` and, where wanted, `id`, `description`, `keywords`, `share`,
    `examples`, `locked`, `absorbed`, and its sub-topics as `children`, `subtopics` or `topics`; or a name
    alone. In a flat list, `parent_id`, `parentId` or `parent` is the id, else the name, of another topic.
    The list may stand in a mapping, as `roots`, `hierarchy`, `topics`, `tree`, `children` or `nodes`, with
    the tree's name beside it. Other fields are ignored. Ids are kept; a topic without one gets one.

    Raises:
        InputError: Anything else, topics that stand below themselves, an unknown parent, or a tree that
            `check_tree` refuses; 10,000 topics are refused after looking at the first 501.
    """
    entries, found = _unwrap(data)
    nodes = _read_nodes(entries)
    roots = _link_parents(nodes) if any(node.parent for node in nodes) else nodes
    given = [node.id for node in _walk(roots) if node.id]
    taken = set(given)
    tree = TopicTree(roots=tuple(_build(node, above="", taken=taken) for node in roots), name=name or found)
    check_tree(tree)
    return tree


def read_tree_file(path: Path, *, name: str = "") -> TopicTree:
    """Read a tree from a `.json` file (see `parse_tree`) or an outline in a `.txt` or `.md` file.

    Raises:
        InputError: There is no such file, it is empty, larger than `LARGEST_FILE`, no text, of another kind,
            or holds no tree that can be used.
    """
    text = _read_text(path)
    if path.suffix.casefold() != ".json":
        return parse_outline(text, name=name)
    try:
        data = json.loads(text)
    except RecursionError:
        raise InputError(
            f"The file {path.name!r} nests too deep; at most {DEEPEST} levels are possible."
        ) from None
    except ValueError as error:
        raise InputError(
            f"The file {path.name!r} is no JSON ({error}); mend it, or write an outline."
        ) from None
    return parse_tree(data, name=name)


def _read_text(path: Path) -> str:
    if not path.is_file():
        raise InputError(f"There is no file {str(path)!r}; give a file with a topic tree.")
    if path.suffix.casefold() not in _SUFFIXES:
        raise InputError(
            f"The file {path.name!r} is of an unknown kind; give a topic tree as {', '.join(_SUFFIXES)}."
        )
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise InputError(
            f"The file {path.name!r} has {size:,} bytes, a topic tree at most {LARGEST_FILE:,}; give a tree"
            f" of at most {MOST_TOPICS} topics."
        )
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise InputError(f"The file {path.name!r} is no UTF-8 text; give a topic tree as JSON or outline.")
    if not text.strip():
        raise InputError(f"The file {path.name!r} is empty; write at least one topic into it.")
    return text


def _unwrap(data: object) -> tuple[Sequence[object], str]:
    """Give the list of topics, and the tree's name where it is given."""
    name = ""
    if isinstance(data, Mapping):
        mapping = cast(Mapping[object, object], data)
        key = next((key for key in _WRAPPERS if isinstance(mapping.get(key), list | tuple)), None)
        name = mapping.get("name") or ""
        if key is None or (key in _CHILDREN and name and "id" in mapping):
            # One topic alone, such as a tree's single root.
            return [mapping], ""
        data = mapping[key]
    if not isinstance(data, list | tuple):
        raise InputError(f"A topic tree is a list of topics, each with a name; this is {_name_kind(data)}.")
    entries = cast(Sequence[object], data)
    if not entries:
        raise InputError("The topic tree is empty; give at least one topic.")
    return entries, name if isinstance(name, str) else ""


def _read_nodes(entries: Sequence[object]) -> list[_Node]:
    """Read topics level by level, so that neither depth nor number costs more than the limits."""
    roots: list[_Node] = []
    total = 0
    waiting: list[tuple[Sequence[object], list[_Node], str, int]] = [(entries, roots, "", 1)]
    while waiting:
        some, into, above, level = waiting.pop(0)
        total += len(some)
        if total > MOST_TOPICS:
            raise InputError(f"The tree has more than {MOST_TOPICS} topics ({total:,} or more); merge some.")
        if some and level > DEEPEST:
            raise InputError(
                f"Topics below {above!r} are on level {level}, at most {DEEPEST} levels are possible."
            )
        for place, entry in enumerate(some, 1):
            node = _read_node(entry, f"topic {place}{f' below {above!r}' if above else ''}")
            into.append(node)
            waiting.append((_list_children(entry, node), node.children, node.fields["name"], level + 1))
    return roots


def _read_node(entry: object, place: str) -> _Node:
    """Check one topic for itself; `place` says in errors which it is."""
    if isinstance(entry, str):
        entry = {"name": entry}
    if not isinstance(entry, Mapping):
        raise InputError(
            f"{place.capitalize()} is {_name_kind(entry)}; give a mapping with a name, or a name."
        )
    mapping = cast(Mapping[str, object], entry)
    name = _read_words(mapping, "name", place)
    if not name:
        raise InputError(f"{place.capitalize()} has no name; give every topic a name.")
    if len(name) > LONGEST_NAME:
        raise InputError(
            f"The name of {place} has {len(name):,} characters, at most {LONGEST_NAME} are possible;"
            " shorten it."
        )
    fields: dict[str, Any] = {
        "name": name,
        "description": _read_words(mapping, "description", place),
        "share": _read_share(mapping, place),
        "locked": mapping.get("locked") is True,
    }
    for key in ("keywords", "examples", "absorbed"):
        fields[key] = _read_list(mapping, key, place)
    parent = next((mapping[key] for key in _PARENT if mapping.get(key) not in (None, "")), "")
    return _Node(fields, _read_id(mapping.get("id"), place), _read_id(parent, f"the parent of {place}"))


def _list_children(entry: object, node: _Node) -> Sequence[object]:
    if not isinstance(entry, Mapping):
        return ()
    mapping = cast(Mapping[str, object], entry)
    children = next((mapping[key] for key in _CHILDREN if mapping.get(key) is not None), ())
    if not isinstance(children, list | tuple):
        raise InputError(
            f"The sub-topics of {node.fields['name']!r} are {_name_kind(children)}; give a list of topics."
        )
    return cast(Sequence[object], children)


def _read_words(mapping: Mapping[str, object], key: str, place: str) -> str:
    value = mapping.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InputError(f"The {key} of {place} is {_name_kind(value)}; give text.")
    return " ".join(value.split())


def _read_list(mapping: Mapping[str, object], key: str, place: str) -> tuple[str, ...]:
    value = mapping.get(key)
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if not isinstance(value, list | tuple):
        raise InputError(f"The {key} of {place} are {_name_kind(value)}; give a list of words.")
    items = cast(Sequence[object], value)
    wrong = next((item for item in items if not isinstance(item, str)), None)
    if wrong is not None:
        raise InputError(f"The {key} of {place} hold {_name_kind(wrong)}; give a list of words.")
    return tuple(str(item) for item in items)


def _read_share(mapping: Mapping[str, object], place: str) -> float:
    value = mapping.get("share", 0.0)
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise InputError(f"The share of {place} is {value!r:.40}; give a number from 0 to 1.")
    return float(value)


def _read_id(value: object, place: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int) or len(str(value)) > LONGEST_NAME:
        raise InputError(f"The id of {place} is {_name_kind(value)}; give short text.")
    return str(value).strip()


def _link_parents(nodes: list[_Node]) -> list[_Node]:
    """Put the entries of a flat list below the parents they refer to; give the roots."""
    by_id = {node.id: node for node in nodes if node.id}
    by_name: defaultdict[str, list[_Node]] = defaultdict(list)
    for node in nodes:
        by_name[node.fields["name"].casefold()].append(node)
    roots: list[_Node] = []
    for node in nodes:
        if not node.parent:
            roots.append(node)
            continue
        named = by_name[" ".join(node.parent.split()).casefold()]
        parent = by_id.get(node.parent) or (named[0] if len(named) == 1 else None)
        if parent is None:
            raise InputError(
                f"The topic {node.fields['name']!r} has the parent {node.parent!r}, which is no topic of the"
                " list; give the id of one."
            )
        parent.children.append(node)
    _check_reached(nodes, roots)
    return roots


def _check_reached(nodes: list[_Node], roots: list[_Node]) -> None:
    """Refuse topics that no root leads to: they stand below themselves."""
    reached = {id(node) for node in _walk(roots)}
    lost = next((node for node in nodes if id(node) not in reached), None)
    if lost is not None:
        raise InputError(
            f"The topic {lost.fields['name']!r} stands below itself by its parents; give one of them another."
        )


def _walk(roots: Sequence[_Node]) -> list[_Node]:
    found = list(roots)
    for node in found:
        found.extend(node.children)
    return found


def _build(node: _Node, *, above: str, taken: set[str]) -> Topic:
    path = f"{above}/{node.fields['name']}" if above else node.fields["name"]
    topic_id = node.id or make_topic_id(path, taken)
    taken.add(topic_id)
    children = tuple(_build(child, above=path, taken=taken) for child in node.children)
    return Topic(id=topic_id, children=children, **node.fields)


def _name_kind(value: object) -> str:
    """Say for a person what kind of value something is."""
    if isinstance(value, bool):
        return "yes or no"
    if isinstance(value, int | float):
        return "a number" if math.isfinite(value) else "no number"
    kinds = {str: "text", list: "a list", tuple: "a list", dict: "a mapping", type(None): "nothing"}
    return kinds.get(cast(type[Any], type(value)), f"a {type(value).__name__}")
