"""Complete the OpenAPI document: examples, the one shape of every failure, and the token."""

from copy import deepcopy
from typing import Any

from fastapi import FastAPI

from lucy.ui.api_examples import EXAMPLES, FAULT

NAMED = {"name": "A name under which a model is served."}
"""What variables of a path mean where the route does not say it."""
FAULT_NOTE = (
    "What was sent cannot be used (400), the token is missing or wrong (401), it is not allowed (403), or "
    "there is no such thing (404): one sentence that says why and what to do. Nothing was changed."
)
TOKEN_NOTE = "LUCY_TOKEN of the server; needed unless it serves this machine only."


def describe_api(app: FastAPI) -> None:
    """Let an app describe itself completely, at `/openapi.json` and on its page."""
    plain = app.openapi
    app.openapi = lambda: complete_schema(plain())


def complete_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Give an OpenAPI document with examples, failures and the token; done twice, it stays the same."""
    whole = deepcopy(schema)
    for path, methods in whole["paths"].items():
        for method, operation in methods.items():
            _complete_operation(operation, f"{method.upper()} {path}")
    parts = whole.setdefault("components", {})
    for name in ("HTTPValidationError", "ValidationError"):  # FastAPI's own shape, which is never sent
        parts.get("schemas", {}).pop(name, None)
    parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer", "description": TOKEN_NOTE}}
    whole["security"] = [{"token": []}, {}]
    return whole


def _complete_operation(operation: dict[str, Any], key: str) -> None:
    responses: dict[str, Any] = operation["responses"]
    responses.pop("422", None)
    responses["4XX"] = {"description": FAULT_NOTE, "content": {"application/json": {"example": FAULT}}}
    for parameter in operation.get("parameters", ()):
        parameter.setdefault("description", NAMED.get(parameter["name"], ""))
    example = EXAMPLES.get(key)
    if example is None:
        return
    kind = "text/event-stream" if isinstance(example.answer, str) else "application/json"
    sent: dict[str, Any] = responses["200"].setdefault("content", {})
    if kind not in sent:
        sent.clear()
    sent.setdefault(kind, {})["example"] = example.answer
    if example.body is not None:
        operation["requestBody"]["content"]["application/json"]["example"] = example.body
