"""Serve deployed models in tests: small policies, their registration, a server in a thread, its events."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import FastAPI

from lucy.tools import registry
from lucy.tools.policy.retrieval import base_policy
from lucy.tools.vocabulary import Record
from lucy.tools.workbench import Workbench
from lucy.ui.server import open_server


@contextmanager
def run_app(app: FastAPI) -> Iterator[str]:
    """Serve an app in a thread, on a free port of this machine, and give its URL."""
    ready = threading.Event()
    server = open_server(app, "127.0.0.1", 0, on_ready=lambda _url: ready.set())
    thread = threading.Thread(target=server.serve_until_stopped)
    thread.start()
    try:
        assert ready.wait(30)
        yield server.url
    finally:
        server.stop()
        thread.join(30)
        assert not thread.is_alive()


def make_policy(colour: str) -> str:
    """Write a retrieval policy whose answers name a colour."""
    records = [
        Record(
            id=f"{colour}-{number}",
            prompt=({"role": "user", "content": f"There is a charge {word} on my invoice, why?"},),
            reply=({"role": "assistant", "content": f"The {colour} desk will correct it, {word} or not."},),
        )
        for number, word in enumerate(["twice", "wrong", "again"] * 2)
    ]
    return base_policy(records).to_json()


def register_model(bench: Workbench, name: str, weights: str, kind: Any = "retrieval") -> str:
    """Register a model's first version and give its id."""
    made = registry.register_version(
        bench.store, name=name, description="", base_model="b", provider="offline", kind=kind,
        weights=weights, job_id=f"job-{name}", workflow_id="w", lineage={}, parameters={},
        training_examples=1, validation_examples=1, cost=0.0,
    )  # fmt: skip
    return made.model_id


def read_events(lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read server-sent events from their lines: name and data of each."""
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        if line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))
