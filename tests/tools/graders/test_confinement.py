"""What confines the workers, what happens where nothing can, and that batches change no score."""

import logging
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import psutil
import pytest

from lucy.errors import GraderError
from lucy.tools.graders import host
from lucy.tools.graders.confined import lockdown, seccomp, worker
from lucy.tools.graders.host import NEEDED_LAYERS, Limits, find_missing
from lucy.tools.graders.inputs import build_request
from lucy.tools.graders.kinds import PythonGrader
from lucy.tools.graders.python_script import open_python
from lucy.tools.graders.resources import NO_RESOURCES, Resources
from lucy.tools.graders.script_host import find_layers, open_script
from lucy.tools.vocabulary import Grade, Record, ScoreMany

TRUSTING = Resources(trusted=frozenset(("mine",)))
LIMITS = Limits(seconds=20.0, memory_bytes=300 << 20)
HURRIED = Limits(seconds=0.5, memory_bytes=300 << 20)
FORGETFUL = "def grade(sample, item): return 0.25"
LAST_NUMBER = """
import re
def grade(sample, item):
    numbers = re.findall(r"\\d+", sample["output_text"])
    return int(numbers[-1]) / 1000 if numbers else 0.0
"""
RECORD = Record(id="r", prompt=())
ALL_LAYERS = (
    lockdown.LIMITS,
    lockdown.NAMESPACES,
    lockdown.NO_PRIVILEGES,
    lockdown.HIDDEN,
    lockdown.FILES,
    lockdown.NO_CAPABILITIES,
    lockdown.CALLS,
)

can_confine = pytest.mark.skipif(
    bool(find_missing(find_layers())),
    reason="nothing here can confine scripts",
)


def open_without(
    *layers: str, source: str = FORGETFUL, resources: Resources = NO_RESOURCES, batch: int = 1
) -> AbstractContextManager[ScoreMany]:
    """Open a script as on a system that lacks some layers."""
    start: dict[str, Any] = {"source": source, "batch": batch, "without": layers}
    return open_script(
        "mine", language="python", start=start, build=build_request, resources=resources, limits=LIMITS
    )


def answer(numbers: Sequence[object]) -> list[tuple[Record, str]]:
    return [(RECORD, f"I think it is {number}") for number in numbers]


@can_confine
def test_here_files_and_system_calls_are_confined():
    assert {lockdown.FILES, lockdown.CALLS, lockdown.NO_PRIVILEGES, lockdown.LIMITS} <= set(find_layers())


@pytest.mark.parametrize(
    ("layers", "named"),
    [
        ((lockdown.FILES,), "Landlock missing"),
        ((lockdown.CALLS,), "seccomp missing"),
        ((lockdown.FILES, lockdown.CALLS), "Landlock and seccomp missing"),
    ],
    ids=["no Landlock", "no seccomp", "neither"],
)
@can_confine
def test_where_nothing_can_confine_the_script_is_refused(layers: tuple[str, ...], named: str):
    before = psutil.Process().children()
    with pytest.raises(GraderError, match=named) as caught, open_without(*layers):
        pass
    assert "--trust mine" in str(caught.value)
    assert "LUCY_TRUSTED_SCRIPTS" in str(caught.value)
    assert psutil.Process().children() == before


@pytest.mark.parametrize("layers", [(lockdown.FILES,), (lockdown.CALLS,), ALL_LAYERS])
def test_a_script_trusted_by_name_runs_with_what_there_is(
    layers: tuple[str, ...], caplog: pytest.LogCaptureFixture
):
    with caplog.at_level(logging.WARNING), open_without(*layers, resources=TRUSTING) as score_many:
        assert score_many([(RECORD, "a")]) == [Grade(0.25)]
    assert "trusted script 'mine' is not confined" in caplog.text


def test_trusting_one_name_does_not_trust_another():
    resources = Resources(trusted=frozenset(("other", "min", "mine ")))
    with pytest.raises(GraderError, match="nothing here can confine"):
        open_without(*ALL_LAYERS, resources=resources).__enter__()


@can_confine
def test_a_script_that_may_not_fork_is_held_by_limits_where_calls_are_free():
    source = "import os\ndef grade(sample, item): return 0.0 if os.fork() else os._exit(0)"
    with open_without(lockdown.CALLS, source=source, resources=TRUSTING) as score_many:
        grades = score_many([(RECORD, "a"), (RECORD, "b")])
    # The limit on processes spares root.
    assert {grade.score for grade in grades} <= {None, 0.0}


@pytest.mark.parametrize("act", ["import os\n    if os.fork() == 0: time.sleep(3600)", "pass"])
def test_what_a_trusted_script_started_ends_with_its_worker(act: str):
    before = set(psutil.Process().children(recursive=True))
    source = f"import time\ndef grade(sample, item):\n    {act}\n    return 1.0"
    with open_without(*ALL_LAYERS, source=source, resources=TRUSTING) as score_many:
        score_many([(RECORD, "a"), (RECORD, "b")])
        started = set(psutil.Process().children(recursive=True)) - before
    _, alive = psutil.wait_procs(started, timeout=20)
    assert started
    assert not alive


def find_python_for_nobody() -> list[str]:
    """Find an interpreter that another user may run; that of a virtual environment is often out of reach."""
    for program in (sys.executable, "/usr/bin/python3"):
        check = [program, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
        try:
            if subprocess.run(check, user=65534, capture_output=True).returncode == 0:
                return [program]
        except OSError:
            continue
    return []


@can_confine
@pytest.mark.skipif(psutil.Process().uids().real != 0, reason="only root can become somebody else")
def test_a_normal_user_is_confined_as_well():
    python = find_python_for_nobody()
    program = Path(str(worker.__file__))
    if not python or not all(parent.stat().st_mode & 0o5 == 0o5 for parent in program.parents):
        pytest.skip("no interpreter or worker that a normal user can read")
    start = (
        b'{"language": "python", "source": "", "seconds": 1, "batch_seconds": 1, "memory_bytes": 1000000000}'
    )
    done = subprocess.run(
        [*python, "-s", "-P", "-B", str(program)],
        input=len(start).to_bytes(4, "big") + start,
        stdout=subprocess.PIPE,
        check=True,
        user=65534,
        group=65534,
        extra_groups=[],
    )
    assert all(f'"{layer}"'.encode() in done.stdout for layer in NEEDED_LAYERS)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="knows how this machine is named")
def test_an_unknown_machine_has_no_filter(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(platform, "machine", lambda: "sparc64")
    assert not seccomp.is_known_machine()


CULPRITS = {
    "timeout": "return float(sum(1 for _ in iter(int, 1)))",
    "memory": "return len(bytearray(10**10)) * 1.0",
    "crash": "import ctypes; ctypes.string_at(0)",
}


@can_confine
@pytest.mark.parametrize("error", CULPRITS)
def test_a_bad_evaluation_spoils_no_other_of_its_batch(error: str):
    source = LAST_NUMBER.replace("(sample, item):", f"(sample, item):\n    if item['bad']: {CULPRITS[error]}")
    pairs = [(Record("r", (), item={"bad": number == 20}), str(number)) for number in range(41)]
    start = {"source": source, "batch": 64}
    with open_script(
        "mine",
        language="python",
        start=start,
        build=build_request,
        resources=Resources(workers=1),
        limits=HURRIED,
    ) as score_many:
        grades = score_many(pairs)
    assert [grade.error for grade in grades] == [None] * 20 + [error] + [None] * 20
    assert [grade.score for grade in grades if not grade.error] == [
        number / 1000 for number in range(41) if number != 20
    ]


@pytest.fixture(scope="module")
def last_number() -> Iterator[ScoreMany]:
    with open_python(
        PythonGrader(name="mine", source=LAST_NUMBER), Resources(workers=2), LIMITS
    ) as score_many:
        yield score_many


@can_confine
def test_scores_do_not_depend_on_batches_or_order(last_number: ScoreMany):
    pairs = answer(range(200))
    together = last_number(pairs)
    assert together == [Grade(number / 1000) for number in range(200)]
    assert last_number(pairs[::-1])[::-1] == together
    assert [last_number([pair])[0] for pair in pairs[:5]] == together[:5]
    assert last_number([]) == []


@can_confine
def test_it_may_be_called_from_several_threads(last_number: ScoreMany):
    shares = [answer(range(start, start + 100)) for start in range(0, 600, 100)]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(last_number, shares))
    assert [grade.score for grades in found for grade in grades] == [number / 1000 for number in range(600)]


@can_confine
def test_a_batch_that_takes_long_goes_on_in_another_process(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(host, "_BATCH_SECONDS", 0.0)
    with open_python(PythonGrader(name="mine", source=LAST_NUMBER), Resources(workers=1)) as score_many:
        assert score_many(answer(range(5))) == [Grade(number / 1000) for number in range(5)]


@can_confine
def test_a_worker_that_was_killed_is_replaced():
    with open_python(PythonGrader(name="mine", source=LAST_NUMBER), Resources(workers=1)) as score_many:
        for child in psutil.Process().children():
            child.kill()
        assert score_many(answer([7])) == [Grade(0.007)]


@can_confine
def test_a_record_that_no_script_can_take_is_an_error_of_its_own(last_number: ScoreMany):
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    pairs = [(RECORD, "1"), (RECORD, "x" * (17 << 20)), (Record(id="d", prompt=(), item={"deep": deep}), "2")]
    grades = last_number([*pairs, (RECORD, "3")])
    assert [grade.score for grade in grades] == [0.001, None, None, 0.003]
    assert [grade.error for grade in grades] == [None, "memory", "runtime_error", None]
