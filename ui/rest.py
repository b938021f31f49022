"""Serve what Lucy keeps under `/api/v1`: workflows, models, datasets, jobs."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, field_validator

from lucy.errors import NotFoundError
from lucy.tools import traffic
from lucy.tools.store import models
from lucy.tools.store.activity import list_jobs
from lucy.tools.store.database import Store
from lucy.tools.store.deployments import list_deployments
from lucy.tools.store.jobs import request_job_cancel
from lucy.tools.store.overview import list_datasets
from lucy.tools.store.usage import Period, summarize_usage
from lucy.tools.store.workflows import find_workflow, list_workflows, read_messages
from lucy.ui.job_cancel import refuse_cancel
from lucy.ui.job_events import describe_job, follow_job, read_status

Limit = Annotated[int, Query(ge=1, le=500, description="Longest list.")]
Offset = Annotated[int, Query(ge=0, le=10**9, description="How many to pass over first.")]
Level = Annotated[float, Query(ge=0.5, le=0.999, description="Confidence of the intervals.")]
ModelId = Annotated[str, Path(description="A model's id, its beginning, or its name.")]
WorkflowId = Annotated[str, Path(description="A workflow's id, or its beginning.")]
JobId = Annotated[str, Path(description="A job's id.")]
OfWorkflow = Annotated[str, Query(alias="workflow_id", description="Only a job of this workflow.")]
Name = Annotated[str, Path(description="A name under which a model is served.")]
Per = Annotated[Period, Query(description="Add up per day, week (from Monday) or month.")]
Tag = Annotated[str, Field(min_length=1, max_length=100)]


class ModelChanges(BaseModel):
    """What may be changed of a model; what is left out stays."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    description: Annotated[str | None, Field(max_length=10_000)] = None
    tags: Annotated[list[Tag] | None, Field(max_length=50)] = None

    @field_validator("name")
    @classmethod
    def refuse_blank(cls, value: str | None) -> str | None:
        """Refuse a name that nobody could see."""
        if value is not None and not value.strip():
            raise ValueError("expected a name with at least one visible character")
        return value


def make_rest(store: Store, has_stopped: Callable[[], bool]) -> APIRouter:
    """Make the routes of the REST API."""
    router = APIRouter(prefix="/api/v1")
    _add_workflows(router, store)
    _add_models(router, store)
    _add_traffic(router, store)
    _add_jobs(router, store, has_stopped)
    return router


def _add_workflows(router: APIRouter, store: Store) -> None:
    @router.get("/workflows", tags=["workflows"])
    def list_all(limit: Limit = 50, offset: Offset = 0) -> dict[str, Any]:
        """List workflows, the one worked on last first."""
        found = list_workflows(store)
        page = [workflow._asdict() for workflow in found[offset : offset + limit]]
        return {"data": page, "total": len(found), "limit": limit, "offset": offset}

    @router.get("/workflows/{workflow_id}", tags=["workflows"])
    def show(workflow_id: WorkflowId) -> dict[str, Any]:
        """Show a workflow with its whole conversation; the beginning of the id is enough."""
        workflow = find_workflow(store, workflow_id)
        return workflow._asdict() | {"messages": read_messages(store, workflow.id)}

    @router.get("/datasets", tags=["datasets"])
    def list_data(limit: Limit = 50, offset: Offset = 0) -> dict[str, Any]:
        """List datasets with their counts and newest statistics, newest first."""
        found = list_datasets(store, limit=limit, offset=offset)
        return {"data": [dataset._asdict() for dataset in found], "limit": limit, "offset": offset}


def _add_models(router: APIRouter, store: Store) -> None:
    @router.get("/models", tags=["models"])
    def list_all(
        status: Annotated[models.Status | None, Query(description="Only models with it.")] = None,
        search: Annotated[
            str | None, Query(description="Words in id, name, description or tags, in any case.")
        ] = None,
        provider: Annotated[str | None, Query(description="Only models of it, such as offline.")] = None,
        base_model: Annotated[str | None, Query(description="Only models made from it.")] = None,
        sort: Annotated[
            models.Sort, Query(description="Newest first, by name, or most used first.")
        ] = "created_at",
        limit: Limit = 50,
        offset: Offset = 0,
    ) -> dict[str, Any]:
        """List models; deleted ones only with `status=deleted`."""
        wanted = {"status": status, "search": search, "provider": provider, "base_model": base_model}
        found = models.list_models(store, **wanted, sort=sort, limit=limit, offset=offset)
        page = [model._asdict() for model in found]
        total = models.count_models(store, **wanted)
        return {"data": page, "total": total, "limit": limit, "offset": offset}

    @router.get("/models/{model_id}", tags=["models"])
    def show(model_id: ModelId) -> dict[str, Any]:
        """Show a model with its versions, deployments and usage; id, its beginning, or the name."""
        return _describe_model(store, models.find_model(store, model_id))

    @router.patch("/models/{model_id}", tags=["models"])
    def change(model_id: ModelId, changes: ModelChanges) -> dict[str, Any]:
        """Change name, description or tags."""
        model = _find_kept(store, model_id)
        return _describe_model(store, models.update_model(store, model.id, **changes.model_dump()))

    @router.delete("/models/{model_id}", tags=["models"])
    def delete(model_id: ModelId) -> dict[str, Any]:
        """Mark a model as deleted: it is no longer served; weights, versions and usage stay."""
        model = _find_kept(store, model_id)
        names = [one.name for one in list_deployments(store, model.id) if one.model_id == model.id]
        models.delete_model(store, model.id)
        return {"id": model.id, "deleted": True, "no_longer_served": names}

    @router.get("/models/{model_id}/usage", tags=["models"])
    def show_usage(model_id: ModelId, period: Per = "day") -> dict[str, Any]:
        """Show how a model was used, in total, per day, week or month, and by arm of A/B tests."""
        return summarize_usage(store, models.find_model(store, model_id).id, period=period).write(period)


def _find_kept(store: Store, model_id: str) -> models.Model:
    """Find a model that was not deleted: of a deleted one nothing may be changed."""
    model = models.find_model(store, model_id)
    if model.status == "deleted":
        raise NotFoundError(
            f"The model {model_id!r} was deleted and stays as it is; /api/v1/models lists the others."
        )
    return model


def _describe_model(store: Store, model: models.Model) -> dict[str, Any]:
    return model._asdict() | {
        "version_history": [version._asdict() for version in models.list_versions(store, model.id)],
        "deployments": [deployment._asdict() for deployment in list_deployments(store, model.id)],
        "usage": summarize_usage(store, model.id).write("day"),
    }


def _add_traffic(router: APIRouter, store: Store) -> None:
    @router.get("/usage", tags=["models"])
    def show_all_usage(period: Per = "day") -> dict[str, Any]:
        """Compare how the models were used; in total, per day, week or month, by model and by arm."""
        return summarize_usage(store, period=period).write(period)

    @router.get("/deployments", tags=["deployments"])
    def list_names() -> dict[str, Any]:
        """List what each name serves now; with a challenger it is an A/B test."""
        return {"data": [one._asdict() for one in list_deployments(store)]}

    @router.get("/deployments/{name}/comparison", tags=["deployments"])
    def compare(name: Name, level: Level = traffic.LEVEL) -> traffic.Comparison:
        """Compare the arms of the A/B test that runs under a name."""
        return traffic.compare_arms(store, name, level=level)


def _add_jobs(router: APIRouter, store: Store, has_stopped: Callable[[], bool]) -> None:
    @router.get("/finetune", tags=["jobs"])
    def list_all(limit: Limit = 50, offset: Offset = 0) -> dict[str, Any]:
        """List jobs, newest first."""
        found = list_jobs(store)
        page = [describe_job(job) for job in found[offset : offset + limit]]
        return {"data": page, "total": len(found), "limit": limit, "offset": offset}

    @router.get("/finetune/{job_id}/status", tags=["jobs"])
    def show(job_id: JobId, workflow_id: OfWorkflow = "") -> dict[str, Any]:
        """Show how far a job is, the time left, the cost so far, and the model it made."""
        return _read_job(store, job_id, workflow_id)

    @router.get("/finetune/{job_id}/events", tags=["jobs"])
    def follow(job_id: JobId, workflow_id: OfWorkflow = "") -> StreamingResponse:
        """Follow a job by server-sent events.

        `finetune_job_started`, `finetune_job_progress`, and at the end `finetune_job_completed` or
        `finetune_job_failed`.
        """
        _read_job(store, job_id, workflow_id)
        return StreamingResponse(follow_job(store, job_id, has_stopped), media_type="text/event-stream")

    @router.post("/finetune/{job_id}/cancel", tags=["jobs"])
    def cancel(job_id: JobId, workflow_id: OfWorkflow = "") -> dict[str, Any]:
        """Ask a job to stop at its next checkpoint; what it has stored stays."""
        status = _read_job(store, job_id, workflow_id)
        refuse_cancel(job_id, status["status"], status["workflow_id"])
        request_job_cancel(store, job_id)
        return {"job_id": job_id, "cancel_requested": True}


def _read_job(store: Store, job_id: str, workflow_id: str) -> dict[str, Any]:
    """Read a job's status; with a workflow only one of its own."""
    try:
        status = read_status(store, job_id)
    except NotFoundError as error:
        raise NotFoundError(
            f"There is no job {job_id!r}; /api/v1/finetune lists those that there are."
        ) from error
    if workflow_id and find_workflow(store, workflow_id).id != status["workflow_id"]:
        raise NotFoundError(
            f"The job {job_id!r} is not of the workflow {workflow_id!r}; /api/v1/finetune lists the jobs "
            "with their workflows."
        )
    return status
