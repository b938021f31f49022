import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lucy.tools.graders.confined import javascript_engine

Evaluate = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture(autouse=True)
def _time_zone_as_before() -> Iterator[None]:
    yield
    os.unsetenv("TZ")
    time.tzset()


def prepare(source: str, seconds: float = 5.0, memory: int = 64 << 20) -> Evaluate | str:
    return javascript_engine.prepare({"source": source, "seconds": seconds, "memory_bytes": memory})


def run(source: str, seconds: float = 5.0, **given: Any) -> dict[str, Any]:
    evaluate = prepare(source, seconds)
    assert not isinstance(evaluate, str), evaluate
    return evaluate({"input": given})


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        (
            "let x = 1;\nlet y = ;",
            "it does not compile, line 2: unexpected token in expression: ';'",
        ),
        ("let a;\nlet a; function evaluate() {}", "it does not compile, line 2: invalid redefinition"),
        ("function evaluate() {} /*", "it does not compile, line 1: unexpected end of comment"),
        ("function evaluate() {} `", "it does not compile, line 1: unexpected end of string"),
        ("function evaluate() { if }", "it does not compile, line 1: "),
        ("return 1", "it does not compile, line 1: return not in a function"),
        ("// first\n'use strict';\nwith (evaluate) {}", "it does not compile, line 3: invalid keyword: with"),
        ("(" * 100_000, "it does not compile: "),
        ("function grade() {}", "it defines no `evaluate(input)`; add that function at its top level"),
        ("function evaluate() {} // \ud800", "it holds a character that JavaScript source cannot have"),
        ("function evaluate() {} // \0", "it holds a character that JavaScript source cannot have"),
    ],
)
def test_a_source_that_cannot_be_used_is_told_in_a_sentence(source: str, fault: str) -> None:
    told = prepare(source)
    assert isinstance(told, str)
    assert told.startswith(fault)


@pytest.mark.parametrize(
    "source",
    [
        "while (true);\nfunction evaluate() {}",
        "}); while (true); (function () {",
        "`${(() => { while (true); })()}`; const evaluate = 1",
        "class A { static { while (true); } }",
    ],
)
def test_nothing_of_a_source_runs_while_it_is_checked(source: str) -> None:
    checked = prepare(source, seconds=0.0)
    assert callable(checked) or checked.startswith("it ")


def test_a_function_that_is_there_only_when_the_script_runs_is_looked_for_then() -> None:
    assert run("globalThis.evaluate = () => 1") == {"score": 1.0}
    assert run("var evaluate; if (false) evaluate = () => 1") == {
        "error": "compile_error",
        "reason": "The script defines no evaluate(input) when it runs",
    }


def test_a_loop_ends_by_the_engine_itself() -> None:
    told = run("function evaluate() { while (true); }", seconds=0.05)
    assert told["error"] == "timeout"


def test_the_text_of_an_interruption_runs_no_code_of_the_script() -> None:
    source = (
        "const loop = () => { while (true); };\n"
        "function evaluate() {\n"
        "  for (const name of ['toString', 'name', 'message', 'stack'])\n"
        "    Object.defineProperty(Error.prototype, name, { get: loop });\n"
        "  Error.prepareStackTrace = loop;\n"
        "  loop();\n"
        "}"
    )
    assert run(source, seconds=0.05)["error"] == "timeout"


def test_buffers_count_as_memory() -> None:
    told = run("function evaluate() { const all = []; while (true) all.push(new ArrayBuffer(1e6)); }")
    assert told == {"error": "memory", "reason": "The script needed more memory than it is allowed"}


def test_memory_that_a_script_keeps_to_the_end_is_told_as_well() -> None:
    told = run("globalThis.all = []; function evaluate() { while (true) all.push('x'.repeat(1e4), [all]); }")
    assert told["error"] == "memory"


def test_five_hundred_evaluations_leave_nothing_behind() -> None:
    evaluate = prepare(
        "function evaluate(input) { globalThis.n = (globalThis.n || 0) + 1; return n === 1 ? input.a : 0 }"
    )
    assert callable(evaluate)
    scores = {evaluate({"input": {"a": 0.5}})["score"] for _ in range(500)}
    assert scores == {0.5}


def test_a_cycle_of_objects_and_pending_promises_are_let_go_with_their_context() -> None:
    source = (
        "function evaluate() { const a = { b: {} }; a.b.a = a; globalThis.a = a;\n"
        "  async function wait() { await new Promise(() => {}); } wait(); return 1 }"
    )
    assert run(source) == {"score": 1.0}
