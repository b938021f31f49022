"""Measure how near a judge comes to the bound that its service sets: calls x latency / concurrency.

A local server, a process of its own, answers every call after a fixed time, in the form of OpenAI's. A judge
grades as many responses as there are calls, each stored and booked as always. Printed: seconds, the bound,
and their ratio, run by run. Exits 1 when the median ratio is over 1.1.

The ratio rises with what else the machine does, so its load is printed beside. On 2 shared cores the median
was 1.06 to 1.07 at loads of 3 to 6, and 1.17 when the load rose to 8. Lots of 256 each wait for their last
answer: graded so, the same calls took a ratio of 1.22 where one lot took 1.12.

Usage: python benchmarks/judge_speed.py [--calls 1024] [--concurrency 64] [--latency 0.2] [--runs 5]
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr

from lucy.tools.calls.connection import Connection
from lucy.tools.calls.door import Door
from lucy.tools.graders.judge import open_judge
from lucy.tools.graders.kinds import JudgeGrader
from lucy.tools.graders.resources import Resources
from lucy.tools.store.database import Store
from lucy.tools.store.ledger import Account, sum_ledger
from lucy.tools.vocabulary import Record

LIMIT = 1.1
"""Largest ratio of the seconds taken to the bound."""
SCORE = 0.75
GRADER = JudgeGrader(
    name="speed",
    prompt_template="How helpful is the response, from 0 to 1?\nConversation:\n{{#messages}}{{role}}: "
    "{{content}}\n{{/messages}}\nResponse:\n{{response}}",
)
ACCOUNT = Account("benchmark", "dry_run", "judge", "fake")


def write_reply() -> bytes:
    """Write the whole HTTP answer of a judge."""
    text = json.dumps({"reason": "It answers the question, but leaves out when.", "score": SCORE})
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 400, "completion_tokens": 30, "total_tokens": 430}
    value = {"id": "1", "object": "chat.completion", "created": 1, "model": "fake", "usage": usage}
    body = json.dumps(value | {"choices": [choice]}).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Late(asyncio.Protocol):
    """One connection to the server: every request is answered after the same time."""

    def __init__(self, latency: float) -> None:
        self._latency = latency
        self._reply = write_reply()
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer when a request is whole."""
        self._received += data
        head, separator, rest = self._received.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        if len(rest) >= length:
            self._received = rest[length:]
            asyncio.get_running_loop().call_later(self._latency, self._answer)

    def _answer(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(self._reply)


async def serve(latency: float) -> None:
    """Serve until the process is ended; the port is the first line of the output."""
    server = await asyncio.get_running_loop().create_server(
        lambda: Late(latency), "127.0.0.1", 0, backlog=1024
    )
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


@contextmanager
def start_server(latency: float) -> Generator[str]:
    """Run the server in a process of its own and give its base URL."""
    command = [sys.executable, __file__, "--serve", "--latency", str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
        finally:
            server.terminate()


def make_pairs(calls: int) -> list[tuple[Record, str]]:
    """Make records of about 100 words with a response each."""
    question = "My parcel 4411 has not come and nobody answers the phone, what should I do now? " * 4
    return [
        (
            Record(id=str(number), prompt=({"role": "user", "content": f"{question}({number})"},)),
            f"I am sorry about that. I have asked the courier about parcel {number}. " * 4,
        )
        for number in range(calls)
    ]


def run(door: Door, pairs: list[tuple[Record, str]], repeat: int) -> tuple[float, float]:
    """Grade all pairs anew; give the seconds by the clock and those of this process."""
    resources = Resources(lambda _model: door, repeat=repeat)
    with open_judge(GRADER, resources) as score_many:
        started, worked = time.perf_counter(), time.process_time()
        grades = score_many(pairs)
        seconds = time.perf_counter() - started, time.process_time() - worked
    if any(grade.score != SCORE for grade in grades):
        raise SystemExit(f"a grade is wrong: {next(grade for grade in grades if grade.score != SCORE)}")
    return seconds


def measure(calls: int, concurrency: int, latency: float, runs: int) -> float:
    """Print the ratio of each run and give the median."""
    bound = calls * latency / concurrency
    pairs = make_pairs(calls)
    ratios: list[float] = []
    with start_server(latency) as url, tempfile.TemporaryDirectory() as home:
        store = Store(Path(home))
        connection = Connection("fake", variable="LUCY_JUDGE_MODEL", base_url=url, key=SecretStr("none"))
        door = Door(store, connection, ACCOUNT, concurrency=concurrency)
        run(door, pairs[:1], 0)  # the libraries are imported here
        for number in range(1, runs + 1):
            seconds, worked = run(door, pairs, number)
            ratios.append(seconds / bound)
            sys.stdout.write(
                f"run {number}: {seconds:.2f} s, bound {bound:.2f} s, ratio {ratios[-1]:.3f}, "
                f"{1000 * worked / calls:.2f} ms of work a call, load {os.getloadavg()[0]:.1f}\n"
            )
        booked = sum_ledger(store, "benchmark")[0]["calls"]
        store.close()
    if booked != 1 + calls * runs:
        raise SystemExit(f"the ledger has {booked} calls, expected {1 + calls * runs}")
    return statistics.median(ratios)


def main() -> None:
    """Read the arguments, and serve or measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--calls", type=int, default=1024)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        asyncio.run(serve(given.latency))
        return
    median = measure(given.calls, given.concurrency, given.latency, given.runs)
    sys.stdout.write(f"median ratio {median:.3f}, limit {LIMIT}\n")
    sys.exit(0 if median <= LIMIT else 1)


if __name__ == "__main__":
    main()
