"""Print for people and for programs: results on standard output, progress and errors on standard error."""

import io
import json
import logging
import re
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NamedTuple

import typer

from lucy.errors import GateError, GraderError, InputError, LucyError, NotFoundError, StoreError

DONE, FAILED, BAD_INPUT, NO_GO, QUESTION_OPEN, INTERRUPTED = 0, 1, 2, 3, 4, 130
"""Exit codes: done, failed, bad input, stopped at a NO-GO, a question is open, Ctrl-C."""
REFUSALS = (InputError, NotFoundError, GateError, GraderError, StoreError)
"""Causes that count as bad input: nothing was changed."""
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Characters that steer a terminal; a record may hold them."""
LONGEST_LOG = 1_000_000
"""Bytes after which the log file begins anew."""


class Fault(NamedTuple):
    """What is said about an error, and the exit code."""

    sentence: str
    code: int


def set_encoding() -> None:
    """Write UTF-8 whatever the terminal claims; what cannot be written becomes a question mark."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")


def clean(text: str) -> str:
    """Make characters harmless that would steer the terminal."""
    return CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def make_writable(text: str) -> str:
    """Replace what a terminal or an argument brought along and UTF-8 cannot hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def print_text(markdown: str) -> None:
    """Print a message: laid out on a terminal, else as it stands; a blank line follows."""
    if not sys.stdout.isatty():
        typer.echo(f"{clean(markdown)}\n")
        return
    from rich.console import Console
    from rich.markdown import Markdown

    # Links would be hidden behind words that a record chose.
    Console(highlight=False).print(Markdown(clean(markdown), hyperlinks=False), "")


def print_line(text: str = "") -> None:
    """Print one line of a result."""
    typer.echo(clean(text))


def print_note(text: str) -> None:
    """Print a line about the work, on standard error."""
    typer.echo(clean(text), err=True)


def print_error(sentence: str) -> None:
    """Print an error as one line on standard error."""
    typer.echo(f"Error: {clean(' '.join(sentence.split()))}", err=True)


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    typer.echo(re.sub(r"[\x7f-\x9f]", lambda found: f"\\u{ord(found[0]):04x}", text))


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table: framed on a terminal, else in plain columns."""
    cells = [[" ".join(clean(str(cell)).split()) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        _print_columns([list(header), *cells])
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*header, box=None, header_style="bold", pad_edge=False)
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    Console(highlight=False).print(table)


def _print_columns(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(padded).rstrip())


def confirm(question: str, *, yes: bool) -> None:
    """Go on only if the person agrees, or has agreed with `--yes`.

    Raises:
        InputError: there is nobody to ask, or the person does not agree.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise InputError(f"{question} There is no terminal to ask on; add --yes to agree.")
    if not typer.confirm(question, default=False):
        raise InputError("Nothing was changed, as you did not agree.")


def explain(error: Exception) -> Fault:
    """Turn any error into one sentence and an exit code."""
    if isinstance(error, LucyError):
        return Fault(str(error), BAD_INPUT if isinstance(error, REFUSALS) else FAILED)
    if isinstance(error, OSError) and error.strerror:
        place = f" ({error.filename})" if error.filename else ""
        return Fault(
            f"The system reports: {error.strerror}{place}; make that possible and try again.", FAILED
        )
    logging.getLogger(__name__).error("A command failed", exc_info=error)
    return Fault(
        f"Something failed inside Lucy ({type(error).__name__}); nothing that was stored is lost, and "
        "lucy.log in the data folder says where.",
        FAILED,
    )


class LogFile(logging.Handler):
    """Writes warnings and faults to `lucy.log` in the data folder, which is opened for each."""

    def emit(self, record: logging.LogRecord) -> None:
        """Append a record; a folder that cannot be written must not hide the error itself."""
        from lucy.settings import find_home

        text = f"{record.levelname} {record.name}: {record.getMessage()}\n"
        if record.exc_info and record.exc_info[1]:
            text += "".join(traceback.format_exception(record.exc_info[1]))
        path = find_home() / "lucy.log"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            is_long = path.exists() and path.stat().st_size > LONGEST_LOG
            with path.open("w" if is_long else "a", encoding="utf-8", errors="replace") as file:
                file.write(text)
        except OSError:
            return


def send_log_to_file() -> None:
    """Keep log records and Python's warnings out of the terminal."""
    root = logging.getLogger()
    if not any(isinstance(handler, LogFile) for handler in root.handlers):
        root.addHandler(LogFile(logging.WARNING))
    logging.captureWarnings(True)
