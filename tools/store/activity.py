"""Tell what is going on in the store: who is at work on which workflow, and which jobs there are."""

import sqlite3
import time
from pathlib import Path
from typing import Literal

from sqlalchemy import select

from lucy.errors import StoreError
from lucy.tools.store.database import Store
from lucy.tools.store.jobs import FINAL, Job, find_job
from lucy.tools.store.schema import jobs, workflows
from lucy.tools.store.workflows import Workflow, list_workflows, owner_lives

Condition = Literal["running", "waiting", "completed", "failed", "interrupted"]
"""`running`: a process is at work on it. `waiting`: a question is open. `failed`: a question is open after a
step that did not succeed. `interrupted`: it was broken off and can be resumed."""


def read_conditions(store: Store) -> dict[str, Condition]:
    """Give the condition of every workflow in one word, by id."""
    with store.read() as connection:
        leases = connection.execute(
            select(workflows.c.id, workflows.c.run_owner, workflows.c.run_until)
        ).all()
        unfinished = connection.execute(select(jobs).where(jobs.c.status.not_in(FINAL))).mappings().all()
    job_at_work = {row["workflow_id"]: _is_held(row["owner"], row["lease_until"]) for row in unfinished}
    at_work = {row.id: _is_held(row.run_owner, row.run_until) for row in leases}
    return {
        workflow.id: _judge(workflow, at_work.get(workflow.id, False), job_at_work.get(workflow.id))
        for workflow in list_workflows(store)
    }


def _is_held(owner: str | None, until: float | None) -> bool:
    """Tell whether a lease is held by a process that lives."""
    return bool(owner) and (until or 0) > time.time() and owner_lives(owner or "")


def _judge(workflow: Workflow, at_work: bool, job_at_work: bool | None) -> Condition:
    if at_work or job_at_work:
        return "running"
    if workflow.step == "completed":
        return "completed"
    if job_at_work is False or not workflow.question:
        return "interrupted"
    return "failed" if workflow.status.get(workflow.step) == "failed" else "waiting"


def list_jobs(store: Store) -> list[Job]:
    """List all jobs, the newest first."""
    query = select(jobs.c.id).order_by(jobs.c.created_at.desc(), jobs.c.id)
    with store.read() as connection:
        ids = connection.execute(query).scalars().all()
    return [find_job(store, job_id) for job_id in ids]


def read_revision(home: Path) -> str | None:
    """Read which migration the database of a home is at, without opening it for writing; None without one.

    Raises:
        StoreError: the file is no database of Lucy's.
    """
    path = home / "lucy.db"
    if not path.exists():
        return None
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise StoreError(
            f"The database {str(path)!r} cannot be read ({error}); move the file away or set LUCY_HOME."
        ) from error
    return str(row[0]) if row else None
