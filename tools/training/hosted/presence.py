"""Ask a service, before anything is uploaded, whether it takes the key and has the base model; it is free."""

from collections.abc import Callable
from typing import TypeVar

from lucy.errors import ProviderError
from lucy.tools.calls.endpoint import has_model
from lucy.tools.training.hosted.client import Client
from lucy.tools.training.hosted.journal import find_state
from lucy.tools.training.hosted.refusals import Refusal, explain, is_about_model, read_refusal
from lucy.tools.training.trainer import Task

T = TypeVar("T")

PATIENCE = 10.0
"""Seconds to wait for the service."""


def find_absence(client: Client, task: Task) -> list[str]:
    """Say that the service refuses the key, or has no base model of that name.

    A service that does not say which models it has is believed to have it. In a job one that does not answer
    is no fault, and a job that is submitted is not asked about again.
    """
    state = find_state(task.checkpoint)
    if state is not None and state.remote_job:
        return []
    try:
        service = client.open().with_options(timeout=PATIENCE, max_retries=0)
    except ProviderError as error:
        return [str(error)]
    names = _ask(client, lambda: [one.id for one in service.models.list()])
    if isinstance(names, Refusal):
        return _judge(names, client, is_proposal=not task.job_id)
    if not names or has_model(names, task.base_model):
        return []
    found = _ask(client, lambda: service.models.retrieve(task.base_model))
    if isinstance(found, Refusal) and (found.is_not_there or is_about_model(found)):
        return [explain(found, client, f"show the model {task.base_model!r}")]
    return []


def _ask(client: Client, action: Callable[[], T]) -> T | Refusal:
    try:
        return action()
    except Exception as error:  # noqa: BLE001  # the border to the official client and its transport
        return read_refusal(error, client)


def _judge(refusal: Refusal, client: Client, *, is_proposal: bool) -> list[str]:
    """Judge a service that does not list its models: a restricted key may fine-tune all the same."""
    is_silent = refusal.status is None and is_proposal
    return [explain(refusal, client, "list its models")] if refusal.status == 401 or is_silent else []
