"""Grade with several graders at once: their weighted mean, or a formula over their values.

A formula sees what the members give, as OpenAI's does: a `score_model` with the range 1 to 7 counts with its
1 to 7. In a weighted mean, and in the scores that are shown, every member counts from 0 to 1. A member that
fails makes the whole an error that names it.
"""

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import NamedTuple

from lucy.errors import GraderError
from lucy.tools.graders.formula import FormulaError, compile_formula
from lucy.tools.graders.kinds import MultiGrader, ScoreModelGrader, SingleGrader
from lucy.tools.graders.resources import Resources
from lucy.tools.vocabulary import Grade, Record, ScoreMany

OpenMember = Callable[[SingleGrader, Resources], AbstractContextManager[ScoreMany]]
"""Opens one member; a `score_model` so that its scores are the values that the model gave, in its range."""

TOLERANCE = 1e-9
"""How far outside 0 to 1 a result may be, by rounding; it is clipped."""


class _Value(NamedTuple):
    """What one member says of one response."""

    raw: float
    """As the member gives it."""
    reward: float
    """0 to 1."""


@contextmanager
def open_multi(config: MultiGrader, resources: Resources, open_member: OpenMember) -> Generator[ScoreMany]:
    """Open every member and give the function that grades with all of them.

    Raises:
        GraderError: on entering, when a member cannot be used here; the message names it.
    """
    combine = _choose_combination(config)
    with ExitStack() as opened:
        members = _open_members(config, resources, open_member, opened)

        def score_many(pairs: Sequence[tuple[Record, str]]) -> list[Grade]:
            columns = {name: score(pairs) for name, score in members.items()}
            return [
                _combine(config, {name: grades[place] for name, grades in columns.items()}, combine)
                for place in range(len(pairs))
            ]

        yield score_many


def _open_members(
    config: MultiGrader, resources: Resources, open_member: OpenMember, opened: ExitStack
) -> dict[str, ScoreMany]:
    members: dict[str, ScoreMany] = {}
    for name, member in config.graders.items():
        try:
            members[name] = opened.enter_context(open_member(member, resources))
        except GraderError as error:
            raise GraderError(f"The grader {name!r} of the multi cannot be used: {error}") from error
    return members


def _choose_combination(config: MultiGrader) -> Callable[[Mapping[str, _Value]], float]:
    if config.calculate_output is not None:
        formula = compile_formula(config.calculate_output, config.graders.keys())
        return lambda values: formula({name: value.raw for name, value in values.items()})
    weights = list_member_weights(config)
    return lambda values: math.fsum(weights[name] * value.reward for name, value in values.items())


def list_member_weights(config: MultiGrader) -> dict[str, float]:
    """Give the weight of each member, equal ones where none are set; empty where a formula decides."""
    if config.calculate_output is not None:
        return {}
    given = config.weights or dict.fromkeys(config.graders, 1.0)
    total = math.fsum(given.values())
    return {name: given[name] / total for name in config.graders}


def _combine(
    config: MultiGrader, grades: Mapping[str, Grade], combine: Callable[[Mapping[str, _Value]], float]
) -> Grade:
    values: dict[str, _Value] = {}
    for name, grade in grades.items():
        if grade.score is None:
            reason = f"The grader {name!r} failed: {grade.reason or grade.error}"
            return Grade(None, error=grade.error or "invalid_result", reason=reason)
        values[name] = _Value(grade.score, _read_reward(config.graders[name], grade.score))
    try:
        result = combine(values)
    except FormulaError as error:
        return Grade(None, error="formula_error", reason=f"{error} {_write_values(values)}")
    if not -TOLERANCE <= result <= 1 + TOLERANCE:
        reason = f"The result is {result:g}, expected 0 to 1. {_write_values(values)}"
        return Grade(None, error="invalid_result", reason=reason)
    criteria = {name: value.reward for name, value in values.items()}
    return Grade(min(max(result, 0.0), 1.0), criteria, _write_values(values))


def _read_reward(member: SingleGrader, value: float) -> float:
    """Give a member's value as 0 to 1; a `score_model` gives its own range, every other 0 to 1 already."""
    low, high = member.range if isinstance(member, ScoreModelGrader) else (0.0, 1.0)
    return min(max((value - low) / (high - low), 0.0), 1.0)


def _write_values(values: Mapping[str, _Value]) -> str:
    return ", ".join(f"{name} {value.raw:.3g}" for name, value in values.items()) + "."
