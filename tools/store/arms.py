"""Add up what the arms of an A/B test differ in, by user, inside the database."""

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, String, case, cast, func, select

from lucy.tools.store.database import Store
from lucy.tools.store.figures import Figures, measure
from lucy.tools.store.schema import usage


class ArmSums(NamedTuple):
    """Sums over the users of an arm, n being a user's number of values and s their sum."""

    users: int
    n: float
    s: float
    nn: float
    ns: float
    ss: float


class Arms(NamedTuple):
    """What there is on both arms; an arm without a value is left out."""

    figures: dict[str, Figures]
    rating: dict[str, ArmSums]
    error: dict[str, ArmSums]
    """1 for a call that failed, 0 for one that was answered."""
    latency: dict[str, ArmSums]
    """In milliseconds, of the calls that were answered."""


def read_arms(store: Store, name: str, number: int) -> Arms:
    """Read what the arms of one test did; `number` is the deployment's."""
    mine = [usage.c.deployment == name, usage.c.number == number, usage.c.arm.is_not(None)]
    failed = case((usage.c.error.is_(None), 0.0), else_=1.0)
    answered = case((usage.c.error.is_(None), usage.c.latency_ms))
    with store.read() as connection:
        return Arms(
            {one.group: one for one in measure(connection, usage.c.arm, mine)},
            _add_up(connection, usage.c.rating, mine),
            _add_up(connection, failed, mine),
            _add_up(connection, answered, mine),
        )


def _add_up(
    connection: Connection, value: ColumnElement[Any], mine: list[ColumnElement[bool]]
) -> dict[str, ArmSums]:
    """Add up a value, which may be null, per arm; a call without a session is a user of its own."""
    user = func.coalesce(usage.c.session, cast(usage.c.id, String))
    users = (
        select(usage.c.arm, func.count(value).label("n"), func.sum(value).label("s"))
        .where(*mine, value.is_not(None))
        .group_by(usage.c.arm, user)
        .subquery()
    )
    n, s = users.c.n, users.c.s
    query = select(
        users.c.arm, func.count(), func.sum(n), func.sum(s), func.sum(n * n), func.sum(n * s), func.sum(s * s)
    ).group_by(users.c.arm)
    return {arm: ArmSums(*sums) for arm, *sums in connection.execute(query)}
