"""`lucy grade`: grade the replies that a file already has."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lucy.errors import InputError
from lucy.ui.cli.orders import check_file, check_grader, find_write_fault, make_limits
from lucy.ui.cli.output import print_json, print_line, print_note, print_table
from lucy.ui.cli.progress import ProgressView

if TYPE_CHECKING:
    from lucy.tools.graders.config import GraderConfig
    from lucy.tools.vocabulary import Grade, Record

CHUNK = 64
"""Replies between two reports of the progress."""


def grade(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Chat records with replies; or `sample`.")],
    grader: Annotated[str, typer.Option(metavar="GRADER", help="A .py script or a grader's .json.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print figures and grades as JSON.")] = False,
    out: Annotated[
        str | None, typer.Option(metavar="OUT", help="Write one line a reply here, with its grade.")
    ] = None,
) -> None:
    """Grade the replies in a file; nothing is stored."""
    from lucy.settings import load_settings
    from lucy.tools.records.hygiene import load_records
    from lucy.tools.vocabulary import read_reply_text
    from lucy.ui.folder import write_lines

    limits = make_limits(load_settings())
    path = check_file(file, limits)
    config = check_grader(grader)
    target = _check_out(out, path) if out is not None else None
    replied = [record for record in load_records(path, limits=limits) if read_reply_text(record)]
    if not replied:
        raise InputError(f"No valid record of {path.name!r} has a reply to grade; expected recorded answers.")
    grades = _grade(config, replied)
    rows = [_describe(record, one) for record, one in zip(replied, grades, strict=True)]
    if target is not None:
        write_lines(target, rows)
        print_note(f"{len(rows):,} grades are in {str(target)!r}.")
    figures = _summarise(config.name, grades)
    if as_json:
        print_json(figures | {"grades": rows})
    else:
        print_table(
            ("Grader", config.name), [(key, value) for key, value in figures.items() if key != "grader"]
        )
        _show_failures(rows)


def _check_out(text: str, source: Path) -> Path:
    path = Path(text).expanduser()
    fault = "it is a folder" if path.is_dir() else find_write_fault(path.parent)
    if not fault and path.exists() and path.samefile(source):
        fault = "it is the file with the records"
    if fault:
        raise InputError(f"The grades cannot be written to {text!r}: {fault}; give another --out.")
    return path


def _grade(config: "GraderConfig", records: "list[Record]") -> "list[Grade]":
    from lucy.tools.graders.scoring import open_grader
    from lucy.tools.vocabulary import read_reply_text

    grades: list[Grade] = []
    with ProgressView() as view, open_grader(config) as score_many:
        for start in range(0, len(records), CHUNK):
            chunk = records[start : start + CHUNK]
            grades += score_many([(record, read_reply_text(record)) for record in chunk])
            view.report("Grading replies", len(grades), len(records))
    return grades


def _describe(record: "Record", one: "Grade") -> dict[str, Any]:
    return {
        "record_id": record.id,
        "score": one.score,
        "criteria": one.criteria,
        "reason": one.reason,
        "error": one.error,
    }


def _summarise(name: str, grades: "list[Grade]") -> dict[str, Any]:
    scores = [one.score for one in grades if one.score is not None]
    return {
        "grader": name,
        "replies": len(grades),
        "graded": len(scores),
        "failed": len(grades) - len(scores),
        "mean": round(math.fsum(scores) / len(scores), 4) if scores else None,
        "lowest": min(scores, default=None),
        "highest": max(scores, default=None),
    }


def _show_failures(rows: list[dict[str, Any]]) -> None:
    failed = [row for row in rows if row["error"]]
    for row in failed[:5]:
        print_line(f"- {row['record_id']}: {row['error']} ({row['reason']})")
    if len(failed) > 5:
        print_line(f"- and {len(failed) - 5:,} more that could not be graded")
