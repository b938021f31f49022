"""`lucy validate`: what of a file can be used, what cannot, and why."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lucy.errors import InputError
from lucy.ui.cli.orders import find_write_fault, make_limits
from lucy.ui.cli.output import print_json, print_line, print_note, print_table
from lucy.ui.cli.progress import ProgressView

if TYPE_CHECKING:
    from lucy.tools.records.hygiene import HygieneReport


def validate(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Chat records: JSON lines or a JSON array; or `sample`.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    rejects: Annotated[
        str | None, typer.Option(metavar="OUT", help="Write the rejected lines here, with their reasons.")
    ] = None,
) -> None:
    """Check records and show what is wrong with them; nothing is stored."""
    from lucy.settings import load_settings
    from lucy.tools.datasets import find_source
    from lucy.tools.records.hygiene import examine, require_valid
    from lucy.ui.folder import write_lines

    source, limits = find_source(file), make_limits(load_settings())
    out = _check_out(rejects, source) if rejects is not None else None
    found: list[dict[str, object]] = []
    with ProgressView() as view:
        report = examine(
            source,
            limits=limits,
            sink=lambda _, some: found.extend(
                {"line": one.line, "error": one.error, "message": one.message, "raw": one.raw} for one in some
            ),
            progress=view.report,
        ).report
    if out is not None:
        write_lines(out, found)
    if as_json:
        print_json(report.model_dump(mode="json"))
    else:
        _show(report)
    if out is not None:
        print_note(f"{len(found):,} rejected lines are in {str(out)!r}.")
    require_valid(report)


def _check_out(text: str, source: Path) -> Path:
    path = Path(text).expanduser()
    fault = "it is a folder" if path.is_dir() else find_write_fault(path.parent)
    if not fault and not path.parent.is_dir():
        fault = f"there is no folder {str(path.parent)!r}"
    if not fault and path.exists() and path.samefile(source):
        fault = "it is the file with the records"
    if fault:
        raise InputError(
            f"The rejected lines cannot be written to {text!r}: {fault}; give another --rejects."
        )
    return path


def _show(report: "HygieneReport") -> None:
    figures = [
        ("Entries", f"{report.total:,}"),
        ("Valid", f"{report.valid:,}"),
        ("Rejected", f"{report.rejected:,} ({report.rejection_rate:.1%})"),
        ("Near-duplicates", f"{report.near_duplicates:,} (kept)"),
        ("With a reply", f"{report.with_reply:,}"),
        ("With tools", f"{report.with_tools:,}"),
        ("Messages a record", f"{report.mean_messages:.1f}"),
        ("Tokens a record", f"about {report.mean_tokens:.0f}"),
    ]
    print_table((report.source, f"{report.format}"), figures)
    if report.errors_by_type:
        print_line()
        print_table(("Rejected because", "Lines"), [(k, f"{v:,}") for k, v in report.errors_by_type.items()])
    for sentence in report.recommendations:
        print_line(f"- {sentence}")
