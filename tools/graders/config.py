"""Define what a grader is, as stored and exchanged JSON, and read one from a file."""

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from lucy.errors import InputError
from lucy.tools.graders.kinds import WEIGHT_TOLERANCE, PythonGrader, RubricGrader

__all__ = ["WEIGHT_TOLERANCE", "GraderConfig", "PythonGrader", "RubricGrader", "load_grader", "parse_grader"]

GraderConfig = Annotated[RubricGrader | PythonGrader, Field(discriminator="type")]
"""Any grader, told apart by `type`."""

GRADER_TYPES = ("rubric", "python")

_ADAPTER: TypeAdapter[RubricGrader | PythonGrader] = TypeAdapter(GraderConfig)


def parse_grader(value: dict[str, Any]) -> GraderConfig:
    """Read a grader from its JSON object.

    Raises:
        InputError: it is no grader; the message names the field or the line, and the reason.
    """
    try:
        return _ADAPTER.validate_python(value)
    except ValidationError as error:
        raise InputError(_explain(error)) from error


def load_grader(path: str | Path) -> GraderConfig:
    """Read a grader from a Python script (`.py`) or the JSON of any type (`.json`).

    Raises:
        InputError: the file cannot be read or holds no grader.
    """
    path = Path(path)
    if path.suffix.lower() not in (".py", ".json"):
        raise InputError(
            f"The grader file {path.name!r} has no known ending; "
            "give a Python script (.py) or a grader's JSON (.json)."
        )
    text = _read_text(path)
    if path.suffix.lower() == ".py":
        return parse_grader({"type": "python", "name": path.stem, "source": text})
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"The grader file {path.name!r} is not valid JSON ({error}); correct it.") from error
    if not isinstance(value, dict):
        raise InputError(
            f"The grader file {path.name!r} must hold one JSON object with `type`, one of: {_list_types()}."
        )
    return parse_grader({str(key): item for key, item in value.items()})


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


def _list_types() -> str:
    return ", ".join(GRADER_TYPES)


def _explain(error: ValidationError) -> str:
    """Turn the first fault that pydantic found into one sentence."""
    first = error.errors(include_url=False)[0]
    if first["type"] in ("union_tag_invalid", "union_tag_not_found"):
        given = first.get("ctx", {}).get("tag")
        return f"The grader's `type` is {given!r}; expected one of: {_list_types()}."
    if first["type"] == "value_error":
        return str(first.get("ctx", {}).get("error", first["msg"]))
    place = ".".join(str(part) for part in first["loc"][1:]) or "grader"
    return f"The grader's field {place!r} cannot be used: {first['msg']}; correct it."
