"""Add up usage inside the database: however many rows there are, only sums and ranks come out."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Integer, case, func, select, type_coerce

from lucy.tools.store.schema import usage

PERCENTS = (50, 90, 95, 99)
"""Percentiles of the latency that are told."""


class Figures(NamedTuple):
    """What a group of calls adds up to."""

    group: str
    """The first day of a period, a model's id, an arm, or empty for all."""
    calls: int = 0
    errors: int = 0
    error_rate: float | None = None
    """Share of the calls that failed, 0 to 1; None when there are none."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = 0.0
    """In dollars; None when that of any call is unknown."""
    mean_ms: float | None = None
    """Latency in milliseconds of the calls without an error; None when there are none."""
    p50_ms: float | None = None
    """Percentiles by nearest rank: the smallest latency that so many per cent are up to."""
    p90_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    ratings: int = 0
    """Number of calls with feedback."""
    mean_rating: float | None = None
    """Mean feedback, -1 to 1; None when there is none."""


def sum_known(column: ColumnElement[float | None]) -> ColumnElement[float | None]:
    """Add up costs; with one that is unknown the sum is unknown too, or it would be too small."""
    return case((func.count() == func.count(column), func.coalesce(func.sum(column), 0.0)))


def measure(
    connection: Connection,
    group: ColumnElement[str],
    where: Sequence[ColumnElement[bool]] = (),
) -> list[Figures]:
    """Add up the calls of each group, in the order of the groups.

    Args:
        connection: To the store.
        group: What the calls are grouped by.
        where: Which calls count.
    """
    member = group.label("member")
    query = select(member, *_totals()).where(*where).group_by(member).order_by(member)
    ranked = _rank(connection, group, where)
    return [_read(tuple(row), ranked) for row in connection.execute(query)]


def _totals() -> tuple[ColumnElement[Any], ...]:
    answered = case((usage.c.error.is_(None), usage.c.latency_ms))
    return (
        func.count(),
        func.count(usage.c.error),
        func.coalesce(func.sum(usage.c.prompt_tokens), 0),
        func.coalesce(func.sum(usage.c.completion_tokens), 0),
        sum_known(usage.c.cost),
        func.avg(answered),
        func.count(usage.c.rating),
        func.avg(usage.c.rating),
    )


def _rank(
    connection: Connection,
    group: ColumnElement[str],
    where: Sequence[ColumnElement[bool]],
) -> dict[tuple[str, int], float]:
    """Find the latencies at the percentiles' ranks: (group, percent) -> milliseconds."""
    ranked = (
        select(
            group.label("member"),
            usage.c.latency_ms.label("latency"),
            func.row_number().over(partition_by=group, order_by=usage.c.latency_ms).label("place"),
            func.count().over(partition_by=group).label("size"),
        )
        .where(*where, usage.c.error.is_(None))
        .subquery()
    )
    place, size = (type_coerce(column, Integer) for column in (ranked.c.place, ranked.c.size))
    # Only where a whole percent is passed: at most a hundred rows of a group.
    passes = place * 100 // size > (place - 1) * 100 // size
    found: dict[tuple[str, int], float] = {}
    for member, latency, at, count in connection.execute(select(ranked).where(passes)):
        for percent in PERCENTS:
            if (at - 1) * 100 < count * percent <= at * 100:
                found[member, percent] = float(latency)
    return found


def _read(row: tuple[Any, ...], ranked: dict[tuple[str, int], float]) -> Figures:
    group, calls, errors, asked, answered, cost, mean, ratings, rating = row
    p50, p90, p95, p99 = (ranked.get((group, percent)) for percent in PERCENTS)
    return Figures(
        group, calls, errors, errors / calls, asked, answered, cost, mean, p50, p90, p95, p99, ratings, rating
    )
