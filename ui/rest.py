"""Serve what Lucy keeps under `/api/v1`: workflows, models, datasets, jobs."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from lucy.tools import traffic
from lucy.tools.store import models
from lucy.tools.store.database import Store
from lucy.tools.store.deployments import list_deployments
from lucy.tools.store.overview import list_datasets
from lucy.tools.store.usage import Period, summarize_usage
from lucy.tools.store.workflows import find_workflow, list_workflows, read_messages
from lucy.ui.job_events import follow_job, read_status

Limit = Annotated[int, Query(ge=1, le=500, description="Longest list.")]
Offset = Annotated[int, Query(ge=0, le=10**9, description="How many to pass over first.")]
Level = Annotated[float, Query(ge=0.5, le=0.999, description="Confidence of the intervals.")]
Tag = Annotated[str, Field(min_length=1, max_length=100)]


class ModelChanges(BaseModel):
    """What may be changed of a model; what is left out stays."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    description: Annotated[str | None, Field(max_length=10_000)] = None
    tags: Annotated[list[Tag] | None, Field(max_length=50)] = None


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
    def show(workflow_id: str) -> dict[str, Any]:
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
        status: models.Status | None = None,
        search: str | None = None,
        provider: str | None = None,
        base_model: str | None = None,
        sort: models.Sort = "created_at",
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
    def show(model_id: str) -> dict[str, Any]:
        """Show a model with its versions, deployments and usage; id, its beginning, or the name."""
        return _describe_model(store, models.find_model(store, model_id))

    @router.patch("/models/{model_id}", tags=["models"])
    def change(model_id: str, changes: ModelChanges) -> dict[str, Any]:
        """Change name, description or tags."""
        model = models.find_model(store, model_id)
        return _describe_model(store, models.update_model(store, model.id, **changes.model_dump()))

    @router.delete("/models/{model_id}", tags=["models"])
    def delete(model_id: str) -> dict[str, Any]:
        """Mark a model as deleted: it is no longer served; weights, versions and usage stay."""
        model = models.find_model(store, model_id)
        names = [one.name for one in list_deployments(store, model.id) if one.model_id == model.id]
        models.delete_model(store, model.id)
        return {"id": model.id, "deleted": True, "no_longer_served": names}

    @router.get("/models/{model_id}/usage", tags=["models"])
    def show_usage(model_id: str, period: Period = "day") -> dict[str, Any]:
        """Show how a model was used, in total, per day, week or month, and by arm of A/B tests."""
        return summarize_usage(store, models.find_model(store, model_id).id, period=period).write(period)


def _describe_model(store: Store, model: models.Model) -> dict[str, Any]:
    return model._asdict() | {
        "version_history": [version._asdict() for version in models.list_versions(store, model.id)],
        "deployments": [deployment._asdict() for deployment in list_deployments(store, model.id)],
        "usage": summarize_usage(store, model.id).write("day"),
    }


def _add_traffic(router: APIRouter, store: Store) -> None:
    @router.get("/usage", tags=["models"])
    def show_all_usage(period: Period = "day") -> dict[str, Any]:
        """Compare how the models were used; in total, per day, week or month, by model and by arm."""
        return summarize_usage(store, period=period).write(period)

    @router.get("/deployments", tags=["deployments"])
    def list_names() -> dict[str, Any]:
        """List what each name serves now; with a challenger it is an A/B test."""
        return {"data": [one._asdict() for one in list_deployments(store)]}

    @router.get("/deployments/{name}/comparison", tags=["deployments"])
    def compare(name: str, level: Level = traffic.LEVEL) -> traffic.Comparison:
        """Compare the arms of the A/B test that runs under a name."""
        return traffic.compare_arms(store, name, level=level)


def _add_jobs(router: APIRouter, store: Store, has_stopped: Callable[[], bool]) -> None:
    @router.get("/finetune/{job_id}/status", tags=["jobs"])
    def show(job_id: str) -> dict[str, Any]:
        """Show how far a job is, the time left, the cost so far, and the model it made."""
        return read_status(store, job_id)

    @router.get("/finetune/{job_id}/events", tags=["jobs"])
    def follow(job_id: str) -> StreamingResponse:
        """Follow a job by server-sent events.

        `finetune_job_started`, `finetune_job_progress`, and at the end `finetune_job_completed` or
        `finetune_job_failed`.
        """
        read_status(store, job_id)
        return StreamingResponse(follow_job(store, job_id, has_stopped), media_type="text/event-stream")
