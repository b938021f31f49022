"""Read the tool calls of a record: the values they pass on, and which others they could have passed."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from lucy.tools.vocabulary import Message, Record

_PLACE = re.compile(r"(?:^|_)(?:lat|lon|lng|latitude|longitude|coordinates?)(?:$|_)", re.IGNORECASE)


class Argument(NamedTuple):
    """A value that a tool call passes on."""

    function: str
    name: str
    value: str
    is_number: bool


def list_arguments(messages: Sequence[Message]) -> list[Argument]:
    """List the plain values of all tool calls in messages, in order; values of nested objects too."""
    return [
        argument for message in messages for call in _list_calls(message) for argument in _read_call(call)
    ]


def has_calls(messages: Sequence[Message]) -> bool:
    """Tell whether a message calls a tool."""
    return any(_list_calls(message) for message in messages)


def has_coordinates(arguments: Sequence[Argument]) -> bool:
    """Tell whether a place is given by figures: its name cannot be changed alone."""
    return any(_PLACE.search(argument.name) for argument in arguments)


def _list_calls(message: Message) -> list[Mapping[str, Any]]:
    calls: Any = message.get("tool_calls") or []
    return [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []


def _read_call(call: Mapping[str, Any]) -> Iterator[Argument]:
    function: Any = call.get("function") or {}
    try:
        arguments: Any = json.loads(function.get("arguments") or "{}")
    except (ValueError, TypeError):
        return  # published logs hold calls whose arguments are no JSON; nothing of them is varied
    yield from _walk(str(function.get("name", "")), "", arguments)


def _walk(function: str, name: str, value: Any) -> Iterator[Argument]:
    if isinstance(value, dict):
        fields: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
        for key, part in fields.items():
            yield from _walk(function, key, part)
    elif isinstance(value, list):
        parts: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
        for part in parts:
            yield from _walk(function, name, part)
    elif isinstance(value, int | float | str) and not isinstance(value, bool):
        yield Argument(function, name, str(value), not isinstance(value, str))


class ArgumentBank:
    """The values that the dataset's calls pass on, per function and argument."""

    def __init__(self, records: Sequence[Record]) -> None:
        """Collect the values of all calls, and what the tools' schemas allow."""
        self._used: dict[tuple[str, str], dict[str, None]] = {}
        self._allowed: dict[tuple[str, str], list[str]] = {}
        for record in records:
            for argument in list_arguments((*record.prompt, *record.reply)):
                self._used.setdefault((argument.function, argument.name), {}).setdefault(argument.value)
            for tool in record.tools:
                self._read_schema(tool)

    def list_others(self, argument: Argument) -> list[str]:
        """Give other values for an argument: those that its schema allows, else those of other records."""
        key = (argument.function, argument.name)
        values = self._allowed.get(key) or list(self._used.get(key, ()))
        return [
            value
            for value in values
            if value != argument.value and _describe_shape(value) == _describe_shape(argument.value)
        ]

    def is_bound(self, argument: Argument) -> bool:
        """Tell whether a schema lists the values that an argument may have."""
        return bool(self._allowed.get((argument.function, argument.name)))

    def _read_schema(self, tool: Mapping[str, Any]) -> None:
        function: Any = tool.get("function") or {}
        parameters: Any = function.get("parameters") or {}
        properties: Any = parameters.get("properties") or {} if isinstance(parameters, dict) else {}
        if not isinstance(properties, dict):
            return
        fields: dict[str, Any] = properties  # pyright: ignore[reportUnknownVariableType]
        for name, field in fields.items():
            allowed: Any = field.get("enum") if isinstance(field, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
            if isinstance(allowed, list):
                values: list[Any] = allowed  # pyright: ignore[reportUnknownVariableType]
                self._allowed[str(function.get("name")), name] = [str(value) for value in values]


def _describe_shape(value: str) -> tuple[bool, bool, int]:
    """Say what a value looks like: a figure, written with a capital, of few words or many."""
    return value[:1].isdigit(), value[:1].isupper(), min(len(value.split()), 3)
