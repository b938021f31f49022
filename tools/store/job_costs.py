"""Add up what a job has cost so far beside its trainer: the calls of the judge and of the base model."""

from sqlalchemy import select

from lucy.tools.store.database import Store
from lucy.tools.store.jobs import Job
from lucy.tools.store.schema import ledger

ROLES = ("judge", "base_model")


def list_call_costs(store: Store, job: Job) -> list[float | None]:
    """List what the calls since a job was submitted cost, US dollars each; None where that is unknown."""
    query = select(ledger.c.cost).where(
        ledger.c.workflow_id == job.workflow_id,
        ledger.c.step == job.kind,
        ledger.c.role.in_(ROLES),
        ledger.c.created_at >= job.created_at,
        ledger.c.outcome != "rate_limited",  # a call that was turned away is not billed
    )
    with store.read() as connection:
        return list(connection.execute(query).scalars())


def add_call_costs(costs: list[float | None]) -> float | None:
    """Give the sum of costs; None where one of them is unknown."""
    return None if None in costs else float(sum(cost for cost in costs if cost is not None))
