"""Run one Python script grader in this process; started by `host`, imports nothing of ours.

The owner sends `{"source", "modules", "required", "batch", limits...}` and gets `{"ready": true}` or
`{"fault": sentence}`. Then the worker forks: each child takes up to `batch` requests `{"token", "sample",
"item"}` and answers `{"token", "score"}` or `{"token", "error", "reason"}`; a child ends early after a
failed evaluation. When a child has ended, the worker writes `{"ended": exit status}` and forks the next.
The script's code, its top level included, only ever runs in a child, and in a fresh namespace each time,
so nothing that an evaluation breaks is left for the process that forks the next one. Frames are a 4-byte
big-endian length and JSON.

What is limited: memory (address space, where the system enforces it), CPU time, no file can be written
with content, no core dump, 64 open files, and no further processes unless the user is root; the owner kills
what is late. What is NOT confined: the script can read every file that this user can, use the network, start
programs where process limits do not hold, and signal other processes of this user; a script that leaves
its session outlives the kill until its CPU limit. It also decides its own score, whatever it says. So run
only scripts you trust.
"""

import contextlib
import importlib
import importlib.util
import json
import math
import os
import resource
import signal
import struct
import sys
from types import CodeType, ModuleType
from typing import Any, NoReturn

_LENGTH = struct.Struct(">I")
_DONE, _OWNER_GONE = 0, 3
_MAX_REASON = 300
_ROUNDING = 1e-9
_SPARE_CPU_SECONDS = 2
_MAX_FILES = 64

_Json = dict[str, Any]


class Frames:
    """The two ends of the conversation with the owner, on descriptors of our own."""

    def __init__(self) -> None:
        """Move the frames away from standard input and output, and point those at nothing."""
        self.inward, self.outward = os.dup(0), os.dup(1)
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)
        os.close(nothing)

    def read(self) -> _Json | None:
        """Read one frame; None when the owner has closed its end."""
        head = self._read_exactly(_LENGTH.size)
        body = self._read_exactly(_LENGTH.unpack(head)[0]) if head else None
        return json.loads(body) if body is not None else None

    def write(self, frame: _Json) -> None:
        """Write one frame."""
        body = json.dumps(frame).encode()
        rest = memoryview(_LENGTH.pack(len(body)) + body)
        while rest:
            rest = rest[os.write(self.outward, rest) :]

    def _read_exactly(self, size: int) -> bytes | None:
        parts: list[bytes] = []
        while size:
            part = os.read(self.inward, min(size, 1 << 20))
            if not part:
                return None
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def _limit(kind: int, value: int) -> None:
    """Lower one resource limit; a system that does not know it, or has a lower one, keeps its own."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(kind, (value, value))


def _limit_process(start: _Json) -> None:
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_NOFILE, _MAX_FILES)
    _limit(resource.RLIMIT_AS, start["memory_bytes"])


def _import_known(modules: list[str]) -> None:
    """Import library modules before forking, so that not every child has to."""
    for name in modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def _is_installed(name: str) -> bool:
    try:
        return name in sys.modules or importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _compile(start: _Json) -> CodeType | str:
    """Compile the script, or say in a sentence why it cannot be used."""
    missing = [name for name in start["required"] if not _is_installed(name)]
    if missing:
        return f"it imports {missing[0]!r}, which is not installed; install it or change the script"
    try:
        return compile(start["source"], "grader.py", "exec", dont_inherit=True)
    except SyntaxError as error:
        return f"it does not compile, line {error.lineno}: {error.msg}; correct it"
    except (ValueError, RecursionError, MemoryError) as error:
        return f"it does not compile: {error or type(error).__name__}; simplify it"


def _explain(error: BaseException) -> str:
    """Say what was raised and on which line of the script."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "grader.py":
            line = trace.tb_lineno
        trace = trace.tb_next
    place = f" at line {line}" if line else ""
    detail = str(error)
    return f"The script raised {type(error).__name__}{place}{': ' if detail else ''}{detail}"


def _read_score(value: Any) -> _Json:
    """Check what `grade` returned: one number from 0 to 1; a boolean counts as 0 or 1."""
    number = math.nan
    if not isinstance(value, str | bytes):
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            number = float(value)
    if math.isfinite(number) and -_ROUNDING <= number <= 1 + _ROUNDING:
        return {"score": min(1.0, max(0.0, number))}
    shown = repr(value)[:60]
    reason = f"grade returned {shown} ({type(value).__name__}); it must return one number from 0 to 1"
    return {"error": "invalid_result", "reason": reason}


def _evaluate(code: CodeType, request: _Json) -> _Json:
    """Run the script once in a fresh namespace; whatever it does becomes an answer."""
    # A module that can be found by its name, as dataclasses with deferred annotations expect.
    module = sys.modules["grader"] = ModuleType("grader")
    stage = "compile_error"
    try:
        exec(code, module.__dict__)
        grade = getattr(module, "grade", None)
        if not callable(grade):
            return {"error": stage, "reason": "The script defines no grade(sample, item) when it runs"}
        stage = "runtime_error"
        return _read_score(grade(request["sample"], request["item"]))
    except MemoryError:
        return {"error": "memory", "reason": "The script needed more memory than it is allowed"}
    except BaseException as error:  # noqa: BLE001 - the script may raise anything, also SystemExit
        return {"error": stage, "reason": _explain(error)}


def _answer(code: CodeType, request: _Json) -> _Json:
    """Evaluate and label the answer; an exception that cannot even be shown is named by its class."""
    try:
        answer = _evaluate(code, request)
    except MemoryError:
        answer = {"error": "memory", "reason": "The script needed more memory than it is allowed"}
    except BaseException as error:  # noqa: BLE001 - `__str__` and `__repr__` are the script's code too
        answer = {"error": "runtime_error", "reason": f"The script raised {type(error).__name__}"}
    if "reason" in answer:
        answer["reason"] = answer["reason"][:_MAX_REASON]
    return {"token": request["token"], **answer}


def _serve_batch(frames: Frames, code: CodeType, batch: int) -> int:
    """Answer up to `batch` requests in a child process; its exit status tells why it ended."""
    for _ in range(batch):
        request = frames.read()
        if request is None:
            return _OWNER_GONE
        answer = _answer(code, request)
        frames.write(answer)
        if "error" in answer:
            break
    return _DONE


class Forker:
    """Keep one child at work at a time, and end it when the owner says so or has died."""

    def __init__(self, frames: Frames) -> None:
        """Remember the owner; a signal to end, or the loss of the owner, ends the child."""
        self.frames, self.owner, self.child = frames, os.getppid(), 0
        signal.signal(signal.SIGTERM, lambda number, frame: self.end())
        signal.signal(signal.SIGALRM, lambda number, frame: self.end_if_orphaned())
        signal.setitimer(signal.ITIMER_REAL, 1, 1)

    def end(self) -> NoReturn:
        """Kill and reap the child, close the frames, and stay until the owner reaps this process.

        Staying keeps the process group's number in use, so that the owner's last kill hits no stranger.
        """
        if self.child:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(self.child, signal.SIGKILL)
                os.waitpid(self.child, 0)
        with contextlib.suppress(OSError):
            os.close(self.frames.outward)
        while os.getppid() == self.owner:
            signal.pause()
        os._exit(_DONE)

    def end_if_orphaned(self) -> None:
        """End when the owner has died."""
        if os.getppid() != self.owner:
            self.end()

    def run(self, code: CodeType, start: _Json) -> int:
        """Fork a child and wait for its end; give its exit status, negative for a signal."""
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGALRM))
        self.child = os.fork()
        if self.child == 0:
            self._become_child(code, start)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGALRM))
        _, status = os.waitpid(self.child, 0)
        self.child = 0
        return os.waitstatus_to_exitcode(status)

    def _become_child(self, code: CodeType, start: _Json) -> NoReturn:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number in (signal.SIGTERM, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGALRM))
        _limit(resource.RLIMIT_CPU, int(start["seconds"] * start["batch"]) + _SPARE_CPU_SECONDS)
        _limit(resource.RLIMIT_NPROC, 0)
        status = 1
        try:
            status = _serve_batch(self.frames, code, start["batch"])
        finally:
            # Past every `atexit`, `finally` and thread of the script.
            os._exit(status)


def main() -> None:
    """Serve one owner until it closes its end."""
    frames = Frames()
    start = frames.read()
    if start is None:
        return
    _limit_process(start)
    _import_known(start["modules"])
    code = _compile(start)
    if isinstance(code, str):
        frames.write({"fault": code})
        return
    sys.argv = ["grader.py"]
    forker = Forker(frames)
    frames.write({"ready": True})
    status = _DONE
    while status != _OWNER_GONE:
        status = forker.run(code, start)
        frames.write({"ended": status})


if __name__ == "__main__":
    main()
