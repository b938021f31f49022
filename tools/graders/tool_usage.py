"""Compare the tool calls of a response with the expected ones, or check their form where none are known."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

FAULTY_SCORE = 0.49
"""Least upper bound of a score while anything is wrong."""
_OTHER_TOOL = 0.1
_RIGHT_TOOL = 0.4
_RELATIVE_TOLERANCE = 1e-9


class Call(NamedTuple):
    """One tool call."""

    name: str
    arguments: dict[str, Any] | None
    """None when they are no JSON object."""


class Tool(NamedTuple):
    """What a tool takes."""

    parameters: dict[str, Any]
    """JSON schema of the arguments; empty where the record has none."""
    properties: dict[str, Any]
    required: frozenset[str]


class Verdict(NamedTuple):
    """What is said about the calls of a response."""

    score: float
    evidence: str
    """A phrase that goes on from "the response ..."."""


class _Fit(NamedTuple):
    """How well a call fits an expected one."""

    share: float
    """0 another tool, 1 the same call."""
    evidence: str


def read_calls(given: object) -> tuple[Call, ...]:
    """Read tool calls in OpenAI's form, or as plain `{name, arguments}`; what is no call is left out."""
    calls: list[Call] = []
    for entry in given if isinstance(given, list | tuple) else ():
        function = entry.get("function", entry) if isinstance(entry, dict) else None
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            calls.append(Call(function["name"], _read_arguments(function.get("arguments"))))
    return tuple(calls)


def _read_arguments(given: object) -> dict[str, Any] | None:
    if given is None or given == "":
        return {}
    try:
        value: object = json.loads(given) if isinstance(given, str) else given
    except (ValueError, RecursionError):
        return None
    return {str(key): item for key, item in value.items()} if isinstance(value, dict) else None


def read_tools(definitions: Sequence[Mapping[str, Any]]) -> dict[str, Tool]:
    """Read the tools that a record offers, by name."""
    tools: dict[str, Tool] = {}
    for definition in definitions:
        function = definition.get("function", definition)
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            tools[function["name"]] = _read_tool(function.get("parameters"))
    return tools


def _read_tool(parameters: object) -> Tool:
    schema = parameters if isinstance(parameters, dict) else {}
    properties, required = schema.get("properties"), schema.get("required")
    return Tool(
        schema,
        properties if isinstance(properties, dict) else {},
        frozenset(name for name in required if isinstance(name, str))
        if isinstance(required, list)
        else frozenset(),
    )


def compare_calls(called: Sequence[Call], expected: Sequence[Call], tools: Mapping[str, Tool]) -> Verdict:
    """Score calls against the expected ones: 1 when all are right and none is too many, else under 0.5.

    Calls may come in any order. Arguments are compared as JSON values: numbers as numbers, lists in order,
    texts without regard to case and blanks, but for values that the schema lists. An optional argument
    that is left out counts as its default. Not seen: another value that would do as well, a text with the
    same meaning, or that one call needs the result of another.
    """
    if not expected:
        if called:
            return Verdict(0.0, f"calls {called[0].name!r}, where no call is expected")
        return Verdict(1.0, "calls no tool, as expected")
    if not called:
        return Verdict(0.0, f"calls no tool, expected {expected[0].name!r}")
    fits = _match(called, expected, tools)
    if len(called) == len(expected) and all(fit.share == 1 for fit in fits):
        return Verdict(1.0, "makes the expected calls" if len(fits) > 1 else "makes the expected call")
    share = sum(fit.share for fit in fits) / max(len(called), len(expected))
    return Verdict(FAULTY_SCORE * min(1.0, share), _explain(fits, called, expected))


def _match(called: Sequence[Call], expected: Sequence[Call], tools: Mapping[str, Tool]) -> list[_Fit]:
    """Give each expected call the best call that is left, the best fits of all first."""
    ranked = sorted(
        (
            (_compare(call, wish, tools), i, j)
            for i, wish in enumerate(expected)
            for j, call in enumerate(called)
        ),
        key=lambda one: (-one[0].share, one[1], one[2]),
    )
    fits: dict[int, _Fit] = {}
    used: set[int] = set()
    for fit, i, j in ranked:
        if i not in fits and j not in used:
            fits[i] = fit
            used.add(j)
    return [fits.get(i, _Fit(0.0, f"leaves out a call of {wish.name!r}")) for i, wish in enumerate(expected)]


def _explain(fits: Sequence[_Fit], called: Sequence[Call], expected: Sequence[Call]) -> str:
    worst = min(fits, key=lambda fit: fit.share)
    if worst.share < 1:
        return worst.evidence
    return f"makes {len(called)} calls, expected {len(expected)}"


def _compare(call: Call, wish: Call, tools: Mapping[str, Tool]) -> _Fit:
    """Compare one call with an expected one."""
    if call.name != wish.name:
        share = _OTHER_TOOL if call.name in tools else 0.0
        return _Fit(share, f"calls {call.name!r}, expected {wish.name!r}")
    if call.arguments is None:
        return _Fit(_RIGHT_TOOL, f"gives {call.name!r} arguments that are no JSON object")
    tool = tools.get(wish.name, Tool({}, {}, frozenset()))
    given, right = _drop_defaults(call.arguments, tool), _drop_defaults(wish.arguments or {}, tool)
    names = sorted(given.keys() | right.keys())
    wrong = [
        name for name in names if not _is_right(given.get(name), right.get(name), tool.properties.get(name))
    ]
    if not wrong:
        return _Fit(1.0, "")
    share = _RIGHT_TOOL + (1 - _RIGHT_TOOL) * (1 - len(wrong) / len(names))
    return _Fit(share, _describe_fault(wrong[0], given, right))


def _drop_defaults(arguments: dict[str, Any], tool: Tool) -> dict[str, Any]:
    """Leave out optional arguments that say what leaving them out says."""

    def says_nothing(name: str, value: object) -> bool:
        schema = tool.properties.get(name)
        if name in tool.required or not isinstance(schema, dict):
            return False
        return value is None or ("default" in schema and _is_equal(value, schema["default"]))

    return {name: value for name, value in arguments.items() if not says_nothing(name, value)}


def _describe_fault(name: str, given: dict[str, Any], right: dict[str, Any]) -> str:
    if name not in given:
        return f"leaves out the argument {name!r}"
    if name not in right:
        return f"gives an argument {name!r}, which is not expected"
    said, expected = (json.dumps(one, ensure_ascii=False)[:60] for one in (given[name], right[name]))
    return f"gives {name!r} as {said}, expected {expected}"


def _is_right(given: object, right: object, schema: object) -> bool:
    """Compare an argument; values of a list of allowed ones may differ by case alone, such as AA and Aa."""
    allowed = schema.get("enum") if isinstance(schema, dict) else None
    if isinstance(allowed, list) and given in allowed and right in allowed:
        return given == right and isinstance(given, bool) == isinstance(right, bool)
    return _is_equal(given, right)


def _is_equal(first: object, second: object) -> bool:
    """Compare JSON values; True is not 1, and "3" is not 3."""
    if isinstance(first, bool) or isinstance(second, bool):
        return first is second
    if isinstance(first, int | float) and isinstance(second, int | float):
        return _is_same_number(first, second)
    if isinstance(first, str) and isinstance(second, str):
        return " ".join(first.split()).casefold() == " ".join(second.split()).casefold()
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(_is_equal, first, second))
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(_is_equal(first[key], second[key]) for key in first)
    return first is None and second is None


def _is_same_number(first: float, second: float) -> bool:
    try:
        return math.isclose(first, second, rel_tol=_RELATIVE_TOLERANCE, abs_tol=0.0)
    except OverflowError:
        return first == second  # whole numbers beyond what a float holds


def check_calls(called: Sequence[Call], tools: Mapping[str, Tool]) -> Verdict:
    """Score the form of calls where the right ones are not known: 1 when every call is a possible one.

    A tool that the record offers, all required arguments, values of the right types and among those listed,
    no other arguments; else under 0.5, and 0 without any call. Not seen: whether a call was wanted, was the
    right one, or has the right values. Any valid call scores 1.
    """
    if not called:
        return Verdict(0.0, "calls no tool")
    faults = [_find_fault(call, tools) for call in called]
    wrong = [fault for fault in faults if fault]
    if not wrong:
        return Verdict(1.0, "makes calls that the tools take")
    known = sum(call.name in tools for call in called) / len(called)
    right = 1 - len(wrong) / len(called)
    return Verdict(FAULTY_SCORE * (_RIGHT_TOOL * known + (1 - _RIGHT_TOOL) * right), wrong[0])


def _find_fault(call: Call, tools: Mapping[str, Tool]) -> str:
    """Say what is wrong with the form of a call; empty when nothing is."""
    tool = tools.get(call.name)
    if tool is None:
        return f"calls {call.name!r}, which is not offered"
    if call.arguments is None:
        return f"gives {call.name!r} arguments that are no JSON object"
    missing = sorted(tool.required - call.arguments.keys())
    if missing:
        return f"leaves out the argument {missing[0]!r}"
    unknown = sorted(call.arguments.keys() - tool.properties.keys())
    if unknown and tool.properties:
        return f"gives an argument {unknown[0]!r}, which {call.name!r} does not have"
    is_valid = _make_check(json.dumps(tool.parameters, sort_keys=True))
    return "" if is_valid(call.arguments) else f"gives {call.name!r} a value that its schema does not allow"


@lru_cache(maxsize=1024)
def _make_check(schema: str) -> Callable[[dict[str, Any]], bool]:
    """Make the check of a schema; a schema that cannot be used allows everything. Nothing is fetched."""
    from jsonschema_rs import validator_for

    try:
        return validator_for(json.loads(schema), retriever=_refuse).is_valid
    except ValueError:
        return lambda _: True


def _refuse(uri: str) -> None:
    raise ValueError(f"nothing is fetched, {uri} neither")
