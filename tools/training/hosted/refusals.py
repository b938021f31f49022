"""Say in one sentence why a service did not do what was asked, and what a person can do."""

import re
from typing import NamedTuple

from lucy.errors import ProviderError
from lucy.tools.calls.failures import Failure, classify
from lucy.tools.training.hosted.client import Client

NOT_THERE = (404, 405, 501)
"""How services answer that do not have a part of the API."""
DEFINITE = (400, 401, 403, 404, 422)
"""How services answer that have read a request and refuse it."""
_MODEL = re.compile(r"model_not_(found|available)|invalid_model|access to model|model.{0,80}not exist", re.I)
_FULL = re.compile(r"insufficient_quota|exceeded your current quota|billing", re.I)


class DefiniteRefusalError(ProviderError):
    """The service has read a call and refuses it: nothing came of it."""


class Refusal(NamedTuple):
    """Why a call to a training service gave no answer."""

    failure: Failure
    status: int | None
    """HTTP status; None when there was no answer."""

    @property
    def is_definite(self) -> bool:
        """Tell whether the service has read the call and refuses it, so that nothing came of it."""
        return not self.failure.is_retryable and self.status in DEFINITE

    @property
    def is_not_there(self) -> bool:
        """Tell whether the service does not have this part of the API."""
        return self.status in NOT_THERE


def read_refusal(error: Exception, client: Client) -> Refusal:
    """Tell what kind of failure an exception of the official client is."""
    status: object = getattr(error, "status_code", None)
    return Refusal(classify(error, secrets=client.secrets), status if isinstance(status, int) else None)


def is_about_model(refusal: Refusal) -> bool:
    """Tell whether a service refuses for the model that was named."""
    return refusal.failure.cause == "model" or bool(_MODEL.search(refusal.failure.reason))


def explain(refusal: Refusal, client: Client, what: str, *, model: str = "") -> str:
    """Say why a service did not do something, what was expected and what to do.

    Args:
        refusal: What came instead of an answer.
        client: The service that was asked.
        what: What was asked, such as "take the training file".
        model: The model that was asked to answer; empty where a training was asked for.
    """
    expected, remedy = _advise(refusal, client, model)
    reason = refusal.failure.reason.rstrip(". ")
    return f"The service at {client.place} did not {what} ({reason}): expected {expected}; {remedy}."


def _advise(refusal: Refusal, client: Client, model: str) -> tuple[str, str]:
    failure, status = refusal
    if failure.cause == "money" or (status in (403, 429) and _FULL.search(failure.reason)):
        return "an account with credit left", "add credit with the provider, then start the training again"
    if is_about_model(refusal):
        if model:
            return "a model that it serves", f"deploy {model!r} there, or choose another model"
        return "a base model that it can fine-tune", "choose another, or ask for access to this one"
    if status == 401:
        verb = "correct" if client.key or client.given else "set"
        return "a key that the service accepts", f"{verb} {client.key_variable}"
    if status == 403:
        return (
            "a key that may upload files and start fine-tuning",
            "give it that right in the provider's console, or set "
            f"{client.url_variable} and {client.key_variable} to a service that offers fine-tuning to you",
        )
    if refusal.is_not_there or not failure.has_arrived:
        return (
            "a service with OpenAI's files and fine_tuning.jobs API, whose address mostly ends in /v1",
            f"start the service or correct {client.url_variable}",
        )
    if failure.is_retryable:
        return "answers", "start the training again later: it goes on from here, and nothing is sent twice"
    return "a request that it takes", "correct what it names, then start the training again"
