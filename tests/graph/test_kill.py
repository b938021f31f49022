"""Kill Lucy with SIGKILL in the middle of every step, resume, and compare with a run that was left alone."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lucy.tools.datasets import SAMPLES

GOAL = "Answer helpfully and politely, keep to what we can promise"
DEADLINE = 200
"""Seconds that one run may take before the test fails."""

pytestmark = pytest.mark.slow


def start(home: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = os.environ | {"LUCY_HOME": str(home), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "lucy", *arguments]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def finish(process: subprocess.Popen[str]) -> None:
    output, _ = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0, output


def query(home: Path, sql: str) -> list[tuple[Any, ...]]:
    """Read the store from outside; empty while it does not exist."""
    try:
        connection = sqlite3.connect(f"file:{home / 'lucy.db'}?mode=ro", uri=True, timeout=30)
    except sqlite3.OperationalError:
        return []
    try:
        return connection.execute(sql).fetchall()
    except sqlite3.OperationalError:
        return []
    finally:
        connection.close()


def stands_at(step: str) -> Callable[[Path], bool]:
    return lambda home: query(home, "SELECT step FROM workflows") == [(step,)]


def counts(sql: str, more_than: int) -> Callable[[Path], bool]:
    def reached(home: Path) -> bool:
        rows = query(home, sql)
        return bool(rows) and rows[0][0] > more_than

    return reached


MOMENTS = {
    "topics_config": stands_at("topics_config"),
    "categorize": stands_at("categorize"),
    "coverage_generation": counts("SELECT count(*) FROM records WHERE batch <> 'import'", 0),
    "grader_config": stands_at("grader_config"),
    "dry_run": counts("SELECT count(*) FROM rollouts", 0),
    "training": counts("SELECT count(checkpoint) FROM jobs", 0),
    "deployment": stands_at("deployment"),
}
"""When each step is in the middle of its work."""

RESULTS = {
    "records": "SELECT record_id, batch, position, family, body FROM records ORDER BY 1",
    "assignments": "SELECT revision, record_id, topic_id, confidence, method FROM assignments ORDER BY 1, 2",
    "rollouts": "SELECT key, response FROM rollouts ORDER BY 1",
    "grades": "SELECT key, score FROM grades ORDER BY 1",
    "artefacts": (
        "SELECT kind, revision, sha FROM artefacts WHERE kind NOT IN ('training', 'deployment') ORDER BY 1, 2"
    ),
    "checkpoint": "SELECT checkpoint FROM jobs",
    "messages": "SELECT role, step, count(*) FROM messages GROUP BY 1, 2 ORDER BY 1, 2",
    "versions": "SELECT version, training_examples, validation_examples, notes FROM model_versions",
    "ledger": "SELECT step, role, calls, prompt_tokens, completion_tokens FROM ledger ORDER BY 1, 2",
    "history": "SELECT batch, made, valid, balance_before, balance_after FROM generation_history",
    "deployments": "SELECT name, number, version FROM deployments",
}
"""What a run leaves behind, without times and without ids that name the workflow."""


def read_results(home: Path) -> dict[str, list[tuple[Any, ...]]]:
    return {name: query(home, sql) for name, sql in RESULTS.items()}


@pytest.fixture(scope="module")
def uneven_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records so uneven that Lucy generates some."""
    path = tmp_path_factory.mktemp("data") / "uneven.jsonl"
    lines = (SAMPLES / "financial_assistant.jsonl").read_text(encoding="utf-8").splitlines()[:200]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def left_alone(
    tmp_path_factory: pytest.TempPathFactory, uneven_file: Path
) -> dict[str, list[tuple[Any, ...]]]:
    home = tmp_path_factory.mktemp("left-alone")
    finish(start(home, "run", str(uneven_file), "--goal", GOAL, "--yes"))
    results = read_results(home)
    assert [name for name in RESULTS if not results[name]] == []
    return results


@pytest.mark.parametrize("step", MOMENTS)
def test_a_run_killed_in_a_step_ends_like_one_that_was_left_alone(
    step: str, tmp_path: Path, uneven_file: Path, left_alone: dict[str, list[tuple[Any, ...]]]
) -> None:
    home = tmp_path / "killed"
    process = start(home, "run", str(uneven_file), "--goal", GOAL, "--yes")
    while not MOMENTS[step](home):
        assert process.poll() is None, process.communicate()[0]
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=DEADLINE)
    before = query(home, "SELECT key, created_at FROM rollouts ORDER BY 1")
    workflow = query(home, "SELECT id FROM workflows")[0][0]

    finish(start(home, "resume", workflow[:8], "--yes"))

    assert read_results(home) == left_alone
    after = dict(query(home, "SELECT key, created_at FROM rollouts"))
    assert {key: after[key] for key, _ in before} == dict(before)
