"""Fill OpenAI's templates, `{{ item.a.b }}` and `{{sample.output_tools[0].function.name}}`.

This is substitution and nothing more: no conditions, loops or filters, and what was filled in is never read
as a template again. Paths go through objects by key and through lists by `[0]`; attributes of Python values
are out of reach. Source of the form: OpenAI's guide to graders.
"""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from lucy.errors import InputError

MAX_TEMPLATE_BYTES = 64_000
"""Longest template, in bytes of UTF-8; of judge templates as well."""

MAX_RENDERED = 1_000_000
"""Longest result, in characters."""

NAMESPACES = ("item", "sample")

_NAME = r"[^\W\d][\w-]*"
_STEP = re.compile(r"\.([\w-]+)|\[(\d{1,9})\]|\['([^'\n]*)'\]|\[\"([^\"\n]*)\"\]")
_TAG = re.compile(rf"\{{\{{\s*({_NAME})((?:{_STEP.pattern})*)\s*\}}\}}")
_SHOWN = 40


class RenderError(InputError):
    """A template cannot be filled from this record; the message is one sentence for a person."""


class Placeholder(NamedTuple):
    """One `{{ namespace.path }}`."""

    text: str
    """As written, without the braces."""
    path: tuple[str | int, ...]
    """The namespace, then keys of objects and numbers of list elements."""


Piece = str | Placeholder


def check_placeholders(template: str, place: str) -> None:
    """Check a template at save time.

    Args:
        template: The template.
        place: Where it stands, such as `input.0.content`; the message begins with it.

    Raises:
        InputError: bad syntax, a namespace other than `item` and `sample`, or more than 64 kB.
    """
    try:
        parse_placeholders(template)
    except InputError as error:
        raise InputError(f"`{place}`: {error}") from error


@lru_cache(maxsize=64)
def parse_placeholders(template: str) -> tuple[Piece, ...]:
    """Split a template into texts and placeholders, in order.

    Raises:
        InputError: as `check_placeholders`, without the place; it names the line.
    """
    check_size(template)
    pieces: list[Piece] = []
    at = 0
    while (start := template.find("{{", at)) >= 0:
        pieces.append(template[at:start])
        tag = _TAG.match(template, start)
        if tag is None:
            raise InputError(_explain_fault(template, start))
        pieces.append(_read_tag(tag, _count_line(template, start)))
        at = tag.end()
    pieces.append(template[at:])
    return tuple(piece for piece in pieces if piece != "")


def render_placeholders(template: str, request: Mapping[str, Any]) -> str:
    """Fill a template from what `inputs.build_request` gives.

    Texts stand as they are; objects, lists, booleans, numbers and null as JSON.

    Raises:
        RenderError: the record lacks something that the template names, or the result is over 1 MB.
        InputError: the template itself is wrong; `check_placeholders` finds that before.
    """
    parts: list[str] = []
    size = 0
    for piece in parse_placeholders(template):
        part = piece if isinstance(piece, str) else write_value(find_value(piece, request))
        size += len(part)
        if size > MAX_RENDERED:
            raise RenderError(f"The filled template is longer than {MAX_RENDERED} characters.")
        parts.append(part)
    return "".join(parts)


def find_value(placeholder: Placeholder, request: Mapping[str, Any]) -> Any:
    """Give the value that a placeholder names.

    Raises:
        RenderError: there is none.
    """
    value: Any = request
    for step in placeholder.path:
        if not _has(value, step):
            raise RenderError(
                f"The template names {{{{{placeholder.text}}}}}, and this record has no {step!r} there."
            )
        value = value[step]
    return value


def _has(value: object, step: str | int) -> bool:
    if isinstance(step, int):
        return isinstance(value, list | tuple) and step < len(value)
    return isinstance(value, Mapping) and step in value


def write_value(value: object) -> str:
    """Write a value into a template: a text as it is, anything else as JSON.

    Raises:
        RenderError: it cannot be written as JSON.
    """
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise RenderError(f"A value that the template names cannot be written as JSON ({error}).") from error


def check_size(template: str) -> None:
    """Refuse a template of more than 64 kB.

    Raises:
        InputError: says how long it is.
    """
    size = len(template.encode("utf-8", "surrogatepass"))
    if size > MAX_TEMPLATE_BYTES:
        raise InputError(f"The template is {size} bytes long; shorten it to {MAX_TEMPLATE_BYTES}.")


def _read_tag(tag: re.Match[str], line: int) -> Placeholder:
    namespace = tag.group(1)
    if namespace not in NAMESPACES:
        raise InputError(
            f"Line {line}: the template names {namespace!r}; a name begins with `item.` or `sample.`."
        )
    steps = tuple(
        int(step[2]) if step[2] is not None else next(key for key in step.groups() if key is not None)
        for step in _STEP.finditer(tag.group(2))
    )
    return Placeholder(tag.group()[2:-2].strip(), (namespace, *steps))


def _explain_fault(template: str, start: int) -> str:
    line = _count_line(template, start)
    end = template.find("}}", start)
    if end < 0:
        return f"Line {line}: a `{{{{` is never closed; write `}}}}` after the name."
    shown = template[start : min(end + 2, start + _SHOWN)]
    return (
        f"Line {line}: {shown!r} is no placeholder; write a path such as `{{{{item.reference_answer}}}}` or "
        "`{{sample.output_tools[0].function.name}}`, without logic."
    )


def _count_line(template: str, at: int) -> int:
    return template.count("\n", 0, at) + 1
