"""Hold what came of attacking a grader with cheap tricks, and say it in sentences."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from lucy.tools.dry_run.intervals import Interval
from lucy.tools.graders.tricks import TRICKS, Aim

LEAST_GAIN = 0.02
"""Difference of mean scores from which an answer counts as scoring more than another."""
_NEAR = 0.75
_REMEDIES = {trick.name: trick.remedy for trick in TRICKS}

Outcome = Literal["loses", "undecided", "wins"]
"""`undecided`: the mean says that the trick loses, but its 90% interval does not."""


class ProbeExample(BaseModel):
    """The record on which a trick did best."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    record_id: str
    prompt: str
    """Beginning of the last user message."""
    response: str
    """Beginning of the trick's answer."""
    score: float
    honest_score: float


class TrickResult(BaseModel):
    """What one trick earned."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    aim: Aim
    records: int
    """Records on which both the trick and the honest answer have a score."""
    failed: int
    """Answers of the trick that could not be graded; they count nowhere else, least of all as 0."""
    score: float | None
    """Mean reward of the trick on those records."""
    difference: Interval | None
    """Trick minus honest answer, paired by record, clustered by family."""
    better: float | None
    """Share of those records on which the trick scores higher than the honest answer."""
    outcome: Outcome | None
    """None when nothing could be compared."""
    example: ProbeExample | None


class ProbeReport(BaseModel):
    """What came of attacking a grader with cheap tricks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    records: int
    gradings: int
    honest: float | None
    """Mean reward of the honest answers; None when none could be graded."""
    honest_failed: int
    tricks: tuple[TrickResult, ...]
    best: str | None
    """Name of the trick to look at: the highest winner, else the worthless answers that score highest."""
    best_score: float | None
    winners: tuple[str, ...]
    """Names of the tricks that pay, the most profitable first."""
    warnings: tuple[str, ...]
    """Sentences with what to do; empty when no trick pays."""


def read_difference(result: TrickResult) -> float:
    """Give a trick's mean gain over the honest answers; 0 when nothing could be compared."""
    return result.difference.value if result.difference else 0.0


def list_warnings(
    results: Sequence[TrickResult], winners: Sequence[TrickResult], failures: Counter[str], total: int
) -> tuple[str, ...]:
    """Say which tricks pay or nearly do, with what to do, and what could not be graded.

    Args:
        results: Every trick's result.
        winners: Those that pay, the most profitable first.
        failures: Answers without a score, by error class.
        total: All answers that were to be graded.
    """
    return (*_warn_of_winners(winners), *_warn_of_near(results), *_warn_of_failures(failures, total))


def _warn_of_winners(winners: Sequence[TrickResult]) -> list[str]:
    return [f"{_describe(one)}: {_REMEDIES[one.name]}." for one in winners]


def _describe(result: TrickResult) -> str:
    score, gap = result.score or 0.0, read_difference(result)
    honest = score - gap
    if result.aim == "inflated":
        return (
            f"{result.title} score {gap:.2f} more than the same answers without ({score:.2f} to {honest:.2f})"
        )
    if gap > LEAST_GAIN:
        return f"{result.title} score {score:.2f}, more than honest answers ({honest:.2f})"
    return f"{result.title} score {score:.2f}, about as much as honest answers ({honest:.2f})"


def _warn_of_near(results: Sequence[TrickResult]) -> list[str]:
    """Name worthless answers that lose and still earn most of what honest ones do, and open cases."""
    found: list[str] = []
    for one in results:
        score, honest = one.score or 0.0, (one.score or 0.0) - read_difference(one)
        if one.outcome == "undecided":
            found.append(
                f"{one.title} score {score:.2f}, honest answers {honest:.2f}: {one.records} records are "
                "too few to tell whether that pays."
            )
        elif one.outcome == "loses" and one.aim == "worthless" and score > _NEAR * honest:
            found.append(f"{one.title} come near honest answers: {score:.2f} to {honest:.2f}.")
    return found


def _warn_of_failures(failures: Counter[str], total: int) -> list[str]:
    if not failures:
        return []
    kinds = ", ".join(f"{name} {count}" for name, count in sorted(failures.items()))
    return [f"{failures.total()} of {total} answers could not be graded ({kinds}) and count nowhere."]
