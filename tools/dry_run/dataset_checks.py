"""Look for what is wrong with the records for this base model: too hard, too easy, too few, all the same."""

from collections.abc import Iterator, Mapping

from lucy.tools.dry_run.finding import (
    Finding,
    describe,
    describe_share,
    find_doubt,
    find_problem,
    find_warning,
    list_names,
    percent,
)
from lucy.tools.dry_run.grader_checks import is_only_noise
from lucy.tools.dry_run.statistics import DryRunStatistics, TopicStatistics
from lucy.tools.dry_run.thresholds import Thresholds


def check_level(statistics: DryRunStatistics, limits: Thresholds) -> Iterator[Finding]:
    """Find whether the rewards lie at an end of the scale."""
    mean, above, full, prompts = (
        statistics.mean,
        statistics.above_zero,
        statistics.at_one,
        statistics.families,
    )
    if mean.high95 < limits.hopeless_mean or _is_nearly_all_zero(statistics, limits):
        yield find_problem(
            "dataset", "hopeless",
            f"The base model hardly ever succeeds: mean reward {describe(mean)}, above zero "
            f"{describe_share(above)}.",
            "Use a stronger base model or easier records, and check that the grader gives the reference "
            "answer a high reward.",
        )  # fmt: skip
    elif mean.low95 < limits.hopeless_mean:
        what = "that the base model hardly ever succeeds"
        yield find_doubt(what, mean, limit=limits.hopeless_mean, prompts=prompts)
    if mean.low95 > limits.saturated_mean or full.low95 > limits.saturated_at_one:
        yield find_problem(
            "grader", "saturated",
            f"There is little left to learn: mean reward {describe(mean)}, {describe_share(full)} of the "
            "answers at 1.",
            "Make the grader stricter or the records harder.",
        )  # fmt: skip
    elif full.high95 > limits.saturated_at_one:
        what = "that nearly all answers already get 1"
        yield find_doubt(what, full, limit=limits.saturated_at_one, prompts=prompts)
    elif mean.high95 > limits.saturated_mean:
        what = "that there is nothing left to learn"
        yield find_doubt(what, mean, limit=limits.saturated_mean, prompts=prompts)


def _is_nearly_all_zero(statistics: DryRunStatistics, limits: Thresholds) -> bool:
    """Tell whether successes are proved rare, and too rare for training groups to meet one."""
    signal = statistics.signal
    rare = statistics.above_zero.high95 < limits.hopeless_above_zero
    return rare and (signal is None or signal.informative.high95 < limits.weak_signal)


def check_main_criterion(
    statistics: DryRunStatistics, weights: Mapping[str, float], limits: Thresholds
) -> Iterator[Finding]:
    """Look at a criterion that carries half of the reward or more: the others must not hide that it fails."""
    for name, weight in weights.items():
        mean = statistics.by_criterion.get(name)
        if mean is None or weight < limits.main_criterion or mean.high95 >= limits.hopeless_mean:
            continue
        yield find_problem(
            "dataset", "main_criterion",
            f"The base model hardly ever meets {name!r}, which is {percent(weight)} of the reward: mean "
            f"{describe(mean)}. Training would only improve what matters less.",
            "Use a base model that solves some of the records, or easier records.",
        )  # fmt: skip


def check_signal(statistics: DryRunStatistics, limits: Thresholds) -> Iterator[Finding]:
    """Find whether answers to one prompt differ; where the differences are only noise nobody can tell."""
    signal = statistics.signal
    if signal is None:
        yield Finding(
            level="thin", about="dataset", cause="too_few",
            reason="Each prompt has only one graded answer, so it is unknown whether answers to one prompt "
            "differ.",
            recommendation="Repeat the dry run with at least 2, better 4, answers per prompt.",
        )  # fmt: skip
        return
    if is_only_noise(signal, limits):
        return
    share = signal.informative
    found = f"in training groups of {signal.group_size} the rewards would differ for {describe_share(share)}"
    if share.high95 < limits.dead_signal:
        yield find_problem(
            "dataset", "no_signal",
            f"Answers to the same prompt get nearly always the same reward: {found} of the prompts.",
            "Use a grader with finer steps (partial credit), more varied sampling, or records that the base "
            "model sometimes solves and sometimes does not.",
        )  # fmt: skip
    elif share.low95 < limits.dead_signal:
        what = "that answers to the same prompt get the same reward"
        yield find_doubt(what, share, limit=limits.dead_signal, prompts=statistics.families)
    elif share.high95 < limits.weak_signal:
        yield find_warning(
            "dataset", "weak_signal",
            f"Few prompts teach anything: {found} of the prompts.",
            "Expect slow training; partial credit in the grader or larger groups help.",
        )  # fmt: skip


def check_size(statistics: DryRunStatistics, limits: Thresholds) -> Iterator[Finding]:
    """Find whether there are enough unrelated prompts for any verdict."""
    missing = limits.prompts - statistics.families
    if missing > 0:
        yield Finding(
            level="thin", about="dataset", cause="too_few", more_prompts=missing,
            reason=f"Only {statistics.families} unrelated prompts were tried; {limits.prompts} is the least "
            "for a verdict.",
            recommendation=f"Repeat the dry run with {missing} more prompts, importing or generating records "
            "if there are none left.",
        )  # fmt: skip


def check_completeness(answers: int, planned: int) -> Iterator[Finding]:
    """Find whether all planned answers are there: a part is not chosen by chance."""
    missing = planned - answers
    if missing > 0:
        yield Finding(
            level="thin", about="dataset", cause="incomplete",
            reason=f"{missing} of the {planned} planned answers are missing ({percent(missing / planned)}): "
            "the dry run was stopped before its end.",
            recommendation="Run it again: what is there is kept, and only the rest is done.",
        )  # fmt: skip


def check_difficulty(statistics: DryRunStatistics, limits: Thresholds) -> Iterator[Finding]:
    """Find whether the task is outside the healthy range of difficulty, though not hopeless."""
    mean, above = statistics.mean, statistics.above_zero
    if mean.low95 > limits.healthy_mean_high:
        reason = (
            f"The base model does well already: mean reward {describe(mean)}, healthy is up to "
            f"{limits.healthy_mean_high:.2f}."
        )
        yield find_warning("dataset", "too_easy", reason, "Expect a small gain, or make the grader stricter.")
    if mean.high95 < limits.healthy_mean_low:
        reason = (
            f"The task is hard for the base model: mean reward {describe(mean)}, healthy is from "
            f"{limits.healthy_mean_low:.2f}."
        )
        advice = "Partial credit, easier records or a stronger base model help."
        yield find_warning("dataset", "too_hard", reason, advice)
    if above.high95 < limits.healthy_above_zero:
        reason = f"Only {describe_share(above)} of the answers get more than 0."
        yield find_warning("dataset", "too_hard", reason, "Add partial credit.")


def check_topics(statistics: DryRunStatistics, names: Mapping[str, str]) -> Iterator[Finding]:
    """Find topics that teach nothing beside others that do."""
    dead = [topic for topic in statistics.by_topic if topic.status == "problem"]
    if dead and len(statistics.by_topic) > 1:
        found = list_names([_describe_topic(topic, names) for topic in dead])
        yield find_warning(
            "dataset", "dead_topic", f"Topics from which nothing can be learned: {found}.",
            "Look at their samples; leave them out or change their records, or let the grader tell their "
            "answers apart.",
        )  # fmt: skip


def _describe_topic(topic: TopicStatistics, names: Mapping[str, str]) -> str:
    name = names.get(topic.topic_id, topic.topic_id)
    differing = (
        f", rewards differ for {percent(topic.share_differing)}" if topic.share_differing is not None else ""
    )
    return f"{name} (mean reward {describe(topic.mean)}{differing} of {topic.prompts} prompts)"
