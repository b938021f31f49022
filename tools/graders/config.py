"""Define what a grader is, as stored and exchanged JSON, and read one from a file."""

import json
import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from lucy.errors import InputError
from lucy.tools.graders.criterion import Criterion
from lucy.tools.graders.script import check_script

WEIGHT_TOLERANCE = 0.001
"""How far the weights of a rubric may be from summing to 1."""


class RubricGrader(BaseModel):
    """Weighted criteria, judged offline by measurable features of the text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["rubric"] = "rubric"
    name: str = Field(min_length=1)
    criteria: tuple[Criterion, ...] = Field(min_length=1)

    @field_validator("criteria")
    @classmethod
    def _check_criteria(cls, criteria: tuple[Criterion, ...]) -> tuple[Criterion, ...]:
        total = math.fsum(criterion.weight for criterion in criteria)
        if abs(total - 1) > WEIGHT_TOLERANCE:
            raise ValueError(
                f"The weights of the criteria sum to {total:.3f}, expected 1; change them so that they do."
            )
        ids = [criterion.id for criterion in criteria]
        twice = next((name for name in ids if ids.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"Two criteria have the id {twice!r}; give each criterion an id of its own.")
        return criteria


class PythonGrader(BaseModel):
    """A Python script with `grade(sample, item)`, run in a process of its own.

    Only run scripts you trust: see `worker` for what is not confined.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["python"] = "python"
    name: str = Field(min_length=1)
    source: str
    """Fewer than 256 000 bytes; defines `grade(sample, item)`, which gives a number from 0 to 1."""

    @field_validator("source")
    @classmethod
    def _check_source(cls, source: str) -> str:
        check_script(source)
        return source


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
