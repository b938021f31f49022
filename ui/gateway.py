"""Serve deployed models to any OpenAI client: `/v1/models`, `/v1/chat/completions`, and feedback."""

import logging
import math
from collections.abc import AsyncGenerator, Generator
from contextlib import closing
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Header
from fastapi import Request as HttpRequest
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool

from lucy.errors import LucyError, NotFoundError
from lucy.tools.backends import RefusedError
from lucy.tools.batching import Batcher
from lucy.tools.serving import Asked, Caller, ModelServer, Slow, stream_whole
from lucy.tools.store.database import Store
from lucy.tools.store.deployments import Deployment, list_deployments
from lucy.tools.store.usage import rate_answer
from lucy.ui.completions import ChatRequest, write_completion, write_event, write_stream
from lucy.ui.faults import make_fault

logger = logging.getLogger(__name__)

Session = Annotated[str | None, Header(alias="x-session-id", description="Whom an A/B test sticks to.")]


class Feedback(BaseModel):
    """Say what a person thought of an answer; said again, it replaces what was said before.

    `rating` is a number from -1 (bad) to 1 (good): thumbs as -1 and 1, or any scale in between. Use one scale
    for all answers of a name: an A/B test compares the means.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(min_length=1, max_length=64)]
    """The `id` of the chat completion."""
    rating: Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False, strict=True)]
    comment: Annotated[str | None, Field(max_length=2000)] = None
    """The person's own words; kept as they are."""


def make_gateway(store: Store, server: ModelServer) -> APIRouter:
    """Make the routes of the gateway."""
    router = APIRouter(prefix="/v1", tags=["OpenAI-compatible gateway"])
    _add_models(router, store)
    _add_completions(router, server)
    _add_feedback(router, store)
    return router


def _add_models(router: APIRouter, store: Store) -> None:
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


def _add_completions(router: APIRouter, server: ModelServer) -> None:
    # Those who ask at once are answered together; only a model that takes its time costs a thread.
    crowd = Batcher(server.answer_many)

    @router.post("/chat/completions")
    async def complete(request: ChatRequest, x_session_id: Session = None) -> Response:
        """Answer a conversation with a deployed model, in one piece or as a stream.

        Token counts are estimates, except where another service tells them.
        """
        caller = Caller(user=request.user or x_session_id or "")
        found = await crowd.do(Asked(request.model, request.wanted, caller))
        if isinstance(found, Exception):
            raise found
        if not request.stream:
            answer = await run_in_threadpool(server.finish, found) if isinstance(found, Slow) else found
            return JSONResponse(write_completion(request.model, answer))
        slow = isinstance(found, Slow)
        stream = await run_in_threadpool(server.follow, found) if slow else stream_whole(found)
        events = write_stream(request.model, stream, wants_usage=request.wants_usage)
        return StreamingResponse(_pass_on(events, waits=not stream.is_whole), media_type="text/event-stream")


def _add_feedback(router: APIRouter, store: Store) -> None:
    @router.post("/feedback")
    def rate(feedback: Feedback) -> Response:
        """Keep a person's feedback on an answer of this gateway."""
        try:
            rate_answer(store, feedback.id, feedback.rating, feedback.comment)
        except NotFoundError as error:
            return make_fault(404, str(error), code="not_found", param="id")
        return JSONResponse({"object": "feedback", "id": feedback.id, "rating": feedback.rating})


def answer_refused(_request: HttpRequest, error: Exception) -> Response:
    """Pass on that a model or its service refuses, with the status that says who has to act."""
    assert isinstance(error, RefusedError)
    codes = {400: None, 429: "rate_limit_exceeded"}
    headers = {} if error.wait is None else {"Retry-After": str(math.ceil(error.wait))}
    code = codes.get(error.status, "upstream_error")
    return make_fault(error.status, str(error), code=code, param=error.param, headers=headers)


def add_refusal_handler(app: FastAPI) -> None:
    """Let refusals leave the app with their own status."""
    app.add_exception_handler(RefusedError, answer_refused)


async def _pass_on(events: Generator[str], *, waits: bool) -> AsyncGenerator[str]:
    """Send a stream on; one that breaks off in the middle ends with the error as OpenAI sends it."""
    told = _tell_faults(events)
    with closing(told):  # also when the client has gone away
        if not waits:
            # The answer is there already: no thread is needed to wait for a word.
            for event in told:
                yield event
            return
        async for event in iterate_in_threadpool(told):
            yield event


def _tell_faults(events: Generator[str]) -> Generator[str]:
    try:
        with closing(events):
            yield from events
    except LucyError as error:
        logger.warning("A stream broke off: %s", error)
        fault = {"message": str(error), "type": "server_error", "param": None, "code": "upstream_error"}
        yield write_event({"error": fault})


def _describe(deployment: Deployment) -> dict[str, Any]:
    created = int(datetime.fromisoformat(deployment.created_at).timestamp())
    return {"id": deployment.name, "object": "model", "created": created, "owned_by": "lucy"}
