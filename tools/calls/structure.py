"""Ask for structured output, and read it also from models that wrap it in prose or code fences."""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from lucy.tools.calls.request import Completion

T = TypeVar("T", bound=BaseModel)
V = TypeVar("V")

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


AMBIGUOUS = "it holds several objects that fit, so give only one"
STRICT_KEYWORDS = {
    *("type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf"),
    *("title", "description", "minimum", "maximum", "minItems", "maxItems"),
}
"""What OpenAI's strict form of a schema may hold (its guide to structured outputs)."""


class Reading(NamedTuple, Generic[V]):
    """What was read from a model's text: the value, or a complaint that says what is wrong."""

    value: V | None
    complaint: str


class Form(ABC, Generic[V]):
    """What a language model's answer must fit, and how it is asked for and read."""

    json_schema: dict[str, Any]

    @cached_property
    def instruction(self) -> str:
        """Say what is expected, for models that do not take `response_format`."""
        compact = json.dumps(self.json_schema, ensure_ascii=False, separators=(",", ":"))
        return INSTRUCTION.format(schema=compact)

    @cached_property
    def response_format(self) -> dict[str, Any] | None:
        """Give the schema as OpenAI's `response_format`, strict where the schema can be made so."""
        return {"type": "json_schema", "json_schema": self._describe_form()}

    def compose(self, completion: Completion) -> str:
        """Give the text that is read and stored of what a model said."""
        return completion.text

    @abstractmethod
    def _describe_form(self) -> dict[str, Any]:
        """Give the form's name, its schema, and whether that is strict."""

    def read(self, text: str, *, is_cut_off: bool = False) -> Reading[V]:
        """Read the value from a model's text.

        Of a text that was cut off only the whole is tried: a part of it may be complete JSON, and wrong.
        """
        text = _THOUGHTS.sub("", text).strip()
        if not text:
            return Reading(None, CUT_OFF if is_cut_off else "it is empty")
        found = self._choose(text, [text] if is_cut_off else _list_candidates(text))
        if found.value is None and is_cut_off:
            return Reading(None, CUT_OFF)
        return Reading(found.value, found.complaint[:LONGEST_COMPLAINT])

    def _choose(self, text: str, candidates: Iterable[str]) -> Reading[V]:
        """Take the first candidate that fits, or the complaint about the first of all."""
        complaint = ""
        for candidate in candidates:
            reading = self.parse(candidate)
            if reading.value is not None:
                return reading
            complaint = complaint or reading.complaint
        return Reading(None, complaint)

    @abstractmethod
    def parse(self, candidate: str) -> Reading[V]:
        """Read a text that may be the JSON."""


class Structure(Form[T]):
    """A pydantic schema as a language model is asked for it."""

    def __init__(self, schema: type[T]) -> None:
        self.schema = schema
        self.json_schema: dict[str, Any] = schema.model_json_schema()

    def _describe_form(self) -> dict[str, Any]:
        import openai

        form: dict[str, Any] = {"name": self.schema.__name__, "strict": False, "schema": self.json_schema}
        try:
            function: Any = openai.pydantic_function_tool(self.schema)["function"]
        except (TypeError, ValueError):  # a free dictionary, for one, has no strict form
            return form
        return form | {"strict": True, "schema": function["parameters"]}

    def parse(self, candidate: str) -> Reading[T]:
        """Read a text that may be the JSON."""
        try:
            return Reading(self.schema.model_validate_json(candidate), "")
        except ValidationError as error:
            return Reading(None, _describe(error))


class SchemaForm(Form[dict[str, Any]]):
    """A JSON schema as a language model is asked for it; the answer is one object.

    A text that holds several different objects which fit is not read, because one of them may be quoted
    from what the model was given to judge.
    """

    def __init__(self, schema: dict[str, Any], find_fault: Callable[[object], str | None]) -> None:
        """Make the form.

        Args:
            schema: The JSON schema, of an object.
            find_fault: Says what is wrong with a value; None when it fits.
        """
        self.json_schema = schema
        self._find_fault = find_fault

    def _describe_form(self) -> dict[str, Any]:
        return {"name": "answer", "strict": is_strict(self.json_schema), "schema": self.json_schema}

    def parse(self, candidate: str) -> Reading[dict[str, Any]]:
        """Read a text that may be the JSON."""
        try:
            value: object = json.loads(candidate, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            return Reading(None, f"it is no valid JSON ({error})")
        if not isinstance(value, dict):
            return Reading(None, "it is no JSON object")
        fault = self._find_fault(value)
        return Reading(None, fault) if fault else Reading(value, "")

    def _choose(self, text: str, candidates: Iterable[str]) -> Reading[dict[str, Any]]:
        """Take the only value that fits; a text that is JSON as a whole has only one."""
        value: dict[str, Any] | None = None
        complaint = ""
        for candidate in candidates:
            reading = self.parse(candidate)
            if reading.value is None:
                complaint = complaint or reading.complaint
            elif candidate == text:
                return reading
            elif value is not None and value != reading.value:
                return Reading(None, AMBIGUOUS)
            else:
                value = reading.value
        return Reading(value, complaint)


def is_strict(schema: object) -> bool:
    """Tell whether a JSON schema is one that OpenAI takes as strict: closed objects, all fields required."""
    if isinstance(schema, list):
        return all(is_strict(one) for one in schema)
    if not isinstance(schema, dict) or not schema.keys() <= STRICT_KEYWORDS:
        return False
    properties: object = schema.get("properties", {})
    if schema.get("type") == "object" or properties:
        closed = schema.get("additionalProperties") is False
        if not isinstance(properties, dict) or not closed:
            return False
        if set(properties) != set(schema.get("required", ())):
            return False
        if not all(is_strict(one) for one in properties.values()):
            return False
    return all(is_strict(schema[name]) for name in ("items", "anyOf") if name in schema)


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


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
    return REPAIR.format(complaint=complaint.removesuffix("."))
