"""Compare a response with the right answer: as a number, as JSON, exactly, or by shared words."""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from lucy.tools.graders.text import compare_words, read_features

_NUMBER = re.compile(
    r"(?<![\w.])[-\u2212]?\s?\$?\s?\d+(?:,\d{3})+(?:\.\d+)?(?!\d)|"
    r"(?<![\w.])[-\u2212]?\s?\$?\s?\d*\.?\d+(?:/\d+)?(?!\d)"
)
_MARKED_ANSWER = re.compile(
    r"(?:####|\\boxed\s*\{|(?:^|\n)\s*(?:A|Answer|Final answer)\s*[:=]|"
    r"\b(?:the\s+)?(?:final\s+)?answer\s*(?:is|:|=))"
    r"\s*\**\s*([^\n}]+)",
    re.IGNORECASE,
)
_FENCE = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL | re.IGNORECASE)
_TOLERANCE = 1e-6
_SHORT_ANSWER_WORDS = 5


class Comparison(NamedTuple):
    """How near a response is to the right answer."""

    score: float
    evidence: str


def compare_answer(response: str, reference: str) -> Comparison:
    """Score a response against the right answer, 0 to 1.

    A number: 1 when the response's final number equals it (relative 1e-6), else 0. JSON: the share of equal
    values, 1 only when all are. Else 1 for the same words, or a short answer that the response ends with;
    otherwise the token F1. It does not check the reasoning, units, or two ways to say the same thing.
    """
    expected = read_number(reference)
    if expected is not None:
        return _compare_number(response, expected, reference)
    document = read_json(reference)
    if isinstance(document, dict | list):
        return _compare_json(read_json(response), document)
    return _compare_text(response, reference)


def read_number(text: str) -> float | None:
    """Read a text that is one number and nothing else, such as `1,250`, `$5` or `3/4`."""
    match = _NUMBER.fullmatch(text.strip().rstrip("."))
    return _to_number(match.group()) if match else None


def find_final_number(text: str) -> float | None:
    """Find the number that a response ends with: after `####`, `A:`, `answer is`, in a box, or last."""
    marked = _MARKED_ANSWER.findall(text)
    for part in reversed(marked):
        if numbers := _NUMBER.findall(part):
            return _to_number(numbers[0])
    numbers = _NUMBER.findall(text)
    return _to_number(numbers[-1]) if numbers else None


def read_json(text: str) -> Any:
    """Read JSON, also from inside a code fence; None when there is none."""
    fenced = _FENCE.search(text)
    try:
        return json.loads(fenced.group(1) if fenced else text)
    except (ValueError, RecursionError):
        return None


def _to_number(text: str) -> float | None:
    cleaned = re.sub(r"[\s$,]", "", text).replace("\u2212", "-")
    above, _, below = cleaned.partition("/")
    try:
        number = float(above) / (float(below) if below else 1.0)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _compare_number(response: str, expected: float, reference: str) -> Comparison:
    found = find_final_number(response)
    if found is None:
        return Comparison(0.0, f"gives no number, expected {reference.strip()}")
    if math.isclose(found, expected, rel_tol=_TOLERANCE, abs_tol=1e-9):
        return Comparison(1.0, f"final number {found:g} is right")
    return Comparison(0.0, f"final number is {found:g}, expected {reference.strip()}")


def _compare_json(found: Any, expected: dict[str, Any] | list[Any]) -> Comparison:
    if found is None:
        return Comparison(0.0, "is not JSON, as the right answer is")
    if found == expected:
        return Comparison(1.0, "JSON equals the right answer")
    left, right = dict(_list_leaves(found)), dict(_list_leaves(expected))
    same = sum(path in left and left[path] == value for path, value in right.items())
    total = len(left.keys() | right.keys())
    wrong = next((path for path, value in sorted(right.items()) if left.get(path) != value), "an extra field")
    # Never quite 1: a value may differ only in what the leaves do not show, such as an empty object.
    return Comparison(min(0.99, same / total) if total else 0.0, f"JSON differs at {wrong}")


def _list_leaves(value: Any, path: str = "$") -> Iterator[tuple[str, str]]:
    """List path and value of everything inside a JSON document."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _list_leaves(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _list_leaves(item, f"{path}[{index}]")
    else:
        yield path, json.dumps(value)


def _compare_text(response: str, reference: str) -> Comparison:
    said, right = read_features(response), read_features(reference)
    if not right.words:
        equal = response.strip() == reference.strip()
        return Comparison(
            float(equal), "equals the right answer" if equal else "differs from the right answer"
        )
    length = len(right.words)
    if said.words == right.words:
        return Comparison(1.0, "equals the right answer")
    if length <= _SHORT_ANSWER_WORDS and said.words[-length:] == right.words:
        return Comparison(1.0, "ends with the right answer")
    shared = compare_words(said, right)
    return Comparison(shared, f"shares {shared:.0%} of its words with the right answer")
