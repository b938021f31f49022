"""Train at a service in processes that are killed at every point, one job for each point.

Arguments: the service's address, a folder. A child of this process trains and dies, with no
chance to tidy up, around the nth HTTP exchange or the nth storing of the checkpoint; a second child, which
goes on from there, is killed early; a third one goes on to the end. Prints how many points there are.
"""

import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import httpx2
from openai import OpenAI

from lucy.tools.calls.door import Door
from lucy.tools.graders.config import PythonGrader
from lucy.tools.training.hosted.client import Client
from lucy.tools.training.hosted.trainer import HostedTrainer
from lucy.tools.training.trainer import Parameters, Task
from lucy.tools.vocabulary import Record

KILLED = 9
EARLY = 8
"""Points within which the second child is killed."""


class Fate:
    """Counts the points of a run and ends the process at one of them."""

    def __init__(self, point: int | None) -> None:
        self.left = point

    def pass_point(self) -> None:
        if self.left is None:
            return
        self.left -= 1
        if self.left == 0:
            os._exit(KILLED)


class DeadlyTransport(httpx2.HTTPTransport):
    """Passes a point before a request is sent, and one when its answer is there."""

    def __init__(self, fate: Fate) -> None:
        super().__init__(verify=False)
        self.fate = fate

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.fate.pass_point()
        response = super().handle_request(request)
        response.read()
        self.fate.pass_point()
        return response


def make_task(job_id: str, folder: Path, fate: Fate) -> Task:
    store = folder / "checkpoint.json"

    def keep(value: Any) -> None:
        fate.pass_point()
        store.write_text(json.dumps(value))
        fate.pass_point()

    records = [
        Record(
            f"r{number}",
            ({"role": "user", "content": f"What is {number} + 1?"},),
            ({"role": "assistant", "content": str(number + 1)},),
        )
        for number in range(14)
    ]
    return Task(
        job_id=job_id,
        workflow_id="w1",
        name="sums",
        method="rft",
        base_model="base",
        training=records[:10],
        heldout=records[10:],
        grader=PythonGrader(name="one", source="def grade(sample, item):\n    return 1.0\n"),
        score_many=lambda pairs: [],
        parameters=Parameters(),
        folder=folder,
        checkpoint=json.loads(store.read_text()) if store.exists() else None,
        keep=keep,
        progress=lambda label, done, total: None,
    )


def open_no_door(model: str, task: Task) -> Door:
    """Open nothing: the models are not asked here."""
    return cast("Door", None)


def train(url: str, folder: Path, fate: Fate) -> None:
    http = httpx2.Client(transport=DeadlyTransport(fate))
    given = OpenAI(base_url=url, api_key="key", http_client=http)
    trainer = HostedTrainer(Client(given=given), open_no_door, poll_seconds=0.0, sleep=lambda seconds: None)
    trainer.train(make_task(folder.name, folder, fate))
    http.close()


def run_in_child(work: Callable[[], None]) -> int:
    """Do work in a child of this process and give its exit status."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        work()
        os._exit(0)
    finally:
        traceback.print_exc()
        os._exit(1)


def kill_at(point: int, url: str, folder: Path) -> bool:
    """Kill a training at a point, kill what goes on from there, let it end; False past the last point."""
    folder.mkdir()
    first = run_in_child(lambda: train(url, folder, Fate(point)))
    run_in_child(lambda: train(url, folder, Fate(point % EARLY + 1)))
    last = run_in_child(lambda: train(url, folder, Fate(None)))
    if first not in (0, KILLED) or last != 0:
        raise SystemExit(f"point {point} ended with {first} and {last}")
    return first == KILLED


def main(url: str, folder: str) -> None:
    (Path(folder) / "job-0").mkdir()
    train(url, Path(folder) / "job-0", Fate(None))  # imports everything, once for all children
    point = 1
    while kill_at(point, url, Path(folder) / f"job-{point}"):
        point += 1
    sys.stdout.write(str(point - 1))


if __name__ == "__main__":
    main(*sys.argv[1:])
