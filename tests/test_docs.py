"""Hold the README true: its commands and its Python block run, and it names what there is."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from lucy.graph.state import STEPS
from lucy.graph.toolbox.tools import TOOLS
from lucy.settings import Settings
from lucy.tools.datasets import SAMPLE_FILE

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
SHELL = [line for kind, body in BLOCKS if kind == "bash" for line in body.splitlines() if line.strip()]
PYTHON = [body for kind, body in BLOCKS if kind == "python"]
DEADLINE = 240


def test_the_first_screen_has_the_two_commands() -> None:
    assert SHELL[:2] == ["make chat", "make test"]
    assert README.index("make test") < 1000


@pytest.mark.parametrize("command", [line for line in SHELL if line.startswith("make ")])
def test_every_make_command_is_a_target(command: str) -> None:
    run = subprocess.run([*shlex.split(command), "-n"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


@pytest.mark.slow
@pytest.mark.parametrize("command", [line for line in SHELL if "lucy " in line])
def test_every_lucy_command_of_the_readme_works(command: str, tmp_path: Path) -> None:
    lines = SAMPLE_FILE.read_text(encoding="utf-8").splitlines()[:100]
    (tmp_path / "my_chats.jsonl").write_text("\n".join(lines), encoding="utf-8")
    arguments = shlex.split(command)[1:]
    run = subprocess.run(
        [sys.executable, "-m", "lucy", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert (tmp_path / "out" / "report.md").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("block", PYTHON)
def test_every_python_block_of_the_readme_works(block: str, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", block],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.rstrip().endswith("coverage_generation")


@pytest.mark.slow
@pytest.mark.skipif(
    not (ROOT / ".venv").is_dir() and not os.environ.get("CI"),
    reason="`make chat` installs into .venv, which this checkout does not have",
)
def test_make_chat_opens_the_application(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"LUCY_HOME": str(tmp_path / "home"), "LUCY_PORT": str(port)}
    process = subprocess.Popen(
        ["make", "chat"], cwd=ROOT, env=environment, start_new_session=True, stdout=subprocess.DEVNULL
    )
    try:
        assert "Lucy" in wait_for_page(f"http://127.0.0.1:{port}/", process)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


def wait_for_page(url: str, process: "subprocess.Popen[bytes]") -> str:
    began = time.monotonic()
    while time.monotonic() - began < DEADLINE:
        assert process.poll() is None, "make chat ended"
        try:
            answer = httpx.get(url, timeout=30)
            if answer.status_code == 200:
                return answer.text
        except httpx.TransportError:
            time.sleep(0.3)
    raise AssertionError("the page did not come up")


def test_every_setting_is_named() -> None:
    missing = [name for name in Settings.model_fields if f"LUCY_{name.upper()}" not in README]
    assert missing == []


def test_every_tool_is_named() -> None:
    assert [name for name in TOOLS if f"`{name}`" not in README] == []


def test_every_step_is_named() -> None:
    assert [step for step in STEPS if f"`{step}`" not in README] == []


def test_every_command_is_named() -> None:
    from typer.main import get_command

    from lucy.ui.app import app

    names = list(get_command(app).commands)  # type: ignore[attr-defined]
    assert [name for name in names if f"`{name}`" not in README and f"lucy {name}" not in README] == []


def test_every_link_to_a_file_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
