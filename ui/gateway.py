"""Serve deployed models to any OpenAI client: `/v1/models` and `/v1/chat/completions`."""

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response, StreamingResponse

from lucy.errors import NotFoundError
from lucy.tools.serving import ModelServer
from lucy.tools.store.database import Store
from lucy.tools.store.deployments import Deployment, list_deployments
from lucy.ui.completions import ChatRequest, write_completion, write_stream


def make_gateway(store: Store, server: ModelServer) -> APIRouter:
    """Make the routes of the gateway."""
    router = APIRouter(prefix="/v1", tags=["OpenAI-compatible gateway"])

    @router.get("/models")
    def list_served() -> dict[str, Any]:
        """List the names under which models are served now."""
        found = [_describe(deployment) for deployment in list_deployments(store)]
        return {"object": "list", "data": found}

    @router.get("/models/{name}")
    def show_served(name: str) -> dict[str, Any]:
        """Show one served name."""
        for deployment in list_deployments(store):
            if deployment.name == name:
                return _describe(deployment)
        raise NotFoundError(f"The model {name!r} is not served; /v1/models lists those that are.")

    @router.post("/chat/completions")
    def complete(request: ChatRequest) -> Response:
        """Answer a conversation with a deployed model, in one piece or as a stream.

        `tools` are accepted and ignored: this model does not call tools. Token counts are estimates.
        """
        answer = server.respond(
            request.model,
            request.plain_messages,
            seed=request.seed or 0,
            temperature=request.temperature,
            max_tokens=request.max_completion_tokens or request.max_tokens,
            stop=request.stops,
        )
        if not request.stream:
            return JSONResponse(write_completion(request.model, answer))
        events = write_stream(request.model, answer, wants_usage=request.wants_usage)
        return StreamingResponse(_pass_on(events), media_type="text/event-stream")

    return router


async def _pass_on(events: Iterator[str]) -> AsyncIterator[str]:
    # The answer is there already: no thread is needed to wait for a word.
    for event in events:
        yield event


def _describe(deployment: Deployment) -> dict[str, Any]:
    created = int(datetime.fromisoformat(deployment.created_at).timestamp())
    return {"id": deployment.name, "object": "model", "created": created, "owned_by": "lucy"}
