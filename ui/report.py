"""Write the report folder of a workflow: what was done, for a person and for programs.

What the workflow has not come to is left out, and `report.json` says so under `missing`. The order of lines
is the dataset's, so equal work gives equal files.
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lucy.graph.state import STEPS, StepName, find_stale
from lucy.nodes.reading import read_dataset
from lucy.tools.calls.roles import ROLES
from lucy.tools.store.activity import read_conditions
from lucy.tools.store.ledger import OFFLINE, sum_ledger
from lucy.tools.store.workflows import find_workflow
from lucy.ui.folder import FILES, write_file, write_json, write_lines
from lucy.ui.report_lines import list_records, list_rejects, list_rollouts
from lucy.ui.report_material import Material, read_grader, read_names, read_topic_tree
from lucy.ui.report_page import write_page
from lucy.ui.timing import measure_steps

if TYPE_CHECKING:
    from lucy.graph.runs import Runs

SCHEMA = 1
"""Version of the shape of `report.json`."""
RESULTS: dict[StepName, str] = {
    "topics_config": "topics",
    "categorize": "categories",
    "coverage_generation": "coverage",
    "grader_config": "grader",
    "dry_run": "dry_run",
    "training": "training",
    "deployment": "deployment",
}
"""Which artefact is the result of which step."""
LONGEST_LIST = 60
"""Entries of a list that a result shows; of a longer one only the number is shown."""
LONGEST_TEXT = 1000
"""Characters of a text that a result shows."""
MISSING = {
    "records.jsonl": "no dataset was imported",
    "rejects.jsonl": "no dataset was imported",
    "rollouts.jsonl": "the dry run has not been run",
    "topics.json": "no topics were approved",
    "grader.json": "no grader was approved",
}
"""Why a file is left out."""


def write_report(runs: "Runs", workflow_id: str, folder: Path) -> Path:
    """Write the report of a workflow as it is now into a folder, replacing an earlier one.

    Raises:
        StoreError: the folder cannot be written.
    """
    bench = runs.bench
    state = runs.read_state(workflow_id)
    material = Material(bench, find_workflow(bench.store, workflow_id), state)
    lines = {
        "records.jsonl": list_records(material),
        "rejects.jsonl": list_rejects(material),
        "rollouts.jsonl": list_rollouts(material),
    }
    values = {"topics.json": read_topic_tree(material), "grader.json": read_grader(material)}
    found: dict[str, Any] = {name: value for name, value in (lines | values).items() if value is not None}
    report = describe(material, missing=[name for name in MISSING if name not in found])
    for name, value in found.items():
        (write_lines if name in lines else write_json)(folder / name, value)
    page = write_page(
        report, material.messages, training=material.read("training"), names=read_names(material)
    )
    write_file(folder / "report.md", page)
    for name in report["missing"]:
        (folder / name).unlink(missing_ok=True)
    write_json(folder / "report.json", report)
    return folder


def describe(material: Material, *, missing: Sequence[str]) -> dict[str, Any]:
    """Give the content of `report.json`."""
    workflow, state = material.workflow, material.state
    pending = state.get("pending")
    return {
        "schema": SCHEMA,
        "lucy": version("lucy-finetune"),
        "workflow_id": workflow.id,
        "name": workflow.name,
        "goal": workflow.goal,
        "step": state.get("step") or workflow.step,
        "status": read_conditions(material.bench.store).get(workflow.id, "waiting"),
        "created_at": workflow.created_at,
        "updated_at": workflow.updated_at,
        "seed": material.bench.settings.seed,
        "engines": _name_engines(material),
        "dataset": _describe_dataset(material),
        "totals": _add_up(material),
        "steps": _describe_steps(material),
        "question": pending["question"] if pending else None,
        "files": [name for name in FILES if name not in missing],
        "missing": {name: MISSING[name] for name in missing},
    }


def _name_engines(material: Material) -> dict[str, str]:
    """Name the engine of each role; a script grader is its own judge.

    A language model is named when it was called for this workflow; one that is only set is named as such.
    """
    grader = read_grader(material) or {}
    engines: dict[str, str] = dict.fromkeys(ROLES, OFFLINE)
    engines |= {role: f"{one.model} (not called)" for role, one in material.bench.list_engines().items()}
    called: dict[str, list[str]] = {}
    for row in sum_ledger(material.bench.store, material.workflow.id):
        called.setdefault(row["role"], []).append(row["engine"])
    engines |= {role: ", ".join(names) for role, names in called.items()}
    return engines | ({"judge": f"{grader['type']} script"} if grader.get("type") == "python" else {})


def _describe_dataset(material: Material) -> dict[str, Any] | None:
    if not material.state.get("dataset_id"):
        return None
    dataset = read_dataset(material.state, material.bench)
    synthetic = sum(record.is_synthetic for record in material.records)
    return {
        "id": dataset.id,
        "name": dataset.name,
        "source": Path(dataset.source).name,
        "records": len(material.records),
        "synthetic": synthetic,
        "hygiene": dataset.report,
    }


def _add_up(material: Material) -> dict[str, Any]:
    """Add calls, tokens and cost over the roles; a cost that is not known makes the sum unknown."""
    rows = sum_ledger(material.bench.store, material.workflow.id)
    costs = [row["cost"] for row in rows]
    totals: dict[str, Any] = {
        name: sum(row[name] for row in rows) for name in ("calls", "prompt_tokens", "completion_tokens")
    }
    return totals | {"cost": None if None in costs else sum(costs, 0.0), "by_role": rows}


def _describe_steps(material: Material) -> dict[str, dict[str, Any]]:
    status = material.state.get("status") or {}
    stale = find_stale(material.state)
    times = measure_steps(material.messages, material.workflow.created_at)
    steps: dict[str, dict[str, Any]] = {}
    for step in STEPS:
        time = times.get(step)
        body = material.read(RESULTS[step])
        steps[step] = {
            "status": status.get(step, "pending"),
            "started": time.started if time else None,
            "seconds": time.seconds if time else None,
            "stale": stale.get(step),
            "result": shorten(body) if body is not None else None,
        }
    return steps


def shorten(value: Any) -> Any:
    """Give a JSON value with long lists as their number of entries and long texts cut."""
    if isinstance(value, Mapping):
        return {str(key): shorten(one) for key, one in value.items()}
    if isinstance(value, list):
        return [shorten(one) for one in value] if len(value) <= LONGEST_LIST else {"count": len(value)}
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return f"{value[: LONGEST_TEXT - 1]}…"
    return value
