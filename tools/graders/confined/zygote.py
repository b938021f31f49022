"""Prepare a script once, and fork a child for each batch of evaluations.

The owner sends a first frame, `{"language", "modules", "required", "packages", "seconds", ...}`, and gets
`{"ready": true, "layers": [names]}` or `{"fault": sentence}`. Then it sends batches, two frames each: how
many milliseconds there are, and lines, a token and each request as JSON. For each the zygote forks a child,
which locks itself in, evaluates, writes its answers to a pipe of its own and ends; and the zygote passes on
what came, behind a line about the child's end that the child cannot write. Frames are a 4-byte big-endian
length and bytes.

No code of the script ever runs in this process, and it never reads what a child wrote: so what an
evaluation breaks is gone with its child, and a late child can be killed from here. A script in a child
can still read and change everything in that child, the other evaluations of its batch included.
"""

import gc
import importlib
import json
import os
import select
import signal
import struct
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn, Protocol, cast

from lucy.tools.graders.confined.libraries import import_modules, list_readable
from lucy.tools.graders.confined.lockdown import FILES, ChildLock, lock_down

Json = dict[str, Any]
Evaluate = Callable[[Json], Json]
"""Runs the script once: `{"score"}`, with a `reason` where it gives one, or `{"error", "reason"}`."""

_LENGTH = struct.Struct(">I")
_PART_BYTES = 1 << 16
_MAX_SAID_BYTES = 1 << 20
_SPARE_CPU_SECONDS = 2


class Engine(Protocol):
    """What a language's module has."""

    IMPORTS: tuple[str, ...]
    """Modules to import before the process is locked."""

    def prepare(self, start: Json) -> Evaluate | str:
        """Compile a script without running it; a text says why that cannot be done."""
        ...


class Owner:
    """The way to the process that started this one, away from standard input and output."""

    def __init__(self) -> None:
        """Take the two pipes, and point the standard streams at nothing."""
        self.inward, self.outward = os.dup(0), os.dup(1)
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)
        os.close(nothing)

    def read(self) -> bytes | None:
        """Read one frame; None when the owner has closed its end."""
        head = self._read_exactly(_LENGTH.size)
        return None if head is None else self._read_exactly(_LENGTH.unpack(head)[0])

    def write(self, line: Json, rest: bytes = b"") -> None:
        """Write one frame: a line of JSON, and bytes that are passed on."""
        _write(self.outward, json.dumps(line).encode() + b"\n" + rest)

    def close(self) -> None:
        """Close both pipes, so that a child does not have them."""
        os.close(self.inward)
        os.close(self.outward)

    def _read_exactly(self, size: int) -> bytes | None:
        parts: list[bytes] = []
        while size:
            part = os.read(self.inward, min(size, 1 << 20))
            if not part:
                return None
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def serve() -> None:
    """Serve one owner until it closes its end."""
    owner = Owner()
    first = owner.read()
    if first is None:
        return
    start: Json = json.loads(first)
    engine = cast("Engine", importlib.import_module(f"{__package__}.{start['language']}_engine"))
    before, standard = set(sys.modules), list(sys.path)
    sys.path += start.get("packages", ())
    fault = import_modules([*engine.IMPORTS, *start.get("modules", ())], start.get("required", ()))
    if fault:
        owner.write({"fault": fault})
        return
    layers = lock_down(
        list_readable(standard, set(sys.modules) - before),
        standard,
        memory_bytes=start["memory_bytes"],
        without=start.get("without", ()),
    )
    if FILES in layers:
        # What was not imported is missing, and not forbidden.
        sys.path[:] = standard
    evaluate = engine.prepare(start)
    if isinstance(evaluate, str):
        owner.write({"fault": evaluate})
        return
    sys.argv = ["grader"]
    gc.collect()
    gc.freeze()
    owner.write({"ready": True, "layers": layers})
    _serve_batches(owner, evaluate, ChildLock(layers), start)


def _serve_batches(owner: Owner, evaluate: Evaluate, lock: ChildLock, start: Json) -> None:
    signal.signal(signal.SIGTERM, _end)
    while (head := owner.read()) is not None and (batch := owner.read()) is not None:
        seconds = int(head) / 1000
        inward, outward = os.pipe()
        # The child must not run the handler before it has put its own in place.
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))
        child = os.fork()
        if child == 0:
            os.close(inward)
            owner.close()
            _become_child(outward, batch, evaluate, lock, start, seconds)
        os.close(outward)
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM,))
            text, is_late = _listen(inward, time.monotonic() + seconds)
        finally:
            # Whoever has said all, or has hung up, has nothing left to do.
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            os.close(inward)
        owner.write({"status": os.waitstatus_to_exitcode(status), "late": is_late}, text)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)


def _listen(inward: int, deadline: float) -> tuple[bytes, bool]:
    """Read one frame of a child; give what came of it, and whether the time ran out first."""
    said = bytearray()
    poll = select.poll()
    poll.register(inward, select.POLLIN | select.POLLHUP)
    while len(said) < _LENGTH.size or len(said) < _LENGTH.size + _LENGTH.unpack_from(said)[0]:
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            return bytes(said), True
        part = os.read(inward, _PART_BYTES)
        if not part or len(said) + len(part) > _MAX_SAID_BYTES:
            break
        said += part
    return bytes(said), False


def _become_child(
    outward: int, batch: bytes, evaluate: Evaluate, lock: ChildLock, start: Json, seconds: float
) -> NoReturn:
    status = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM,))
        if lock.close(int(seconds) + _SPARE_CPU_SECONDS):
            _write(outward, _evaluate_batch(batch, evaluate, start["seconds"], start["batch_seconds"]))
            status = 0
    finally:
        # Past every `atexit`, `finally` and thread of the script.
        os._exit(status)


def _evaluate_batch(batch: bytes, evaluate: Evaluate, seconds: float, batch_seconds: float) -> bytes:
    """Answer the requests in turn, as many as there is time for, at least one.

    The timer's signal ends the process, whatever it is at; a script that turns it off is ended from outside.
    """
    token, *requests = batch.decode().split("\n")
    answers: list[Json] = []
    until = time.monotonic() + batch_seconds
    for request in requests:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        answers.append(evaluate(json.loads(request)))
        if time.monotonic() > until:
            break
    return json.dumps({"token": token, "answers": answers}).encode()


def _write(descriptor: int, body: bytes) -> None:
    rest = memoryview(_LENGTH.pack(len(body)) + body)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
