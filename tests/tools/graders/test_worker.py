import subprocess
import sys
from textwrap import dedent, indent

import psutil
import pytest

from lucy.errors import GraderError
from lucy.tools.graders.config import PythonGrader
from lucy.tools.graders.host import Limits
from lucy.tools.graders.python_script import open_python
from lucy.tools.graders.resources import Resources
from lucy.tools.vocabulary import Grade, Record

LIMITS = Limits(seconds=20.0, memory_bytes=400 << 20)
HURRIED = Limits(seconds=1.0, memory_bytes=400 << 20)
TRUSTING = Resources(trusted=frozenset(("test",)))
"""These tests are about the workers, also where nothing can confine them."""
GOOD = "return 0.75"

BAD = {
    "raises": ("raise ValueError('no such field')", "runtime_error"),
    "raises what cannot be shown": (
        "class E(Exception):\n    def __str__(self): raise ValueError\nraise E",
        "runtime_error",
    ),
    "interrupts": ("raise KeyboardInterrupt", "runtime_error"),
    "reads its input": ("return float(input())", "runtime_error"),
    "starts a thread": ("import threading\nthreading.Thread(target=print).start()", "runtime_error"),
    "kills itself": ("import ctypes; ctypes.string_at(0)", "crash"),
    "returns a negative number": ("return -0.5", "invalid_result"),
    "returns a list": ("return [1.0]", "invalid_result"),
    "returns a huge integer": ("return 10**400", "invalid_result"),
}

GOOD_RESULTS = {
    "true": ("return True", 1.0),
    "false": ("return False", 0.0),
    "a whole number": ("return 1", 1.0),
    "a hair more than one": ("return 1 + 1e-12", 1.0),
    "a number of numpy": ("import numpy; return numpy.float32(0.5)", 0.5),
    "a fraction": ("from fractions import Fraction; return Fraction(1, 4)", 0.25),
    "a number after printing": ("print('x' * 1000)\nreturn 1.0", 1.0),
    "a count that starts anew": ("global calls\ncalls += 1\nreturn calls / 10", 0.1),
}


def write_script(bad: str) -> PythonGrader:
    body = indent(bad, "        ")
    source = (
        f"calls = 0\ndef grade(sample, item):\n    if sample['output_text'] == 'bad':\n{body}\n    {GOOD}\n"
    )
    return PythonGrader(name="test", source=source)


def write_grader(source: str) -> PythonGrader:
    return PythonGrader(name="test", source=dedent(source))


def grade_around(bad: str, record: Record) -> list[Grade]:
    with open_python(write_script(bad), TRUSTING, LIMITS) as score_many:
        return score_many([(record, text) for text in ("good", "bad", "good")])


@pytest.mark.parametrize(("bad", "error"), BAD.values(), ids=BAD)
def test_a_failed_evaluation_is_named_and_the_next_is_right(bad: str, error: str, record: Record):
    grades = grade_around(bad, record)
    assert [grade.score for grade in grades[::2]] == [0.75, 0.75]
    assert (grades[1].score, grades[1].error) == (None, error)
    assert 0 < len(grades[1].reason) <= 300


@pytest.mark.parametrize(("script", "score"), GOOD_RESULTS.values(), ids=GOOD_RESULTS)
def test_a_number_from_0_to_1_is_the_score(script: str, score: float, record: Record):
    assert [grade.score for grade in grade_around(script, record)] == [0.75, score, 0.75]


def test_a_runtime_error_names_the_line_and_the_reason(record: Record):
    grades = grade_around("raise ValueError('no such field')", record)
    assert grades[1].reason == "The script raised ValueError at line 4: no such field"


@pytest.mark.parametrize(
    "source",
    ["1 / 0\ndef grade(sample, item): return 1.0", "if 0:\n    def grade(sample, item): return 1.0"],
    ids=["raises", "defines nothing"],
)
def test_a_top_level_that_fails_is_a_compile_error(source: str, record: Record):
    with open_python(write_grader(source), TRUSTING, LIMITS) as score_many:
        assert {grade.error for grade in score_many([(record, "a"), (record, "b")])} == {"compile_error"}


def test_a_missing_import_refuses_the_grader():
    source = "import no_such_library\ndef grade(sample, item): return 1.0"
    with (
        pytest.raises(GraderError, match="no_such_library"),
        open_python(write_grader(source), TRUSTING, LIMITS),
    ):
        pass


def test_a_guarded_import_may_be_missing(record: Record):
    source = """
        try:
            import no_such_library
        except ImportError:
            no_such_library = None
        def grade(sample, item): return 0.5
    """
    with open_python(write_grader(source), TRUSTING, LIMITS) as score_many:
        assert score_many([(record, "a")])[0].score == 0.5


def test_the_script_gets_the_sample_and_the_item():
    source = """
        def grade(sample, item):
            assert sample["output_text"] == '{"a": 1}' and sample["output_json"] == {"a": 1}
            assert sample["output_tools"] == []
            assert sample["choices"][0]["message"]["content"] == sample["output_text"]
            assert item["messages"][-1]["content"] == "Question?" and item["id"] == "r"
            assert item["reference_answer"] == "4" and item["reference_reply"] == "Four"
            assert "metadata" not in item and "label" not in str(item)
            return 1.0
    """
    record = Record(
        id="r",
        prompt=({"role": "user", "content": "Question?"},),
        reply=({"role": "assistant", "content": "Four"},),
        item={"reference_answer": "4"},
        metadata={"label": "secret"},
    )
    with open_python(write_grader(source), TRUSTING, LIMITS) as score_many:
        assert score_many([(record, '{"a": 1}')])[0] == Grade(1.0)


def test_the_parents_environment_is_not_seen(record: Record, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    source = "import os\ndef grade(sample, item): return 0.0 if 'OPENAI_API_KEY' in os.environ else 1.0"
    with open_python(write_grader(source), TRUSTING, LIMITS) as score_many:
        assert score_many([(record, "a")])[0].score == 1.0


def test_set_order_is_the_same_in_every_worker(record: Record):
    source = "def grade(sample, item): return list({str(i) for i in range(50)}).index('7') / 50"
    scores: set[float | None] = set()
    for _ in range(3):
        with open_python(write_grader(source), TRUSTING, LIMITS) as score_many:
            scores.add(score_many([(record, "a")])[0].score)
    assert len(scores) == 1


def test_dataclasses_with_deferred_annotations_work(record: Record):
    source = """
        from __future__ import annotations
        from dataclasses import dataclass
        @dataclass
        class Point:
            x: float = 0.5
        def grade(sample, item): return Point().x
    """
    with open_python(write_grader(source), TRUSTING, LIMITS) as score_many:
        assert score_many([(record, "a")] * 70)[-1].score == 0.5


def test_awkward_text_arrives_as_it_was():
    texts = ["", "\ud800 lone", "\x00\x1b", "ü" * 300_000, "日本語", '"}{']
    source = "def grade(sample, item): return 1.0 if sample['output_text'] == item['expected'] else 0.0"
    with open_python(write_grader(source), TRUSTING, LIMITS) as score_many:
        pairs = [(Record(id="r", prompt=(), item={"expected": text}), text) for text in texts]
        assert [grade.score for grade in score_many(pairs)] == [1.0] * len(texts)


def find_descendants() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


@pytest.mark.parametrize("bad", ["return 1.0", "import time; time.sleep(3600)", "import os; os._exit(1)"])
def test_no_process_is_left_behind(bad: str, record: Record):
    before = set(find_descendants())
    with open_python(write_script(bad), TRUSTING, HURRIED) as score_many:
        score_many([(record, "good"), (record, "bad"), (record, "good")])
        started = set(find_descendants()) - before
    assert started
    _, alive = psutil.wait_procs(started, timeout=20)
    assert not alive


OWNER = """
import os, sys
from lucy.tools.graders.config import PythonGrader
from lucy.tools.graders.python_script import open_python
from lucy.tools.vocabulary import Record
source = "def grade(sample, item): return 0.25"
with open_python(PythonGrader(name="t", source=source)) as score_many:
    {act}
"""


def test_a_worker_ends_when_its_owner_is_killed():
    act = "print(os.getpid(), flush=True); sys.stdin.read()"
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER.replace("{act}", act)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with owner:
        assert owner.stdout is not None
        owner.stdout.readline()
        workers = psutil.Process(owner.pid).children(recursive=True)
        owner.kill()
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert workers
    assert not alive


def test_it_works_without_standard_streams(tmp_path):
    target = tmp_path / "score.txt"
    act = (
        "grade = score_many([(Record(id='r', prompt=()), 'a')])[0]; "
        f"open({str(target)!r}, 'w').write(str(grade.score))"
    )
    code = OWNER.replace("with open_python", "[os.close(n) for n in (0, 1, 2)]\nwith open_python")
    subprocess.run([sys.executable, "-c", code.replace("{act}", act)], check=True)
    assert target.read_text() == "0.25"
