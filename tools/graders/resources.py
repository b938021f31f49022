"""Name what a grader may use besides its configuration: a judge model, processes, the person's trust."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lucy.tools.calls.door import Door

OpenJudge = Callable[[str], "Door | None"]
"""Gives the way to a judge model by its name, empty for the one that is set; None when none is set."""


def have_no_judge(model: str) -> "Door | None":
    """Say that no judge model is set."""
    return None


@dataclass(frozen=True, slots=True)
class Resources:
    """What graders are opened with."""

    open_judge: OpenJudge = have_no_judge
    trusted: frozenset[str] = frozenset()
    """Names of scripts that the person lets run where nothing can confine them."""
    workers: int = 2
    """Worker processes of a script grader, 1 or more."""
    repeat: int = 0
    """A judge is asked anew for each number: stored answers of another number are not taken."""


NO_RESOURCES = Resources()
"""No judge model, nothing trusted."""
