"""`lucy run` and `lucy resume`: a whole workflow without a browser."""

import os
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from lucy.errors import NotFoundError
from lucy.ui.cli.opening import open_runs
from lucy.ui.cli.orders import Order, check_home, check_report, check_step, make_limits, read_order
from lucy.ui.cli.output import FAILED, INTERRUPTED, print_error, print_line, print_note
from lucy.ui.cli.progress import ProgressView

if TYPE_CHECKING:
    from lucy.graph.runs import Runs
    from lucy.graph.state import StepName

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Take what Lucy proposes at every question.")]
Until = Annotated[str | None, typer.Option(metavar="STEP", help="Stop when this step is completed.")]
Report = Annotated[
    str | None,
    typer.Option(metavar="DIR", help="Folder for the report; by default one in the data folder."),
]


def run(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Chat records: JSON lines or a JSON array; or `sample`.")
    ],
    goal: Annotated[str, typer.Option(metavar="TEXT", help="What the model should do well.")],
    name: Annotated[str | None, typer.Option(help="Name of the dataset; by default the file's.")] = None,
    yes: Yes = False,
    until: Until = None,
    grader: Annotated[
        str | None, typer.Option(metavar="FILE", help="Grader to use: a .py script or a grader's .json.")
    ] = None,
    report: Report = None,
) -> None:
    """Take records and a goal through all steps, on the terminal.

    Exit status: 0 done, 2 bad input, 3 stopped at NO-GO, 4 a question is open (`lucy resume ID`).
    """
    from lucy.settings import load_settings

    order = read_order(
        load_settings(), file=file, goal=goal, name=name, until=until, grader=grader, report=report
    )
    with open_runs() as runs:
        dataset_id = _import(runs, order)
        workflow_id = _create(runs, order, dataset_id)
        _hold(runs, workflow_id, yes=yes, until=order.until, report=order.report)


def resume(
    workflow: Annotated[str, typer.Argument(metavar="ID", help="The workflow's id, or its beginning.")],
    yes: Yes = False,
    until: Until = None,
    report: Report = None,
) -> None:
    """Go on with a workflow: a run that was broken off, or the question that is open."""
    from lucy.settings import load_settings
    from lucy.tools.store.workflows import find_workflow

    step = check_step(until) if until is not None else None
    folder = check_report(report) if report is not None else None
    home = load_settings().home
    check_home(home)
    if not (home / "lucy.db").exists():
        raise NotFoundError(
            f"There is no workflow {workflow!r}: nothing was stored in {str(home)!r} yet; "
            "`lucy run` starts one."
        )
    with open_runs() as runs:
        found = find_workflow(runs.bench.store, workflow)
        _hold(runs, found.id, yes=yes, until=step, report=folder)


def _import(runs: "Runs", order: Order) -> str:
    from lucy.tools.datasets import open_source

    limits = make_limits(runs.bench.settings)
    with ProgressView() as view:
        dataset = open_source(
            runs.bench.store, order.source, name=order.name, limits=limits, progress=view.report
        )
    return dataset.id


def _create(runs: "Runs", order: Order, dataset_id: str) -> str:
    """Create the workflow; a given grader is there as a draft before the first step looks for one."""
    from lucy.tools.store.artefacts import put_artefact

    workflow_id = str(uuid.uuid4())
    given: dict[str, object] = {"dataset_id": dataset_id, "goal": order.goal, "name": order.name}
    if order.grader is not None:
        body = {"config": order.grader.model_dump(mode="json")}
        ref = put_artefact(
            runs.bench.store, workflow_id, "grader_draft", body, reason="given on the command line"
        )
        given["artefacts"] = {"grader_draft": {**ref}}
    return runs.create(workflow_id=workflow_id, **given)


def _hold(
    runs: "Runs", workflow_id: str, *, yes: bool, until: "StepName | None", report: Path | None
) -> NoReturn:
    """Hold the conversation, write the report and end with the exit code."""
    from lucy.ui.cli.conversation import Conversation
    from lucy.ui.folder import find_folder
    from lucy.ui.report import write_report

    try:
        print_line(f"Workflow {workflow_id}\n")
        ending = Conversation(runs, workflow_id, yes=yes, until=until).hold()
    except KeyboardInterrupt:
        _leave_at_once(workflow_id)
    folder = report or find_folder(runs.bench.settings.home, workflow_id)
    write_report(runs, workflow_id, folder)
    print_line(f"Report: {folder}")
    (print_error if ending.code == FAILED else print_line)(ending.sentence)
    raise typer.Exit(ending.code)


def _leave_at_once(workflow_id: str) -> NoReturn:
    """End the process without waiting for the piece of work in progress; all before it is stored."""
    print_note(f"\nStopped; nothing is lost: `lucy resume {workflow_id}` goes on.")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(INTERRUPTED)
