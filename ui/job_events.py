"""Tell how a job is going: its status, and its server-sent events."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

from starlette.concurrency import run_in_threadpool

from lucy.errors import NotFoundError
from lucy.tools.store.database import Store
from lucy.tools.store.job_costs import add_call_costs, list_call_costs
from lucy.tools.store.jobs import ENDED, FINAL, WAITING, Job, find_job
from lucy.tools.store.models import find_job_version
from lucy.tools.training.trainers import LOCAL
from lucy.ui.completions import write_event

POLL_SECONDS = 1.0
QUIET_POLLS = 15
"""After so many polls without news a comment is sent, so that nobody on the way closes the connection."""
NEWS = ("status", "label", "percent", "cost", "metrics")
"""What of a status is worth an event when it has changed."""


def read_status(store: Store, job_id: str) -> dict[str, Any]:
    """Read a job as a client sees it.

    Raises:
        NotFoundError: there is no such job.
    """
    job = find_job(store, job_id)
    with store.read() as connection:
        made = find_job_version(connection, job_id)
    result = job.result or {}
    training, calls = _find_training_cost(job), add_call_costs(list_call_costs(store, job))
    return describe_job(job) | {
        "cost": None if training is None or calls is None else training + calls,
        "model_id": made.model_id if made else result.get("model_id"),
        "version": made.version if made else result.get("version"),
    }


def describe_job(job: Job) -> dict[str, Any]:
    """Describe a job by its own row: percent, seconds left, the trainer's dollars, metrics."""
    return {
        "job_id": job.id,
        "workflow_id": job.workflow_id,
        "kind": job.kind,
        "status": job.status,
        "label": job.progress.get("label", ""),
        "percent": _measure_percent(job),
        "seconds_left": _forecast(job),
        "cost": _find_training_cost(job),
        "metrics": _find_metrics(job),
        "error": job.error,
        "created_at": job.created_at,
        "updated_at": job.updated_at,
    }


def _measure_percent(job: Job) -> float:
    if job.status == "completed":
        return 100.0
    done, total = job.progress.get("done", 0), job.progress.get("total", 0)
    return round(100 * done / total, 1) if total else 0.0


def _forecast(job: Job) -> float | None:
    """Give the seconds left if the rest goes at the same rate; None before a part is done."""
    if job.status in FINAL:
        return None if job.status in WAITING else 0.0
    done, total, started = (job.progress.get(name) for name in ("done", "total", "started"))
    # Of a job that goes on from a checkpoint only what was done since tells how fast it is.
    made = (done or 0) - job.progress.get("done_then", 0)
    if made <= 0 or not total or not started:
        return None
    seconds = datetime.fromisoformat(job.updated_at).timestamp() - started
    return round(max(0.0, seconds * (total - (done or 0)) / made), 1)


def _find_training_cost(job: Job) -> float | None:
    """Give what the trainer has cost so far, US dollars; None where nobody knows."""
    kept = job.checkpoint if isinstance(job.checkpoint, dict) else {}
    known = [part["cost"] for part in (job.result or {}, kept) if part.get("cost") is not None]
    free = 0.0 if job.payload.get("trainer") in LOCAL else None
    return known[0] if known else free


def _find_metrics(job: Job) -> dict[str, Any]:
    """Give the newest metrics: as reported, else those of the last step that the checkpoint knows."""
    state = job.result or job.checkpoint
    history = state.get("history") if isinstance(state, dict) else None
    return job.progress.get("metrics") or (dict(history[-1]) if history else {})


async def follow_job(store: Store, job_id: str, has_stopped: Callable[[], bool]) -> AsyncIterator[str]:
    """Send a job's events until it has ended or the server stops; a paused job has not ended.

    Who comes late gets `finetune_job_started` and the newest state first.
    """
    started, sent, quiet = False, None, 0
    while not has_stopped():
        try:
            status = await run_in_threadpool(read_status, store, job_id)
        except NotFoundError as error:
            yield write_event({"job_id": job_id, "error": str(error)}, "finetune_job_failed")
            return
        if not started and status["status"] != "pending":
            started = True
            yield write_event(status, "finetune_job_started")
        if status["status"] in ENDED:
            yield write_event(*_describe_end(status))
            return
        news = {name: status[name] for name in NEWS}
        quiet += 1
        if started and news != sent:
            sent, quiet = news, 0
            yield write_event(status, "finetune_job_progress")
        elif quiet >= QUIET_POLLS:
            quiet = 0
            yield ": still waiting\n\n"
        await asyncio.sleep(POLL_SECONDS)


def _describe_end(status: dict[str, Any]) -> tuple[dict[str, Any], str]:
    if status["status"] == "completed":
        return status, "finetune_job_completed"
    error = status["error"] or f"The job was {status['status']}."
    return status | {"error": error}, "finetune_job_failed"
