"""Know how fast this machine answers and grades, from when a dry run's answers and grades were stored."""

import statistics
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from sqlalchemy import Column, Table, select

from lucy.tools.store.database import Store
from lucy.tools.store.rollouts import CHUNK
from lucy.tools.store.schema import grades, rollouts

LONGEST_PAUSE = 10
"""Grading that began so many times later than the answering took belongs to another day."""
_SHORTEST = 60.0


class Speed(NamedTuple):
    """Seconds for one answer."""

    answering: float
    grading: float


def read_stamps(store: Store, table: Table, keys: Sequence[str]) -> Counter[float]:
    """Read when rows were stored: seconds since the epoch, and how many rows at that instant."""
    key: Column[str] = table.c.key
    found: Counter[float] = Counter()
    with store.read() as connection:
        for start in range(0, len(keys), CHUNK):
            query = select(table.c.created_at).where(key.in_(keys[start : start + CHUNK]))
            found.update(
                datetime.fromisoformat(one).timestamp() for one in connection.execute(query).scalars()
            )
    return found


def read_speed(store: Store, answers: Sequence[str], graded: Sequence[str]) -> Speed | None:
    """Measure the speed of a dry run by the keys of its answers and of its grades; see `measure_speed`."""
    return measure_speed(read_stamps(store, rollouts, answers), read_stamps(store, grades, graded))


def measure_speed(answered: Counter[float], graded: Counter[float]) -> Speed | None:
    """Measure speed from when chunks were stored; None where that cannot be told.

    Answering: the median over chunks after the first, so that a pause between them counts little. Grading:
    from the last answer to the last grade, over all answers; those that were equal cost nothing.

    Args:
        answered: Number of answers by the second they were stored at.
        graded: Number of grades by the second they were stored at.
    """
    if len(answered) < 2 or not graded:
        return None
    times = sorted(answered)
    answering = statistics.median((now - before) / answered[now] for before, now in pairwise(times))
    seconds = max(graded) - times[-1]
    if not 0 <= seconds <= LONGEST_PAUSE * (times[-1] - times[0]) + _SHORTEST:
        return None
    return Speed(answering, seconds / answered.total())
