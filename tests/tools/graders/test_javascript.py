import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lucy.errors import GraderError, InputError
from lucy.tools.graders.javascript_script import build_input, check_javascript, open_javascript
from lucy.tools.graders.kinds import JavascriptGrader, PythonGrader
from lucy.tools.graders.python_script import open_python
from lucy.tools.graders.resources import NO_RESOURCES, Resources
from lucy.tools.vocabulary import Grade, Record

Evaluate = Callable[..., Grade]

FINAL_NUMBER_JAVASCRIPT = r"""
const MARKED = /(?:####|\bA:)\s*\$?\s*(-?[\d,]*\.?\d+)/g;
const ANY = /()(-?[\d,]*\.?\d+)/g;

function readNumber(text) {
  const found = [...text.matchAll(MARKED)];
  const last = (found.length ? found : [...text.matchAll(ANY)]).at(-1);
  return last ? Number(last.at(-1).replaceAll(",", "")) : null;
}

function evaluate(input) {
  const given = readNumber(input.response);
  const wanted = readNumber(input.item.reference_answer);
  if (given === null || wanted === null) return 0;
  if (given === wanted) return 1;
  return Math.round(50 / (1 + Math.abs(given - wanted))) / 100;
}
"""

FINAL_NUMBER_PYTHON = r"""
import math
import re

MARKED = re.compile(r"(?:####|\bA:)\s*\$?\s*(-?[0-9,]*\.?[0-9]+)")
ANY = re.compile(r"-?[0-9,]*\.?[0-9]+")


def read_number(text):
    found = MARKED.findall(text) or ANY.findall(text)
    return float(found[-1].replace(",", "")) if found else None


def grade(sample, item):
    given, wanted = read_number(sample["output_text"]), read_number(item["reference_answer"])
    if given is None or wanted is None:
        return 0.0
    if given == wanted:
        return 1.0
    return math.floor(50 / (1 + abs(given - wanted)) + 0.5) / 100
"""


def make_record(text: str, **fields: Any) -> Record:
    return Record(id="r", prompt=({"role": "user", "content": text},), item=fields)


def grade_all(source: str, pairs: Sequence[tuple[Record, str]], workers: int = 1) -> list[Grade]:
    config = JavascriptGrader(name="script", source=source)
    with open_javascript(config, Resources(workers=workers)) as score_many:
        return score_many(pairs)


RUNNER = "function evaluate(input) { return new Function('input', input.item.body)(input) }"


@pytest.fixture(scope="module")
def evaluate() -> Iterator[Evaluate]:
    """Evaluate the body of a function on a response, with one worker for all."""
    with open_javascript(JavascriptGrader(name="script", source=RUNNER), Resources(workers=1)) as score_many:

        def run(body: str, response: str = "yes", record: Record | None = None) -> Grade:
            record = record or make_record("?")
            return score_many([(replace(record, item={**record.item, "body": body}), response)])[0]

        yield run


def measure_auc(scores: Sequence[float], labels: Sequence[bool]) -> float:
    given = np.asarray(scores)
    right, wrong = given[np.asarray(labels)], given[~np.asarray(labels)]
    above = (right[:, None] > wrong[None, :]) + 0.5 * (right[:, None] == wrong[None, :])
    return float(above.mean())


def test_javascript_and_python_give_every_public_solution_the_same_score(
    solutions: list[tuple[Record, bool]],
) -> None:
    pairs = [(record, str(record.reply[-1]["content"])) for record, _ in solutions]
    labels = [is_correct for _, is_correct in solutions]
    by_javascript = [grade.score for grade in grade_all(FINAL_NUMBER_JAVASCRIPT, pairs, workers=2)]
    config = PythonGrader(name="script", source=FINAL_NUMBER_PYTHON)
    with open_python(config, NO_RESOURCES) as score_many:
        by_python = [grade.score for grade in score_many(pairs)]
    assert len(pairs) == 300
    assert by_javascript == by_python
    scores = [score for score in by_javascript if score is not None]
    assert len(scores) == 300
    assert len(set(scores)) > 5
    assert measure_auc(scores, labels) >= 0.97


@pytest.mark.parametrize(
    ("body", "score", "reason"),
    [
        ("return 0.25", 0.25, ""),
        ("return 1", 1.0, ""),
        ("return true", 1.0, ""),
        ("return false", 0.0, ""),
        ("return { score: 0.5, reason: 'half right' }", 0.5, "half right"),
        ("return { score: true, reason: null, more: [1] }", 1.0, ""),
        ("return -0", 0.0, ""),
        ("return 0.1 + 0.2", 0.1 + 0.2, ""),
        ("return 1 + 1e-12", 1.0, ""),
    ],
)
def test_a_number_a_boolean_or_an_object_with_a_score_counts(
    evaluate: Evaluate, body: str, score: float, reason: str
) -> None:
    assert evaluate(body) == Grade(score=score, reason=reason)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("return '0.5'", 'the text "0.5"'),
        ("return NaN", "NaN"),
        ("return 7", "7"),
        ("return -0.5", "-0.5"),
        ("", "undefined"),
        ("return null", "null"),
        ("return [1]", "a list"),
        ("return { result: 1 }", "an object"),
        ("return { score: '1' }", 'an object whose `score` is the text "1"'),
        ("return { score: 1, reason: 5 }", "an object whose `reason` is 5"),
        ("return (async () => 1)()", "a promise"),
    ],
)
def test_anything_else_is_an_invalid_result_that_is_shown(evaluate: Evaluate, body: str, shown: str) -> None:
    grade = evaluate(body)
    assert (grade.score, grade.error) == (None, "invalid_result")
    assert grade.reason == (
        f"evaluate returned {shown}; it must return a number from 0 to 1, a boolean or {{score, reason}}"
    )


def test_an_exception_is_told_with_its_line() -> None:
    source = (
        "function evaluate(input) {\n"
        "  // The reference is missing.\n"
        "  const wanted = input.item.reference;\n"
        "  return wanted.trim() === 'yes';\n"
        "}"
    )
    (grade,) = grade_all(source, [(make_record("?"), "yes")])
    assert grade.error == "runtime_error"
    assert grade.reason == "The script threw TypeError at line 4: cannot read property 'trim' of undefined"


def test_an_exception_at_the_top_level_is_a_compile_error() -> None:
    source = "function evaluate(input) { return 1 }\n\nthrow new RangeError('not today');"
    (grade,) = grade_all(source, [(make_record("?"), "yes")])
    assert (grade.score, grade.error) == (None, "compile_error")
    assert grade.reason == "The script threw RangeError at line 3: not today"


@pytest.mark.parametrize(
    "source",
    [
        "function evaluate(input) { return 1 }",
        "const evaluate = (input) => 1;",
        "let evaluate = function (input) { return 1 }",
        "var evaluate = () => 1",
        "'use strict'; const evaluate = () => 1",
        "globalThis.evaluate = () => 1;",
        "#!/usr/bin/env node\nfunction evaluate() { return 1 }",
        "function evaluate() { return 1 } // the end",
    ],
)
def test_evaluate_may_be_defined_in_every_usual_way(source: str) -> None:
    assert grade_all(source, [(make_record("?"), "yes")]) == [Grade(score=1.0)]


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("let evaluate = () => 1;\nlet x = ;", "it does not compile, line 2: unexpected token"),
        ("function evaluate() {", "it does not compile, line 1: "),
        ("const score = () => 1; // evaluate", "it defines no `evaluate(input)`"),
        (
            "export function evaluate() { return 1 }",
            "line 1: unsupported keyword: export",
        ),
    ],
)
def test_a_script_that_cannot_be_used_is_refused_when_it_is_opened(source: str, fault: str) -> None:
    with pytest.raises(GraderError, match="The grader 'script' cannot be used") as caught:
        grade_all(source, [])
    assert fault in str(caught.value)


def test_the_same_input_has_the_same_score_in_every_process_and_evaluation() -> None:
    source = (
        "function evaluate(input) {\n"
        "  return { score: Math.random(), reason: [Date.now(), new Date(), Math.random()].join() }\n"
        "}"
    )
    pairs = [(make_record("?"), "yes")] * 6
    grades = [*grade_all(source, pairs, workers=2), *grade_all(source, pairs)]
    assert grades[0].score is not None
    assert all(grade == grades[0] for grade in grades)
    assert "Thu Jan 01 1970 00:00:00 GMT+0000" in grades[0].reason


def test_random_numbers_spread_evenly(evaluate: Evaluate) -> None:
    body = "let sum = 0; for (let i = 0; i < 1e4; i++) sum += Math.random(); return sum / 1e4"
    assert evaluate(body).score == pytest.approx(0.5, abs=0.02)


def test_dates_that_are_given_work_as_ever(evaluate: Evaluate) -> None:
    body = (
        "class Day extends Date {}\n"
        "const day = new Day(2024, 1, 29, 12);\n"
        "return day instanceof Date && day.toISOString() === '2024-02-29T12:00:00.000Z'\n"
        "  && Date.UTC(2024, 1, 29) === Date.parse('2024-02-29') && new Date(0).constructor === Date"
    )
    assert evaluate(body).score == 1.0


def test_only_the_language_itself_is_global(evaluate: Evaluate) -> None:
    grade = evaluate(
        "const known = ['score', 'evaluate'];\n"
        "const extra = Object.getOwnPropertyNames(globalThis).filter(name => !/^[A-Z]/.test(name));\n"
        "return { score: 1, reason: extra.sort().join(' ') }"
    )
    assert grade.reason == (
        "decodeURI decodeURIComponent encodeURI encodeURIComponent escape eval evaluate globalThis isFinite "
        "isNaN parseFloat parseInt undefined unescape"
    )


def test_a_reason_is_cut_and_made_one_line_of_proper_text(evaluate: Evaluate) -> None:
    assert evaluate("return { score: 1, reason: 'x'.repeat(1e7) }").reason == "x" * 300
    assert evaluate("return { score: 1, reason: 'a\\n\\0b \\ud83d' }").reason == "a \0b \ufffd"


def test_half_characters_reach_the_script_whole(evaluate: Evaluate) -> None:
    record = make_record("?", note="\ud800")
    assert evaluate("return input.item.note === '\\ud800'", record=record).score == 1.0


def test_a_record_that_json_cannot_hold_is_an_error(evaluate: Evaluate) -> None:
    grade = evaluate("return 1", record=make_record("?", note=float("nan")))
    assert (grade.score, grade.error) == (None, "runtime_error")
    assert grade.reason == "The record holds a number that JSON cannot have"


def test_the_script_sees_the_variables_of_judges_and_the_sample_of_openai(evaluate: Evaluate) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": '{"id": 4411}'}}
    message = json.dumps({"role": "assistant", "content": "Looking.", "tool_calls": [call]})
    record = Record(
        id="r",
        prompt=({"role": "system", "content": "Be kind."}, {"role": "user", "content": "Where is it?"}),
        item={"reference_answer": "4411"},
    )
    built: dict[str, Any] = build_input(record, message)
    assert sorted(built) == ["input"]
    assert sorted(built["input"]) == [
        "item",
        "lastUserMessage",
        "messages",
        "response",
        "sample",
        "systemPrompt",
        "toolCalls",
        "tools",
    ]
    body = (
        "const [call] = input.toolCalls;\n"
        "return input.response === 'Looking.' && input.systemPrompt === 'Be kind.'\n"
        "  && input.lastUserMessage === 'Where is it?' && input.messages.length === 2\n"
        "  && JSON.parse(call.function.arguments).id === Number(input.item.reference_answer)\n"
        "  && input.sample.output_text === input.response && input.sample.output_tools.length === 1"
    )
    assert evaluate(body, message, record) == Grade(score=1.0)


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("const grade = () => 1", "defines no `evaluate\\(input\\)`"),
        ("// evaluate\n" + "x" * 300_000, "300012 bytes long; shorten it to fewer than 256000"),
        ("evaluate = '\ud800'", "half a character"),
    ],
)
def test_what_can_be_told_of_a_source_without_running_it_is_one_sentence(source: str, fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        check_javascript(source)


def test_a_usual_source_passes_the_check() -> None:
    check_javascript(FINAL_NUMBER_JAVASCRIPT)
