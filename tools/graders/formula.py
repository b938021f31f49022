"""Read and compute OpenAI's `calculate_output`: a formula over the values of a multi's graders.

There are numbers, the graders' names, `+ - * / ^` (`^` is the power and binds to the right), brackets, and
`min max abs floor ceil exp sqrt log` (natural). The formula is parsed here and never handed to Python. A
grader's name can stand in a formula when it is made of letters, digits and `_` and begins with no digit.
"""

import math
import re
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from lucy.errors import InputError

MAX_LENGTH = 2000
"""Characters of a formula."""

MAX_TOKENS = 500

MAX_DEPTH = 50
"""Brackets, signs and powers inside each other."""

Values = Mapping[str, float]
Formula = Callable[[Values], float]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[^\W\d]\w*)|(?P<sign>[-+*/^(),]))"
)
_ONE: Mapping[str, Callable[[float], float]] = {
    "abs": abs,
    "floor": math.floor,
    "ceil": math.ceil,
    "exp": math.exp,
    "sqrt": math.sqrt,
    "log": math.log,
}
_MANY: Mapping[str, Callable[[list[float]], float]] = {"min": min, "max": max}


class FormulaError(ArithmeticError):
    """A formula has no finite value for these numbers; the message is one sentence."""


class _Token(NamedTuple):
    text: str
    kind: str
    position: int
    """Of its first character, from 1."""


def compile_formula(source: str, names: Collection[str]) -> Formula:
    """Make a formula ready to compute; what it gives is finite, or it raises `FormulaError`.

    Args:
        source: The formula.
        names: The graders' names that may stand in it.

    Raises:
        InputError: the formula cannot be read; the message names the position, from 1, or the unknown name.
    """
    if len(source) > MAX_LENGTH:
        raise InputError(f"`calculate_output` is {len(source)} characters long; shorten it to {MAX_LENGTH}.")
    compute = _Parser(_split(source), frozenset(names)).parse()

    def run(values: Values) -> float:
        try:
            return _check_finite(float(compute(values)))
        except FormulaError:
            raise
        except (ArithmeticError, ValueError) as error:
            raise FormulaError(f"The formula has no value here: {error}.") from error

    return run


def _check_finite(value: float) -> float:
    if not math.isfinite(value):
        raise FormulaError(f"The formula's value is not finite: {value}.")
    return value


def _add(left: float, right: float) -> float:
    return _check_finite(left + right)


def _subtract(left: float, right: float) -> float:
    return _check_finite(left - right)


def _multiply(left: float, right: float) -> float:
    return _check_finite(left * right)


def _divide(left: float, right: float) -> float:
    return _check_finite(left / right)


_SUMS: Mapping[str, Callable[[float, float], float]] = {"+": _add, "-": _subtract}
_PRODUCTS: Mapping[str, Callable[[float, float], float]] = {"*": _multiply, "/": _divide}


def _split(source: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while source[at:].strip():
        found = _TOKEN.match(source, at)
        if found is None:
            place = at + len(source[at:]) - len(source[at:].lstrip())
            raise InputError(
                f"Position {place + 1} of `calculate_output`: {source[place]!r} is not allowed there."
            )
        kind = str(found.lastgroup)
        tokens.append(_Token(found.group(kind), kind, found.start(kind) + 1))
        at = found.end()
    if len(tokens) > MAX_TOKENS:
        raise InputError(f"`calculate_output` has {len(tokens)} parts; shorten it to {MAX_TOKENS}.")
    return [*tokens, _Token("", "end", len(source) + 1)]


class _Parser:
    """Read tokens by recursive descent into a function."""

    def __init__(self, tokens: list[_Token], names: frozenset[str]) -> None:
        self._tokens = tokens
        self._names = names
        self._at = 0
        self._depth = 0

    def parse(self) -> Formula:
        formula = self._read_sum()
        if self._next.kind != "end":
            raise self._refuse("an operator or the end")
        return formula

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self, *texts: str) -> str:
        """Pass over the next token if it is one of these; give it, or an empty text."""
        found = self._next
        if found.kind != "sign" or found.text not in texts:
            return ""
        self._at += 1
        return found.text

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise self._refuse(f"`{text}`")

    def _refuse(self, expected: str) -> InputError:
        found = repr(self._next.text) if self._next.text else "the end"
        return InputError(
            f"Position {self._next.position} of `calculate_output`: found {found}, expected {expected}."
        )

    def _read_sum(self) -> Formula:
        left = self._read_product()
        while sign := self._take("+", "-"):
            left = _join(_SUMS[sign], left, self._read_product())
        return left

    def _read_product(self) -> Formula:
        left = self._read_signed()
        while sign := self._take("*", "/"):
            left = _join(_PRODUCTS[sign], left, self._read_signed())
        return left

    def _read_signed(self) -> Formula:
        """Read a power with its signs: `-a ^ 2` is `-(a ^ 2)`, as in mathematics and Python."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise InputError(
                f"Position {self._next.position} of `calculate_output`: nested deeper than {MAX_DEPTH}; "
                "simplify it."
            )
        sign = self._take("+", "-")
        formula = self._read_signed() if sign else self._read_power()
        self._depth -= 1
        return _negate(formula) if sign == "-" else formula

    def _read_power(self) -> Formula:
        base = self._read_atom()
        return _join(math.pow, base, self._read_signed()) if self._take("^") else base

    def _read_atom(self) -> Formula:
        token = self._next
        if token.kind == "number":
            self._at += 1
            return _hold(token)
        if token.kind == "name":
            self._at += 1
            return self._read_call(token) if self._take("(") else self._find(token)
        if not self._take("("):
            raise self._refuse("a number, a grader's name, a function or `(`")
        inner = self._read_sum()
        self._expect(")")
        return inner

    def _find(self, token: _Token) -> Formula:
        name = token.text
        if name not in self._names:
            raise InputError(
                f"Position {token.position} of `calculate_output`: unknown name {name!r}; "
                f"the graders' names are: {', '.join(sorted(self._names))}."
            )
        return lambda values: values[name]

    def _read_call(self, token: _Token) -> Formula:
        if token.text not in _ONE and token.text not in _MANY:
            known = ", ".join((*_MANY, *_ONE))
            raise InputError(
                f"Position {token.position} of `calculate_output`: unknown function {token.text!r}; "
                f"there are: {known}."
            )
        parts = [self._read_sum()]
        while self._take(","):
            parts.append(self._read_sum())
        self._expect(")")
        if token.text in _MANY:
            return _apply_many(_MANY[token.text], parts)
        if len(parts) > 1:
            raise InputError(
                f"Position {token.position} of `calculate_output`: {token.text!r} takes one number."
            )
        return _apply_one(_ONE[token.text], parts[0])


def _hold(token: _Token) -> Formula:
    number = float(token.text)
    if not math.isfinite(number):
        raise InputError(
            f"Position {token.position} of `calculate_output`: {token.text!r} is too large a number."
        )
    return lambda values: number


def _negate(formula: Formula) -> Formula:
    return lambda values: -formula(values)


def _join(operation: Callable[[float, float], float], left: Formula, right: Formula) -> Formula:
    return lambda values: operation(left(values), right(values))


def _apply_one(function: Callable[[float], float], part: Formula) -> Formula:
    return lambda values: float(function(part(values)))


def _apply_many(function: Callable[[list[float]], float], parts: list[Formula]) -> Formula:
    return lambda values: function([part(values) for part in parts])
