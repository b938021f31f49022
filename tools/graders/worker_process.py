"""Own one worker process: start it, hand it batches, hear what came of them, and end it.

The worker is trusted to say how a child ended, and nothing else: what the child wrote is handed on unread.
"""

import json
import os
import select
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

_LENGTH = struct.Struct(">I")
_MAX_FRAME_BYTES = 2 << 20
_START_SECONDS = 60.0
_SPARE_SECONDS = 2.0
_END_SECONDS = 1.0
_WORKER = Path(__file__).with_name("confined") / "worker.py"
_ENVIRONMENT = {
    # Sets and dicts in the same order in every worker, so that a score never depends on the process.
    "PYTHONHASHSEED": "0",
    # The same hours everywhere.
    "TZ": "UTC0",
    # Not every forked process has to look up the same functions of libraries.
    "LD_BIND_NOW": "1",
    # One thread each: a forked process must not miss its parent's threads, and workers share the cores.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


class WorkerGoneError(Exception):
    """The worker has ended, or says what no worker says."""


class Outcome(NamedTuple):
    """What came of one batch."""

    text: bytes
    """What the child wrote: whatever a script may write."""
    status: int
    """The child's exit status, negative for a signal."""
    is_late: bool
    """The time ran out before the child had written its answer."""


class WorkerProcess:
    """A running worker; not for several threads at once."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        """Take a process that has just been started."""
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._pipes = (process.stdin, process.stdout)
        self._inward, self._outward = process.stdout.fileno(), process.stdin.fileno()
        self._received = bytearray()
        os.set_blocking(self._inward, False)
        os.set_blocking(self._outward, False)

    @classmethod
    def spawn(cls) -> Self:
        """Start a worker, with an environment and a process group of its own.

        Raises:
            OSError: the system starts no process.
        """
        # As isolated as `-I`, which would ignore the fixed hash seed as well; without `site`, which is slow.
        command = [sys.executable, "-s", "-S", "-P", "-X", "utf8", str(_WORKER)]
        return cls(
            subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_ENVIRONMENT,
                cwd="/",
                start_new_session=True,
                bufsize=0,
            )
        )

    def prepare(self, start: Mapping[str, Any]) -> dict[str, Any]:
        """Send the first frame and give the answer: `ready` with `layers`, or `fault`.

        Raises:
            WorkerGoneError: it gave no answer.
        """
        deadline = time.monotonic() + _START_SECONDS
        packages = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
        self._send(json.dumps({**start, "packages": packages}).encode(), deadline)
        line, _ = self._receive(deadline)
        return line

    def ask(self, batch: bytes, seconds: float) -> Outcome:
        """Have one batch evaluated, in at most so many seconds and a little more.

        Raises:
            WorkerGoneError: the worker itself failed, not a child; close it.
        """
        deadline = time.monotonic() + seconds + _SPARE_SECONDS
        self._send(str(int(seconds * 1000)).encode(), deadline)
        self._send(batch, deadline)
        line, text = self._receive(deadline)
        status, is_late = line.get("status"), line.get("late")
        if not isinstance(status, int) or not isinstance(is_late, bool):
            raise WorkerGoneError
        return Outcome(text, status, is_late)

    def close(self) -> None:
        """End the worker and every process in its group, and reap it."""
        # A worker that ends by itself reaps its child: no zombie is left to a container's first process.
        _signal(self._process.pid, signal.SIGTERM)
        if _is_readable(self._inward, _END_SECONDS):
            self._discard(time.monotonic() + _END_SECONDS)
        # Before the worker is reaped: until then nobody else can have the group's number.
        _signal_group(self._process.pid)
        for pipe in self._pipes:
            pipe.close()
        self._process.wait()

    def _discard(self, deadline: float) -> None:
        """Throw away what still comes until the worker has closed its end."""
        while time.monotonic() < deadline and _is_readable(self._inward, deadline - time.monotonic()):
            if not os.read(self._inward, _MAX_FRAME_BYTES):
                return

    def _send(self, body: bytes, deadline: float) -> None:
        """Write one frame, in parts: a worker that does not read must not stop the host."""
        rest = memoryview(_LENGTH.pack(len(body)) + body)
        poll = select.poll()
        poll.register(self._outward, select.POLLOUT)
        try:
            while rest:
                if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                    raise WorkerGoneError
                rest = rest[os.write(self._outward, rest) :]
        except OSError as error:
            raise WorkerGoneError from error

    def _receive(self, deadline: float) -> tuple[dict[str, Any], bytes]:
        """Read one frame: the worker's own line, and what it passes on."""
        size = _LENGTH.unpack(self._read_exactly(_LENGTH.size, deadline))[0]
        if size > _MAX_FRAME_BYTES:
            raise WorkerGoneError
        head, _, rest = self._read_exactly(size, deadline).partition(b"\n")
        try:
            line: object = json.loads(head)
        except ValueError as error:
            raise WorkerGoneError from error
        if not isinstance(line, dict):
            raise WorkerGoneError
        return {str(key): value for key, value in line.items()}, rest

    def _read_exactly(self, size: int, deadline: float) -> bytes:
        while len(self._received) < size:
            if not _is_readable(self._inward, deadline - time.monotonic()):
                raise WorkerGoneError
            part = os.read(self._inward, _MAX_FRAME_BYTES)
            if not part:
                raise WorkerGoneError
            self._received += part
        found = bytes(self._received[:size])
        del self._received[:size]
        return found


def _is_readable(descriptor: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN | select.POLLHUP)
    return bool(poll.poll(max(0.0, seconds) * 1000))


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _signal_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        # macOS says "not permitted" for a group of which only zombies are left.
        return
