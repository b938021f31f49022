"""Measure how fast script graders grade, confined as they always are.

A typical grader, the last number of an answer compared with the reference, grades 100,000 answers: as a
Python script and as a JavaScript script, each with two worker processes. What is timed is one call that
grades everything, after the workers have started; the processor's seconds of this process and of its
workers are printed beside the clock's, because on a machine with other work only they are comparable.

    python benchmarks/graders_speed.py [EVALUATIONS]

Exits 1 when 100,000 evaluations take over 8 s in Python or over 40 s in JavaScript, or when a score is wrong.
"""

import os
import sys
import time
from contextlib import AbstractContextManager
from typing import NamedTuple

from lucy.tools.graders.kinds import JavascriptGrader, PythonGrader
from lucy.tools.graders.resources import Resources
from lucy.tools.vocabulary import Record, ScoreMany

EVALUATIONS = 100_000
MAX_PYTHON_SECONDS, MAX_JAVASCRIPT_SECONDS = 8.0, 40.0
RECORDS = 1000
RESOURCES = Resources(workers=2)
PYTHON = """
import re

NUMBER = re.compile(r"-?\\d+(?:\\.\\d+)?")

def grade(sample, item):
    numbers = NUMBER.findall(sample["output_text"].replace(",", ""))
    if not numbers:
        return 0.0
    return 1.0 if abs(float(numbers[-1]) - float(item["reference_answer"])) < 1e-6 else 0.0
"""
JAVASCRIPT = """
function evaluate({response, item}) {
  const numbers = response.replaceAll(",", "").match(/-?\\d+(?:\\.\\d+)?/g);
  if (!numbers) return 0;
  return Math.abs(Number(numbers[numbers.length - 1]) - Number(item.reference_answer)) < 1e-6 ? 1 : 0;
}
"""


class Measurement(NamedTuple):
    """How long one grader took."""

    seconds: float
    """By the clock."""
    here: float
    """Processor time of this process."""
    workers: float
    """Processor time of the workers, starting them included."""
    wrong: int
    """Scores that are not what they must be."""


def main() -> int:
    """Measure both languages; give the exit status."""
    evaluations = int(sys.argv[1]) if len(sys.argv) > 1 else EVALUATIONS
    answers = [make_answer(number) for number in range(evaluations)]
    expected = [float(number % 3 != 0) for number in range(evaluations)]
    print(f"{evaluations:,} evaluations, {RESOURCES.workers} workers, {os.cpu_count()} cores")
    kept = True
    for name, bound in (("python", MAX_PYTHON_SECONDS), ("javascript", MAX_JAVASCRIPT_SECONDS)):
        found = measure(open_by_name(name), answers, expected)
        bound *= evaluations / EVALUATIONS
        print(
            f"{name:<10} {found.seconds:6.2f} s (at most {bound:.1f}), "
            f"{evaluations / found.seconds:,.0f} per s; "
            f"processor: {found.here:.2f} s here, {found.workers:.2f} s workers; {found.wrong} wrong"
        )
        kept = kept and found.seconds <= bound and not found.wrong
    print("kept" if kept else "MISSED")
    return 0 if kept else 1


def make_answer(number: int) -> tuple[Record, str]:
    """Make an answer to one of the records; every third is wrong."""
    place = number % RECORDS
    question = f"A shelf holds {place} books and another one twice as many. How many are there in all?"
    record = Record(
        id=f"shelf-{place}",
        prompt=({"role": "user", "content": question},),
        item={"reference_answer": str(3 * place)},
    )
    result = 3 * place + (number % 3 == 0)
    return record, f"The second shelf holds {2 * place} books. Together that makes {result}."


def open_by_name(name: str) -> AbstractContextManager[ScoreMany]:
    """Open the grader of one language."""
    if name == "python":
        from lucy.tools.graders.python_script import open_python

        return open_python(PythonGrader(name=name, source=PYTHON), RESOURCES)
    from lucy.tools.graders.javascript_script import open_javascript

    return open_javascript(JavascriptGrader(name=name, source=JAVASCRIPT), RESOURCES)


def measure(
    opened: AbstractContextManager[ScoreMany], answers: list[tuple[Record, str]], expected: list[float]
) -> Measurement:
    """Grade all answers in one call, and read the clocks."""
    before = os.times()
    with opened as score_many:
        score_many(answers[:200])
        started, used = time.perf_counter(), time.process_time()
        grades = score_many(answers)
        seconds, here = time.perf_counter() - started, time.process_time() - used
    after = os.times()
    workers = after.children_user + after.children_system - before.children_user - before.children_system
    wrong = sum(grade.score != score for grade, score in zip(grades, expected, strict=True))
    return Measurement(seconds, here, workers, wrong)


if __name__ == "__main__":
    sys.exit(main())
