"""Tell from the conversation how long each step worked."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple


class StepTime(NamedTuple):
    """When a step began, and how long it worked."""

    started: str
    """ISO 8601 in UTC."""
    seconds: float
    """Of work; the time that the person took to answer is left out."""


def measure_steps(messages: Sequence[Mapping[str, Any]], began: str) -> dict[str, StepTime]:
    """Measure the steps: the time before each message of Lucy's belongs to the message's step.

    What it cannot tell apart: a pause in which the process was not running counts as work.

    Args:
        messages: The conversation, in order: `role`, `step`, `created_at`.
        began: When the workflow was created, ISO 8601.
    """
    times: dict[str, StepTime] = {}
    last = began
    for message in messages:
        now = message["created_at"]
        if message["role"] != "user":
            known = times.get(message["step"], StepTime(last, 0.0))
            seconds = max(0.0, _read(now) - _read(last))
            times[message["step"]] = StepTime(known.started, round(known.seconds + seconds, 3))
        last = now
    return times


def _read(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()
