"""Keep usage: every call of a served model, and what it adds up to."""

import math
from datetime import date, timedelta
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Connection, case, func, insert, select

from lucy.tools.store.database import Store, tell_time
from lucy.tools.store.schema import usage

Period = Literal["day", "week", "month"]


class Call(NamedTuple):
    """One use of a model."""

    model_id: str
    version: int
    deployment: str
    """The name that was asked for."""
    surface: str
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    latency_ms: float
    error: str | None = None


class UsagePeriod(NamedTuple):
    """Use within one day, week or month."""

    start: str
    """First day, ISO 8601 in UTC."""
    calls: int
    errors: int
    prompt_tokens: int
    completion_tokens: int
    cost: float | None


class Usage(NamedTuple):
    """How a model, or all of them, were used."""

    calls: int
    errors: int
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    """In dollars; None when that of any call is unknown."""
    mean_ms: float | None
    """Latency in milliseconds of the calls without an error; None when there are none."""
    p50_ms: float | None
    p95_ms: float | None
    periods: list[UsagePeriod]
    """Oldest first; those without a call are left out."""


def sum_known(column: ColumnElement[float | None]) -> ColumnElement[float | None]:
    """Add up costs; with one that is unknown the sum is unknown too, or it would be too small."""
    return case((func.count() == func.count(column), func.coalesce(func.sum(column), 0.0)))


def add_usage(store: Store, call: Call) -> None:
    """Count one call, at the time now."""
    with store.write() as connection:
        connection.execute(insert(usage).values(call._asdict() | {"used_at": tell_time()}))


def summarize_usage(store: Store, model_id: str | None = None, *, period: Period = "day") -> Usage:
    """Add up the calls of one model, or of all, in total and per day, week (from Monday) or month."""
    mine = [usage.c.model_id == model_id] if model_id is not None else []
    day = func.substr(usage.c.used_at, 1, 10)
    with store.read() as connection:
        days = connection.execute(select(day, *_totals()).where(*mine).group_by(day).order_by(day))
        periods = _join_days([UsagePeriod(*row) for row in days], period)
        totals: tuple[Any, ...] = tuple(connection.execute(select(*_totals()).where(*mine)).one())
        mean, p50, p95 = _measure_latency(connection, mine)
    calls, errors, asked, answered, cost = totals
    return Usage(calls, errors, asked, answered, cost, mean, p50, p95, periods)


def _totals() -> tuple[ColumnElement[Any], ...]:
    return (
        func.count(),
        func.count(usage.c.error),
        func.coalesce(func.sum(usage.c.prompt_tokens), 0),
        func.coalesce(func.sum(usage.c.completion_tokens), 0),
        sum_known(usage.c.cost),
    )


def _measure_latency(
    connection: Connection, mine: list[ColumnElement[bool]]
) -> tuple[float | None, float | None, float | None]:
    """Give mean, median and 95th percentile (nearest rank: the smallest value that so many are up to)."""
    answered = [*mine, usage.c.error.is_(None)]
    query = select(func.count(), func.avg(usage.c.latency_ms)).where(*answered)
    count, mean = connection.execute(query).one()
    if not count:
        return None, None, None
    ordered = select(usage.c.latency_ms).where(*answered).order_by(usage.c.latency_ms).limit(1)
    p50, p95 = (
        float(connection.execute(ordered.offset(math.ceil(share * count) - 1)).scalar_one())
        for share in (0.5, 0.95)
    )
    return float(mean), p50, p95


def _join_days(days: list[UsagePeriod], period: Period) -> list[UsagePeriod]:
    joined: dict[str, UsagePeriod] = {}
    for day in days:
        start = _find_start(day.start, period)
        joined[start] = _add_periods(joined[start], day) if start in joined else day._replace(start=start)
    return list(joined.values())


def _find_start(day: str, period: Period) -> str:
    when = date.fromisoformat(day)
    if period == "week":
        when -= timedelta(days=when.weekday())
    if period == "month":
        when = when.replace(day=1)
    return when.isoformat()


def _add_periods(one: UsagePeriod, other: UsagePeriod) -> UsagePeriod:
    cost = None if one.cost is None or other.cost is None else one.cost + other.cost
    return UsagePeriod(
        one.start,
        one.calls + other.calls,
        one.errors + other.errors,
        one.prompt_tokens + other.prompt_tokens,
        one.completion_tokens + other.completion_tokens,
        cost,
    )
