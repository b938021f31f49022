"""Keep jobs: long pieces of work with a lease, progress, a checkpoint and a result."""

import time
from typing import Any, NamedTuple

from sqlalchemy import RowMapping, or_, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from lucy.errors import NotFoundError
from lucy.tools.store.database import Store, tell_time
from lucy.tools.store.encoding import decode, encode, hash_content
from lucy.tools.store.owners import LEASE, name_owner, owner_lives
from lucy.tools.store.schema import jobs

ENDED = ("completed", "failed", "cancelled")
"""Statuses in which a job has ended."""
WAITING = ("paused", "interrupted")
"""`paused`: at its cost limit; `interrupted`: a service could not be used. Both wait for the person."""
FINAL = (*ENDED, *WAITING)
"""Statuses in which nobody works on a job until the person says so; any other counts as still running."""


class Job(NamedTuple):
    """One job as it is now."""

    id: str
    workflow_id: str
    kind: str
    status: str
    payload: dict[str, Any]
    progress: dict[str, Any]
    """`label`, `done`, `total`, `started` (seconds since the epoch) and the newest metrics."""
    checkpoint: Any
    result: dict[str, Any] | None
    error: str | None
    owner: str | None
    cancel_requested: bool
    created_at: str
    updated_at: str


def submit_job(store: Store, workflow_id: str, kind: str, payload: dict[str, Any]) -> str:
    """Put a job into the table and give its id; the same work is put there once.

    The key is the content of the request, so a submission repeated after a crash finds the first one.
    """
    key = hash_content("job", workflow_id, kind, payload)
    now = tell_time()
    row = {
        "id": f"job-{key[:12]}",
        "workflow_id": workflow_id,
        "kind": kind,
        "key": key,
        "status": "pending",
        "payload": encode(payload),
        "progress": "{}",
        "created_at": now,
        "updated_at": now,
    }
    with store.write() as connection:
        connection.execute(upsert(jobs).values(row).on_conflict_do_nothing())
    return str(row["id"])


def _read_job(row: RowMapping) -> Job:
    values: dict[str, Any] = {name: row[name] for name in Job._fields}
    for name in ("payload", "progress", "checkpoint", "result"):
        values[name] = decode(row[name]) if row[name] else None
    values["cancel_requested"] = bool(row["cancel_requested"])
    return Job(**values)


def find_job(store: Store, job_id: str) -> Job:
    """Read a job.

    Raises:
        NotFoundError: there is no such job.
    """
    with store.read() as connection:
        row = connection.execute(select(jobs).where(jobs.c.id == job_id)).mappings().first()
    if row is None:
        raise NotFoundError(f"There is no job {job_id!r}; `lucy jobs list` shows those that there are.")
    return _read_job(row)


def list_unfinished(store: Store) -> list[Job]:
    """List the jobs that have not ended, oldest first."""
    query = select(jobs).where(jobs.c.status.not_in(FINAL)).order_by(jobs.c.created_at)
    with store.read() as connection:
        return [_read_job(row) for row in connection.execute(query).mappings()]


def take_job(store: Store, job_id: str) -> bool:
    """Take the lease on a job that has not ended; False when it has, or another lives and holds it."""
    now = time.time()
    with store.write() as connection:
        row = connection.execute(select(jobs).where(jobs.c.id == job_id)).mappings().first()
        if row is None or row["status"] in FINAL:
            return False
        if row["owner"] and (row["lease_until"] or 0) > now and owner_lives(row["owner"]):
            return False
        connection.execute(
            update(jobs)
            .where(jobs.c.id == job_id)
            .values(owner=name_owner(), lease_until=now + LEASE, status="running", updated_at=tell_time())
        )
    return True


def update_job(store: Store, job_id: str, **values: Any) -> bool:
    """Store progress or a checkpoint, extend the lease; True when the person asked to cancel."""
    encoded = {name: encode(value) for name, value in values.items()}
    encoded |= {"lease_until": time.time() + LEASE, "updated_at": tell_time()}
    with store.write() as connection:
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(encoded))
        query = select(jobs.c.cancel_requested).where(jobs.c.id == job_id)
        return bool(connection.execute(query).scalar())


def end_job(
    store: Store, job_id: str, status: str, *, result: dict[str, Any] | None = None, error: str | None = None
) -> None:
    """Put a job into one of its final statuses, with its result or the sentence that says what happened."""
    values = {
        "status": status,
        "result": encode(result) if result is not None else None,
        "error": error,
        "owner": None,
        "lease_until": None,
        "cancel_requested": 0,
        "updated_at": tell_time(),
    }
    with store.write() as connection:
        connection.execute(
            update(jobs)
            .where(jobs.c.id == job_id, or_(jobs.c.owner == name_owner(), jobs.c.owner.is_(None)))
            .values(values)
        )


def reopen_job(store: Store, job_id: str, payload: dict[str, Any]) -> None:
    """Let a job that did not complete go on from its checkpoint, with a changed request if need be."""
    values = {
        "status": "pending",
        "payload": encode(payload),
        "error": None,
        "cancel_requested": 0,
        "updated_at": tell_time(),
    }
    with store.write() as connection:
        stopped = jobs.c.status.in_(("failed", "cancelled", *WAITING))
        connection.execute(update(jobs).where(jobs.c.id == job_id, stopped).values(values))


def request_job_cancel(store: Store, job_id: str) -> None:
    """Ask a job to stop at its next checkpoint."""
    with store.write() as connection:
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(cancel_requested=1))
