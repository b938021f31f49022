"""Keep the history of generation runs."""

from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert as upsert

from lucy.tools.store.database import Store, tell_time
from lucy.tools.store.encoding import decode, encode
from lucy.tools.store.schema import generation_history


class Generation(NamedTuple):
    """One generation run: what was wanted, what came of it, and the balance before and after."""

    batch: str
    strategy: str
    topics: dict[str, int]
    made: int
    valid: int
    rejected: dict[str, int]
    balance_before: float
    balance_after: float


def add_generation(store: Store, workflow_id: str, run: Generation) -> None:
    """Keep one generation run, once per batch."""
    texts = {"topics": encode(run.topics), "rejected": encode(run.rejected)}
    row = {"workflow_id": workflow_id, **run._asdict(), **texts, "created_at": tell_time()}
    with store.write() as connection:
        connection.execute(upsert(generation_history).values(row).on_conflict_do_nothing())


def read_generations(store: Store, workflow_id: str) -> list[dict[str, Any]]:
    """Read the generation runs of a workflow, oldest first."""
    query = (
        select(generation_history)
        .where(generation_history.c.workflow_id == workflow_id)
        .order_by(generation_history.c.created_at)
    )
    with store.read() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    return [row | {"topics": decode(row["topics"]), "rejected": decode(row["rejected"])} for row in rows]
