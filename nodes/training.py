"""Step 6: train the model, and prove on held-out prompts what that changed.

Decides: the split and the parameters. Reads: artefacts `dataset`, `categories`, `grader`, `dry_run`.
Writes: a job; artefact `training` with the comparison; a version in the model registry.
Asks: before the training starts, always. Costs: nothing on this machine; at a service what it forecasts.
"""

from typing import Any

from lucy.graph.state import Choice, FinetuneWorkflowState, Intent, Update
from lucy.nodes.dry_run_work import is_current, name_base, trains_here
from lucy.nodes.reading import has_artefact, read_artefact, read_tree
from lucy.nodes.step import Step, approve_choice, ask, finish, get_plan, get_workflow_id, reply
from lucy.nodes.training_outcome import ask_after, carry_out, describe_files
from lucy.nodes.training_parameters import DEFAULTS, check_parameters, read_changes
from lucy.nodes.training_plan import Planned, forecast_training, plan_training, read_price
from lucy.nodes.training_words import (
    describe_cost,
    describe_power,
    describe_results,
    describe_split,
    describe_time,
)
from lucy.nodes.wording import draw_bullets, write
from lucy.tools.gates import check_training_gate
from lucy.tools.jobs import start_job
from lucy.tools.store.artefacts import put_artefact
from lucy.tools.store.jobs import FINAL, Job, find_job, reopen_job, submit_job
from lucy.tools.topics.tree import iterate
from lucy.tools.training.forecast import Forecast
from lucy.tools.training.job import list_faults
from lucy.tools.training.trainers import read_remains
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
        return _ask_for_another(state, bench, faults, plan)
    choices = [approve_choice("Start training", action="start")]
    found = forecast_training(state, bench, planned)
    question = _describe_plan(state, bench, planned, found)
    told = {"seconds": list(found.seconds), "cost": list(found.total), "known": found.known}
    plan |= {"action": "start", "forecast": told}
    return ask(state, bench, step="training", question=question, choices=choices, plan=plan)


def _describe_plan(state: FinetuneWorkflowState, bench: Workbench, planned: Planned, found: Forecast) -> str:
    request, is_local = planned.request, trains_here(bench)
    statistics = read_artefact(state, bench, "dry_run")["report"]["statistics"]
    return write(
        "training",
        "proposal",
        records=len(planned.records),
        synthetic=sum(record.is_synthetic for record in planned.records),
        split=describe_split(planned.split, planned.records, aside=planned.aside),
        power=describe_power(planned.split, statistics["std"]["value"]),
        method=write("training", f"method_{request.method}", group_size=request.group_size)
        if request.method == "rft"
        else write("training", "method_sft"),
        model=name_base(bench),
        epochs=request.epochs,
        seed=request.seed,
        time=describe_time(found.seconds, is_local=is_local),
        cost=describe_cost(
            found, request.cost_limit, is_local=is_local, price=read_price(bench, request.base_model)
        ),
    )


def _ask_for_another(
    state: FinetuneWorkflowState, bench: Workbench, faults: list[str], plan: dict[str, Any]
) -> Update:
    """Say what the trainer cannot take; nothing was sent or begun."""
    question = write("training", "faults", trainer=bench.settings.trainer, faults=draw_bullets(faults))
    choices: list[Choice] = [
        {"id": "again", "label": "Look again", "kind": "redo"},
        {"id": "grader", "label": "Change the grader", "kind": "jump", "step": "grader_config"},
    ]
    return ask(state, bench, step="training", question=question, choices=choices, plan=plan)


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
    wish = get_plan(state).get("wish")
    if wish:
        return carry_out(state, bench, job, wish)
    if job.status not in FINAL:
        return reply(state, bench, step="training", text=write("training", "still_running", job_id=job.id))
    if job.status != "completed" or job.result is None:
        return ask_after(state, bench, job)
    ref = put_artefact(bench.store, get_workflow_id(state), "training", job.result, reason=job.id)
    said = [describe_results(job.result, _read_names(state, bench)), describe_files(read_remains(bench, job))]
    text = "\n\n".join(part for part in said if part)
    return finish(state, bench, step="training", text=text, refs={"training": {**ref}})


def _read_names(state: FinetuneWorkflowState, bench: Workbench) -> dict[str, str]:
    """Give the names of criteria and of topics by id: the words that the conversation uses for them."""
    grader = read_artefact(state, bench, "grader")["config"]
    names = {topic.id: topic.name for topic in iterate(read_tree(state, bench))}
    return names | {one["id"]: one["name"] for one in grader.get("criteria", [])}


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
