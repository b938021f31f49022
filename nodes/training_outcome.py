"""Ask what to do about a training that did not complete, and carry out what the person wants.

A training paused at its cost limit and one whose service cannot be used wait for the person; at a service
the job may go on meanwhile, so a new training is offered only when the old one has ended there.
"""

from typing import Any, Literal

from lucy.graph.state import Choice, FinetuneWorkflowState, Update
from lucy.nodes.step import approve_choice, ask, get_plan
from lucy.nodes.wording import write
from lucy.tools.jobs import start_job, stop_job
from lucy.tools.store.jobs import FINAL, WAITING, Job, find_job, reopen_job
from lucy.tools.training.trainer import Remains
from lucy.tools.training.trainers import delete_files, read_remains, take_best
from lucy.tools.workbench import Workbench

Wish = Literal["take_best", "stop", "delete_files"]
"""What a person can want of a training that did not complete, besides going on and starting anew."""
RAISED = 2.0
"""The limit that is offered, as a multiple of the one that was reached."""


def carry_out(state: FinetuneWorkflowState, bench: Workbench, job: Job, wish: Wish) -> Update:
    """Do what the person chose, and ask what is next; done again after a crash it does nothing twice.

    Raises:
        InputError: it cannot be done to this training.
        ProviderError: the service refuses, or does not answer.
    """
    if wish == "take_best":
        return _continue_with_best(state, bench, job)
    if wish == "stop":
        stop_job(bench, job.id)
    else:
        delete_files(bench, job)
    return ask_after(state, bench, find_job(bench.store, job.id))


def _continue_with_best(state: FinetuneWorkflowState, bench: Workbench, job: Job) -> Update:
    if job.status in FINAL:
        take_best(bench, job)
        reopen_job(bench.store, job.id, job.payload)
    start_job(bench, job.id)
    return ask(
        state,
        bench,
        step="training",
        question=write("training", "best_taken", job_id=job.id),
        choices=[],
        plan=_read_plan(state),
        kind="job",
        job_id=job.id,
        slot="started",
    )


def ask_after(state: FinetuneWorkflowState, bench: Workbench, job: Job) -> Update:
    """Ask what to do about a job that did not complete: go on, take what there is, stop, or start anew."""
    remains = read_remains(bench, job)
    goes_on = remains is None or remains.can_go_on
    plan = _read_plan(state) | {"action": "start", "resumes": job.id}
    if not goes_on:
        plan |= _begin_anew(plan)
    update = ask(
        state,
        bench,
        step="training",
        question=_describe(job, remains),
        choices=_list_choices(job, remains, plan, goes_on=goes_on),
        plan=plan,
        job_id=job.id,
    )
    is_over = job.status in ("failed", "cancelled")
    return update | ({"status": {"training": "failed"}} if is_over else {})


def _read_plan(state: FinetuneWorkflowState) -> dict[str, Any]:
    return {name: value for name, value in get_plan(state).items() if name != "wish"}


def _begin_anew(plan: dict[str, Any]) -> dict[str, Any]:
    return {"action": "start", "resumes": None, "attempt": int(plan["attempt"]) + 1}


def _list_choices(job: Job, remains: Remains | None, plan: dict[str, Any], *, goes_on: bool) -> list[Choice]:
    choices: list[Choice] = []
    may_run = remains is not None and remains.may_run
    if job.status == "paused":
        limit = find_higher_limit(job)
        label = f"Go on with a limit of ${limit:g}" if goes_on else f"Start anew with a limit of ${limit:g}"
        # Not carried out at once: the plan with the new limit is shown, and confirmed, before more is spent.
        choices.append({"id": "raise", "label": label, "kind": "redo", "changes": {"cost_limit": limit}})
    elif goes_on:
        choices.append(approve_choice("Go on where it stopped", action="start"))
    if remains is not None and remains.best_model:
        label = f"Take the best checkpoint (step {remains.best_step})"
        choices.append(_wish("best", label, "take_best"))
    if may_run or job.status in WAITING:
        choices.append(_wish("end", "Stop the training", "stop"))
    if not may_run:
        anew = plan if not goes_on else _begin_anew(plan)
        choices.append({"id": "anew", "label": "Start anew", "kind": "approve", "changes": _pick(anew)})
    if remains is not None and remains.files and not may_run:
        choices.append(_wish("files", "Delete the training files at the service", "delete_files"))
    return choices


def _pick(plan: dict[str, Any]) -> dict[str, Any]:
    return {name: plan[name] for name in ("action", "resumes", "attempt")}


def _wish(id: str, label: str, wish: Wish) -> Choice:
    return {"id": id, "label": label, "kind": "approve", "changes": {"action": "collect", "wish": wish}}


def find_higher_limit(job: Job) -> float:
    """Give the limit that is offered to a job that came to its own, US dollars."""
    return round(RAISED * float(job.payload.get("cost_limit") or 1.0), 2)


def _describe(job: Job, remains: Remains | None) -> str:
    error = job.error or ""
    if job.status == "paused":
        said = write("training", "paused", error=error, higher=f"{find_higher_limit(job):g}")
    elif job.status == "interrupted":
        said = write("training", "interrupted", error=error)
    else:
        said = write("training", "failed", status=job.status, error=error)
    return "\n\n".join(part for part in (said, _describe_running(remains), describe_files(remains)) if part)


def _describe_running(remains: Remains | None) -> str:
    if remains is None or not remains.may_run:
        return ""
    return write("training", "may_run", job=remains.job or "that was submitted", place=remains.place)


def describe_files(remains: Remains | None) -> str:
    """Say which training files are still at a service once its job has ended; nothing without any."""
    if remains is None or remains.may_run or not remains.files:
        return ""
    return write("training", "files", place=remains.place, files=", ".join(remains.files))
