"""Ask the gateway as two hundred people at once, and compare with one who is alone.

A real server in a process of its own answers with the retrieval policy of the sample dataset; every request
is another conversation, over a connection of its own. Three measurements:

- alone: one request after the other; the median is the single-request latency;
- people: 200 people ask, read the answer and ask again, with pauses of 5 to 15 seconds;
- instant: 200 requests at the very same moment. Their p95 is nearly the time that all of them take, so that
  10 times the single latency would allow each about a twentieth of it: a quarter of a millisecond, where a
  request alone takes 5. An address that does nothing (`/healthz`) is asked the same way, to show what of that
  time is HTTP.

    python benchmarks/gateway_load.py

Prints the ratios. Exits 1 when a request fails or is not counted, or when the people's p95 is over 10 times
the single-request latency. The ratio of the instant is printed beside it and decides nothing: on two cores,
one of which the asking client takes, it is out of reach.
"""

import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from lucy.tools.datasets import SAMPLE_FILE
from lucy.tools.records.hygiene import load_records
from lucy.tools.store.database import Store
from lucy.tools.store.usage import summarize_usage

PEOPLE = 200
MAX_RATIO = 10.0
ROUNDS = 3
QUESTIONS = 2
"""Number that each person asks."""
PAUSE = (5.0, 15.0)
"""Seconds between a person's questions."""
PROGRAM = """
import sys
from pathlib import Path
from lucy.settings import Settings
from lucy.tools import registry
from lucy.tools.datasets import SAMPLE_FILE
from lucy.tools.policy.retrieval import base_policy
from lucy.tools.records.hygiene import load_records
from lucy.tools.workbench import Workbench
from lucy.ui.server import create_app, serve
bench = Workbench(Settings(home=Path(sys.argv[1])))
made = registry.register_version(
    bench.store, name="Load", description="", base_model="offline-base", provider="offline",
    weights=base_policy(load_records(SAMPLE_FILE)).to_json(), job_id="load", workflow_id="load", lineage={},
    parameters={}, training_examples=0, validation_examples=0, cost=0.0,
)
registry.deploy(bench.store, made.model_id, made.version, name="load", key="load")
serve(create_app(bench), "127.0.0.1", 0, on_ready=lambda url: print(url, flush=True))
bench.close()
"""


class Client:
    """One connection, kept open; a bare client, so that the server is what is measured."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, request: bytes) -> float:
        """Send a request, read the answer, and give the seconds that took."""
        started = time.perf_counter()
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:"))
        body = await self._reader.readexactly(length)
        if b" 200 " not in lines[0]:
            raise RuntimeError(body.decode())
        return time.perf_counter() - started


class Latencies(NamedTuple):
    """Of one measurement, in seconds."""

    median: float
    p95: float


def main() -> int:
    """Measure and print; give the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        with run_server(Path(folder)) as port:
            alone, people, instants, idle, sent = asyncio.run(measure(port))
        store = Store(Path(folder))
        total = summarize_usage(store).total
        store.close()
    print(f"alone    median {alone.median * 1000:7.1f} ms, p95 {alone.p95 * 1000:7.1f} ms")
    show("people", people, alone)
    for instant in instants:
        show("instant", instant, alone)
    show("nothing", idle, alone)
    print(f"{sent:,} conversations sent, {total.calls:,} counted, {total.errors} with an error")
    met = people.p95 / alone.median < MAX_RATIO and (total.calls, total.errors) == (sent, 0)
    print("met" if met else "MISSED")
    return 0 if met else 1


def show(name: str, found: Latencies, alone: Latencies) -> None:
    """Print one measurement with its ratio."""
    ratio = found.p95 / alone.median
    print(
        f"{name:8} median {found.median * 1000:7.1f} ms, p95 {found.p95 * 1000:7.1f} ms, "
        f"p95 / alone {ratio:6.1f}"
    )


@contextmanager
def run_server(home: Path) -> Iterator[int]:
    """Start the server in a process of its own and give its port."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(home)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline().strip().rpartition(":")[2])
        finally:
            process.terminate()


async def measure(port: int) -> tuple[Latencies, Latencies, list[Latencies], Latencies, int]:
    """Do all measurements; the last number is how many conversations were sent."""
    requests = list(write_requests())
    nothing = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    one = Client(*await asyncio.open_connection("127.0.0.1", port))
    for request in requests[:20]:
        await one.ask(request)
    alone = rank([await one.ask(request) for request in requests[:PEOPLE]])
    clients = [Client(*await asyncio.open_connection("127.0.0.1", port)) for _ in range(PEOPLE)]
    people = rank(await ask_with_pauses(clients, requests))
    instants = [rank(await ask_at_once(clients, requests)) for _ in range(ROUNDS)]
    await ask_at_once(clients, [nothing] * PEOPLE)
    idle = rank(await ask_at_once(clients, [nothing] * PEOPLE))
    return alone, people, instants, idle, 20 + PEOPLE * (1 + QUESTIONS + ROUNDS)


def write_requests() -> Iterator[bytes]:
    """Write one request per conversation of the sample."""
    for seed, record in enumerate(load_records(SAMPLE_FILE)):
        body = json.dumps({"model": "load", "messages": list(record.prompt), "seed": seed}).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
        yield head.encode() + b"Content-Type: application/json\r\n\r\n" + body


async def ask_at_once(clients: Sequence[Client], requests: Sequence[bytes]) -> list[float]:
    """Let everybody ask at the same moment."""
    pairs = zip(clients, requests, strict=False)
    return list(await asyncio.gather(*(client.ask(request) for client, request in pairs)))


async def ask_with_pauses(clients: Sequence[Client], requests: Sequence[bytes]) -> list[float]:
    """Let everybody ask several times, with pauses of random length."""
    source = random.Random(0)

    async def talk(client: Client, mine: Sequence[bytes], pauses: Sequence[float]) -> list[float]:
        seconds: list[float] = []
        for request, pause in zip(mine, pauses, strict=True):
            await asyncio.sleep(pause)
            seconds.append(await client.ask(request))
        return seconds

    talks = [
        talk(client, source.sample(requests, QUESTIONS), [source.uniform(*PAUSE) for _ in range(QUESTIONS)])
        for client in clients
    ]
    return [second for found in await asyncio.gather(*talks) for second in found]


def rank(seconds: Sequence[float]) -> Latencies:
    """Give median and 95th percentile by nearest rank."""
    ordered = sorted(seconds)
    return Latencies(ordered[len(ordered) // 2], ordered[-(-95 * len(ordered) // 100) - 1])


if __name__ == "__main__":
    sys.exit(main())
