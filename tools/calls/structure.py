"""Ask for structured output, and read it also from models that wrap it in prose or code fences."""

import json
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

T = TypeVar("T", bound=BaseModel)

INSTRUCTION = (
    "Answer with one JSON object and nothing else, no explanation and no code fence. "
    "It fits this JSON Schema:\n{schema}"
)
REPAIR = "That answer cannot be used: {complaint}. Answer again: only the whole, corrected JSON object."
LONGEST_COMPLAINT = 600
"""Characters of a complaint that the model is shown."""
LONGEST_TEXT = 6000
"""Characters of its own wrong text that the model is shown; a cut-off text can be very long."""
CUT_OFF = "it was cut off before its end, so make it shorter"

_THOUGHTS = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)
_FENCE = re.compile(r"```[\w-]*\s*\n(.*?)(?:```|\Z)", re.DOTALL)
_START = re.compile(r"^[{\[]", re.MULTILINE)


class Reading(NamedTuple, Generic[T]):
    """What was read from a model's text: the value, or a complaint that says what is wrong."""

    value: T | None
    complaint: str


class Structure(Generic[T]):
    """A pydantic schema as a language model is asked for it."""

    def __init__(self, schema: type[T]) -> None:
        self.schema = schema
        self.json_schema: dict[str, Any] = schema.model_json_schema()
        compact = json.dumps(self.json_schema, ensure_ascii=False, separators=(",", ":"))
        self.instruction = INSTRUCTION.format(schema=compact)

    @cached_property
    def response_format(self) -> dict[str, Any]:
        """Give the schema as OpenAI's `response_format`, strict where the schema can be made so."""
        import openai

        form: dict[str, Any] = {"name": self.schema.__name__, "strict": False, "schema": self.json_schema}
        try:
            function: Any = openai.pydantic_function_tool(self.schema)["function"]
        except (TypeError, ValueError):  # a free dictionary, for one, has no strict form
            return {"type": "json_schema", "json_schema": form}
        return {
            "type": "json_schema",
            "json_schema": form | {"strict": True, "schema": function["parameters"]},
        }

    def read(self, text: str, *, is_cut_off: bool = False) -> Reading[T]:
        """Read the value from a model's text.

        Of a text that was cut off only the whole is tried: a part of it may be complete JSON, and wrong.
        """
        text = _THOUGHTS.sub("", text).strip()
        if not text:
            return Reading(None, CUT_OFF if is_cut_off else "it is empty")
        complaint = ""
        for candidate in [text] if is_cut_off else _list_candidates(text):
            try:
                return Reading(self.schema.model_validate_json(candidate), "")
            except ValidationError as error:
                complaint = complaint or _describe(error)
        return Reading(None, CUT_OFF if is_cut_off else complaint[:LONGEST_COMPLAINT])


def _list_candidates(text: str) -> Iterator[str]:
    """Give what may be the JSON: fenced blocks, objects in the text, and the whole text.

    An object is looked for at the first brace and at braces that begin a line. Not at every brace: in a text
    that ends too early the inner objects are complete, and none of them is what was asked for.
    """
    if text[0] in "{[":
        yield text
    yield from (block.strip() for block in _FENCE.findall(text))
    first = min((place for place in map(text.find, "{[") if place >= 0), default=-1)
    places = sorted({first, *(match.start() for match in _START.finditer(text))} - {-1})
    for place in places:
        try:
            _, end = json.JSONDecoder().raw_decode(text, place)
        except (ValueError, RecursionError):
            continue
        yield text[place:end]
    if text[0] not in "{[":
        yield text[max(first, 0) :]


def _describe(error: ValidationError) -> str:
    faults = [
        f"{'.'.join(str(part) for part in one['loc']) or 'the answer'}: {one['msg']}"
        for one in error.errors(include_url=False, include_input=False)
    ]
    return "; ".join(faults[:5])


def write_repair(complaint: str) -> str:
    """Write the message that shows a model what was wrong with its answer."""
    return REPAIR.format(complaint=complaint)
