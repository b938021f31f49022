"""Run jobs: long work that outlives a page and a process, one function a kind."""

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from lucy.errors import CancelledByPersonError, CostLimitError, LucyError, ProviderError
from lucy.tools.store.jobs import FINAL, Job, end_job, find_job, take_job, update_job
from lucy.tools.store.owners import owner_lives
from lucy.tools.training.job import train
from lucy.tools.training.trainers import give_up, read_remains
from lucy.tools.vocabulary import Progress
from lucy.tools.workbench import Workbench

logger = logging.getLogger(__name__)
REPORT_EVERY = 0.5
"""Seconds between two writes of a job's progress."""
HEARTBEAT = 10.0
"""Seconds between two signs of life; a lease holds for six times as long."""

KINDS: dict[str, Callable[[Workbench, Job, Progress], dict[str, Any]]] = {"training": train}
"""What each kind of job does: takes the job as stored, gives its result; resumes from its checkpoint."""


def run_job(bench: Workbench, job_id: str) -> None:
    """Run a job to its end, unless it has ended or another process that lives is running it.

    What goes wrong becomes the job's status and sentence, never an exception: at its cost limit it is
    paused, and when a service cannot be used it is interrupted; both wait for the person and can go on.
    """
    store = bench.store
    if not take_job(store, job_id):
        return
    job = find_job(store, job_id)
    try:
        with _hold_lease(bench, job_id):
            result = KINDS[job.kind](bench, job, open_job_progress(bench, job))
        end_job(store, job_id, "completed", result=result)
    except CancelledByPersonError as error:
        end_job(store, job_id, "cancelled", error=f"{error} {_give_up(bench, job_id)}".strip())
    except CostLimitError as error:
        end_job(store, job_id, "paused", error=str(error))
    except ProviderError as error:
        end_job(store, job_id, "interrupted", error=str(error))
    except LucyError as error:
        end_job(store, job_id, "failed", error=str(error))
    except Exception as error:  # the job's outermost handler
        logger.exception("Job %s failed", job_id)
        end_job(store, job_id, "failed", error=f"The {job.kind} failed inside Lucy ({error}); try again.")


def _give_up(bench: Workbench, job_id: str) -> str:
    """Cancel at its service what the kind of job has not cancelled itself; say what came of it, or nothing.

    The person may ask to stop while something else is done, such as the answers before a training that
    goes on: the job at the service must not run on unseen.
    """
    job = find_job(bench.store, job_id)
    try:
        remains = read_remains(bench, job)
        if remains is None or remains.was_given_up or not remains.may_run:
            return ""
        return give_up(bench, job)
    except LucyError as error:
        return f"Whether it runs on at its service is not known ({error})"


def stop_job(bench: Workbench, job_id: str) -> None:
    """Stop for good a job that nobody works on: cancel it at its service, and say what came of it.

    A job that is at work is stopped by asking it (`request_job_cancel`). Of one that ended before, only what
    may still run at its service is cancelled.
    """
    job = find_job(bench.store, job_id)
    if job.status not in FINAL:
        return
    said = give_up(bench, job)
    if job.status != "completed":
        stopped = "The training was stopped, as you asked."
        end_job(bench.store, job_id, "cancelled", error=f"{stopped} {said}".strip())


@contextmanager
def _hold_lease(bench: Workbench, job_id: str) -> Generator[None]:
    """Give a sign of life while the job works: one step of a training may take longer than a lease."""
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(HEARTBEAT):
            update_job(bench.store, job_id)

    heart = threading.Thread(target=beat, name=f"{job_id}-heart", daemon=True)
    heart.start()
    try:
        yield
    finally:
        ended.set()
        heart.join()


_WORKERS: "dict[str, Worker]" = {}
"""Who works on a job, as far as this process started it."""
_STARTING = threading.Lock()


class Worker(Protocol):
    """Who works on a job."""

    def is_alive(self) -> bool:
        """Tell whether it is still at work."""
        ...

    def join(self, timeout: float) -> None:
        """Wait for its end, at most so many seconds."""
        ...


class _Process:
    """A process of its own, which goes on when this one ends."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def join(self, timeout: float) -> None:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout)


def start_job(bench: Workbench, job_id: str) -> Worker:
    """Start work on a job: in a process of its own where the application says so, else in a thread.

    A worker that this process started and that is still at it is given again. A thread dies with its process;
    a job that died is taken up again by whoever drives its workflow next.
    """
    with _STARTING:
        worker = _WORKERS.get(job_id)
        if worker is None or not worker.is_alive():
            worker = _WORKERS[job_id] = _start_worker(bench, job_id)
    return worker


def _start_worker(bench: Workbench, job_id: str) -> Worker:
    if bench.detaches_jobs:
        return _Process(_spawn_runner(bench, job_id))
    thread = threading.Thread(target=run_job, args=(bench, job_id), name=job_id, daemon=True)
    thread.start()
    return thread


def _spawn_runner(bench: Workbench, job_id: str) -> subprocess.Popen[bytes]:
    folder = bench.store.home / "jobs" / job_id
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log.txt").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "lucy.tools.job_runner", job_id],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    assert process.stdin is not None
    # Through the pipe and not the command line: other users of the machine can read that.
    with process.stdin as pipe, suppress(BrokenPipeError):
        pipe.write(bench.settings.write_all().encode())
    return process


def needs_worker(job: Job) -> bool:
    """Tell whether nobody is at work on a job that has not ended."""
    return job.status not in FINAL and not (job.owner and owner_lives(job.owner))


def open_job_progress(bench: Workbench, job: Job) -> Progress:
    """Give the callable that a job reports to: written to the job's row, raises on a wish to cancel."""
    phase, began, done_then, last = "", 0.0, 0, 0.0

    def report(label: str, done: int, total: int) -> None:
        nonlocal phase, began, done_then, last
        now = time.time()
        if label != phase:
            # Of a phase that goes on from a checkpoint only what was done since tells how fast it is.
            phase, began, done_then = label, now, done
        if now - last < REPORT_EVERY and done < total:
            return
        last = now
        progress = {"label": label, "done": done, "total": total, "started": began, "done_then": done_then}
        if update_job(bench.store, job.id, progress=progress):
            raise CancelledByPersonError(f"Stopped as you asked, at {done:,} of {total:,} ({label}).")

    return report
