"""Name one thing that a dry run showed, and word its figures."""

import math
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from lucy.tools.dry_run.intervals import Interval

Cause = Literal[
    "failing_grader",
    "noise",
    "trick",
    "length",
    "keyword",
    "hopeless",
    "saturated",
    "main_criterion",
    "no_signal",
    "weak_signal",
    "dead_topic",
    "too_easy",
    "too_hard",
    "spread",
    "concentration",
    "too_few",
    "incomplete",
]
"""What is the matter, as data; stable.

`failing_grader`: gradings fail. `noise`: the grader contradicts itself. `trick`, `length`, `keyword`: the
grader can be had by a cheap trick, pays for length, pays for a word. `hopeless`, `saturated`: rewards at an
end of the scale; `main_criterion`: those of the criterion that counts most. `no_signal`, `weak_signal`:
answers to one prompt get the same reward. `dead_topic`: one of the topics teaches nothing. `too_easy`,
`too_hard`, `spread`, `concentration`: outside the healthy range. `too_few`: not enough evidence.
`incomplete`: not all planned answers are there.
"""

Level = Literal["problem", "thin", "warning"]
About = Literal["dataset", "grader"]

MAX_MORE_PROMPTS = 2000
"""A larger need is given as this number: the value lies on the limit itself."""
_POWER = 1 + 0.8416 / 1.9600
"""Widens the 95% half-width so that four of five repetitions, not half of them, come off the limit."""


class Finding(BaseModel):
    """One thing the dry run showed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    level: Level
    """`problem` is proved; `thin`: it cannot be excluded yet; `warning`: outside the healthy range."""
    about: About
    cause: Cause
    reason: str
    recommendation: str
    more_prompts: int = 0
    """For `thin`: about so many more unrelated prompts would settle it."""


def find_problem(about: About, cause: Cause, reason: str, recommendation: str) -> Finding:
    """Make a finding that is proved and rules training out."""
    return Finding(level="problem", about=about, cause=cause, reason=reason, recommendation=recommendation)


def find_warning(about: About, cause: Cause, reason: str, recommendation: str) -> Finding:
    """Make a finding that a person should know before training."""
    return Finding(level="warning", about=about, cause=cause, reason=reason, recommendation=recommendation)


def find_doubt(what: str, interval: Interval, *, limit: float, prompts: int) -> Finding:
    """Make a finding that more prompts would settle."""
    more = count_more_prompts(interval, limit, prompts)
    return Finding(
        level="thin", about="dataset", cause="too_few", more_prompts=more,
        reason=f"It cannot be excluded yet {what}: {describe(interval)}, limit {limit:.2f}.",
        recommendation=f"Repeat the dry run with about {more} more prompts.",
    )  # fmt: skip


def count_more_prompts(interval: Interval, limit: float, prompts: int) -> int:
    """Estimate how many more prompts bring the 95% interval off a limit in four of five repetitions.

    The interval shrinks with the square root of the number of prompts, so n (1.43 side / distance)^2 are
    needed in all if the value stays where it is (side: from the value to the bound beyond the limit); at
    least 10 more, at most 2000.
    """
    side = interval.high95 - interval.value if interval.value < limit else interval.value - interval.low95
    distance = max(abs(interval.value - limit), 1e-6)
    needed = prompts * (_POWER * side / distance) ** 2
    return max(10, min(MAX_MORE_PROMPTS, math.ceil(needed) - prompts))


def describe(interval: Interval) -> str:
    """Word a figure with its interval."""
    return f"{interval.value:.2f} (95% interval {interval.low95:.2f} to {interval.high95:.2f})"


def describe_share(interval: Interval) -> str:
    """Word a share with its interval."""
    low, high = percent(interval.low95), percent(interval.high95)
    return f"{percent(interval.value)} (95% interval {low} to {high})"


def percent(share: float) -> str:
    """Word a share."""
    return f"{100 * share:.0f}%"


def list_names(names: Sequence[str], most: int = 5) -> str:
    """Word some names, the rest as a number."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
