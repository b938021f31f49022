"""Step 6: train the model, and prove on held-out prompts what that changed.

Decides: the split and the parameters. Reads: artefacts `dataset`, `categories`, `grader`, `dry_run`.
Writes: a job; artefact `training` with the comparison; a version in the model registry.
Asks: before the training starts, always. Costs: nothing with the offline engine.
"""

import re
from typing import Any

from lucy.errors import InputError
from lucy.graph.state import FinetuneWorkflowState, Intent, Update, collect_inputs
from lucy.nodes.reading import (
    has_artefact,
    read_artefact,
    read_current_records,
    read_topics,
)
from lucy.nodes.step import Step, approve_choice, ask, finish, get_plan, get_workflow_id, reply
from lucy.nodes.uploading import upload_current
from lucy.nodes.wording import draw_table, write
from lucy.tools.gates import check_training_gate
from lucy.tools.jobs import start_job
from lucy.tools.registry import suggest_name
from lucy.tools.store.artefacts import put_artefact
from lucy.tools.store.jobs import FINAL, Job, find_job, submit_job
from lucy.tools.training.comparison import Change, Comparison
from lucy.tools.training.job import TrainingRequest
from lucy.tools.training.split import split_records
from lucy.tools.workbench import Workbench

DEFAULTS: dict[str, Any] = {"train_split": 0.9, "epochs": 2}
"""Parameters that are proposed."""


def propose(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Propose the split and the parameters; refuse without a dry run that allows it."""
    _check_gate(state, bench)
    pending = state.get("pending")
    asked = (state.get("intent") or Intent(kind="edit", text="")).get("changes") or {}
    known = pending["plan"] if pending and pending["step"] == "training" else {}
    plan = DEFAULTS | {"attempt": 1} | known | asked
    plan.setdefault("group_size", bench.settings.group_size)
    _check_parameters(plan)
    records = read_current_records(state, bench)
    topics = {one.record_id: one.topic_id for one in read_topics(state, bench, records)}
    split = split_records(records, topics, train_share=plan["train_split"], seed=bench.settings.seed)
    question = write(
        "training",
        "proposal",
        records=len(records),
        synthetic=sum(record.is_synthetic for record in records),
        train=len(split.train_ids),
        heldout=len(split.heldout_ids),
        leakage=len(split.leakage),
        epochs=plan["epochs"],
        group_size=plan["group_size"],
        seed=bench.settings.seed,
    )
    choices = [approve_choice("Start training", action="start")]
    return ask(
        state, bench, step="training", question=question, choices=choices, plan=plan | {"action": "start"}
    )


def _check_parameters(plan: dict[str, Any]) -> None:
    epochs, share, group = (plan[name] for name in ("epochs", "train_split", "group_size"))
    if not all(isinstance(value, int | float) for value in (epochs, share, group)):
        raise InputError("Epochs, train split and group size must be numbers, such as 2, 0.9 and 8.")
    if not 1 <= epochs <= 50:
        raise InputError(f"The epochs must be 1 to 50, not {epochs}; 2 is the usual number.")
    if not 0 < share < 1:
        raise InputError(f"The train split must lie between 0 and 1, not {share}; 0.9 is usual.")
    if not 2 <= group <= 64:
        raise InputError(f"The group size must be 2 to 64, not {group}; 8 is usual.")


def _check_gate(state: FinetuneWorkflowState, bench: Workbench) -> None:
    if not has_artefact(state, "dry_run"):
        check_training_gate(verdict=None, accepted="", fresh=False)
    body = read_artefact(state, bench, "dry_run")
    now = collect_inputs(state.get("artefacts") or {}, "dry_run")
    check_training_gate(
        verdict=body["report"]["verdict"]["verdict"],
        accepted=body.get("accepted", ""),
        fresh=body["inputs"] == now,
    )


def answer(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Say how far the job is, or explain what will happen."""
    pending = state.get("pending")
    if pending is None or pending["kind"] != "job":
        return reply(state, bench, step="training", text=write("training", "explained"))
    job = find_job(bench.store, pending.get("job_id", ""))
    done, total = job.progress.get("done", 0), job.progress.get("total", 0)
    text = write(
        "training",
        "status",
        job_id=job.id,
        status=job.status,
        label=job.progress.get("label", "Waiting to start"),
        done=done,
        total=total,
    )
    return reply(state, bench, step="training", text=text)


def execute(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Submit the job and wait for it, or take in what it made."""
    plan = get_plan(state)
    if plan.get("action") == "collect":
        pending = state.get("pending")
        return _collect(state, bench, find_job(bench.store, (pending or {}).get("job_id", "")))
    _check_gate(state, bench)
    job_id = submit_job(
        bench.store, get_workflow_id(state), "training", _request(state, bench, plan).model_dump(mode="json")
    )
    start_job(bench, job_id)
    question = write("training", "started", job_id=job_id)
    return ask(
        state,
        bench,
        step="training",
        question=question,
        choices=[],
        plan=plan,
        kind="job",
        job_id=job_id,
        slot="started",
    )


def _request(state: FinetuneWorkflowState, bench: Workbench, plan: dict[str, Any]) -> TrainingRequest:
    artefacts = state.get("artefacts") or {}
    frozen = upload_current(state, bench)
    return TrainingRequest(
        dataset_id=frozen.dataset.dataset_id,
        batches=frozen.dataset.batches,
        edits=frozen.dataset.edits,
        categories=frozen.dataset.categories,
        grader=frozen.grader,
        name=suggest_name(state.get("name") or "model"),
        goal=state.get("goal") or "",
        train_split=float(plan["train_split"]),
        epochs=int(plan["epochs"]),
        group_size=int(plan["group_size"]),
        seed=bench.settings.seed,
        attempt=int(plan["attempt"]),
        lineage={
            "upload": frozen.backend_dataset_id,
            **{kind: dict(artefacts[kind]) for kind in ("dataset", "grader", "dry_run")},
        },
    )


def _collect(state: FinetuneWorkflowState, bench: Workbench, job: Job) -> Update:
    if job.status not in FINAL:
        return reply(state, bench, step="training", text=write("training", "still_running", job_id=job.id))
    if job.status != "completed" or job.result is None:
        return _ask_again(state, bench, job)
    ref = put_artefact(bench.store, get_workflow_id(state), "training", job.result, reason=job.id)
    text = _describe(job.result, _name_criteria(state, bench))
    return finish(state, bench, step="training", text=text, refs={"training": {**ref}})


def _ask_again(state: FinetuneWorkflowState, bench: Workbench, job: Job) -> Update:
    plan = get_plan(state)
    again = plan | {"attempt": int(plan["attempt"]) + 1, "action": "start"}
    update = ask(
        state,
        bench,
        step="training",
        question=write("training", "failed", status=job.status, error=job.error or ""),
        choices=[approve_choice("Try again", action="start")],
        plan=again,
    )
    return update | {"status": {"training": "failed"}}


def _name_criteria(state: FinetuneWorkflowState, bench: Workbench) -> dict[str, str]:
    grader = read_artefact(state, bench, "grader")["config"]
    return {one["id"]: one["name"] for one in grader.get("criteria", [])}


def _describe(result: dict[str, Any], names: dict[str, str]) -> str:
    comparison = Comparison.model_validate(result["comparison"])
    rows = [("**Held-out reward**", *_show_change(comparison.reward))]
    rows += [(names.get(key, key), *_show_change(change)) for key, change in comparison.criteria.items()]
    return write(
        "training",
        "results",
        prompts=comparison.reward.prompts,
        table=draw_table(("Metric", "Before", "After", "Change", "95% interval"), rows),
        sentence=comparison.sentence,
        steps=result["steps"],
        best_step=result["best_step"],
        model_id=result["model_id"],
        version=result["version"],
    )


def _show_change(change: Change) -> tuple[str, str, str, str]:
    difference = change.difference
    interval = f"{difference.low95:+.3f} to {difference.high95:+.3f}"
    return f"{change.before:.3f}", f"{change.after:.3f}", f"{difference.value:+.3f}", interval


def read_words(text: str, state: FinetuneWorkflowState, bench: Workbench) -> Intent | None:
    """Read "3 epochs", "split 0.8", "80/20"; while the job runs, anything said is a question."""
    pending = state.get("pending")
    if pending and pending["kind"] == "job":
        ended = find_job(bench.store, pending.get("job_id", "")).status in FINAL
        collect = Intent(kind="approve", text=text, changes={"action": "collect"})
        return collect if ended else Intent(kind="question", text=text)
    changes: dict[str, Any] = {}
    if epochs := re.search(r"\b(\d+)\s*epochs?\b|\bepochs?\s*(?:=|to|:)?\s*(\d+)\b", text, re.IGNORECASE):
        changes["epochs"] = int(epochs.group(1) or epochs.group(2))
    if split := re.search(r"\bsplit\s*(?:=|to|of|:)?\s*([01]?\.\d+|[01])\b", text, re.IGNORECASE):
        changes["train_split"] = float(split.group(1))
    elif parts := re.search(r"\b(\d{2})\s*/\s*(\d{2})\b", text):
        changes["train_split"] = int(parts.group(1)) / 100
    _check_parameters(DEFAULTS | {"group_size": bench.settings.group_size} | changes)
    return Intent(kind="edit", text=text, changes=changes) if changes else None


STEP = Step(
    id="training",
    title="Training",
    propose=propose,
    answer=answer,
    execute=execute,
    read_words=read_words,
    hints=("`3 epochs`", "`split 0.8`"),
)
