"""Decide from a dry run whether training can start: GO, WARNING or NO-GO."""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from lucy.tools.dry_run.dataset_checks import (
    check_completeness,
    check_difficulty,
    check_level,
    check_main_criterion,
    check_signal,
    check_size,
    check_topics,
)
from lucy.tools.dry_run.finding import About, Cause, Finding, describe
from lucy.tools.dry_run.grader_checks import check_grader, check_spread
from lucy.tools.dry_run.statistics import DryRunStatistics
from lucy.tools.dry_run.thresholds import THRESHOLDS, Thresholds
from lucy.tools.dry_run.tricks import TrickResult

Quality = Literal["good", "warning", "problem"]
VerdictWord = Literal["GO", "WARNING", "NO-GO"]


class Verdict(BaseModel):
    """The decision of a dry run, with its reasons in plain words."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    verdict: VerdictWord
    dataset_quality: Quality
    grader_quality: Quality
    reasons: tuple[str, ...]
    """Why this verdict, most serious first."""
    warnings: tuple[str, ...]
    """Everything found that is not a proved problem."""
    recommendations: tuple[str, ...]
    more_prompts_needed: int | None
    """Unrelated prompts to try in addition before the evidence suffices; None when it does."""
    causes: tuple[Cause, ...] = ()
    """What is the matter, most serious first, each once; empty for GO."""
    findings: tuple[Finding, ...] = ()
    """All that was found, most serious first, those about dataset and grader apart by `about`."""


def judge_dry_run(
    statistics: DryRunStatistics,
    *,
    weights: Mapping[str, float] | None = None,
    tricks: Sequence[TrickResult] = (),
    topic_names: Mapping[str, str] | None = None,
    planned: int | None = None,
    limits: Thresholds = THRESHOLDS,
) -> Verdict:
    """Judge a dry run on the intervals of its statistics.

    NO-GO when a 95% interval lies wholly inside a range where training cannot work, or leads astray; WARNING
    when it reaches into such a range (then `more_prompts_needed` says how many prompts would settle it) or
    lies wholly outside the healthy range; GO otherwise. A dry run that was stopped is never GO.

    Args:
        statistics: Of the graded answers.
        weights: Of the grader's criteria, by id.
        tricks: What cheap tricks earned from the grader, where it was probed.
        topic_names: Names for the sentences, by topic id.
        planned: Answers that the dry run was to have; None when it is whole.
        limits: Between healthy, doubtful and unusable.
    """
    findings = [
        *check_grader(statistics, tricks, limits),
        *check_level(statistics, limits),
        *check_main_criterion(statistics, weights or {}, limits),
        *check_signal(statistics, limits),
        *check_size(statistics, limits),
        *check_completeness(statistics.answers, planned or 0),
    ]
    if not any(finding.level == "problem" for finding in findings):
        findings += [
            *check_difficulty(statistics, limits),
            *check_spread(statistics, limits),
            *check_topics(statistics, topic_names or {}),
        ]
    return _conclude(statistics, findings)


def _conclude(statistics: DryRunStatistics, findings: list[Finding]) -> Verdict:
    order = {"problem": 0, "thin": 1, "warning": 2}
    findings = sorted(findings, key=lambda finding: order[finding.level])
    problems = [finding.reason for finding in findings if finding.level == "problem"]
    others = tuple(finding.reason for finding in findings if finding.level != "problem")
    healthy = (
        f"Mean reward {describe(statistics.mean)} and the differences between the answers to a prompt are "
        "in the healthy range."
    )
    more = max((finding.more_prompts for finding in findings), default=0)
    return Verdict(
        verdict="NO-GO" if problems else "WARNING" if others else "GO",
        dataset_quality=_rate(findings, "dataset"),
        grader_quality=_rate(findings, "grader"),
        reasons=tuple(problems) or others or (healthy,),
        warnings=others,
        recommendations=tuple(dict.fromkeys(finding.recommendation for finding in findings)),
        more_prompts_needed=more or None,
        causes=tuple(dict.fromkeys(finding.cause for finding in findings)),
        findings=tuple(findings),
    )


def _rate(findings: list[Finding], about: About) -> Quality:
    levels = {finding.level for finding in findings if finding.about == about}
    return "problem" if "problem" in levels else "warning" if levels else "good"
