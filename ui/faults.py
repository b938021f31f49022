"""Answer failed requests in OpenAI's error shape: one sentence, no traceback."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from lucy.errors import BusyError, GateError, InputError, LucyError, NotFoundError

logger = logging.getLogger(__name__)

STATUS: tuple[tuple[type[LucyError], int], ...] = (
    (InputError, 400),
    (GateError, 403),
    (NotFoundError, 404),
    (BusyError, 409),
)
"""HTTP status of each cause; any other is 500."""


def make_fault(
    status: int,
    message: str,
    *,
    code: str | None = None,
    param: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Make the response that OpenAI's clients turn into their own exceptions."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    fault = {"message": message, "type": kind, "param": param, "code": code}
    # The sentence may quote what was sent, and half a surrogate pair cannot be sent back.
    fault = {name: value and value.encode(errors="replace").decode() for name, value in fault.items()}
    return JSONResponse({"error": fault}, status_code=status, headers=headers)


def add_fault_handlers(app: FastAPI) -> None:
    """Let every failure of the app leave in that shape."""
    app.add_exception_handler(LucyError, _answer_ours)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(UnicodeEncodeError, _answer_characters)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(Exception, _answer_bug)


def _answer_ours(request: Request, error: Exception) -> Response:
    status = next((status for cause, status in STATUS if isinstance(error, cause)), 500)
    if status == 500:
        logger.error("%s %s: %s", request.method, request.url.path, error)
    missing_model = status == 404 and request.url.path.startswith("/v1/")
    codes = {403: "forbidden", 404: "model_not_found" if missing_model else "not_found", 409: "busy"}
    return make_fault(status, str(error), code=codes.get(status), param="model" if missing_model else None)


def _answer_invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first: dict[str, Any] = error.errors()[0]
    cause = first.get("ctx", {}).get("error")
    if first["type"] == "json_invalid":
        return make_fault(
            400, f"The body is not JSON ({cause}); expected a JSON object.", code="invalid_json"
        )
    name = _name_field(first["loc"][1:])
    ours = first["type"] == "value_error"
    reason = str(cause) if ours else f"{str(first['msg']).lower()}, /docs shows what is expected"
    subject = f"The request's {name!r}" if name else "The body"
    return make_fault(400, f"{subject} cannot be used: {reason}.", param=name or None)


def _name_field(places: Sequence[str | int]) -> str:
    name = ""
    for place in places:
        name += f"[{place}]" if isinstance(place, int) else f".{place}"
    return name.removeprefix(".")


def _answer_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = str(error.detail)
    if error.status_code == 404:
        message = f"There is nothing at {request.url.path!r}; /docs lists the addresses that there are."
    if error.status_code == 405:
        message = f"{request.method} is not possible at {request.url.path!r}; /docs lists what is."
    return make_fault(error.status_code, message, headers=error.headers)


def _answer_characters(_request: Request, _error: Exception) -> Response:
    return make_fault(
        400, "The request has half a surrogate pair, which is no character; send valid Unicode text."
    )


def _answer_bug(request: Request, _error: Exception) -> Response:
    return make_fault(
        500, f"{request.method} {request.url.path} failed inside Lucy; the server's log says where."
    )
