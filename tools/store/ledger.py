"""Keep the ledger: calls, tokens and cost per workflow, step and role."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.sqlite import insert as upsert

from lucy.tools.store.database import Store, tell_time
from lucy.tools.store.schema import ledger

OFFLINE = "offline"
"""The engine that calls nobody and costs nothing."""


def add_calls(store: Store, workflow_id: str, step: str, key: str, *, calls: int, tokens: int) -> None:
    """Count the base model's answers and their gradings of one piece of work, once per key.

    Args:
        store: The store.
        workflow_id: Whose work it was.
        step: In which step.
        key: Content address of the work, so that work repeated after a crash counts once.
        calls: Answers made, and graded.
        tokens: About how many tokens the answers have together.
    """
    now = tell_time()
    rows = [
        {
            "key": f"{workflow_id}:{step}:{role}:{key[:16]}",
            "workflow_id": workflow_id,
            "step": step,
            "role": role,
            "engine": OFFLINE,
            "calls": calls,
            "prompt_tokens": tokens if role == "judge" else 0,
            "completion_tokens": tokens if role == "base_model" else 0,
            "cost": 0.0,  # the offline engine costs nothing: a fact, not an unknown
            "created_at": now,
        }
        for role in ("base_model", "judge")
    ]
    with store.write() as connection:
        connection.execute(upsert(ledger).on_conflict_do_nothing(), rows)


def sum_ledger(store: Store, workflow_id: str) -> list[dict[str, Any]]:
    """Sum the ledger by role and engine; a cost is None as soon as one part of it is unknown."""
    columns = [
        func.sum(ledger.c[name]).label(name) for name in ("calls", "prompt_tokens", "completion_tokens")
    ]
    query = (
        select(
            ledger.c.role,
            ledger.c.engine,
            *columns,
            func.sum(ledger.c.cost).label("cost"),
            func.count(ledger.c.cost).label("priced"),
            func.count().label("rows"),
        )
        .where(ledger.c.workflow_id == workflow_id)
        .group_by(ledger.c.role, ledger.c.engine)
        .order_by(ledger.c.role)
    )
    with store.read() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    return [
        {key: row[key] for key in ("role", "engine", "calls", "prompt_tokens", "completion_tokens")}
        | {"cost": row["cost"] if row["priced"] == row["rows"] else None}
        for row in rows
    ]
