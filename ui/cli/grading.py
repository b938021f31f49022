"""`lucy grade`: grade the replies that a file already has."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from lucy.errors import InputError
from lucy.ui.cli.orders import check_file, find_write_fault, make_limits
from lucy.ui.cli.output import INTERRUPTED, print_json, print_line, print_note, print_table
from lucy.ui.cli.progress import ProgressView
from lucy.ui.cli.replies import Replies, read_replies

if TYPE_CHECKING:
    from lucy.tools.graders.config import GraderConfig
    from lucy.tools.graders.probing import ProbeReport
    from lucy.tools.graders.resources import Resources
    from lucy.tools.vocabulary import Grade, Record, ScoreMany
    from lucy.tools.workbench import Workbench

CHUNK = 64
"""Replies between two reports of the progress."""


class Outcome(NamedTuple):
    """What came of the grading."""

    grades: "list[Grade]"
    """As many as there was time for."""
    probe: "ProbeReport | None"
    is_stopped: bool


def grade(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Chat records with replies; or `sample`.")],
    grader: Annotated[
        str,
        typer.Option(metavar="GRADER", help="A .py or .js script, a grader's .json, or a preset's name."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print figures and grades as JSON.")] = False,
    out: Annotated[
        str | None, typer.Option(metavar="OUT", help="Write one line a reply here, with its grade.")
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Records whose replies are the right answers, by id or prompt."),
    ] = None,
    trust: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Run this script also where nothing can confine it."),
    ] = None,
    probe: Annotated[bool, typer.Option("--probe", help="Attack the grader with cheap tricks too.")] = False,
) -> None:
    """Grade the replies in a file; the records are not stored."""
    from lucy.settings import load_settings
    from lucy.tools.workbench import Workbench
    from lucy.ui.folder import write_lines

    settings = load_settings()
    limits = make_limits(settings)
    path = check_file(file, limits)
    replies = read_replies(path, reference, limits)
    config = _read_grader(grader, replies)
    target = _check_out(out, path) if out is not None else None
    bench = Workbench(settings)
    try:
        outcome = _grade(config, replies, _make_resources(bench, trust or ()), probe=probe)
    finally:
        bench.close()
    rows = [_describe(record, one) for record, one in zip(replies.records, outcome.grades, strict=False)]
    if target is not None:
        write_lines(target, rows)
        print_note(f"{len(rows):,} grades are in {str(target)!r}.")
    figures = _summarise(config.name, replies, outcome)
    if as_json:
        print_json(figures | _describe_probe(outcome.probe) | {"grades": rows})
    else:
        _show(figures, rows, outcome.probe)
    if outcome.is_stopped:
        print_note(f"Stopped: {len(rows):,} of {len(replies.records):,} replies were graded.")
        raise typer.Exit(INTERRUPTED)


def _check_out(text: str, source: Path) -> Path:
    path = Path(text).expanduser()
    fault = "it is a folder" if path.is_dir() else find_write_fault(path.parent)
    if not fault and path.exists() and path.samefile(source):
        fault = "it is the file with the records"
    if fault:
        raise InputError(f"The grades cannot be written to {text!r}: {fault}; give another --out.")
    return path


def _read_grader(text: str, replies: Replies) -> "GraderConfig":
    """Read a grader's file, or make the preset of that name."""
    from lucy.tools.graders.config import load_grader
    from lucy.tools.graders.presets import PRESET_NAMES, make_preset, read_preset_name
    from lucy.tools.graders.text import find_reference
    from lucy.tools.vocabulary import read_reply_text

    path = Path(text).expanduser()
    if path.exists() or path.suffix:
        return load_grader(path)
    if read_preset_name(text) is None:
        raise InputError(
            f"The grader {text!r} is neither a file nor a preset; the presets are: {', '.join(PRESET_NAMES)}."
        )
    records = replies.records
    return make_preset(
        text,
        has_reference=_is_most(find_reference(record.item) is not None for record in records),
        has_replies=_is_most(bool(read_reply_text(record)) for record in records),
        has_tools=_is_most(bool(record.tools) for record in records),
    )


def _is_most(claims: Iterable[bool]) -> bool:
    values = list(claims)
    return sum(values) * 2 > len(values)


def _make_resources(bench: "Workbench", trust: Sequence[str]) -> "Resources":
    from functools import partial

    from lucy.tools.graders.resources import Resources

    return Resources(
        open_judge=partial(bench.open_judge, workflow_id="grade", step="grade"),
        trusted=bench.settings.trusted_scripts | frozenset(trust),
    )


def _grade(config: "GraderConfig", replies: Replies, resources: "Resources", *, probe: bool) -> Outcome:
    """Grade in chunks until all is done, or the person presses Ctrl-C."""
    from lucy.tools.graders.scoring import list_judges, open_grader

    if judges := list_judges(config, resources):
        count = len(replies.records) + (_count_probes(config, replies) if probe else 0)
        print_note(f"Up to {count:,} answers go to {' and '.join(judges)}; answers judged before are not.")
    grades: list[Grade] = []
    report: ProbeReport | None = None
    with ProgressView() as view, open_grader(config, resources) as score_many:
        try:
            for start in range(0, len(replies.records), CHUNK):
                end = start + CHUNK
                chunk = zip(replies.records[start:end], replies.answers[start:end], strict=True)
                grades += score_many(list(chunk))
                view.report("Grading replies", len(grades), len(replies.records))
            if probe:
                report = _probe(config, replies, score_many, view)
        except KeyboardInterrupt:
            return Outcome(grades, report, is_stopped=True)
    return Outcome(grades, report, is_stopped=False)


def _count_probes(config: "GraderConfig", replies: Replies) -> int:
    from lucy.tools.graders.probing import count_probes
    from lucy.tools.graders.tricks import list_own_words

    return count_probes(replies.records, answers=replies.answers, words=list_own_words(config))


def _probe(
    config: "GraderConfig", replies: Replies, score_many: "ScoreMany", view: ProgressView
) -> "ProbeReport":
    from lucy.tools.graders.probing import probe_grader
    from lucy.tools.graders.tricks import list_own_words

    return probe_grader(
        score_many,
        replies.records,
        answers=replies.answers,
        words=list_own_words(config),
        progress=view.report,
    )


def _describe(record: "Record", one: "Grade") -> dict[str, Any]:
    return {
        "record_id": record.id,
        "score": one.score,
        "criteria": one.criteria,
        "reason": one.reason,
        "error": one.error,
    }


def _summarise(name: str, replies: Replies, outcome: Outcome) -> dict[str, Any]:
    """Give the figures; the interval of the mean resamples equal prompts and families whole."""
    grades = outcome.grades
    scored = [
        (one.score, family)
        for one, family in zip(grades, replies.families, strict=False)
        if one.score is not None
    ]
    scores = [score for score, _ in scored]
    figures: dict[str, Any] = {
        "grader": name,
        "replies": len(grades),
        "graded": len(scores),
        "failed": len(grades) - len(scores),
        "failures": dict(
            sorted(Counter(one.error or "error" for one in grades if one.score is None).items())
        ),
        "mean": None,
        "low95": None,
        "high95": None,
        "std": None,
        "lowest": min(scores, default=None),
        "highest": max(scores, default=None),
        "families": len({family for _, family in scored}),
        "without_reference": replies.without_reference,
    }
    return figures | _estimate(scores, [family for _, family in scored]) if scores else figures


def _estimate(scores: list[float], families: list[str]) -> dict[str, float]:
    import numpy as np

    from lucy.tools.dry_run.intervals import estimate_share, number_clusters

    values = np.array(scores, dtype=np.float64)
    mean = estimate_share(values, number_clusters(families))
    return {
        "mean": round(mean.value, 4),
        "low95": round(mean.low95, 4),
        "high95": round(mean.high95, 4),
        "std": round(float(values.std()), 4),
    }


def _describe_probe(probe: "ProbeReport | None") -> dict[str, Any]:
    return {"probe": probe.model_dump(mode="json")} if probe is not None else {}


def _show(figures: dict[str, Any], rows: list[dict[str, Any]], probe: "ProbeReport | None") -> None:
    shown = [(key, value) for key, value in figures.items() if key not in ("grader", "failures")]
    shown += [(f"failed: {error}", count) for error, count in figures["failures"].items()]
    print_table(("Grader", figures["grader"]), shown)
    _show_failures(rows)
    if figures["without_reference"]:
        print_line(f"- {figures['without_reference']:,} replies have no reference of the same id or prompt")
    if probe is not None:
        _show_probe(probe)


def _show_failures(rows: list[dict[str, Any]]) -> None:
    failed = [row for row in rows if row["error"]]
    for row in failed[:5]:
        print_line(f"- {row['record_id']}: {row['error']} ({row['reason']})")
    if len(failed) > 5:
        print_line(f"- and {len(failed) - 5:,} more that could not be graded")


def _show_probe(probe: "ProbeReport") -> None:
    """Show what cheap tricks earned beside the honest answers."""
    print_line()
    rows = [
        (
            one.title,
            _show_score(one.score),
            f"{one.difference.value:+.2f} ({one.difference.low90:+.2f} to {one.difference.high90:+.2f})"
            if one.difference
            else "-",
            one.failed,
            one.outcome or "-",
        )
        for one in probe.tricks
    ]
    honest = (
        f"Honest answers, {probe.records} records",
        _show_score(probe.honest),
        "",
        probe.honest_failed,
        "",
    )
    print_table(("Cheap trick", "Score", "Beside honest (90%)", "Failed", "Trick"), [honest, *rows])
    for warning in probe.warnings:
        print_line(f"- {warning}")


def _show_score(score: float | None) -> str:
    return "-" if score is None else f"{score:.2f}"
