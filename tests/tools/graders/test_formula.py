import math
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lucy.errors import InputError
from lucy.tools.graders.formula import FormulaError, compile_formula

VALUES = {"a": 0.5, "b": 0.25, "min": 3.0}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a", 0.5),
        ("a ^ 2", 0.25),
        ("-a ^ 2", -0.25),
        ("(-a) ^ 2", 0.25),
        ("2 ^ 3 ^ 2", 512.0),
        ("2 ^ -1", 0.5),
        ("1 - 2 - 3", -4.0),
        ("8 / 2 / 2", 2.0),
        ("1 + 2 * 3", 7.0),
        (".5e1 + 1.", 6.0),
        ("min(a, b) + max(a, b, 1)", 1.25),
        ("min(min, 1)", 1.0),
        ("floor(1.5) + ceil(0.1) + abs(-2)", 4.0),
        ("exp(0) + sqrt(4) + log(1)", 3.0),
        ("+-+a", -0.5),
        (" a\n+\tb ", 0.75),
    ],
)
def test_a_formula_has_its_value(source: str, expected: float):
    assert compile_formula(source, VALUES)(VALUES) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("a + c", "Position 5 of `calculate_output`: unknown name 'c'; the graders' names are: a, b, min"),
        ("a-name", "Position 3 of `calculate_output`: unknown name 'name'"),
        ("", "Position 1 of `calculate_output`: found the end"),
        ("a b", "Position 3 of `calculate_output`: found 'b'"),
        ("(a", r"Position 3 of `calculate_output`: found the end, expected `\)`"),
        ("a ** 2", r"Position 4 of `calculate_output`: found '\*'"),
        ("a.real", "Position 2 of `calculate_output`: '.' is not allowed"),
        ("open('x')", 'Position 6 of `calculate_output`: "\'" is not allowed'),
        ("__import__(a)", "unknown function '__import__'"),
        ("lambda: 1", "is not allowed"),
        ("a if b else 1", "found 'if'"),
        ("sqrt(a, b)", "'sqrt' takes one number"),
        ("max()", "expected a number"),
        ("1e999", "too large a number"),
        ("(" * 60 + "a" + ")" * 60, "nested deeper than 50"),
        ("-" * 60 + "a", "nested deeper than 50"),
        ("2^" * 60 + "a", "nested deeper than 50"),
        ("a+" * 300 + "a", "has 601 parts"),
        ("a" + " " * 2000, "characters long"),
    ],
)
def test_a_formula_that_cannot_be_read_is_refused_with_its_place(source: str, message: str):
    with pytest.raises(InputError, match=message):
        compile_formula(source, VALUES)


@pytest.mark.parametrize(
    "source",
    ["a / (b - b)", "log(0 * a)", "sqrt(-a)", "0 ^ -a", "(0 - a) ^ 0.5", "9^9^9^9", "1e308 * 10", "exp(1000)",
     "min(1e308 * 10, 1)"],
)  # fmt: skip
def test_a_formula_without_a_finite_value_fails(source: str):
    compute = compile_formula(source, VALUES)
    with pytest.raises(FormulaError):
        compute(VALUES)


def join(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    binary = st.tuples(parts, st.sampled_from("+-*/"), parts).map(lambda part: f"({' '.join(part)})")
    loose = st.tuples(parts, st.sampled_from("+-*/"), parts).map(" ".join)
    call = st.tuples(st.sampled_from(["min", "max"]), parts, parts).map(
        lambda part: f"{part[0]}({part[1]}, {part[2]})"
    )
    return st.one_of(
        binary, loose, call, parts.map(lambda part: f"abs({part})"), parts.map(lambda part: f"-{part}")
    )


NUMBERS = st.floats(0, 1000, allow_subnormal=False).map(lambda number: f"{number:.6f}")
FORMULAS = st.recursive(st.one_of(st.sampled_from("ab"), NUMBERS), join, max_leaves=12)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(FORMULAS, st.floats(-10, 10), st.floats(-10, 10))
def test_a_formula_is_float_arithmetic(source: str, a: float, b: float):
    try:
        expected = eval(source, {"min": min, "max": max, "abs": abs, "a": a, "b": b})
    except ZeroDivisionError:
        expected = math.inf
    try:
        value = compile_formula(source, ("a", "b"))({"a": a, "b": b})
    except FormulaError:
        assert not math.isfinite(expected)
    else:
        assert value == expected


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(alphabet="ab01.e+-*/^(), minabslog_'\n", max_size=30))
def test_no_formula_fails_with_anything_but_a_sentence(source: str):
    with suppress(InputError, FormulaError):
        assert math.isfinite(compile_formula(source, ("a", "b"))({"a": 0.5, "b": 0.0}))
