"""Add up what a job has cost so far beside its trainer: the judge that it asks."""

from sqlalchemy import select

from lucy.tools.store.database import Store
from lucy.tools.store.jobs import Job
from lucy.tools.store.schema import ledger


def read_judging_cost(store: Store, job: Job) -> float | None:
    """Give what judging has cost since a job was submitted, US dollars; None where that is unknown."""
    query = select(ledger.c.cost).where(
        ledger.c.workflow_id == job.workflow_id,
        ledger.c.step == job.kind,
        ledger.c.role == "judge",
        ledger.c.created_at >= job.created_at,
        ledger.c.outcome != "rate_limited",  # a call that was turned away is not billed
    )
    with store.read() as connection:
        costs = connection.execute(query).scalars().all()
    return None if None in costs else float(sum(cost for cost in costs if cost is not None))
