"""Run jobs: long work that outlives a page and a process, one function a kind."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from lucy.errors import CancelledByPersonError, LucyError
from lucy.tools.store.jobs import Job, end_job, find_job, take_job, update_job
from lucy.tools.training.job import train
from lucy.tools.vocabulary import Progress
from lucy.tools.workbench import Workbench

logger = logging.getLogger(__name__)
REPORT_EVERY = 0.5
"""Seconds between two writes of a job's progress."""

KINDS: dict[str, Callable[[Workbench, Job, Progress], dict[str, Any]]] = {"training": train}
"""What each kind of job does: takes the job as stored, gives its result; resumes from its checkpoint."""


def run_job(bench: Workbench, job_id: str) -> None:
    """Run a job to its end, unless it has ended or another process that lives is running it.

    A failure becomes the job's status and sentence, never an exception.
    """
    store = bench.store
    if not take_job(store, job_id):
        return
    job = find_job(store, job_id)
    try:
        result = KINDS[job.kind](bench, job, open_job_progress(bench, job))
        end_job(store, job_id, "completed", result=result)
    except CancelledByPersonError as error:
        end_job(store, job_id, "cancelled", error=str(error))
    except LucyError as error:
        end_job(store, job_id, "failed", error=str(error))
    except Exception as error:  # the job's outermost handler
        logger.exception("Job %s failed", job_id)
        end_job(store, job_id, "failed", error=f"The {job.kind} failed inside Lucy ({error}); try again.")


def start_job(bench: Workbench, job_id: str) -> None:
    """Run a job in a thread of this process, whatever the host is; the thread dies with the process.

    A job that died is taken up again by whoever drives its workflow next.
    """
    threading.Thread(target=run_job, args=(bench, job_id), name=job_id, daemon=True).start()


def open_job_progress(bench: Workbench, job: Job) -> Progress:
    """Give the callable that a job reports to: written to the job's row, raises on a wish to cancel."""
    began = time.time()
    last = 0.0

    def report(label: str, done: int, total: int) -> None:
        nonlocal last
        now = time.time()
        if now - last < REPORT_EVERY and done < total:
            return
        last = now
        progress = {"label": label, "done": done, "total": total, "started": began}
        if update_job(bench.store, job.id, progress=progress):
            raise CancelledByPersonError(f"{label}: cancelled at {done} of {total}, as you asked.")

    return report
