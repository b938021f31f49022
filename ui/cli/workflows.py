"""`lucy workflows`: what is stored, step by step, and how to go back or delete it."""

import shutil
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from lucy.ui.cli.opening import open_runs, open_store
from lucy.ui.cli.orders import check_step
from lucy.ui.cli.output import confirm, print_json, print_line, print_table, print_text

if TYPE_CHECKING:
    from lucy.graph.runs import Runs
    from lucy.tools.store.database import Store
    from lucy.tools.store.workflows import Workflow

app = typer.Typer(name="workflows", help="List, show, roll back and delete workflows.")
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The workflow's id, or its beginning.")]
LONGEST = 160
"""Characters of a message in the history."""


class Happening(NamedTuple):
    """One line of a workflow's history."""

    time: str
    kind: str
    step: str
    text: str


@app.command("list")
def list_all(as_json: Json = False) -> None:
    """List the workflows, the one worked on last first."""
    from lucy.tools.store.activity import read_conditions
    from lucy.tools.store.workflows import list_workflows

    with open_store() as store:
        conditions = read_conditions(store)
        rows = [
            {
                "id": workflow.id,
                "dataset": workflow.name or workflow.dataset_id or "",
                "step": workflow.step,
                "status": conditions.get(workflow.id, "waiting"),
                "updated_at": workflow.updated_at,
            }
            for workflow in list_workflows(store)
        ]
    if as_json:
        print_json(rows)
    elif rows:
        print_table(tuple(rows[0]), [tuple(row.values()) for row in rows])
    else:
        print_line("There are no workflows yet; begin one with `lucy run FILE --goal TEXT` or `lucy ui`.")


@app.command()
def show(workflow: Id, as_json: Json = False) -> None:
    """Show where a workflow is: its steps, its artefacts and the open question."""
    from lucy.tools.store.workflows import find_workflow

    with open_runs() as runs:
        described = _describe(runs, find_workflow(runs.bench.store, workflow))
    if as_json:
        print_json(described)
    else:
        _show(described)


def _describe(runs: "Runs", workflow: "Workflow") -> dict[str, Any]:
    from lucy.graph.state import STEPS, find_stale
    from lucy.tools.store.activity import read_conditions
    from lucy.tools.store.artefacts import list_artefacts

    state = runs.read_state(workflow.id)
    stale = find_stale(state)
    status = state.get("status") or {}
    pending = state.get("pending")
    refs = state.get("artefacts") or {}
    return {
        "id": workflow.id,
        "dataset": workflow.name or workflow.dataset_id or "",
        "goal": workflow.goal,
        "step": workflow.step,
        "status": read_conditions(runs.bench.store).get(workflow.id, "waiting"),
        "updated_at": workflow.updated_at,
        "steps": [
            {"step": step, "status": status.get(step, "pending"), "stale": stale.get(step)} for step in STEPS
        ],
        "artefacts": [
            one | {"current": refs.get(one["kind"], {}).get("revision") == one["revision"]}
            for one in list_artefacts(runs.bench.store, workflow.id)
        ],
        "question": pending["question"] if pending else None,
        "choices": [choice["label"] for choice in pending["choices"]] if pending else [],
    }


def _show(described: dict[str, Any]) -> None:
    plain = ("dataset", "goal", "step", "status", "updated_at")
    print_table(("Workflow", described["id"]), [(key, described[key]) for key in plain])
    print_line()
    rows = [
        (one["step"], one["status"], f"stale: {one['stale']} changed since" if one["stale"] else "")
        for one in described["steps"]
    ]
    print_table(("step", "status", ""), rows)
    print_line()
    if described["artefacts"]:
        columns = ("kind", "revision", "reason", "created_at")
        marks = [("*" if one["current"] else "") for one in described["artefacts"]]
        rows = [
            (*(one[name] for name in columns), mark)
            for one, mark in zip(described["artefacts"], marks, strict=True)
        ]
        print_table((*columns, "current"), rows)
        print_line()
    if described["question"]:
        print_line("Open question:")
        print_text(described["question"])
        for number, label in enumerate(described["choices"], 1):
            print_line(f"  {number}. {label}")
        print_line(f"Answer it with `lucy resume {described['id']}`.")


@app.command()
def history(workflow: Id, as_json: Json = False) -> None:
    """Show what happened: messages, decisions, artefacts and snapshots, in order of time."""
    from lucy.tools.store.workflows import find_workflow

    with open_store() as store:
        happenings = read_history(store, find_workflow(store, workflow).id)
    if as_json:
        print_json([one._asdict() for one in happenings])
    else:
        rows = [(one.time[:19], one.kind, one.step, _shorten(one.text)) for one in happenings]
        print_table(("time", "what", "step", "text"), rows)


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def read_history(store: "Store", workflow_id: str) -> list[Happening]:
    """Read everything that happened in a workflow, oldest first."""
    from lucy.graph.state import MAKERS
    from lucy.tools.store.artefacts import list_artefacts
    from lucy.tools.store.generation import read_generations
    from lucy.tools.store.workflows import read_decisions, read_messages, read_snapshots

    found = [
        Happening(one["created_at"], "you" if one["role"] == "user" else "lucy", one["step"], one["text"])
        for one in read_messages(store, workflow_id)
    ]
    found += [
        Happening(one["created_at"], "decision", one["step"], f"{one['decision']}: {one['text']}")
        for one in read_decisions(store, workflow_id)
    ]
    found += [
        Happening(
            one["created_at"],
            "artefact",
            MAKERS[one["kind"]] if one["kind"] in MAKERS else str(one["kind"]),
            f"{one['kind']} revision {one['revision']}{': ' + one['reason'] if one['reason'] else ''}",
        )
        for one in list_artefacts(store, workflow_id)
    ]
    found += [
        Happening(one.created_at, "snapshot", one.step, f"snapshot {one.number}, before {one.step}")
        for one in read_snapshots(store, workflow_id)
    ]
    found += [
        Happening(
            one["created_at"],
            "generation",
            "coverage_generation",
            f"{one['strategy']}: {one['made']} made, {one['valid']} valid, balance "
            f"{one['balance_before']:.2f} to {one['balance_after']:.2f}",
        )
        for one in read_generations(store, workflow_id)
    ]
    return sorted(found, key=lambda one: one.time)


@app.command()
def rollback(
    workflow: Id,
    step: Annotated[
        str, typer.Argument(metavar="STEP", help="Put everything back as it was when this step was to begin.")
    ],
) -> None:
    """Go back to an earlier step; nothing is deleted."""
    from lucy.tools.store.workflows import find_workflow

    wanted = check_step(step)
    with open_runs() as runs:
        found = find_workflow(runs.bench.store, workflow)
        runs.rollback(found.id, wanted)
        _refresh_row(runs, found.id)
    print_line(
        f"The workflow is as it was before {wanted}; nothing was deleted. "
        f"`lucy resume {found.id}` goes on from there."
    )


def _refresh_row(runs: "Runs", workflow_id: str) -> None:
    """Let the list show where the workflow is now, as the graph's router does on its next run."""
    from lucy.graph.state import STEPS
    from lucy.tools.store.workflows import save_workflow

    state = runs.read_state(workflow_id)
    status = state.get("status") or {}
    save_workflow(
        runs.bench.store,
        workflow_id,
        step=state.get("step") or "not_started",
        status={step: status.get(step, "pending") for step in STEPS},
        question="",
    )


@app.command()
def delete(
    workflow: Id,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete without asking.")] = False,
) -> None:
    """Delete a workflow with its conversation and results; the dataset and its models stay."""
    from lucy.tools.store.workflows import delete_workflow, find_workflow, release_run, take_run
    from lucy.ui.folder import find_folder

    with open_store() as store:
        found = find_workflow(store, workflow)
    confirm(f"Delete the workflow {found.id} ({found.name or 'no name'}, at {found.step}) for good?", yes=yes)
    with open_runs() as runs:
        store = runs.bench.store
        take_run(store, found.id)
        try:
            delete_workflow(store, found.id)
            _forget_checkpoints(runs, found.id)
        finally:
            release_run(store, found.id)
        shutil.rmtree(find_folder(store.home, found.id), ignore_errors=True)
    print_line(f"The workflow {found.id} is deleted; its dataset and its models are still there.")


def _forget_checkpoints(runs: "Runs", workflow_id: str) -> None:
    checkpointer: Any = runs.graph.checkpointer
    checkpointer.delete_thread(workflow_id)
