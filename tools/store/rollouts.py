"""Keep rollouts and grades by content: equal work is never done twice, whatever asks for it."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import Insert
from sqlalchemy.dialects.sqlite import insert as upsert

from lucy.tools.store.database import Store, tell_time
from lucy.tools.store.encoding import decode, encode, hash_content
from lucy.tools.store.schema import grades, rollouts
from lucy.tools.vocabulary import Grade, Record

CHUNK = 500
"""Keys in one query; SQLite takes a limited number of parameters."""


class Rollout(NamedTuple):
    """One answer of a policy to a record's prompt."""

    key: str
    policy: str
    """Content address of the policy."""
    record_id: str
    number: int
    """Which of the prompt's rollouts it is, from 0."""
    response: str


def address_rollout(policy: str, record: Record, number: int, seed: int) -> str:
    """Give the content address of a rollout: policy, prompt, number and seed."""
    return hash_content("rollout", policy, record.id, record.prompt, record.tools, number, seed)


def address_grade(grader: str, record: Record, response: str) -> str:
    """Give the content address of a grade: grader, prompt, item and response."""
    return hash_content("grade", grader, record.id, record.prompt, record.item, record.reply, response)


def read_rollouts(store: Store, keys: Sequence[str]) -> dict[str, Rollout]:
    """Read the rollouts that are already stored, by key."""
    columns = [rollouts.c[name] for name in Rollout._fields]
    found: dict[str, Rollout] = {}
    with store.read() as connection:
        for start in range(0, len(keys), CHUNK):
            query = select(*columns).where(rollouts.c.key.in_(keys[start : start + CHUNK]))
            found.update({row.key: Rollout(*row) for row in connection.execute(query)})
    return found


def add_rollouts(store: Store, made: Sequence[Rollout]) -> None:
    """Store rollouts; one that is already there is left as it is."""
    now = tell_time()
    rows = [{**one._asdict(), "created_at": now} for one in made]
    if rows:
        with store.write() as connection:
            connection.execute(upsert(rollouts).on_conflict_do_nothing(), rows)


def read_grades(store: Store, keys: Sequence[str]) -> dict[str, Grade]:
    """Read the grades that are already stored, by key."""
    columns = (grades.c.key, grades.c.score, grades.c.criteria, grades.c.reason, grades.c.error)
    found: dict[str, Grade] = {}
    with store.read() as connection:
        for start in range(0, len(keys), CHUNK):
            query = select(*columns).where(grades.c.key.in_(keys[start : start + CHUNK]))
            for row in connection.execute(query):
                found[row.key] = Grade(row.score, decode(row.criteria), row.reason, row.error)
    return found


def add_grades(store: Store, grader: str, made: Sequence[tuple[str, str, Grade]]) -> None:
    """Store grades as (key, record id, grade); a reward that is already there is left as it is.

    A failed grading is kept with its class until a later try succeeds or fails otherwise.
    """
    now = tell_time()
    rows = [
        {
            "key": key,
            "grader": grader,
            "record_id": record_id,
            "score": grade.score,
            "criteria": encode(grade.criteria),
            "reason": grade.reason,
            "error": grade.error,
            "created_at": now,
        }
        for key, record_id, grade in made
    ]
    if rows:
        with store.write() as connection:
            connection.execute(_replace_failures(), rows)


def _replace_failures() -> Insert:
    statement = upsert(grades)
    fresh = {
        name: statement.excluded[name] for name in ("score", "criteria", "reason", "error", "created_at")
    }
    return statement.on_conflict_do_update(
        index_elements=[grades.c.key], set_=fresh, where=grades.c.error.is_not(None)
    )
