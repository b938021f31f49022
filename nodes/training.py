"""Step 6: train the model, and prove on held-out prompts what that changed.

Decides: the split and the parameters. Reads: artefacts `dataset`, `categories`, `grader`, `dry_run`.
Writes: a job; artefact `training` with the comparison; a version in the model registry.
Asks: before the training starts, always. Costs: nothing on this machine; at a service what it forecasts.
"""

from typing import Any

from lucy.graph.state import Choice, FinetuneWorkflowState, Intent, Update
from lucy.nodes.dry_run_work import is_current, name_base, trains_here
from lucy.nodes.reading import has_artefact, read_artefact
from lucy.nodes.step import Step, approve_choice, ask, finish, get_plan, get_workflow_id, reply
from lucy.nodes.training_plan import (
    DEFAULTS,
    Planned,
    check_parameters,
    describe_cost,
    forecast_training,
    plan_training,
    read_changes,
)
from lucy.nodes.wording import draw_bullets, draw_table, write
from lucy.tools.gates import check_training_gate
from lucy.tools.jobs import start_job
from lucy.tools.store.artefacts import put_artefact
from lucy.tools.store.jobs import FINAL, Job, find_job, reopen_job, submit_job
from lucy.tools.training.comparison import Change, Comparison
from lucy.tools.training.job import list_faults
from lucy.tools.workbench import Workbench


def propose(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Propose the split and the parameters; refuse without a dry run that allows it."""
    _check_gate(state, bench)
    pending = state.get("pending")
    asked = (state.get("intent") or Intent(kind="edit", text="")).get("changes") or {}
    known = pending["plan"] if pending and pending["step"] == "training" else {}
    plan = DEFAULTS | {"attempt": 1} | known | asked
    plan.setdefault("group_size", bench.settings.group_size)
    check_parameters(plan)
    planned = plan_training(state, bench, plan)
    faults = list_faults(bench, planned.request, planned.split, planned.records)
    if faults:
        return _ask_for_another(state, bench, faults)
    choices = [approve_choice("Start training", action="start")]
    question = _describe_plan(state, bench, planned)
    return ask(
        state, bench, step="training", question=question, choices=choices, plan=plan | {"action": "start"}
    )


def _describe_plan(state: FinetuneWorkflowState, bench: Workbench, planned: Planned) -> str:
    request, split = planned.request, planned.split
    found = forecast_training(state, bench, planned)
    return write(
        "training",
        "proposal",
        records=len(planned.records),
        synthetic=sum(record.is_synthetic for record in planned.records),
        train=len(split.train_ids),
        heldout=len(split.heldout_ids),
        leakage=len(split.leakage),
        method=write("training", f"method_{request.method}", group_size=request.group_size)
        if request.method == "rft"
        else write("training", "method_sft"),
        model=name_base(bench),
        epochs=request.epochs,
        seed=request.seed,
        cost=describe_cost(found, request.cost_limit, is_local=trains_here(bench)),
    )


def _ask_for_another(state: FinetuneWorkflowState, bench: Workbench, faults: list[str]) -> Update:
    """Say what the trainer cannot take; nothing was sent or begun."""
    question = write("training", "faults", trainer=bench.settings.trainer, faults=draw_bullets(faults))
    choices: list[Choice] = [
        {"id": "again", "label": "Look again", "kind": "redo"},
        {"id": "grader", "label": "Change the grader", "kind": "jump", "step": "grader_config"},
    ]
    return ask(state, bench, step="training", question=question, choices=choices, plan={})


def _check_gate(state: FinetuneWorkflowState, bench: Workbench) -> None:
    if not has_artefact(state, "dry_run"):
        check_training_gate(verdict=None, accepted="", fresh=False)
    body = read_artefact(state, bench, "dry_run")
    check_training_gate(
        verdict=body["report"]["verdict"]["verdict"],
        accepted=body.get("accepted", ""),
        fresh=is_current(state, bench, body),
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
    request = plan_training(state, bench, plan).request.model_dump(mode="json")
    job_id = plan.get("resumes")
    if job_id:
        reopen_job(bench.store, job_id, request)
    else:
        job_id = submit_job(bench.store, get_workflow_id(state), "training", request)
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


def _collect(state: FinetuneWorkflowState, bench: Workbench, job: Job) -> Update:
    if job.status not in FINAL:
        return reply(state, bench, step="training", text=write("training", "still_running", job_id=job.id))
    if job.status != "completed" or job.result is None:
        return _ask_again(state, bench, job)
    ref = put_artefact(bench.store, get_workflow_id(state), "training", job.result, reason=job.id)
    text = _describe(job.result, _name_criteria(state, bench))
    return finish(state, bench, step="training", text=text, refs={"training": {**ref}})


def _ask_again(state: FinetuneWorkflowState, bench: Workbench, job: Job) -> Update:
    plan = get_plan(state) | {"action": "start", "resumes": job.id}
    anew: Choice = {
        "id": "anew",
        "label": "Start anew",
        "kind": "approve",
        "changes": {"action": "start", "resumes": None, "attempt": int(plan["attempt"]) + 1},
    }
    update = ask(
        state,
        bench,
        step="training",
        question=write("training", "failed", status=job.status, error=job.error or ""),
        choices=[approve_choice("Go on where it stopped", action="start"), anew],
        plan=plan,
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
    changes = read_changes(text)
    check_parameters(DEFAULTS | {"group_size": bench.settings.group_size} | changes)
    return Intent(kind="edit", text=text, changes=changes) if changes else None


STEP = Step(
    id="training",
    title="Training",
    propose=propose,
    answer=answer,
    execute=execute,
    read_words=read_words,
    hints=("`3 epochs`, `groups of 16`, `learning rate 0.05`", "`split 0.8`", "`limit $20`, `supervised`"),
)
