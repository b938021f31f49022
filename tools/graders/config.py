"""Define what a grader is, as stored and exchanged JSON, and read one from a value or a file."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import Field, TypeAdapter, ValidationError

from lucy.errors import InputError
from lucy.tools.graders.kinds import (
    WEIGHT_TOLERANCE,
    JavascriptGrader,
    JudgeGrader,
    LabelModelGrader,
    MultiGrader,
    PythonGrader,
    RubricGrader,
    ScoreModelGrader,
    SingleGrader,
    StringCheckGrader,
    TextSimilarityGrader,
)

__all__ = [
    "GRADER_TYPES",
    "WEIGHT_TOLERANCE",
    "GraderConfig",
    "JavascriptGrader",
    "JudgeGrader",
    "LabelModelGrader",
    "MultiGrader",
    "PythonGrader",
    "RubricGrader",
    "ScoreModelGrader",
    "SingleGrader",
    "StringCheckGrader",
    "TextSimilarityGrader",
    "load_grader",
    "parse_grader",
]

GraderConfig = Annotated[
    RubricGrader
    | PythonGrader
    | JavascriptGrader
    | JudgeGrader
    | StringCheckGrader
    | TextSimilarityGrader
    | ScoreModelGrader
    | LabelModelGrader
    | MultiGrader,
    Field(discriminator="type"),
]
"""Any grader, told apart by `type`."""

GRADER_TYPES = (
    "rubric",
    "python",
    "javascript",
    "llm_as_judge",
    "string_check",
    "text_similarity",
    "score_model",
    "label_model",
    "multi",
)

_LANGUAGES: Mapping[object, str] = {"python": "python", "javascript": "javascript", "js": "javascript"}
_SOURCES = ("script_code", "script", "source")
_ENDINGS = (".py", ".js", ".json")

_ADAPTER: TypeAdapter[GraderConfig] = TypeAdapter(GraderConfig)

JsonObject = dict[str, Any]


def parse_grader(value: JsonObject) -> GraderConfig:
    """Read a grader from its JSON object.

    A grader without a `name` is called by its type, or by its key in a multi. The documents' form of a script
    (`"type": "script"`, `language`, and `script_code`, `script` or `source`) is read as the grader of its
    language.

    Raises:
        InputError: it is no grader; the message names the place, such as `graders.a.source`, and the reason.
    """
    try:
        return _ADAPTER.validate_python(_complete(value))
    except ValidationError as error:
        raise InputError(_explain(error)) from error


def load_grader(path: str | Path) -> GraderConfig:
    """Read a grader from a script (`.py`, `.js`) or the JSON of any type (`.json`).

    A JSON file may also wrap the grader, as `{"grader": {...}}`, the form that OpenAI's service takes; what
    stands beside it is not read.

    Raises:
        InputError: the file cannot be read or holds no grader.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending not in _ENDINGS:
        raise InputError(
            f"The grader file {path.name!r} has no known ending; "
            "give a Python script (.py), a JavaScript script (.js) or a grader's JSON (.json)."
        )
    text = _read_text(path)
    if ending == ".py":
        return parse_grader({"type": "python", "name": path.stem, "source": text})
    if ending == ".js":
        return parse_grader({"type": "javascript", "name": path.stem, "source": text})
    value = _read_json(text, path.name)
    if not isinstance(value, dict):
        raise InputError(
            f"The grader file {path.name!r} must hold one JSON object with `type`, one of: {_list_types()}."
        )
    found = cast(JsonObject, value)
    inner = found.get("grader")
    return parse_grader(cast(JsonObject, inner) if isinstance(inner, dict) and "type" not in found else found)


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"The grader file {path.name!r} is not UTF-8 text; save it as UTF-8.") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(
            f"The grader file {str(path)!r} cannot be read: {reason}; check the path."
        ) from error


def _read_json(text: str, name: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_read_pairs, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InputError(f"The grader file {name!r} is not valid JSON ({error}); correct it.") from error


def _read_pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse a key that stands twice: of two sources or weights, one would be dropped without a word."""
    result: dict[str, object] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"the key {key!r} stands twice in one object")
        result[key] = value
    return result


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _complete(value: object) -> object:
    """Write a grader as its type has it: the documents' script as its language's grader, and a name."""
    if not isinstance(value, dict):
        return value
    grader = _read_script(cast(JsonObject, value), "grader")
    if isinstance(grader.get("type"), str):
        grader = {"name": grader["type"], **grader}
    members = grader.get("graders")
    if grader.get("type") != "multi" or not isinstance(members, dict):
        return grader
    named = {key: _complete_member(key, member) for key, member in cast(JsonObject, members).items()}
    return {**grader, "graders": named}


def _complete_member(key: str, member: object) -> object:
    if not isinstance(member, dict):
        return member
    return {"name": key, **_read_script(cast(JsonObject, member), f"graders.{key}")}


def _read_script(grader: JsonObject, place: str) -> JsonObject:
    if grader.get("type") != "script":
        return grader
    language = grader.get("language")
    given = [field for field in _SOURCES if field in grader]
    if not isinstance(language, str) or language.lower() not in _LANGUAGES:
        raise InputError(f"`{place}.language` is {language!r}; expected `javascript` or `python`.")
    if len(given) != 1:
        raise InputError(
            f"`{place}` has {len(given)} of `script_code`, `script` and `source`; give one of them."
        )
    kept = {key: field for key, field in grader.items() if key not in ("language", given[0])}
    return {**kept, "type": _LANGUAGES[language.lower()], "source": grader[given[0]]}


def _list_types() -> str:
    return ", ".join(GRADER_TYPES)


def _explain(error: ValidationError) -> str:
    """Turn the first fault that pydantic found into one sentence."""
    first = error.errors(include_url=False)[0]
    place = _name_place(first["loc"])
    if first["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return _explain_type(place, first.get("ctx", {}).get("tag"))
    if first["type"] == "value_error":
        reason = str(first.get("ctx", {}).get("error", first["msg"]))
        return f"In the grader's field {place!r}: {reason}" if place else reason
    return f"The grader's field {place or 'grader'!r} cannot be used: {first['msg']}; correct it."


def _explain_type(place: str, given: object) -> str:
    if not place:
        return f"The grader's `type` is {given!r}; expected one of: {_list_types()}."
    singles = ", ".join(name for name in GRADER_TYPES if name != "multi")
    return f"The grader's field '{place}.type' is {given!r}; expected one of: {singles}."


def _name_place(location: Sequence[str | int]) -> str:
    """Write where a fault is, without the types that pydantic puts into the path."""
    parts = list(location[1:])
    if location[:2] == ("multi", "graders"):
        del parts[2:3]
    return ".".join(str(part) for part in parts)
