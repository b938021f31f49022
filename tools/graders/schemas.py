"""Check the JSON schemas that people write for a judge's answer, and check answers against them.

A schema describes an object with a number `score`, whose minimum and maximum give the score's range. It is
not trusted: it is limited in size, in depth and in what its references expand to; a reference stays inside
the schema (`#/...`) and leads to no circle; nothing is ever read from a file or the network.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, cast
from urllib.parse import unquote

from lucy.errors import InputError

if TYPE_CHECKING:
    from jsonschema_rs import Validator

MAX_SCHEMA_BYTES = 64_000
MAX_DEPTH = 32
MAX_REFERENCES = 100
MAX_EXPANDED = 10_000
"""Most parts of a schema once every reference is replaced by what it names."""

BACKTRACK_LIMIT = 100_000
"""Steps back of one `pattern` on one text, after which the text counts as no match."""

MAX_SCORE = 1e9
"""Largest bound of a score, either way."""

SCORE = "score"
"""The field of an answer that is the judge's score."""

_DATA = frozenset(("const", "enum", "default", "examples"))
"""Keywords that hold values and no schemas: a `$ref` in them is none."""
_NAMED = frozenset(("properties", "patternProperties", "$defs", "definitions", "dependentSchemas"))
"""Keywords that hold schemas by name: their keys are no keywords."""
_REFUSED = ("$dynamicRef", "$recursiveRef", "$anchor", "$dynamicAnchor")

_SHOWN = 200
"""Characters of a fault that are shown."""

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema ready to check answers."""

    range: tuple[float, float]
    """Lowest and highest `score`; 0 and 1 unless the schema says otherwise."""
    validator: "Validator"

    def find_fault(self, value: object) -> str | None:
        """Say in one sentence what an answer (parsed JSON) lacks; None when it is as described."""
        fault = _find_score_fault(value, self.range)
        if fault is not None:
            return fault
        try:
            found = next(iter(self.validator.iter_errors(value)), None)
        except (ValueError, RecursionError) as error:
            return f"The judge's answer cannot be checked: {error}."
        if found is None:
            return None
        place = ".".join(("answer", *(str(part) for part in found.instance_path)))
        return f"The judge's {place}: {found.message[:_SHOWN]}."


def check_schema(schema: object) -> None:
    """Check a schema for a judge's answer at save time.

    Raises:
        InputError: says what it must not have, and where.
    """
    compile_schema(schema)


def compile_schema(schema: object) -> Schema:
    """Make a schema ready to check answers.

    Raises:
        InputError: as `check_schema`.
    """
    if not isinstance(schema, dict):
        raise InputError("The schema must be a JSON object that describes the judge's answer.")
    schema = cast(JsonObject, schema)
    _check_size(schema)
    _References(schema).expand("", ())
    return Schema(_read_range(schema), _build_validator(schema))


def _build_validator(schema: JsonObject) -> "Validator":
    from jsonschema_rs import FancyRegexOptions, ValidationError, validator_for

    try:
        return validator_for(
            schema, retriever=_retrieve, pattern_options=FancyRegexOptions(backtrack_limit=BACKTRACK_LIMIT)
        )
    except ValidationError as error:
        place = "/".join(str(part) for part in error.instance_path)
        where = f" at {place!r}" if place else ""
        raise InputError(f"The schema is no JSON schema{where}: {error.message}; correct it.") from error
    except (ValueError, TypeError) as error:
        raise InputError(f"The schema is no JSON schema: {error}; correct it.") from error


def _retrieve(uri: str) -> NoReturn:
    raise ValueError(f"a schema cannot refer to {uri!r}; put what it needs under $defs")


def _find_score_fault(value: object, bounds: tuple[float, float]) -> str | None:
    score = cast(JsonObject, value).get(SCORE) if isinstance(value, dict) else None
    if isinstance(score, bool) or not isinstance(score, int | float):
        return "The judge's answer has no number `score`."
    low, high = bounds
    if not low <= score <= high:
        return f"The judge's answer.score is {str(score)[:_SHOWN]}, expected {low:g} to {high:g}."
    return None


def _check_size(schema: JsonObject) -> None:
    try:
        size = len(json.dumps(schema, ensure_ascii=False, allow_nan=False).encode())
    except UnicodeEncodeError as error:
        raise InputError("The schema holds half of a surrogate pair, which is no text; remove it.") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"The schema cannot be written as JSON: {error}; correct it.") from error
    if size > MAX_SCHEMA_BYTES:
        raise InputError(f"The schema is {size} bytes long; shorten it to {MAX_SCHEMA_BYTES}.")
    if _measure_depth(schema) > MAX_DEPTH:
        raise InputError(f"The schema is nested deeper than {MAX_DEPTH}; simplify it.")


def _measure_depth(value: object) -> int:
    """Count levels of objects and lists, without recursion."""
    level = _list_inner(value)
    depth = 1
    while level:
        depth += 1
        level = [inner for one in level for inner in _list_inner(one)]
    return depth


def _list_inner(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(cast(JsonObject, value).values())
    return list(cast(list[object], value)) if isinstance(value, list) else []


def _walk(value: object, *, named: bool = False) -> Iterator[JsonObject]:
    """Give every schema inside a schema, itself first; values of `const`, `enum` and such are no schemas."""
    if isinstance(value, list):
        for inner in cast(list[object], value):
            yield from _walk(inner)
    if not isinstance(value, dict):
        return
    schema = cast(JsonObject, value)
    if not named:
        yield schema
    for key, inner in schema.items():
        if named or key not in _DATA:
            yield from _walk(inner, named=not named and key in _NAMED)


class _References:
    """Follow the references of a schema, each target once."""

    def __init__(self, schema: JsonObject) -> None:
        self._schema = schema
        self._sizes: dict[str, int] = {}

    def expand(self, pointer: str, path: tuple[str, ...]) -> int:
        """Count the parts of what a pointer names, its references replaced by what they name.

        Raises:
            InputError: a reference leads out of the schema, nowhere, into a circle or to too much.
        """
        if pointer in path:
            shown = pointer.removeprefix("/") or "#"
            raise InputError(
                f'The schema refers to itself at "{shown}"; write out as many levels as the answer needs.'
            )
        if pointer in self._sizes:
            return self._sizes[pointer]
        if len(path) + len(self._sizes) > MAX_REFERENCES:
            raise InputError(f"The schema refers to more than {MAX_REFERENCES} places; simplify it.")
        size = 0
        for schema in _walk(_find(self._schema, pointer)):
            size += len(schema) + 1
            target = _read_reference(schema, is_root=schema is self._schema)
            if target is not None:
                size += self.expand(target, (*path, pointer))
        self._sizes[pointer] = size
        if size > MAX_EXPANDED:
            raise InputError(
                f"The schema has more than {MAX_EXPANDED} parts with its references followed; simplify it."
            )
        return size


def _read_reference(schema: Mapping[str, Any], *, is_root: bool) -> str | None:
    """Give the pointer that a schema's `$ref` names, without the `#`."""
    refused = next((key for key in _REFUSED if key in schema), None)
    if refused is not None or ("$id" in schema and not is_root):
        raise InputError(
            f"The schema uses {refused or '$id'!r}; use a $ref to a place such as #/$defs/name instead."
        )
    target = schema.get("$ref")
    if target is None:
        return None
    if not isinstance(target, str) or not (target == "#" or target.startswith("#/")):
        raise InputError(
            f"The schema refers to {target!r}; refer to a place in the schema itself, such as #/$defs/name."
        )
    return unquote(target[1:])


def _find(schema: JsonObject, pointer: str) -> object:
    """Give what a JSON pointer (RFC 6901) names."""
    value: object = schema
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(cast(list[object], value)):
            value = cast(list[object], value)[int(key)]
        else:
            raise InputError(f'The schema refers to "{pointer.removeprefix("/")}", which it does not have.')
    return value


def _follow(schema: JsonObject, value: object) -> JsonObject:
    """Give a schema, or what its `$ref` names; there are no circles any more."""
    while isinstance(value, dict) and isinstance(target := cast(JsonObject, value).get("$ref"), str):
        value = _find(schema, unquote(target[1:]))
    return cast(JsonObject, value) if isinstance(value, dict) else {}


def _read_range(schema: JsonObject) -> tuple[float, float]:
    """Give the range of `score`: its minimum and maximum, or its enum's, each 0 or 1 where not given."""
    top = _follow(schema, schema)
    properties: object = top.get("properties")
    score = _follow(schema, cast(JsonObject, properties).get(SCORE)) if isinstance(properties, dict) else {}
    if top.get("type") != "object" or score.get("type") not in ("number", "integer"):
        raise InputError(
            "The schema must describe an object with a number `score`, such as "
            '{"type": "object", "properties": {"score": {"type": "number", "minimum": 0, "maximum": 1}}}.'
        )
    listed = [number for one in _list_inner(score.get("enum")) if (number := _read_number(one)) is not None]
    low = _read_bound(score, ("minimum", "exclusiveMinimum"), min(listed, default=0.0))
    high = _read_bound(score, ("maximum", "exclusiveMaximum"), max(listed, default=1.0))
    if not low < high:
        raise InputError(
            f"The schema's `score` goes from {low:g} to {high:g}; its minimum must be below its maximum."
        )
    return low, high


def _read_bound(score: JsonObject, names: tuple[str, ...], default: float) -> float:
    found = [number for name in names if (number := _read_number(score.get(name))) is not None]
    return found[0] if found else default


def _read_number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > MAX_SCORE:
        return None
    return float(value)
