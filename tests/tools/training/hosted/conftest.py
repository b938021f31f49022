"""What the tests of hosted training share: records, tasks that remember their checkpoint, trainers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fake_training import FakeTraining
from pydantic import SecretStr

from lucy.tools.calls.connection import Connection
from lucy.tools.calls.door import Door
from lucy.tools.graders.config import PythonGrader
from lucy.tools.store.database import Store
from lucy.tools.store.ledger import Account
from lucy.tools.training.hosted.client import Client
from lucy.tools.training.hosted.trainer import HostedTrainer
from lucy.tools.training.trainer import Parameters, Task
from lucy.tools.vocabulary import Record

KEY = "sk-very-secret-0123456789"
SOURCE = 'def grade(sample, item):\n    return float(sample["output_text"] == item["reference_answer"])\n'


@dataclass
class Bench:
    """A task, what it keeps and what it reports."""

    folder: Path
    given: dict[str, Any]
    kept: list[Any] = field(default_factory=list)
    reports: list[tuple[str, int, int]] = field(default_factory=list)
    on_report: Callable[[], None] = lambda: None

    @property
    def task(self) -> Task:
        """The task as a new process would get it."""
        return Task(
            checkpoint=self.kept[-1] if self.kept else None,
            keep=self.kept.append,
            progress=self._report,
            folder=self.folder,
            **self.given,
        )

    def _report(self, label: str, done: int, total: int) -> None:
        self.reports.append((label, done, total))
        self.on_report()


def make_sums(count: int, start: int = 0) -> list[Record]:
    return [
        Record(
            f"sum-{number}",
            ({"role": "user", "content": f"What is {number} + 1?"},),
            ({"role": "assistant", "content": str(number + 1)},),
            item={"reference_answer": str(number + 1)},
        )
        for number in range(start, start + count)
    ]


@pytest.fixture
def open_bench(tmp_path: Path) -> Callable[..., Bench]:
    def make(**changes: Any) -> Bench:
        parameters = changes.pop("parameters", {})
        given = {
            "job_id": "job-0123456789ab",
            "workflow_id": "w1",
            "name": "Sums for children",
            "method": "rft",
            "base_model": "o4-mini-2025-04-16",
            "training": make_sums(20),
            "heldout": make_sums(4, 20),
            "grader": PythonGrader(name="exact", source=SOURCE),
            "score_many": lambda pairs: [],
            "parameters": Parameters(**parameters),
            **changes,
        }
        return Bench(tmp_path, given)

    return make


@pytest.fixture
def waits() -> list[float]:
    """The seconds that were waited, in pieces of at most five."""
    return []


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "home")
    yield opened
    opened.close()


@pytest.fixture
def open_trainer(
    waits: list[float], request: pytest.FixtureRequest
) -> Iterator[Callable[..., HostedTrainer]]:
    clients: list[Client] = []

    def make(server: FakeTraining | str, key: str | None = KEY, **given: Any) -> HostedTrainer:
        url = server if isinstance(server, str) else server.url
        client = Client(url, SecretStr(key) if key else None, timeout=10.0)
        clients.append(client)

        def open_door(model: str, task: Task) -> Door:
            secret = SecretStr(key) if key else None
            connection = Connection(model, "LUCY_BASE_MODEL", url, secret, timeout=10.0)
            account = Account(task.workflow_id, task.step, "base_model", model)
            store = request.getfixturevalue("store")
            return Door(store, connection, account, prices=door_prices, sleep=waits.append)

        door_prices = given.pop("door_prices", {})
        values = {
            "open_door": open_door,
            "poll_seconds": 1.0,
            "sleep": waits.append,
            "clock": lambda: 0.0,
            **given,
        }
        return HostedTrainer(client, **values)

    yield make
    for client in clients:
        client.close()
