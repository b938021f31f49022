"""Propose the weighted criteria of a rubric from the training goal, and change them in words."""

import re

from lucy.tools.graders.criteria_edits import edit_criteria
from lucy.tools.graders.criterion import (
    KINDS,
    MEASURE_NAMES,
    Criterion,
    Kind,
    Measure,
    find_cued_kinds,
    find_kind,
    make_criterion,
)
from lucy.tools.graders.weights import share_out

__all__ = ["MEASURE_NAMES", "Criterion", "Measure", "edit_criteria", "propose_criteria"]

_SUPPORT = re.compile(
    r"\b(?:support|customers?|clients?|help.?desk|service|tickets?|agent|complaints?|brand)\b", re.IGNORECASE
)
_SUPPORT_MEASURES: tuple[Measure, ...] = ("helpfulness", "grounding", "politeness", "next_step")
_GENERAL_MEASURES: tuple[Measure, ...] = ("helpfulness", "grounding", "clarity", "next_step")
_EXACT_MEASURES: tuple[Measure, ...] = ("correctness", "completeness", "clarity")
_CORRECTNESS_PERCENT = 70


def propose_criteria(
    goal: str, *, has_reference: bool, has_replies: bool, has_tools: bool
) -> tuple[Criterion, ...]:
    """Propose weighted criteria for a training goal; the weights are whole percents and sum to 1.

    A goal about right answers, or records with a reference answer, makes Correctness dominate (70%). Every
    quality that the goal names gets a criterion; a goal that names none gets a general rubric.

    Args:
        goal: What the model should do well, in the person's words.
        has_reference: Most records have a right answer.
        has_replies: Most have a recorded reply with a text.
        has_tools: Most offer tools. With these and without texts as replies, the replies are tool calls: Tool
            Usage is then the whole rubric, with what the goal names besides.
    """
    cued: set[Measure] = {kind.measure for kind in find_cued_kinds(goal)}
    if not has_tools:
        cued.discard("tool_usage")
    if has_tools and not has_replies and not has_reference:
        return _propose_for_calls(cued)
    exact = has_reference or ("correctness" in cued and not _SUPPORT.search(goal))
    kinds = [find_kind(measure) for measure in _choose_measures(goal, cued, exact=exact)]
    percents = _share_exact(kinds) if exact else share_out([kind.points for kind in kinds])
    return tuple(
        make_criterion(kind, percent, _describe(kind, has_replies=has_replies, has_tools=has_tools))
        for kind, percent in zip(kinds, percents, strict=True)
    )


def _propose_for_calls(cued: set[Measure]) -> tuple[Criterion, ...]:
    """Let the right calls dominate; Correctness and Format of calls are what Tool Usage looks at."""
    named = [kind for kind in KINDS if kind.measure in cued - {"tool_usage", "correctness", "format"}]
    kinds = [find_kind("tool_usage"), *named]
    percents = [100] if not named else _share_exact(kinds)
    return tuple(make_criterion(kind, percent) for kind, percent in zip(kinds, percents, strict=True))


def _choose_measures(goal: str, cued: set[Measure], *, exact: bool) -> list[Measure]:
    """List the measures for a goal: the usual ones first, then what the goal names besides."""
    base: tuple[Measure, ...] = _GENERAL_MEASURES
    covered: set[Measure] = {"correctness"}
    if exact:
        base = ("correctness", "format") if "format" in cued else _EXACT_MEASURES
        covered = {"helpfulness", "grounding"}
    elif _SUPPORT.search(goal):
        base = _SUPPORT_MEASURES
    return [*base, *(kind.measure for kind in KINDS if kind.measure in cued - covered - set(base))]


def _share_exact(kinds: list[Kind]) -> list[int]:
    """Give Correctness its fixed part and share the rest among the others."""
    rest = share_out([kind.points for kind in kinds[1:]], 100 - _CORRECTNESS_PERCENT)
    return [_CORRECTNESS_PERCENT, *rest]


def _describe(kind: Kind, *, has_replies: bool, has_tools: bool) -> str | None:
    """Say in one line what a kind looks at for these records; None is its usual line."""
    if kind.measure != "grounding" or (has_replies and not has_tools):
        return None
    sources = "the recorded answer and the conversation" if has_replies else "the conversation"
    return f"Facts agree with {sources}{' and the tools results in it' if has_tools else ''}"
