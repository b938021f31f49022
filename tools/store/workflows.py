"""Keep workflows: where each one is, its conversation, decisions, snapshots, and who is running it."""

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import RowMapping, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from lucy.errors import BusyError, InputError, NotFoundError
from lucy.tools.store import schema
from lucy.tools.store.database import Store, tell_time
from lucy.tools.store.encoding import decode, encode
from lucy.tools.store.owners import LEASE, name_owner, owner_lives
from lucy.tools.store.schema import decisions, messages, snapshots, workflows


class Workflow(NamedTuple):
    """One row of the list of workflows."""

    id: str
    dataset_id: str | None
    name: str
    goal: str
    step: str
    status: dict[str, str]
    question: str
    created_at: str
    updated_at: str


class Snapshot(NamedTuple):
    """The references that a workflow had when a step was about to begin."""

    number: int
    step: str
    body: dict[str, Any]
    created_at: str


def save_workflow(store: Store, workflow_id: str, **values: Any) -> None:
    """Insert or update a workflow's row with the given columns."""
    now = tell_time()
    if "status" in values:
        values["status"] = encode(values["status"])
    blank = {"name": "", "goal": "", "step": "not_started", "status": "{}", "question": ""}
    row = blank | values | {"id": workflow_id, "created_at": now, "updated_at": now}
    statement = upsert(workflows).values(row)
    statement = statement.on_conflict_do_update(
        index_elements=[workflows.c.id], set_={**values, "updated_at": now}
    )
    with store.write() as connection:
        connection.execute(statement)


def _read_workflow(row: RowMapping) -> Workflow:
    values = {name: row[name] for name in Workflow._fields}
    return Workflow(**values | {"status": decode(row["status"])})


def find_workflow(store: Store, start: str) -> Workflow:
    """Find a workflow by its id or by the beginning of its id.

    Raises:
        NotFoundError: no id begins so.
        InputError: several do.
    """
    query = select(workflows).where(workflows.c.id.startswith(start, autoescape=True))
    with store.read() as connection:
        rows = connection.execute(query).mappings().all()
    exact = [row for row in rows if row["id"] == start]
    rows = exact or rows
    if not start or not rows:
        raise NotFoundError(
            f"There is no workflow {start!r}; `lucy workflows list` shows the ids that there are."
        )
    if len(rows) > 1:
        raise InputError(f"{len(rows)} workflows begin with {start!r}; give more of the id.")
    return _read_workflow(rows[0])


def list_workflows(store: Store) -> list[Workflow]:
    """List all workflows, the one worked on last first."""
    query = select(workflows).order_by(workflows.c.updated_at.desc())
    with store.read() as connection:
        return [_read_workflow(row) for row in connection.execute(query).mappings()]


def delete_workflow(store: Store, workflow_id: str) -> None:
    """Delete a workflow with its conversation, artefacts, snapshots and decisions.

    The dataset, the models that it made and the ledger of what was spent stay.
    """
    tables = ("messages", "decisions", "snapshots", "artefacts", "assignments", "generation_history", "jobs")
    with store.write() as connection:
        for name in tables:
            table = schema.metadata.tables[name]
            connection.execute(delete(table).where(table.c.workflow_id == workflow_id))
        connection.execute(delete(workflows).where(workflows.c.id == workflow_id))


def add_message(store: Store, workflow_id: str, *, id: str, role: str, step: str, text: str) -> None:
    """Add a message to the conversation; one with an id that is already there is left as it is."""
    with store.write() as connection:
        place = select(func.coalesce(func.max(messages.c.position), -1) + 1).where(
            messages.c.workflow_id == workflow_id
        )
        values = {
            "workflow_id": workflow_id,
            "id": id,
            "role": role,
            "step": step,
            "text": text,
            "position": place.scalar_subquery(),
            "created_at": tell_time(),
        }
        connection.execute(upsert(messages).values(values).on_conflict_do_nothing())


def read_messages(store: Store, workflow_id: str) -> list[dict[str, Any]]:
    """Read the whole conversation, in order: `id`, `role`, `step`, `text`, `created_at`."""
    query = (
        select(messages.c.id, messages.c.role, messages.c.step, messages.c.text, messages.c.created_at)
        .where(messages.c.workflow_id == workflow_id)
        .order_by(messages.c.position)
    )
    with store.read() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def add_decision(store: Store, workflow_id: str, **values: str) -> None:
    """Keep a decision of the person (`id`, `step`, `decision`, `question`, `text`), once per id."""
    row = {"workflow_id": workflow_id, **values, "created_at": tell_time()}
    with store.write() as connection:
        connection.execute(upsert(decisions).values(row).on_conflict_do_nothing())


def read_decisions(store: Store, workflow_id: str) -> list[dict[str, Any]]:
    """Read every decision of the person, oldest first."""
    query = select(decisions).where(decisions.c.workflow_id == workflow_id).order_by(decisions.c.created_at)
    with store.read() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def add_snapshot(store: Store, workflow_id: str, step: str, body: Mapping[str, Any]) -> None:
    """Keep the references as they are now, unless the newest snapshot of that step already says so."""
    text = encode(body)
    mine = snapshots.c.workflow_id == workflow_id
    with store.write() as connection:
        newest = connection.execute(
            select(snapshots.c.step, snapshots.c.body).where(mine).order_by(snapshots.c.number.desc())
        ).first()
        if newest is not None and (newest.step, newest.body) == (step, text):
            return
        number = connection.execute(select(func.coalesce(func.max(snapshots.c.number), 0)).where(mine))
        row = {
            "workflow_id": workflow_id,
            "number": number.scalar_one() + 1,
            "step": step,
            "body": text,
            "created_at": tell_time(),
        }
        connection.execute(insert(snapshots).values(row))


def read_snapshots(store: Store, workflow_id: str) -> list[Snapshot]:
    """Read the snapshots, oldest first."""
    query = (
        select(snapshots.c.number, snapshots.c.step, snapshots.c.body, snapshots.c.created_at)
        .where(snapshots.c.workflow_id == workflow_id)
        .order_by(snapshots.c.number)
    )
    with store.read() as connection:
        return [
            Snapshot(row.number, row.step, decode(row.body), row.created_at)
            for row in connection.execute(query)
        ]


def request_cancel(store: Store, workflow_id: str, *, wanted: bool = True) -> None:
    """Ask the work in progress to stop at the next opportunity, or take that back."""
    with store.write() as connection:
        connection.execute(
            update(workflows).where(workflows.c.id == workflow_id).values(cancel_requested=int(wanted))
        )


def is_cancel_requested(store: Store, workflow_id: str) -> bool:
    """Tell whether the person asked to stop the work in progress."""
    query = select(workflows.c.cancel_requested).where(workflows.c.id == workflow_id)
    with store.read() as connection:
        return bool(connection.execute(query).scalar())


def take_run(store: Store, workflow_id: str) -> None:
    """Take the lease to run a workflow's graph: one run at a time, over all processes.

    Raises:
        BusyError: another process is running it.
    """
    now = time.time()
    with store.write() as connection:
        row = connection.execute(
            select(workflows.c.run_owner, workflows.c.run_until).where(workflows.c.id == workflow_id)
        ).first()
        held = row is not None and row.run_owner and (row.run_until or 0) > now
        if row is not None and held and row.run_owner != name_owner() and owner_lives(row.run_owner):
            raise BusyError(
                f"Workflow {workflow_id!r} is being worked on by another process ({row.run_owner}); "
                "wait for it or stop that process."
            )
        connection.execute(
            update(workflows)
            .where(workflows.c.id == workflow_id)
            .values(run_owner=name_owner(), run_until=now + LEASE, cancel_requested=0)
        )


def keep_run(store: Store, workflow_id: str) -> None:
    """Extend the lease: the run gives a sign of life."""
    with store.write() as connection:
        connection.execute(
            update(workflows)
            .where(workflows.c.id == workflow_id, workflows.c.run_owner == name_owner())
            .values(run_until=time.time() + LEASE)
        )


def release_run(store: Store, workflow_id: str) -> None:
    """Give the lease back."""
    with store.write() as connection:
        connection.execute(
            update(workflows)
            .where(workflows.c.id == workflow_id, workflows.c.run_owner == name_owner())
            .values(run_owner=None, run_until=None)
        )
