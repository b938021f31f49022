"""Read a topic tree from an outline that a person wrote."""

import re
from typing import NamedTuple

from lucy.errors import InputError
from lucy.tools.topics.tree import DEEPEST, MOST_TOPICS, TopicTree, check_tree, make_topic_id
from lucy.tools.vocabulary import Topic

_LINE = re.compile(
    r"^(?P<before>[\s│|]*)"
    r"(?P<marker>├──|└──|├─|└─|[|+`]--|[-*+•\u2013](?=\s)|(?:\d+\.)+\d+\.?(?=\s)|\d+[.)](?=\s)|[A-Za-z]\)(?=\s)|#+(?=\s))?"
    r"\s*(?P<content>.*?)\s*$"
)
_DRAWN = ("├", "└", "|-", "+-", "`-")


class _Line(NamedTuple):
    """One topic of an outline."""

    number: int
    """Line number in the text, from 1."""
    level: int
    """1 for a root."""
    name: str
    description: str


def parse_outline(text: str, *, name: str = "") -> TopicTree:
    """Read a tree from an indented, bulleted, numbered or drawn outline, or from paths "A/B" one a line.

    Text after a colon is a topic's description. Paths are read only where no line is indented or marked.
    In a drawn tree, a first line without a branch is the tree's name, unless `name` is given.

    Raises:
        InputError: The outline is empty, deeper than three levels, or names a topic twice below one parent.
    """
    raws = _take_all_apart(text)
    if _has_title(raws):
        name, raws = name or raws[0].content, raws[1:]
    lines = _read_lines(raws)
    if not lines:
        raise InputError("The outline holds no topics; write one topic a line, indented below its parent.")
    tree = TopicTree(roots=_build(lines, parents=(), taken=set()), name=name)
    check_tree(tree)
    return tree


def _take_all_apart(text: str) -> list["_Raw"]:
    """Measure all lines; a text of far too many is refused without reading on."""
    raws: list[_Raw] = []
    for number, line in enumerate(text.splitlines(), 1):
        raw = _take_apart(number, line)
        if raw is not None:
            raws.append(raw)
        # One line more than topics: the first may be the tree's name.
        if len(raws) > MOST_TOPICS + 1:
            raise InputError(
                f"The outline has more than {MOST_TOPICS} topics, at most {MOST_TOPICS} are possible;"
                " merge some."
            )
    return raws


class _Raw(NamedTuple):
    """A line of text taken apart."""

    number: int
    width: int
    """Depth in characters."""
    marker: str
    content: str


def _has_title(raws: list[_Raw]) -> bool:
    """Tell whether a drawn tree begins with a name of its own: all other lines are branches."""
    if len(raws) < 2 or raws[0].marker or raws[0].width:
        return False
    return all(raw.marker.startswith(_DRAWN) for raw in raws[1:])


def _read_lines(raws: list[_Raw]) -> list[_Line]:
    if all(not raw.width and not raw.marker for raw in raws) and any(
        _split_path(raw.content) for raw in raws
    ):
        return _read_paths(raws)
    lines: list[_Line] = []
    widths: list[int] = []
    heading = 0
    for raw in raws:
        depth = raw.width + heading
        if raw.marker.startswith("#"):
            depth = len(raw.marker)
            heading = depth + 1
        while widths and depth < widths[-1]:
            widths.pop()
        if not widths or depth > widths[-1]:
            widths.append(depth)
        lines.append(_name_line(raw, len(widths)))
    return lines


def _take_apart(number: int, line: str) -> _Raw | None:
    """Measure a line; None for one that says nothing."""
    match = _LINE.match(line.expandtabs(4))
    if match is None or not match["content"] or set(match["content"]) <= set("│|`-=~_ "):
        return None
    marker = match["marker"] or ""
    width = len(match["before"])
    if marker.startswith(_DRAWN):
        width += 1
    elif not width and marker[:1].isdigit():
        width = marker.rstrip(".").count(".")
    return _Raw(number, width, marker, match["content"])


def _name_line(raw: _Raw, level: int) -> _Line:
    if level > DEEPEST:
        raise InputError(
            f"Line {raw.number} of the outline is on level {level}, at most {DEEPEST} levels are possible;"
            " indent it less."
        )
    title, _, description = raw.content.partition(":")
    plain = re.sub(r"\s*(←|<-).*$", "", title).strip().strip('*_"“”').strip()
    if not plain:
        raise InputError(f"Line {raw.number} of the outline has no name; write a name before the colon.")
    return _Line(raw.number, level, plain, description.strip(" *_"))


def _split_path(content: str) -> list[str]:
    """Give the names of a path "A/B" or "A > B"; nothing for a plain name."""
    parts = [part.strip() for part in re.split(r"/|\s>\s", content.partition(":")[0])]
    return parts if len(parts) > 1 and all(parts) else []


def _read_paths(raws: list[_Raw]) -> list[_Line]:
    """Turn paths into outline lines; a parent without a line has its first child's number."""
    described: dict[tuple[str, ...], tuple[int, str]] = {}
    for raw in raws:
        parts = _split_path(raw.content) or [raw.content.partition(":")[0].strip()]
        for depth in range(1, len(parts)):
            described.setdefault(tuple(parts[:depth]), (-raw.number, ""))
        path = tuple(parts)
        if path in described and described[path][0] > 0:
            raise InputError(f"Line {raw.number} of the outline names {raw.content!r} again; write it once.")
        described[path] = (raw.number, raw.content.partition(":")[2].strip())
    order = {path: place for place, path in enumerate(described)}
    ranks = {path: [order[path[:depth]] for depth in range(1, len(path) + 1)] for path in described}
    lines: list[_Line] = []
    for path in sorted(described, key=lambda path: ranks[path]):
        number, description = described[path]
        raw = _Raw(abs(number), 0, "", path[-1])
        lines.append(_name_line(raw, len(path))._replace(description=description))
    return lines


def _build(lines: list[_Line], *, parents: tuple[str, ...], taken: set[str]) -> tuple[Topic, ...]:
    """Make the topics of one level; each takes the deeper lines that follow it."""
    if not lines:
        return ()
    topics: list[Topic] = []
    level = lines[0].level
    starts = [place for place, line in enumerate(lines) if line.level <= level]
    seen: dict[str, int] = {}
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        line = lines[start]
        folded = " ".join(line.name.split()).casefold()
        if folded in seen:
            raise InputError(
                f"Line {line.number} of the outline names {line.name!r} again, as line {seen[folded]} did;"
                " write it once below one parent."
            )
        seen[folded] = line.number
        topic_id = make_topic_id("/".join((*parents, line.name)), taken)
        taken.add(topic_id)
        children = _build(lines[start + 1 : end], parents=(*parents, line.name), taken=taken)
        topics.append(Topic(id=topic_id, name=line.name, description=line.description, children=children))
    return tuple(topics)
