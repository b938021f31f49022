"""Fill judge templates: the part of Mustache that only reads the data it is given.

There are `{{x}}`, `{{{x}}}` and `{{&x}}` (the same here: a prompt is no HTML, so nothing is escaped),
sections `{{#x}}...{{/x}}`, inverted sections `{{^x}}...{{/x}}`, comments, dotted names with list indexes
(`messages.0.content`) and `.` for the element of a section. A section is passed over for null, false, 0, ""
and empty lists and objects.

What this does not do: partials, other delimiters, lambdas and inheritance are refused; attributes of Python
values are out of reach; what was filled in is never read as a template again.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from lucy.errors import InputError
from lucy.tools.graders.placeholders import RenderError, check_size, write_value

MAX_OUTPUT = 400_000
"""Longest result, in characters."""

MAX_STEPS = 200_000
"""Most tags and texts written for one result: what ends sections nested over long lists."""

MAX_NESTING = 20

FIELDS: Mapping[str, frozenset[str] | None] = {
    "messages": frozenset(
        ("role", "content", "name", "tool_calls", "tool_call_id", "refusal", "reasoning_content", "weight")
    ),
    "response": frozenset(),
    "lastUserMessage": frozenset(),
    "tools": frozenset(("type", "function", "name", "description", "parameters", "strict")),
    "toolCalls": frozenset(("id", "type", "function", "index")),
    "systemPrompt": frozenset(),
    "item": None,
}
"""The top-level names, and the fields of their elements inside a section; None is any field."""

_NAME = re.compile(r"\.|[\w-]+(?: [\w-]+)*(?:\.[\w-]+(?: [\w-]+)*)*")
_WHAT = {">": "a partial", "=": "a change of delimiters", "<": "a parent template", "$": "a block"}


class Tag(NamedTuple):
    """What stands between double braces."""

    kind: str
    """`#`, `^`, `/`, `!`, or empty for a value."""
    name: str
    line: int


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a template that is written once, per element, or not at all."""

    tag: Tag
    body: tuple["Node", ...]


Node = str | Tag | Section


def check_template(template: str) -> None:
    """Check a judge template at save time.

    Raises:
        InputError: names the line: something that this Mustache refuses, an unknown name, a section that is
            not closed, nesting over 20, more than 64 kB.
    """
    _check_names(parse_template(template), ())


def render_template(template: str, variables: Mapping[str, Any]) -> str:
    """Fill a judge template from what `inputs.build_variables` gives.

    Texts stand as they are; objects, lists, booleans, numbers and null as JSON. A field that an element of a
    section lacks is empty, as in any Mustache. A top-level path that the record lacks is an error unless it
    only opens a section: no judge is asked about a reference that is not there.

    Raises:
        RenderError: the record lacks what the template names, or the result grows over 400 000 characters.
        InputError: the template itself is wrong; `check_template` finds that before.
    """
    writer = _Writer()
    _write(parse_template(template), [variables], writer)
    return "".join(writer.parts)


@lru_cache(maxsize=64)
def parse_template(template: str) -> tuple[Node, ...]:
    """Read a template as a tree of texts, values and sections.

    Raises:
        InputError: names the line.
    """
    check_size(template)
    texts, tags = _split(template)
    first, *others = _drop_lone_lines(texts, tags)
    bodies: list[list[Node]] = [[first]]
    opened: list[Tag] = []
    for tag, text in zip(tags, others, strict=True):
        if not tag.kind:
            bodies[-1].append(tag)
        elif tag.kind in "#^":
            opened.append(tag)
            bodies.append([])
            if len(opened) > MAX_NESTING:
                raise InputError(f"Line {tag.line}: more than {MAX_NESTING} sections are inside each other.")
        elif tag.kind == "/":
            section = Section(_close(opened, tag), tuple(bodies.pop()))
            bodies[-1].append(section)
        bodies[-1].append(text)
    if opened:
        tag = opened[-1]
        raise InputError(
            f"Line {tag.line}: the section {tag.name!r} is never closed; add `{{{{/{tag.name}}}}}`."
        )
    return tuple(bodies[0])


def _close(opened: list[Tag], token: Tag) -> Tag:
    if not opened or opened[-1].name != token.name:
        expected = f"`{{{{/{opened[-1].name}}}}}` comes first" if opened else "no section is open"
        raise InputError(f"Line {token.line}: `{{{{/{token.name}}}}}` closes nothing here: {expected}.")
    return opened.pop()


def _split(template: str) -> tuple[list[str], list[Tag]]:
    """Give the texts and the tags between them: one text more than tags."""
    texts: list[str] = []
    tags: list[Tag] = []
    at, line = 0, 1
    while (start := template.find("{{", at)) >= 0:
        line += template.count("\n", at, start)
        closing = "}}}" if template.startswith("{{{", start) else "}}"
        end = template.find(closing, start + len(closing))
        if end < 0:
            raise InputError(f"Line {line}: a tag is never closed; write `{closing}` after the name.")
        inside = template[start + len(closing) : end]
        texts.append(template[at:start])
        tags.append(_read_tag(inside, line, raw=closing == "}}}"))
        line += inside.count("\n")
        at = end + len(closing)
    return [*texts, template[at:]], tags


def _read_tag(inside: str, line: int, *, raw: bool) -> Tag:
    mark = "" if raw else inside[:1]
    if mark == "!":
        return Tag("!", "", line)
    if mark in _WHAT:
        raise InputError(f"Line {line}: `{{{{{mark}` is {_WHAT[mark]}, which a judge template cannot have.")
    kind = mark if mark in ("#", "^", "/") else ""
    name = (inside[1:] if kind or mark == "&" else inside).strip()
    if not _NAME.fullmatch(name):
        shown = name[:40]
        raise InputError(
            f"Line {line}: {shown!r} is no name; write one such as `response` or `messages.0.content`."
        )
    return Tag(kind, name, line)


def _drop_lone_lines(texts: Sequence[str], tags: Sequence[Tag]) -> list[str]:
    """Take out the line around a section's or comment's tag that stands alone on it, as Mustache has it."""
    left = [0] * len(texts)
    right = [len(text) for text in texts]
    for number, tag in enumerate(tags):
        before, after = texts[number], texts[number + 1]
        start = before.rfind("\n") + 1
        end = after.find("\n") + 1
        if number == len(tags) - 1:
            end = end or len(after)
        begins = (start > 0 or number == 0) and not before[start:].strip()
        ends = (end > 0 or number == len(tags) - 1) and not after[:end].strip()
        if tag.kind and begins and ends:
            right[number] = start
            left[number + 1] = end
    return [text[left[number] : right[number]] for number, text in enumerate(texts)]


def _check_names(nodes: Sequence[Node], scopes: tuple[frozenset[str] | None, ...]) -> None:
    """Refuse names that can never be there; `scopes` are the fields of the open sections' elements."""
    for node in nodes:
        if isinstance(node, str):
            continue
        tag = node.tag if isinstance(node, Section) else node
        _check_name(tag, scopes)
        if isinstance(node, Section):
            inner = scopes if tag.kind == "^" else (*scopes, _find_fields(tag.name, scopes))
            _check_names(node.body, inner)


def _check_name(tag: Tag, scopes: tuple[frozenset[str] | None, ...]) -> None:
    first = tag.name.split(".")[0]
    if tag.name == ".":
        if not scopes:
            raise InputError(f"Line {tag.line}: `.` stands for an element, and no section is open here.")
        return
    if FIELDS.get(first) == frozenset() and first != tag.name and None not in scopes:
        raise InputError(f"Line {tag.line}: `{first}` is a text and has no {tag.name!r}; write `{first}`.")
    if first not in FIELDS and not any(fields is None or first in fields for fields in scopes):
        raise InputError(
            f"Line {tag.line}: the template names {first!r}; a name begins with one of: {', '.join(FIELDS)}."
        )


def _find_fields(name: str, scopes: tuple[frozenset[str] | None, ...]) -> frozenset[str] | None:
    """Give the fields of a section's elements; None where they depend on the data."""
    return None if None in scopes else FIELDS.get(name)


class _Writer:
    """Collect what is written, up to a limit of length and of work."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._size = 0
        self._steps = 0

    def step(self) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise RenderError(f"The filled template takes more than {MAX_STEPS} steps; nest fewer sections.")

    def write(self, text: str) -> None:
        self._size += len(text)
        if self._size > MAX_OUTPUT:
            raise RenderError(f"The filled template is longer than {MAX_OUTPUT} characters.")
        self.parts.append(text)


_MISSING = object()


def _write(nodes: Sequence[Node], contexts: list[Any], writer: _Writer) -> None:
    for node in nodes:
        writer.step()
        if isinstance(node, str):
            writer.write(node)
        elif isinstance(node, Section):
            for context in _list_contexts(node.tag, _look_up(node.tag.name, contexts)):
                writer.step()
                _write(node.body, contexts if context is _MISSING else [*contexts, context], writer)
        else:
            value = _look_up(node.name, contexts)
            if value is _MISSING:
                _refuse_missing(node, contexts)
            else:
                writer.write(write_value(value))


def _list_contexts(tag: Tag, value: Any) -> Sequence[Any]:
    """Give what a section is written for, one after the other; `_MISSING` adds no context."""
    present = value is not _MISSING and bool(value)
    if tag.kind == "^":
        return () if present else (_MISSING,)
    if not present:
        return ()
    return value if isinstance(value, list | tuple) else (value,)


def _look_up(name: str, contexts: Sequence[Any]) -> Any:
    if name == ".":
        return contexts[-1]
    first, *rest = name.split(".")
    value = next(
        (one[first] for one in reversed(contexts) if isinstance(one, Mapping) and first in one), _MISSING
    )
    for step in rest:
        value = _take(value, step)
    return value


def _take(value: Any, step: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(step, _MISSING)
    if isinstance(value, list | tuple) and step.isascii() and step.isdigit() and len(step) < 10:
        return value[int(step)] if int(step) < len(value) else _MISSING
    return _MISSING


def _refuse_missing(tag: Tag, contexts: Sequence[Any]) -> None:
    """Refuse a top-level path that is not there; a field of an element may be missing."""
    first = tag.name.split(".")[0]
    elements = contexts[1:]
    if first in FIELDS and not any(isinstance(one, Mapping) and first in one for one in elements):
        raise RenderError(
            f"The template names {{{{{tag.name}}}}} on line {tag.line}, and this record has no such value; "
            f"write `{{{{#{tag.name}}}}}...{{{{/{tag.name}}}}}` around it where it may be missing."
        )
