"""Evaluate one script in a pool of worker processes, and survive whatever the script does.

Evaluations go out in batches, each to a process of its own. When the process of a batch failed, was late or
ran out of memory, its evaluations are done again one by one: so each gets the score that it has alone, and
the culprit gets its error. What answers say is read as the hostile input that it may be.
"""

import json
import logging
import math
import os
import secrets
import signal
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import LifoQueue
from shlex import quote
from typing import Any, Literal, NamedTuple, Self, TypeVar, get_args

from lucy.errors import GraderError
from lucy.tools.graders.worker_process import Outcome, WorkerGoneError, WorkerProcess

Given = TypeVar("Given")
logger = logging.getLogger(__name__)

ErrorClass = Literal["compile_error", "runtime_error", "timeout", "memory", "invalid_result", "crash"]
"""Why an evaluation has no score: `compile_error` the script's top level failed, `runtime_error` it raised,
`timeout` it was late, `memory` it needed too much, `invalid_result` it returned no number from 0 to 1,
`crash` its process ended without an answer."""

NEEDED_LAYERS = {"landlock files": "Landlock", "seccomp": "seccomp"}
"""Layers without which a worker is not confined, and what a Linux kernel calls them."""
_SPREADING: tuple[ErrorClass, ...] = ("timeout", "memory", "crash")
"""Errors that may have come to an evaluation from another one in its process."""
_BATCH_SECONDS = 2.0
"""After this time a batch gives the answers that it has; the rest goes out again."""
_FORK_SECONDS = 1.0
_BYTES_PER_SECOND = 8 << 20
"""What a child needs besides its evaluations: to start, and to read what is sent, on a busy machine."""
_LENGTH_BYTES = 4
_MAX_REQUEST_BYTES = 16 << 20
_MAX_BATCH_BYTES = 4 << 20
_MAX_REASON = 300


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


def find_missing(layers: Collection[str]) -> str:
    """Say what is missing for scripts to be confined; empty when nothing is."""
    missing = [name for layer, name in NEEDED_LAYERS.items() if layer not in layers]
    return f"{' and '.join(missing)} missing on this {sys.platform} system" if missing else ""


class Host:
    """The workers of one script; may be used from several threads.

    Use as a context manager: it starts the first worker, the others when they are needed, and ends them all.
    """

    def __init__(
        self, name: str, start: Mapping[str, Any], limits: Limits, *, workers: int, is_trusted: bool
    ) -> None:
        """Take the grader's name for messages, the first frame for its workers, and how many there may be.

        `start["batch"]` evaluations may share a process. A trusted script runs even if nothing confines it.
        """
        given = {"seconds": limits.seconds, "memory_bytes": limits.memory_bytes}
        self._name, self._seconds, self._is_trusted = name, limits.seconds, is_trusted
        self._start = {**start, **given, "batch_seconds": _BATCH_SECONDS}
        self._batch = int(start["batch"])
        self._seats = [_Seat(self) for _ in range(max(1, workers))]
        self._free: LifoQueue[_Seat] = LifoQueue()
        self.layers: tuple[str, ...] = ()
        """What confines the workers, known once one was started."""

    def __enter__(self) -> Self:
        self._seats[-1].start()
        # The last one in is the first one out: others are started only when several are used at once.
        for seat in self._seats:
            self._free.put(seat)
        return self

    def __exit__(self, *_: object) -> None:
        for seat in self._seats:
            seat.close()

    def evaluate(self, given: Sequence[Given], build: Callable[[Given], Mapping[str, Any]]) -> list[Answer]:
        """Evaluate what `build` makes of each, in order; a failure of the script leaves the host usable.

        Raises:
            GraderError: a worker has ended and no other one can be started.
        """
        size = min(self._batch, max(1, math.ceil(len(given) / len(self._seats))))
        shares = [given[first : first + size] for first in range(0, len(given), size)]

        def evaluate_share(share: Sequence[Given]) -> list[Answer]:
            return self._evaluate_share([_encode(build(one)) for one in share])

        if len(shares) <= 1 or len(self._seats) == 1:
            return [answer for share in shares for answer in evaluate_share(share)]
        with ThreadPoolExecutor(len(self._seats)) as pool:
            return [answer for answers in pool.map(evaluate_share, shares) for answer in answers]

    def open_worker(self) -> WorkerProcess:
        """Start a worker and wait until it is ready.

        Raises:
            GraderError: the script cannot be used here.
        """
        if not hasattr(os, "fork"):
            raise self._refuse("script graders need Linux or macOS; use a rubric grader here")
        try:
            worker = WorkerProcess.spawn()
        except OSError as error:
            raise self._refuse(f"no worker process could be started ({error})") from error
        try:
            frame = worker.prepare(self._start)
            if not frame.get("ready"):
                raise self._refuse(str(frame.get("fault")))
            self.layers = tuple(str(layer) for layer in frame["layers"])
            self._require_confinement()
        except WorkerGoneError as error:
            worker.close()
            raise self._refuse("its worker process did not start; try again") from error
        except BaseException:
            worker.close()
            raise
        return worker

    def _require_confinement(self) -> None:
        missing = find_missing(self.layers)
        if missing and not self._is_trusted:
            raise self._refuse(
                f"nothing here can confine scripts ({missing}); if you trust this script, allow it with "
                f"`--trust {quote(self._name)}` or the setting LUCY_TRUSTED_SCRIPTS, else use a rubric grader"
            )
        if missing:
            held = ", ".join(self.layers) or "nothing"
            logger.warning(
                "The trusted script %r is not confined (%s); what holds: %s", self._name, missing, held
            )

    def _refuse(self, reason: str) -> GraderError:
        return GraderError(f"The grader {self._name!r} cannot be used: {reason}.")

    def _evaluate_share(self, bodies: Sequence[bytes | Answer]) -> list[Answer]:
        """Evaluate with a seat of our own for the time; what is answered already is passed over."""
        seat = self._free.get()
        try:
            batches = _cut([body for body in bodies if isinstance(body, bytes)])
            given = iter([answer for batch in batches for answer in self._evaluate_batch(seat, batch)])
        finally:
            self._free.put(seat)
        return [body if isinstance(body, Answer) else next(given) for body in bodies]

    def _evaluate_batch(self, seat: "_Seat", batch: Sequence[bytes]) -> list[Answer]:
        answers: list[Answer] = []
        while len(answers) < len(batch):
            rest = batch[len(answers) :]
            given = self._ask(seat, rest)
            if len(rest) > 1 and any(answer.error in _SPREADING for answer in given):
                given = [self._ask(seat, [request])[0] for request in rest]
            answers += given
        return answers

    def _ask(self, seat: "_Seat", requests: Sequence[bytes]) -> list[Answer]:
        """Evaluate in one process: the answers to the first ones, or one answer that tells how it ended."""
        token = secrets.token_hex(8)
        batch = b"\n".join((token.encode(), *requests))
        spare = _FORK_SECONDS + len(batch) / _BYTES_PER_SECOND
        spare += _BATCH_SECONDS if len(requests) > 1 else 0
        outcome = seat.ask(batch, self._seconds + spare)
        if outcome is None:
            return [Answer(None, "crash", "The script's worker process ended or did not answer, twice")]
        answers = _read_answers(outcome.text, token)
        if not 0 < len(answers) <= len(requests):
            return [_explain_end(outcome, self._seconds)]
        return answers


class _Seat:
    """The place of one worker, which is replaced when it fails."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._worker: WorkerProcess | None = None

    def start(self) -> WorkerProcess:
        """Give the worker that is there, or a new one."""
        if self._worker is None:
            self._worker = self._host.open_worker()
        return self._worker

    def ask(self, batch: bytes, seconds: float) -> Outcome | None:
        """Have a batch evaluated, once more when it is the worker that fails; None when it fails again."""
        for _ in range(2):
            try:
                return self.start().ask(batch, seconds)
            except WorkerGoneError:
                self.close()
            except BaseException:
                # An interrupted talk leaves an answer behind that belongs to no later question.
                self.close()
                raise
        return None

    def close(self) -> None:
        """End the worker, if there is one."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.close()


def _encode(request: Mapping[str, Any]) -> bytes | Answer:
    """Write a request as JSON, or say why no script can be called with it."""
    try:
        body = json.dumps(request, default=str).encode()
    except (ValueError, RecursionError):
        return Answer(None, "runtime_error", "The record is nested too deeply to be handed to a script")
    if len(body) > _MAX_REQUEST_BYTES:
        size = f"{len(body) >> 20} MB with its response; a script takes {_MAX_REQUEST_BYTES >> 20}"
        return Answer(None, "memory", f"The record has {size}")
    return body


def _cut(bodies: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Cut requests into batches that are not too large to be sent at once."""
    batch: list[bytes] = []
    size = 0
    for body in bodies:
        if batch and size + len(body) > _MAX_BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += len(body)
    if batch:
        yield batch


def _read_answers(text: bytes, token: str) -> list[Answer]:
    """Read what a child wrote; nothing when it is not exactly one frame with answers to this batch."""
    if len(text) < _LENGTH_BYTES or int.from_bytes(text[:_LENGTH_BYTES]) != len(text) - _LENGTH_BYTES:
        return []
    try:
        frame: object = json.loads(text[_LENGTH_BYTES:])
    except (ValueError, RecursionError):
        return []
    if not isinstance(frame, dict) or frame.get("token") != token:
        return []
    answers: object = frame.get("answers")
    return [_read_answer(answer) for answer in answers] if isinstance(answers, list) else []


def _read_answer(answer: object) -> Answer:
    """Check one answer: a score from 0 to 1, or one of the known errors."""
    if not isinstance(answer, dict):
        return Answer(None, "crash", "The script wrote an answer of its own")
    reason = answer.get("reason", "")
    reason = reason[:_MAX_REASON] if isinstance(reason, str) else ""
    score = answer.get("score")
    if isinstance(score, float) and math.isfinite(score) and 0 <= score <= 1:
        return Answer(score, None, reason)
    known: tuple[ErrorClass, ...] = get_args(ErrorClass)
    reason = reason or "The script wrote an answer of its own"
    named = (Answer(None, name, reason) for name in known if name == answer.get("error"))
    return next(named, Answer(None, "crash", reason))


def _explain_end(outcome: Outcome, seconds: float) -> Answer:
    """Say why a process ended without its answers."""
    if outcome.is_late or outcome.status == -signal.SIGALRM:
        return Answer(None, "timeout", f"The script gave no score within {seconds:g} s")
    if outcome.status == -signal.SIGXCPU:
        return Answer(None, "timeout", "The script used more processor time than it is allowed")
    if outcome.text:
        return Answer(None, "crash", "The script disturbed the answers of its own process")
    if outcome.status < 0:
        return Answer(None, "crash", f"The script's process was killed by signal {-outcome.status}")
    return Answer(None, "crash", f"The script ended its own process with status {outcome.status}")
