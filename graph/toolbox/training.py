"""Do steps 6 and 7 for a tool call: propose a training or a deployment, and look how far a job is."""

from typing import Any

from lucy.errors import InputError, NotFoundError
from lucy.graph.runs import Runs
from lucy.graph.state import StepName
from lucy.graph.toolbox.arguments import CheckTrainingStatus, DeployModel, StartTraining
from lucy.graph.toolbox.calls import Called, change, describe_question, find_id, open_step
from lucy.nodes.deployment import find_served
from lucy.nodes.reading import has_artefact, read_artefact
from lucy.nodes.training_parameters import DEFAULTS, check_parameters
from lucy.tools.endpoints import check_deployment
from lucy.tools.store.activity import list_jobs
from lucy.tools.store.deployments import find_deployment
from lucy.tools.store.jobs import Job


def start_training(runs: Runs, given: StartTraining) -> dict[str, Any]:
    """Propose a training with these parameters; only the person starts it."""
    workflow_id = find_id(runs, given.workflow_id)
    wanted = given.model_dump(exclude={"workflow_id"})
    # Before the step is opened: a later step would otherwise be left for parameters that are refused.
    check_parameters(DEFAULTS | {"group_size": runs.bench.settings.group_size} | wanted)
    called = _propose(runs, workflow_id, "training", "start_training", wanted)
    pending = called.state.get("pending")
    return {"plan": pending["plan"] if pending else {}, **describe_question(called)}


def check_training_status(runs: Runs, given: CheckTrainingStatus) -> dict[str, Any]:
    """Say how far a training of a workflow is: the newest, or the one that is named."""
    workflow_id = find_id(runs, given.workflow_id)
    jobs = [job for job in list_jobs(runs.bench.store) if job.workflow_id == workflow_id]
    if given.job_id:
        return _describe_job(_find_job(jobs, given.job_id))
    if not jobs:
        raise InputError("No training was started in this workflow yet; start_training proposes one.")
    return _describe_job(jobs[0])  # the newest


def _find_job(jobs: list[Job], job_id: str) -> Job:
    """Give the job of a workflow; one of another workflow is as unknown here as one that never was."""
    found = [job for job in jobs if job.id == job_id]
    if not found:
        known = ", ".join(job.id for job in jobs) or "none yet"
        raise NotFoundError(f"This workflow has no job {job_id!r}; its jobs, the newest first: {known}.")
    return found[0]


def _describe_job(job: Job) -> dict[str, Any]:
    history: list[dict[str, Any]] = (job.result or job.checkpoint or {}).get("history") or []
    last = history[-1] if history else {}
    done, total = job.progress.get("done", 0), job.progress.get("total", 0)
    return {
        "job_id": job.id,
        "status": job.status,
        "progress": {
            "label": job.progress.get("label"), "done": done, "total": total,
            "percent": round(100 * done / total, 1) if total else None,
        },
        "current_epoch": last.get("epoch"),
        "metrics": {
            "train_reward": last.get("mean_reward"),
            "valid_reward": last.get("validation_reward", last.get("valid_mean_reward")),
            "loss": last.get("loss"),
        },
        "error": job.error,
        "comparison": (job.result or {}).get("comparison"),
    }  # fmt: skip


def deploy_model(runs: Runs, given: DeployModel) -> dict[str, Any]:
    """Propose a deployment; only the person deploys."""
    workflow_id = find_id(runs, given.workflow_id)
    wanted = _read_deployment(runs, workflow_id, given)
    called = _propose(runs, workflow_id, "deployment", "deploy_model", wanted)
    training = read_artefact(called.state, runs.bench, "training")
    served = {"model_id": training["model_id"], "endpoint": None, "deployed_at": None}
    if has_artefact(called.state, "deployment"):
        body = read_artefact(called.state, runs.bench, "deployment")
        found = find_deployment(runs.bench.store, body["name"])
        served |= {"endpoint": body["endpoint"], "deployed_at": found.created_at}
    pending = called.state.get("pending")
    return {**served, "plan": pending["plan"] if pending else {}, **describe_question(called)}


def _read_deployment(runs: Runs, workflow_id: str, given: DeployModel) -> dict[str, Any]:
    """Give the plan that a call asks for, checked before a step is opened for it.

    Raises:
        InputError: it could not be carried out.
    """
    wanted: dict[str, Any] = {"mode": given.deployment_mode}
    if given.deployment_mode == "ab_test":
        wanted["share"] = given.share
    state, store = runs.read_state(workflow_id), runs.bench.store
    if not has_artefact(state, "training"):
        return wanted  # nothing to deploy yet, which opening the step says
    name = given.name
    if not name and given.deployment_mode != "new_endpoint":
        name = find_served("", runs.bench)
    if name:
        made = read_artefact(state, runs.bench, "training")
        check_deployment(store, made["model_id"], made["version"], name=name, **wanted)
        wanted["name"] = name
    return wanted


def _propose(runs: Runs, workflow_id: str, step: StepName, tool: str, wanted: dict[str, Any]) -> Called:
    """Open a step and lay over its proposal what differs from it."""
    state = open_step(runs, workflow_id, step, tool)
    pending = state.get("pending")
    plan = pending["plan"] if pending else {}
    changes = {name: value for name, value in wanted.items() if plan.get(name) != value}
    return change(runs, workflow_id, step, tool, **changes) if changes else Called("", state)
