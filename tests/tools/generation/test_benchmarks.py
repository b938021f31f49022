"""The benchmarks of generation, on less than they are meant for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.slow


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / script), *arguments],
        capture_output=True,
        text=True,
        timeout=280,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def test_a_failing_model_and_two_kills_lose_nothing_and_pay_nothing_twice() -> None:
    done = run("model_generation.py", "--records", "150", "--delay", "0.01")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "records 150 of 150   lost 0   twice 0   killed 2 times" in done.stdout
    assert "ledger and server agree" in done.stdout


def test_small_topics_are_filled_in_the_announced_rounds(shared_data: Path) -> None:
    done = run("generation_quality.py", str(shared_data))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "near-duplicates 0" in done.stdout
