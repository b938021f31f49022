"""Check what a command was given before anything is created: bad input leaves everything as it was."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lucy.errors import InputError, StoreError
from lucy.ui.cli.output import make_writable

if TYPE_CHECKING:
    from lucy.graph.state import StepName
    from lucy.settings import Settings
    from lucy.tools.graders.config import GraderConfig
    from lucy.tools.records.validation import Limits


BEFORE_THE_MODEL = ("topics_config", "categorize", "coverage_generation", "grader_config")
"""Steps in which no base model answers."""


@dataclass(frozen=True, slots=True)
class Order:
    """What `lucy run` is to do; everything in it was checked."""

    source: Path
    goal: str
    name: str
    grader: "GraderConfig | None"
    until: "StepName | None"
    report: Path | None
    """Folder for the report; None is the usual one in the data folder."""


def make_limits(settings: "Settings") -> "Limits":
    """Give the limits of a record that are set."""
    from lucy.tools.records.validation import Limits

    return Limits(min_user_chars=settings.min_user_chars, max_tokens=settings.max_tokens)


def read_order(
    settings: "Settings",
    *,
    file: str,
    goal: str,
    name: str | None,
    until: str | None,
    grader: str | None,
    report: str | None,
) -> Order:
    """Check everything that `lucy run` was given.

    Raises:
        InputError: something cannot be used, or there is no trainer of the name that is set.
        NotFoundError: the base model that is set is not on this machine.
        GraderError: the grader cannot be used on this machine.
        StoreError: the data folder cannot be written.
    """
    from lucy.tools.datasets import name_source
    from lucy.tools.training.trainers import check_setup

    order = Order(
        source=check_file(file, make_limits(settings)),
        goal=check_goal(goal),
        name=make_writable(name or "").strip(),
        until=check_step(until) if until is not None else None,
        grader=check_grader(grader) if grader is not None else None,
        report=check_report(report, source=file) if report is not None else None,
    )
    check_trainer(settings)
    if order.until not in BEFORE_THE_MODEL:
        check_setup(settings)
    check_home(settings.home)
    return order if order.name else replace_name(order, make_writable(name_source(order.source)))


def replace_name(order: Order, name: str) -> Order:
    """Give the order with another name."""
    from dataclasses import replace

    return replace(order, name=name)


def check_file(text: str, limits: "Limits") -> Path:
    """Give the path of a file that has at least one valid record; reads no further than to the first.

    Raises:
        InputError: the file cannot be read, or nothing in it can be used.
    """
    from lucy.tools.datasets import find_source
    from lucy.tools.records.hygiene import examine, require_valid
    from lucy.tools.records.intake import Accepted, Intake
    from lucy.tools.records.reading import check_source, read_entries

    path = find_source(text)
    check_source(path)
    if make_writable(str(path)) != str(path):
        raise InputError(f"The name of the file {make_writable(text)!r} is no UTF-8; rename the file.")
    intake = Intake(limits)
    entries = read_entries(path, max_bytes=limits.max_line_bytes)
    if not any(isinstance(intake.take(entry), Accepted) for entry in entries):
        require_valid(examine(path, limits=limits).report)
    return path


def check_goal(text: str) -> str:
    """Give the goal without the blanks around it.

    Raises:
        InputError: it is empty.
    """
    if not text.strip():
        raise InputError(
            "The goal is empty; say what the model should do well, such as --goal 'Answer politely'."
        )
    return make_writable(text).strip()


def check_step(text: str) -> "StepName":
    """Give the step of that name.

    Raises:
        InputError: there is no such step.
    """
    from lucy.graph.state import STEPS

    for step in STEPS:
        if text.strip().replace("-", "_") == step:
            return step
    raise InputError(f"There is no step {text!r}; the steps are: {', '.join(STEPS)}.")


def check_grader(text: str) -> "GraderConfig":
    """Read a grader's file and try whether it can be used here.

    Raises:
        InputError: the file cannot be read or holds no grader.
        GraderError: the grader cannot be used on this machine.
    """
    from lucy.tools.graders.config import load_grader
    from lucy.tools.graders.scoring import open_grader

    grader = load_grader(Path(text).expanduser())
    with open_grader(grader):
        return grader


def check_report(text: str, *, source: str = "") -> Path:
    """Give the folder for a report, which need not be there yet.

    Raises:
        InputError: it cannot be written, or holds files of the same names that are no report of Lucy's.
    """
    from lucy.ui.folder import FILES, is_report

    folder = Path(text).expanduser()
    fault = find_write_fault(folder)
    if not text.strip() or fault:
        raise InputError(
            f"The report folder {text!r} cannot be written ({fault or 'it has no name'}); "
            "give another --report."
        )
    there = [name for name in FILES if (folder / name).exists()]
    if there and not is_report(folder):
        raise InputError(
            f"The folder {text!r} already holds {there[0]!r}, which is no report of Lucy's; "
            "give another --report."
        )
    if source and folder.is_dir() and Path(source).expanduser().resolve().parent == folder.resolve():
        _refuse_own_name(Path(source), text)
    return folder


def _refuse_own_name(source: Path, folder: str) -> None:
    from lucy.ui.folder import FILES

    if source.name in FILES:
        raise InputError(
            f"A report in {folder!r} would overwrite the records {source.name!r}; give another --report."
        )


def check_trainer(settings: "Settings") -> None:
    """Check that the trainer is installed, before five steps are done for it.

    Raises:
        InputError: there is none of that name.
    """
    from lucy.tools.training.trainers import list_trainers

    known = list_trainers()
    if settings.trainer != "offline" and settings.trainer not in known:
        raise InputError(
            f"There is no trainer {settings.trainer!r}; set LUCY_TRAINER to one of: {', '.join(known)}."
        )


def check_home(home: Path) -> None:
    """Check that the data folder can be written, without making it.

    Raises:
        StoreError: it cannot.
    """
    if fault := find_write_fault(home):
        raise StoreError(
            f"The data folder {str(home)!r} cannot be written ({fault}); "
            "make it writable or set LUCY_HOME to another folder."
        )


def find_write_fault(folder: Path) -> str:
    """Say why nothing could be written into a folder, which need not exist; empty when it could."""
    try:
        nearest = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
    if not nearest.is_dir():
        return f"{str(nearest)!r} is no folder"
    return "" if os.access(nearest, os.W_OK | os.X_OK) else f"{str(nearest)!r} is not writable"
