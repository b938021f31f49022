"""Decide from a dry run whether training can start: GO, WARNING or NO-GO."""

import math
from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

from lucy.tools.dry_run.intervals import Interval
from lucy.tools.dry_run.statistics import DryRunStatistics
from lucy.tools.dry_run.thresholds import THRESHOLDS, Thresholds

Quality = Literal["good", "warning", "problem"]
VerdictWord = Literal["GO", "WARNING", "NO-GO"]
MAX_MORE_PROMPTS = 2000
"""A larger need is given as this number: the value lies on the limit itself."""


class Finding(BaseModel):
    """One thing the dry run showed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    level: Literal["problem", "thin", "warning"]
    """`problem` is proved; `thin`: it cannot be excluded yet; `warning`: outside the healthy range."""
    about: Literal["dataset", "grader"]
    reason: str
    recommendation: str
    more_prompts: int = 0
    """For `thin`: about so many more unrelated prompts would settle it."""


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


def judge_dry_run(
    statistics: DryRunStatistics,
    *,
    weights: Mapping[str, float] | None = None,
    limits: Thresholds = THRESHOLDS,
) -> Verdict:
    """Judge a dry run on the intervals of its statistics.

    NO-GO when a 95% interval lies wholly inside a range where training cannot work; WARNING when it reaches
    into such a range (then `more_prompts_needed` says how many prompts would settle it) or lies wholly
    outside the healthy range; GO otherwise. `weights` are those of the grader's criteria, by id.
    """
    findings = [
        *_check_grader(statistics, limits),
        *_check_level(statistics, limits),
        *_check_main_criterion(statistics, weights or {}, limits),
        *_check_signal(statistics, limits),
        *_check_size(statistics, limits),
    ]
    if not any(finding.level == "problem" for finding in findings):
        findings += _check_health(statistics, limits)
    return _conclude(statistics, findings)


def count_more_prompts(interval: Interval, limit: float, prompts: int) -> int:
    """Estimate how many more prompts bring the 95% interval off a limit.

    The half-width shrinks with the square root of the number of prompts, so n (half / distance)^2 are needed
    in all if the value stays where it is; at least 10 more, at most 2000.
    """
    distance = max(abs(interval.value - limit), 1e-6)
    needed = prompts * (interval.half95 / distance) ** 2
    return max(10, min(MAX_MORE_PROMPTS, math.ceil(needed) - prompts))


def _check_grader(statistics: DryRunStatistics, limits: Thresholds) -> Iterator[Finding]:
    share = statistics.error_share
    classes = ", ".join(f"{count} {name}" for name, count in statistics.errors.items())
    failed = f"The grader failed on {_percent(share.value)} of the answers ({classes})"
    repair = "Look at the failed answers, repair the grader, and repeat the dry run."
    if statistics.errors and share.low95 > limits.failing_grader:
        yield Finding(level="problem", about="grader", reason=f"{failed}.", recommendation=repair)
    elif statistics.errors and share.value > limits.unsteady_grader:
        yield Finding(level="warning", about="grader", reason=f"{failed}.", recommendation=repair)
    signal = statistics.signal
    if signal and signal.noise > 0 and signal.within_std > 0 and signal.reliability < limits.reliability:
        yield Finding(
            level="warning", about="grader",
            reason=f"Grading one answer twice differs nearly as much (noise {signal.noise:.2f}) as two "
            f"answers do (spread {signal.within_std:.2f}).",
            recommendation="Make the criteria more exact, or let the grader grade each answer several times.",
        )  # fmt: skip


def _check_level(statistics: DryRunStatistics, limits: Thresholds) -> Iterator[Finding]:
    mean, above, full = statistics.mean, statistics.above_zero, statistics.at_one
    if mean.high95 < limits.hopeless_mean or _is_nearly_all_zero(statistics, limits):
        yield Finding(
            level="problem", about="dataset",
            reason=f"The base model hardly ever succeeds: mean reward {_describe(mean)}, above zero "
            f"{_percent(above.value)}.",
            recommendation="Use a stronger base model or easier records, and check that the grader gives the "
            "reference answer a high reward.",
        )  # fmt: skip
    elif mean.low95 < limits.hopeless_mean:
        yield _thin("that the base model hardly ever succeeds", mean, limits.hopeless_mean, statistics)
    if mean.low95 > limits.saturated_mean or full.low95 > limits.saturated_at_one:
        yield Finding(
            level="problem", about="grader",
            reason=f"There is little left to learn: mean reward {_describe(mean)}, {_percent(full.value)} of "
            "the answers at 1.",
            recommendation="Make the grader stricter or the records harder.",
        )  # fmt: skip
    elif full.high95 > limits.saturated_at_one:
        yield _thin("that nearly all answers already get 1", full, limits.saturated_at_one, statistics)
    elif mean.high95 > limits.saturated_mean:
        yield _thin("that there is nothing left to learn", mean, limits.saturated_mean, statistics)


def _check_main_criterion(
    statistics: DryRunStatistics, weights: Mapping[str, float], limits: Thresholds
) -> Iterator[Finding]:
    """Look at a criterion that carries half of the reward or more: the others must not hide that it fails."""
    for name, weight in weights.items():
        mean = statistics.by_criterion.get(name)
        if mean is None or weight < limits.main_criterion or mean.high95 >= limits.hopeless_mean:
            continue
        yield Finding(
            level="problem", about="dataset",
            reason=f"The base model hardly ever meets {name!r}, which is {_percent(weight)} of the reward: "
            f"mean {_describe(mean)}. Training would only improve what matters less.",
            recommendation="Use a base model that solves some of the records, or easier records.",
        )  # fmt: skip


def _is_nearly_all_zero(statistics: DryRunStatistics, limits: Thresholds) -> bool:
    """Tell whether successes are proved rare, and too rare for training groups to meet one."""
    signal = statistics.signal
    rare = statistics.above_zero.high95 < limits.hopeless_above_zero
    return rare and (signal is None or signal.informative.high95 < limits.weak_signal)


def _check_signal(statistics: DryRunStatistics, limits: Thresholds) -> Iterator[Finding]:
    signal = statistics.signal
    if signal is None:
        yield Finding(
            level="thin", about="dataset",
            reason="Each prompt has only one graded answer, so it is unknown whether answers to one prompt "
            "differ.",
            recommendation="Repeat the dry run with at least 2, better 4, answers per prompt.",
        )  # fmt: skip
        return
    share = signal.informative
    found = f"in training groups of {signal.group_size} the rewards would differ for {_describe_share(share)}"
    if share.high95 < limits.dead_signal:
        yield Finding(
            level="problem", about="dataset",
            reason=f"Answers to the same prompt get nearly always the same reward: {found} of the prompts.",
            recommendation="Use a grader with finer steps (partial credit), more varied sampling, or records "
            "that the base model sometimes solves and sometimes does not.",
        )  # fmt: skip
    elif share.low95 < limits.dead_signal:
        yield _thin(
            "that answers to the same prompt get the same reward", share, limits.dead_signal, statistics
        )
    elif share.high95 < limits.weak_signal:
        yield Finding(
            level="warning", about="dataset",
            reason=f"Few prompts teach anything: {found} of the prompts.",
            recommendation="Expect slow training; partial credit in the grader or larger groups help.",
        )  # fmt: skip


def _check_size(statistics: DryRunStatistics, limits: Thresholds) -> Iterator[Finding]:
    missing = limits.prompts - statistics.families
    if missing > 0:
        yield Finding(
            level="thin", about="dataset", more_prompts=missing,
            reason=f"Only {statistics.families} unrelated prompts were tried; {limits.prompts} is the least "
            "for a verdict.",
            recommendation=f"Repeat the dry run with {missing} more prompts, importing or generating records "
            "if there are none left.",
        )  # fmt: skip


def _check_health(statistics: DryRunStatistics, limits: Thresholds) -> Iterator[Finding]:
    mean, std, above, full = statistics.mean, statistics.std, statistics.above_zero, statistics.at_one
    if mean.low95 > limits.healthy_mean_high:
        yield _outside(
            "dataset", f"The base model does well already: mean reward {_describe(mean)}, healthy is up to "
            f"{limits.healthy_mean_high:.2f}.", "Expect a small gain, or make the grader stricter.",
        )  # fmt: skip
    if mean.high95 < limits.healthy_mean_low:
        yield _outside(
            "dataset", f"The task is hard for the base model: mean reward {_describe(mean)}, healthy is "
            f"from {limits.healthy_mean_low:.2f}.",
            "Partial credit, easier records or a stronger base model help.",
        )  # fmt: skip
    if std.high95 < limits.healthy_std:
        yield _outside(
            "grader", f"The rewards hardly vary: standard deviation {_describe(std)}, healthy is from "
            f"{limits.healthy_std:.2f}.", "Let the grader use the whole scale from 0 to 1.",
        )  # fmt: skip
    if above.high95 < limits.healthy_above_zero:
        yield _outside(
            "dataset", f"Only {_describe_share(above)} of the answers get more than 0.", "Add partial credit."
        )
    if full.low95 > limits.healthy_at_one:
        yield _outside(
            "grader",
            f"{_describe_share(full)} of the answers get the full reward.",
            "Make the grader stricter.",
        )
    if statistics.levels > 2 and statistics.most_common > limits.concentration:
        yield _outside(
            "grader", f"{_percent(statistics.most_common)} of the answers get one and the same reward.",
            "Let the criteria distinguish more.",
        )  # fmt: skip
    weak = [topic.topic_id for topic in statistics.by_topic if topic.status == "problem"]
    if weak:
        yield _outside(
            "dataset", f"Topics at the end of the scale, where nothing can be learned: {', '.join(weak)}.",
            "Look at their samples; leave them out or change their records.",
        )  # fmt: skip


def _conclude(statistics: DryRunStatistics, findings: list[Finding]) -> Verdict:
    order = {"problem": 0, "thin": 1, "warning": 2}
    findings = sorted(findings, key=lambda finding: order[finding.level])
    problems = [finding.reason for finding in findings if finding.level == "problem"]
    others = tuple(finding.reason for finding in findings if finding.level != "problem")
    healthy = (
        f"Mean reward {_describe(statistics.mean)} and the differences between the answers to a prompt are "
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
    )


def _rate(findings: list[Finding], about: Literal["dataset", "grader"]) -> Quality:
    levels = {finding.level for finding in findings if finding.about == about}
    return "problem" if "problem" in levels else "warning" if levels else "good"


def _thin(what: str, interval: Interval, limit: float, statistics: DryRunStatistics) -> Finding:
    more = count_more_prompts(interval, limit, statistics.families)
    return Finding(
        level="thin", about="dataset", more_prompts=more,
        reason=f"It cannot be excluded yet {what}: {_describe(interval)}, limit {limit:.2f}.",
        recommendation=f"Repeat the dry run with about {more} more prompts.",
    )  # fmt: skip


def _outside(about: Literal["dataset", "grader"], reason: str, recommendation: str) -> Finding:
    return Finding(level="warning", about=about, reason=reason, recommendation=recommendation)


def _describe(interval: Interval) -> str:
    return f"{interval.value:.2f} (95% interval {interval.low95:.2f} to {interval.high95:.2f})"


def _describe_share(interval: Interval) -> str:
    low, high = _percent(interval.low95), _percent(interval.high95)
    return f"{_percent(interval.value)} (95% interval {low} to {high})"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"
