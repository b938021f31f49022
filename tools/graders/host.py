"""Own a worker process that runs one script grader, and survive whatever the script does.

The host trusts no frame: each request has a random token, an answer without it is a leftover of an earlier
evaluation, and the worker is replaced. Late workers are killed with their process group. Works on Linux and
macOS; where a worker cannot be started the grader is refused.
"""

import json
import math
import os
import secrets
import select
import signal
import struct
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Self, get_args

from lucy.errors import GraderError

ErrorClass = Literal["compile_error", "runtime_error", "timeout", "memory", "invalid_result", "crash"]
"""Why an evaluation has no score: `compile_error` the script's top level failed, `runtime_error` it raised,
`timeout` it was late, `memory` it needed too much, `invalid_result` it returned no number from 0 to 1,
`crash` its process ended without an answer."""

_LENGTH = struct.Struct(">I")
_MAX_ANSWER_BYTES = 65_536
_START_SECONDS = 30.0
_END_SECONDS = 1.0
_ENVIRONMENT = {
    # Sets and dicts in the same order in every worker, so that a score never depends on the process.
    "PYTHONHASHSEED": "0",
    # One thread each: a forked process must not miss its parent's threads, and workers share the cores.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one evaluation may use."""

    seconds: float = 2.0
    """Wall-clock time."""
    memory_bytes: int = 2 << 30
    """Address space of the process."""


class Answer(NamedTuple):
    """What came of one evaluation."""

    score: float | None
    """0 to 1; None when there is an error."""
    error: ErrorClass | None = None
    reason: str = ""


class _LeftoverError(Exception):
    """The worker said something that does not belong to the request: it cannot be relied on."""


class Host:
    """A worker process for one script, replaced when it fails. Not for several threads at once.

    Use as a context manager: it starts the worker, and ends it with everything in its process group.
    """

    def __init__(self, name: str, command: Sequence[str], start: Mapping[str, Any], limits: Limits) -> None:
        """Take the grader's name for messages, the worker's command line and its first frame."""
        self._name, self._command, self._limits = name, list(command), limits
        self._start = {**start, "seconds": limits.seconds, "memory_bytes": limits.memory_bytes}
        self._batch = int(start["batch"])
        self._process: subprocess.Popen[bytes] | None = None
        self._received = bytearray()
        self._answered = 0

    def __enter__(self) -> Self:
        self._ensure_worker()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, request: Mapping[str, Any]) -> Answer:
        """Evaluate one request; every failure of the script is an answer, and leaves the host usable.

        Raises:
            GraderError: no worker can be started.
        """
        for _ in range(2):
            try:
                return self._ask_once(request)
            except _LeftoverError:
                self.close()
        return Answer(None, "crash", "The script disturbed the frames of its own process")

    def close(self) -> None:
        """End the worker and every process in its group, and reap it."""
        process, self._process = self._process, None
        if process is None:
            return
        # The worker reaps its child on this signal, so that no zombie is left to a container's first process.
        _signal(process.pid, signal.SIGTERM)
        self._drain(process, time.monotonic() + _END_SECONDS)
        _signal_group(process.pid)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        process.wait()

    def _ask_once(self, request: Mapping[str, Any]) -> Answer:
        process = self._ensure_worker()
        self._await_next_child(process)
        token = secrets.token_hex(8)
        deadline = time.monotonic() + self._limits.seconds
        try:
            _send(process, {"token": token, **request}, deadline)
            frame = self._receive(process, deadline)
        except TimeoutError:
            self.close()
            return Answer(None, "timeout", f"The script gave no score within {self._limits.seconds:g} s")
        except (EOFError, OSError):
            self.close()
            return Answer(None, "crash", "The script ended its worker process")
        if "ended" in frame:
            self.close()
            return _explain_end(frame["ended"])
        if frame.get("token") != token:
            raise _LeftoverError
        answer = _read_answer(frame)
        self._answered = self._batch if answer.error else self._answered + 1
        return answer

    def _await_next_child(self, process: subprocess.Popen[bytes]) -> None:
        """Wait for the worker's next child after a full batch, and refuse anything else it says."""
        try:
            if self._answered >= self._batch:
                frame = self._receive(process, time.monotonic() + self._limits.seconds)
                if "ended" not in frame:
                    raise _LeftoverError
                self._answered = 0
            if self._received or _is_readable(process, 0):
                raise _LeftoverError
        except (EOFError, OSError) as error:
            raise _LeftoverError from error

    def _ensure_worker(self) -> subprocess.Popen[bytes]:
        """Give the running worker, or start one and wait until it is ready."""
        if self._process is not None:
            return self._process
        self._process = process = self._spawn()
        self._received.clear()
        self._answered = 0
        deadline = time.monotonic() + _START_SECONDS
        try:
            _send(process, self._start, deadline)
            frame = self._receive(process, deadline)
        except (_LeftoverError, EOFError, OSError) as error:
            self.close()
            raise GraderError(
                f"The grader {self._name!r} cannot be used: its worker process did not start; try again."
            ) from error
        if not frame.get("ready"):
            self.close()
            raise GraderError(f"The grader {self._name!r} cannot be used: {frame.get('fault')}.")
        return process

    def _spawn(self) -> subprocess.Popen[bytes]:
        if not hasattr(os, "fork"):
            raise GraderError(
                f"The grader {self._name!r} cannot be used: script graders need Linux or macOS; "
                "use a rubric grader here."
            )
        try:
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_ENVIRONMENT,
                cwd="/",
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            raise GraderError(
                f"The grader {self._name!r} cannot be used: no worker process could be started ({error})."
            ) from error
        os.set_blocking(_get_input(process), False)
        os.set_blocking(_get_output(process), False)
        return process

    def _receive(self, process: subprocess.Popen[bytes], deadline: float) -> dict[str, Any]:
        """Read one frame.

        Raises:
            TimeoutError: the deadline has passed.
            EOFError: nobody is left to write.
            _LeftoverError: what came is no frame.
        """
        while True:
            size = _LENGTH.unpack(self._received[:4])[0] if len(self._received) >= 4 else 0
            if size > _MAX_ANSWER_BYTES:
                raise _LeftoverError
            if len(self._received) >= 4 + size and size:
                body = bytes(self._received[4 : 4 + size])
                del self._received[: 4 + size]
                return _decode(body)
            self._read_some(process, deadline)

    def _read_some(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        if not _is_readable(process, deadline - time.monotonic()):
            raise TimeoutError
        part = os.read(_get_output(process), _MAX_ANSWER_BYTES)
        if not part:
            raise EOFError
        self._received += part

    def _drain(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        """Throw away what still comes until the worker has closed its end, or the deadline."""
        while time.monotonic() < deadline:
            try:
                self._read_some(process, deadline)
            except (TimeoutError, EOFError, OSError):
                break
        self._received.clear()


def _get_input(process: subprocess.Popen[bytes]) -> int:
    assert process.stdin is not None
    return process.stdin.fileno()


def _get_output(process: subprocess.Popen[bytes]) -> int:
    assert process.stdout is not None
    return process.stdout.fileno()


def _is_readable(process: subprocess.Popen[bytes], seconds: float) -> bool:
    poll = select.poll()
    poll.register(_get_output(process), select.POLLIN | select.POLLHUP)
    return bool(poll.poll(max(0.0, seconds) * 1000))


def _send(process: subprocess.Popen[bytes], frame: Mapping[str, Any], deadline: float) -> None:
    """Write one frame, in parts: a worker that does not read must not stop the host."""
    body = json.dumps(frame, default=str).encode()
    rest = memoryview(_LENGTH.pack(len(body)) + body)
    poll = select.poll()
    poll.register(_get_input(process), select.POLLOUT)
    while rest:
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise TimeoutError
        rest = rest[os.write(_get_input(process), rest) :]


def _decode(body: bytes) -> dict[str, Any]:
    try:
        frame: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _LeftoverError from error
    if not isinstance(frame, dict):
        raise _LeftoverError
    return {str(key): value for key, value in frame.items()}


def _read_answer(frame: Mapping[str, Any]) -> Answer:
    """Check an answer as the hostile input it may be."""
    score, error = frame.get("score"), frame.get("error")
    if isinstance(score, float) and math.isfinite(score) and 0 <= score <= 1:
        return Answer(score)
    known: tuple[ErrorClass, ...] = get_args(ErrorClass)
    reason = str(frame.get("reason", ""))[:400]
    return next(
        (Answer(None, name, reason) for name in known if name == error), Answer(None, "crash", reason)
    )


def _explain_end(status: object) -> Answer:
    """Say why a child ended in the middle of an evaluation."""
    if status == -signal.SIGXCPU:
        return Answer(None, "timeout", "The script used more processor time than it is allowed")
    if isinstance(status, int) and status < 0:
        return Answer(None, "crash", f"The script's process was killed by signal {-status}")
    return Answer(None, "crash", f"The script ended its own process with status {status}")


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
