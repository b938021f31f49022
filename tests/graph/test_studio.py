"""Serve the graph with `langgraph dev` and talk to it through langgraph-sdk, without a network."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("langgraph_api", reason="the extra [studio] is not installed")

ROOT = Path(__file__).parents[2]
DEADLINE = 120

pytestmark = [pytest.mark.studio, pytest.mark.filterwarnings("default")]


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    port = find_free_port()
    environment = os.environ | {
        "LUCY_HOME": str(tmp_path / "home"),
        "LANGGRAPH_CLI_NO_ANALYTICS": "1",
        "OMP_NUM_THREADS": "1",
    }
    command = [
        *(str(Path(sys.executable).with_name("langgraph")), "dev", "--no-browser", "--no-reload"),
        *("--host", "127.0.0.1", "--port", str(port), "--config", str(ROOT / "langgraph.json")),
    ]
    log = (tmp_path / "log").open("w+")
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_ready(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)
        log.seek(0)
        print(log.read()[-4000:])  # noqa: T201  # shown by pytest when the test fails
        log.close()


def wait_until_ready(url: str, process: "subprocess.Popen[bytes]") -> None:
    began = time.monotonic()
    while time.monotonic() - began < DEADLINE:
        assert process.poll() is None, "the server ended"
        try:
            if httpx.get(f"{url}/ok", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError("the server did not come up")


@pytest.fixture
def studio(server: str) -> Iterator[Any]:
    """A client of the server."""
    from langgraph_sdk import get_sync_client

    with get_sync_client(url=server) as client:
        yield client


def test_a_thread_reaches_the_first_question_and_goes_on_when_it_is_answered(
    studio: Any, small_file: Path
) -> None:
    client = studio
    thread = client.threads.create()["thread_id"]
    given = {"messages": [], "source": str(small_file), "goal": "Answer helpfully"}
    client.runs.wait(thread, "lucy", input=given)
    state = client.threads.get_state(thread)
    question = state["interrupts"][0]["value"]
    assert question["lucy"]["step"] == "topics_config"
    assert "Does this structure make sense" in question["action_requests"][0]["description"]

    client.runs.wait(thread, "lucy", command={"resume": "Looks good"})
    state = client.threads.get_state(thread)
    assert state["values"]["status"]["topics_config"] == "completed"
    assert state["interrupts"][0]["value"]["lucy"]["step"] == "coverage_generation"


def test_a_thread_without_records_asks_for_them(studio: Any, small_file: Path) -> None:
    client = studio
    thread = client.threads.create()["thread_id"]
    client.runs.wait(thread, "lucy", input={"messages": []})
    asked = client.threads.get_state(thread)["interrupts"][0]["value"]["lucy"]
    assert asked["step"] == "not_started"
    client.runs.wait(thread, "lucy", command={"resume": str(small_file)})
    asked = client.threads.get_state(thread)["interrupts"][0]["value"]["lucy"]
    assert "What should the model learn?" in asked["question"]
    client.runs.wait(thread, "lucy", command={"resume": "Answer politely and correctly"})
    asked = client.threads.get_state(thread)["interrupts"][0]["value"]["lucy"]
    assert asked["step"] == "topics_config"
