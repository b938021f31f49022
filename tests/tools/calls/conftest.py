"""What the tests of model calls share: a store, and doors to a fake server that wait for nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_openai import FakeOpenAI
from pydantic import SecretStr

from lucy.tools.calls.connection import Connection
from lucy.tools.calls.door import Door
from lucy.tools.calls.prices import Price
from lucy.tools.store.database import Store
from lucy.tools.store.ledger import Account

KEY = "sk-very-secret-0123456789"
OpenDoor = Callable[..., Door]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "home")
    yield made
    made.close()


@pytest.fixture
def waits() -> list[float]:
    """The seconds that a door would have waited."""
    return []


@pytest.fixture
def open_door(store: Store, waits: list[float]) -> OpenDoor:
    def make(server: FakeOpenAI | str, *, model: str = "fake", concurrency: int = 8, **given) -> Door:
        url = server if isinstance(server, str) else server.url
        values = {"variable": "LUCY_GENERATOR_MODEL", "key": SecretStr(KEY), "timeout": 10.0} | given
        prices = {"fake": Price(input=1.0, output=2.0, as_of="2026-01-01")}
        connection = Connection(model, base_url=url, **values)
        account = Account("w1", "coverage_generation", "generator", model)
        return Door(store, connection, account, concurrency=concurrency, prices=prices, sleep=waits.append)

    return make
