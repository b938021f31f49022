"""Keep the ledger: calls, tokens and cost per workflow, step and role."""

from typing import Any, Literal, NamedTuple
from uuid import uuid4

from sqlalchemy import Connection, case, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from lucy.tools.store.database import Store, tell_time
from lucy.tools.store.schema import ledger

OFFLINE = "offline"
"""The engine that calls nobody and costs nothing."""

Outcome = Literal[
    "answered", "malformed", "rate_limited", "server_error", "dropped", "timeout", "refused", "sent"
]
"""What became of a call; `sent` is under way, or its process was killed before the answer came."""


class Account(NamedTuple):
    """Whom calls of a language model are booked to."""

    workflow_id: str
    step: str
    role: str
    engine: str
    """The model's name."""


class Bill(NamedTuple):
    """What one call took, as the server reported it."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    """US dollars; None is unknown, and is never estimated."""


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


def begin_call(store: Store, account: Account) -> str:
    """Book a call of a language model that is about to be sent, and give its key.

    Booked before it is sent, so that a call under way when the process is killed is not forgotten: it stays
    in the ledger as `sent`, with unknown cost.
    """
    key = uuid4().hex  # every call is a fact of its own, also when the same request is sent again
    row = {
        **account._asdict(),
        "key": key,
        "calls": 1,
        "prompt_tokens": 0,
        "completion_tokens": 0,
        "cost": None,
        "outcome": "sent",
        "created_at": tell_time(),
    }
    with store.write() as connection:
        connection.execute(insert(ledger), row)
    return key


def end_call(store: Store, key: str, outcome: Outcome, bill: Bill) -> None:
    """Book what became of a call."""
    with store.write() as connection:
        book_outcome(connection, key, outcome, bill)


def book_outcome(connection: Connection, key: str, outcome: Outcome, bill: Bill) -> None:
    """Book what became of a call, in a transaction that is open."""
    connection.execute(update(ledger).where(ledger.c.key == key).values(outcome=outcome, **bill._asdict()))


def cancel_call(store: Store, key: str) -> None:
    """Take back a call that never reached the server."""
    with store.write() as connection:
        connection.execute(delete(ledger).where(ledger.c.key == key))


def sum_ledger(store: Store, workflow_id: str) -> list[dict[str, Any]]:
    """Sum the ledger by role and engine.

    `cost` is None as soon as one part of it is unknown; `known_cost` is the sum of what is known. `failed`
    counts the calls that gave no usable answer; they are part of `calls` and, where paid, of the cost.
    """
    columns = [
        func.sum(ledger.c[name]).label(name) for name in ("calls", "prompt_tokens", "completion_tokens")
    ]
    failed = case((ledger.c.outcome.in_(("answered", "sent")), 0), else_=ledger.c.calls)
    query = (
        select(
            ledger.c.role,
            ledger.c.engine,
            *columns,
            func.sum(failed).label("failed"),
            func.coalesce(func.sum(ledger.c.cost), 0.0).label("known_cost"),
            func.count(ledger.c.cost).label("priced"),
            func.count().label("rows"),
        )
        .where(ledger.c.workflow_id == workflow_id)
        .group_by(ledger.c.role, ledger.c.engine)
        .order_by(ledger.c.role, ledger.c.engine)
    )
    shown = ("role", "engine", "calls", "prompt_tokens", "completion_tokens", "failed", "known_cost")
    with store.read() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    return [
        {key: row[key] for key in shown}
        | {"cost": row["known_cost"] if row["priced"] == row["rows"] else None}
        for row in rows
    ]
