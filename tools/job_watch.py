"""Watch over a job: see that somebody works on it, and let another go on when whoever did has died."""

import time
from typing import NamedTuple

from lucy.tools.jobs import Worker, needs_worker, start_job
from lucy.tools.store.jobs import FINAL, Job, end_job, find_job, take_job
from lucy.tools.store.owners import LEASE
from lucy.tools.workbench import Workbench

POLL = 1.0
"""Seconds between two looks at a job that another process is running."""
MAX_DEATHS = 3
"""So many workers in a row may die; then it is no accident, and a person has to look at it."""


class Sighting(NamedTuple):
    """What one look at a job shows."""

    job: Job
    notice: str = ""
    """One sentence for the person when something is amiss; else empty."""


class Watchdog:
    """Follows one job until it ends.

    A worker is taken for dead when its process is gone, or when its lease ran out while this process was
    watching. It is not stopped: one that was only asleep goes on beside the new one, and since the work is
    a matter of content and seed both come to the same result.
    """

    def __init__(self, bench: Workbench, job_id: str) -> None:
        self._bench, self._job_id = bench, job_id
        self._worker: Worker | None = None
        self._deaths = 0
        self._sign, self._seen_at = "", time.monotonic()

    def look(self) -> Sighting:
        """Read the job, and start a worker when nobody is at it.

        Raises:
            NotFoundError: there is no such job any more.
        """
        job = self._read()
        if job.status in FINAL or not self._is_abandoned(job):
            return Sighting(job)
        # Read again: a worker whose end was just seen may have ended the job before that.
        job = self._read()
        if job.status in FINAL:
            return Sighting(job)
        if self._has_died(job):
            self._deaths += 1
            if self._deaths > MAX_DEATHS:
                return self._give_up()
        return self._start(job)

    def wait(self) -> None:
        """Wait until it is time for the next look."""
        if self._worker and self._worker.is_alive():
            self._worker.join(POLL / 4)
        else:
            time.sleep(POLL)

    def _read(self) -> Job:
        job = find_job(self._bench.store, self._job_id)
        if job.updated_at != self._sign:
            self._sign, self._seen_at = job.updated_at, time.monotonic()
        return job

    def _is_abandoned(self, job: Job) -> bool:
        # By this process's own watch: it stands still while the machine sleeps, as the worker does.
        return needs_worker(job) or time.monotonic() - self._seen_at > LEASE

    def _has_died(self, job: Job) -> bool:
        """Tell whether there was a worker before and it is gone."""
        if self._worker is None:
            return job.owner is not None
        return not self._worker.is_alive()

    def _start(self, job: Job) -> Sighting:
        before, self._worker = self._worker, start_job(self._bench, self._job_id)
        is_new = self._worker is not before
        return Sighting(job, _say_taken_up(job) if is_new and (before or job.owner) else "")

    def _give_up(self) -> Sighting:
        store = self._bench.store
        if take_job(store, self._job_id):
            log = store.home / "jobs" / self._job_id / "log.txt"
            error = (
                f"Its process died {self._deaths} times, perhaps for want of memory; the end of {str(log)!r} "
                "may say why."
            )
            end_job(store, self._job_id, "failed", error=error)
        return Sighting(self._read())


def _say_taken_up(job: Job) -> str:
    return f"The {job.kind} was cut off because its process died; a new one goes on from what is stored."
