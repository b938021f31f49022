"""Whatever a chat model raises becomes one of a few failures."""

import json

import pytest
from langchain_core.exceptions import ContextOverflowError, ModelTimeoutError

from lucy.tools.calls.failures import classify, is_too_long, scrub


class Response:
    def __init__(self, headers: dict[str, str]) -> None:
        self.headers = headers


class StatusError(Exception):
    def __init__(self, status: int, message: str = "no", headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status_code = status
        self.response = Response(headers or {})


class ConnectError(Exception):
    pass


def chain(outer: Exception, inner: Exception) -> Exception:
    outer.__cause__ = inner
    return outer


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 529])
def test_a_fault_of_the_server_is_tried_again(status: int) -> None:
    found = classify(StatusError(status, headers={"retry-after": "4"}))
    assert (found.outcome, found.is_retryable, found.wait) == ("server_error", True, 4.0)


@pytest.mark.parametrize(
    ("status", "cause"), [(401, "key"), (403, "key"), (402, "money"), (404, "address"), (405, "address")]
)
def test_a_refusal_of_everything_is_fatal(status: int, cause: str) -> None:
    found = classify(StatusError(status))
    assert (found.is_fatal, found.is_retryable, found.cause) == (True, False, cause)


@pytest.mark.parametrize(
    "message",
    [
        "The model 'x' does not exist or you do not have access to it.",
        "model 'x' not found, try pulling it first",
        "Invalid model name: unknown model x is invalid",
    ],
)
def test_an_unknown_model_is_fatal_also_as_400(message: str) -> None:
    found = classify(StatusError(400, message), parameters=("response_format",))
    assert (found.is_fatal, found.cause) == (True, "model")


def test_a_parameter_that_is_named_is_not_taken_for_an_unknown_model() -> None:
    message = "'response_format' of type 'json_schema' is not supported with this model"
    found = classify(StatusError(400, message), parameters=("response_format", "seed"))
    assert (found.is_fatal, found.parameters) == (False, ("response_format",))


@pytest.mark.parametrize("status", [400, 409, 413, 422])
def test_a_refusal_of_one_request_is_not_fatal_and_not_tried_again(status: int) -> None:
    found = classify(StatusError(status, "The content is not allowed"))
    assert (found.outcome, found.is_fatal, found.is_retryable, found.is_free) == (
        "refused",
        False,
        False,
        True,
    )


@pytest.mark.parametrize(
    ("error", "outcome", "has_arrived"),
    [
        (chain(RuntimeError("Connection error."), ConnectError("refused")), "dropped", False),
        (ConnectionRefusedError("refused"), "dropped", False),
        (ConnectionResetError("reset"), "dropped", True),
        (json.JSONDecodeError("cut", "{", 1), "dropped", True),
        (TimeoutError("late"), "timeout", True),
        (ModelTimeoutError("late"), "timeout", True),
        (ContextOverflowError("too long"), "refused", True),
        (KeyError("choices"), "server_error", True),
    ],
)
def test_what_has_no_status_is_told_apart(error: Exception, outcome: str, has_arrived: bool) -> None:
    found = classify(error)
    assert (found.outcome, found.has_arrived) == (outcome, has_arrived)


def test_a_length_is_told_from_other_refusals() -> None:
    long = "This model's maximum context length is 8192 tokens (context_length_exceeded)"
    assert is_too_long(classify(StatusError(400, long)))
    assert not is_too_long(classify(StatusError(400, "Invalid schema")))


def test_secrets_are_taken_out_of_reasons() -> None:
    text = scrub("key abc.def-123 and sk-proj-AAAA**BBBB and Bearer xyz, said the service", ["abc.def-123"])
    assert text == "key *** and *** and ***, said the service".replace("***, said", "*** said")


def test_a_long_reason_is_cut() -> None:
    assert len(classify(StatusError(500, "x" * 10_000)).reason) < 400
