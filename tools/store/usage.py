"""Keep usage: every call of a served model, what people said of the answer, and what it all adds up to.

What stands in a row: counts, times, costs and ids. No text of a conversation is ever kept here, and of who
asked only a hash.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, func, insert, literal, update

from lucy.errors import NotFoundError
from lucy.tools.store.database import Store, tell_time
from lucy.tools.store.figures import Figures, measure, sum_known
from lucy.tools.store.schema import usage

__all__ = [
    "Call",
    "Period",
    "Usage",
    "add_usage",
    "add_usages",
    "rate_answer",
    "sum_known",
    "summarize_usage",
]

Period = Literal["day", "week", "month"]
Arm = Literal["champion", "challenger"]
"""What is served now, and what is tried against it."""


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
    completion_id: str | None = None
    """What the caller knows the answer by, for feedback."""
    number: int | None = None
    """Of the deployment; None when the model was called by its id."""
    arm: Arm | None = None
    session: str | None = None
    """Hash of the user or session; None when nobody was named."""


class Usage(NamedTuple):
    """How a model, or all of them, were used."""

    total: Figures
    periods: list[Figures]
    """By their first day, oldest first; those without a call are left out."""
    models: list[Figures]
    """By model, most used first; empty when one model was asked for."""
    arms: list[Figures]
    """By arm, of the calls that were part of an A/B test."""

    def write(self, period: Period) -> dict[str, Any]:
        """Write it as JSON."""
        return {
            **_write(self.total),
            "period": period,
            "periods": [_write(one, "start") for one in self.periods],
            "models": [_write(one, "model_id") for one in self.models],
            "arms": [_write(one, "arm") for one in self.arms],
        }


def _write(figures: Figures, name: str = "") -> dict[str, Any]:
    body = figures._asdict()
    group = body.pop("group")
    return {name: group, **body} if name else body


def add_usage(store: Store, call: Call) -> None:
    """Count one call, at the time now."""
    add_usages(store, [call])


def add_usages(store: Store, calls: Sequence[Call]) -> None:
    """Count calls, at the time now, in one transaction."""
    now = tell_time()
    with store.write() as connection:
        connection.execute(insert(usage), [call._asdict() | {"used_at": now} for call in calls])


def rate_answer(store: Store, completion_id: str, rating: float, comment: str | None = None) -> None:
    """Keep what a person said of an answer; said again, it replaces what was said before.

    Args:
        store: Where the call was counted.
        completion_id: Id of the answer.
        rating: -1 (bad) to 1 (good).
        comment: The person's own words on it.

    Raises:
        NotFoundError: no answer has this id.
    """
    change = update(usage).where(usage.c.completion_id == completion_id)
    with store.write() as connection:
        done = connection.execute(change.values(rating=rating, comment=comment))
    if not done.rowcount:
        raise NotFoundError(
            f"There is no answer {completion_id!r}; send the 'id' of a chat completion of this gateway."
        )


def summarize_usage(store: Store, model_id: str | None = None, *, period: Period = "day") -> Usage:
    """Add up the calls of one model, or of all: in total, per period, by model and by arm.

    Weeks begin on Monday, days at midnight UTC. However many calls there were, the database adds them up.
    """
    mine = [usage.c.model_id == model_id] if model_id is not None else []
    with store.read() as connection:
        total = measure(connection, literal(""), mine)
        models = measure(connection, usage.c.model_id) if model_id is None else []
        return Usage(
            total[0] if total else Figures(""),
            measure(connection, _find_start(period), mine),
            sorted(models, key=lambda one: (-one.calls, one.group)),
            measure(connection, usage.c.arm, [*mine, usage.c.arm.is_not(None)]),
        )


def _find_start(period: Period) -> ColumnElement[str]:
    """Give the first day of the period that a call was made in."""
    if period == "month":
        return func.substr(usage.c.used_at, 1, 7).concat("-01")
    day = func.substr(usage.c.used_at, 1, 10)
    # SQLite: on to the next Sunday, which may be today, and six days back.
    return func.date(day, "weekday 0", "-6 days") if period == "week" else day
