"""Look for what is wrong with the grader: failures, noise, and what it can be had by."""

from collections.abc import Iterator, Sequence

from lucy.tools.dry_run.finding import (
    Finding,
    describe,
    describe_share,
    find_problem,
    find_warning,
    list_names,
    percent,
)
from lucy.tools.dry_run.lengths import LengthPull
from lucy.tools.dry_run.signal import Signal
from lucy.tools.dry_run.statistics import DryRunStatistics
from lucy.tools.dry_run.thresholds import Thresholds
from lucy.tools.dry_run.tricks import TrickResult

_REPAIR = "Look at the failed answers, repair the grader, and repeat the dry run."
_STEADY = "Make the criteria more exact, or let the grader grade each answer several times and average."
_NOT_LENGTH = "Say in the grader what the answer must contain, and let it not pay for length."
_NOT_WORDS = (
    "Let the grader judge what the answer does, not a word in it; if the word is all that counts, tell the "
    "model so instead of training it."
)


def check_grader(
    statistics: DryRunStatistics, tricks: Sequence[TrickResult], limits: Thresholds
) -> Iterator[Finding]:
    """Find what is wrong with the grader."""
    yield from _check_failures(statistics, limits)
    yield from _check_noise(statistics.signal, limits)
    yield from _check_tricks(tricks, limits)
    yield from _check_length(statistics.length, limits)
    yield from _check_keyword(statistics, limits)


def _check_failures(statistics: DryRunStatistics, limits: Thresholds) -> Iterator[Finding]:
    share = statistics.error_share
    classes = ", ".join(f"{count} {name}" for name, count in statistics.errors.items())
    reason = f"The grader failed on {describe_share(share)} of the answers ({classes})."
    if statistics.errors and share.low95 > limits.failing_grader:
        yield find_problem("grader", "failing_grader", reason, _REPAIR)
    elif statistics.errors and share.value > limits.unsteady_grader:
        yield find_warning("grader", "failing_grader", reason, _REPAIR)


def is_only_noise(signal: Signal | None, limits: Thresholds) -> bool:
    """Tell whether most of the differences are proved noise, and none proved real."""
    found = signal.reliability_interval if signal else None
    return found is not None and found.low95 <= 0 and found.high95 < limits.reliability


def _check_noise(signal: Signal | None, limits: Thresholds) -> Iterator[Finding]:
    found = signal.reliability_interval if signal else None
    if signal is None or found is None:
        return
    evidence = (
        f"graded twice, {signal.noise_pairs} answers got rewards with a standard deviation of "
        f"{signal.noise:.2f}, different answers to one prompt {signal.within_std:.2f}; real is "
        f"{describe_share(found)} of the differences"
    )
    if is_only_noise(signal, limits):
        reason = (
            f"The grader's scores of one answer differ as much as those of different answers: {evidence}."
        )
        yield find_problem("grader", "noise", reason, _STEADY)
    elif found.high95 < limits.reliability:
        reason = f"Grading one answer twice differs nearly as much as two answers do: {evidence}."
        yield find_warning("grader", "noise", reason, _STEADY)
    elif found.low95 <= 0:
        yield Finding(
            level="thin", about="grader", cause="noise",
            reason=f"It cannot be excluded yet that the differences are only the grader's noise: {evidence}.",
            recommendation=f"Have at least {2 * signal.noise_pairs} answers graded twice. {_STEADY}",
        )  # fmt: skip


def _check_tricks(tricks: Sequence[TrickResult], limits: Thresholds) -> Iterator[Finding]:
    ranked = sorted(tricks, key=lambda trick: (-trick.low, trick.name))
    paid = [trick for trick in ranked if trick.wins and trick.low > limits.trick_gain]
    # A trick that earns nothing is no danger, however little honest answers earn.
    close = [
        trick
        for trick in ranked
        if trick not in paid and (trick.wins or trick.undecided) and trick.score > limits.hopeless_mean
    ]
    if paid:
        reason = f"Cheap tricks earn more than honest answers: {_describe_tricks(paid)}."
        yield find_problem("grader", "trick", reason, "Let the grader give such answers nothing.")
    if close:
        reason = f"Cheap tricks do not clearly lose against honest answers: {_describe_tricks(close)}."
        yield find_warning("grader", "trick", reason, "Look at these answers; let the grader give them less.")


def _describe_tricks(tricks: Sequence[TrickResult]) -> str:
    return list_names(
        [
            f"{trick.name} ({trick.score:.2f}, honest answers {trick.honest:.2f}; 95% interval of the "
            f"difference {trick.low:+.2f} to {trick.high:+.2f})"
            for trick in tricks
        ],
        3,
    )


def _check_length(length: LengthPull | None, limits: Thresholds) -> Iterator[Finding]:
    if length is None:
        return
    wins = length.longer_wins
    reason = (
        f"Of two answers to one prompt the longer one gets the higher reward in {describe_share(wins)} of "
        "the cases"
    )
    if wins.low95 > limits.longer_wins and length.decides > limits.length_decides:
        yield find_problem("grader", "length", f"The grader pays for length. {reason}.", _NOT_LENGTH)
    elif wins.low95 > limits.longer_often_wins:
        yield find_warning(
            "grader", "length", f"{reason}: training will make answers longer.",
            f"If that is not wanted: {_NOT_LENGTH[0].lower()}{_NOT_LENGTH[1:]}",
        )  # fmt: skip
    elif wins.high95 < 1 - limits.longer_often_wins:
        yield find_warning(
            "grader", "length", f"{reason}: training will make answers shorter.",
            "If short answers are not the goal, say in the grader what an answer must contain.",
        )  # fmt: skip


def _check_keyword(statistics: DryRunStatistics, limits: Thresholds) -> Iterator[Finding]:
    found = statistics.keyword
    if found is None or found.explained_low <= limits.strong_word:
        return
    words = " or ".join(repr(word) for word in found.words)
    share = f"{percent(found.explained)} (at least {percent(found.explained_low)})"
    reason = (
        f"Whether an answer says {words} explains {share} of the differences in reward between answers to "
        f"one prompt; those that do get {abs(found.lift):.2f} {found.direction}."
    )
    if found.direction == "more" and found.explained_low > limits.keyword:
        yield find_problem("grader", "keyword", f"The grader pays for a word. {reason}", _NOT_WORDS)
    else:
        yield find_warning("grader", "keyword", reason, _NOT_WORDS)


def check_spread(statistics: DryRunStatistics, limits: Thresholds) -> Iterator[Finding]:
    """Find whether the grader uses its scale."""
    std, full = statistics.std, statistics.at_one
    if std.high95 < limits.healthy_std:
        reason = (
            f"The rewards hardly vary: standard deviation {describe(std)}, healthy is from "
            f"{limits.healthy_std:.2f}."
        )
        yield find_warning("grader", "spread", reason, "Let the grader use the whole scale from 0 to 1.")
    if full.low95 > limits.healthy_at_one:
        reason = f"{describe_share(full)} of the answers get the full reward."
        yield find_warning("grader", "too_easy", reason, "Make the grader stricter.")
    if statistics.levels > 2 and statistics.most_common > limits.concentration:
        reason = f"{percent(statistics.most_common)} of the answers get one and the same reward."
        yield find_warning("grader", "concentration", reason, "Let the criteria distinguish more.")
