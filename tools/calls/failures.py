"""Turn whatever a chat model raises into one of a few failures, without the caller's secrets.

Told apart by the HTTP status and by LangChain's own classes, so that it works for every provider. A failure
is *fatal* when every other call would fail the same way: a wrong key, an unknown model, no such address.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from lucy.tools.calls.backoff import read_retry_after

FailedOutcome = Literal["rate_limited", "server_error", "dropped", "timeout", "refused"]
Cause = Literal["", "key", "model", "money", "address"]
"""What a person has to correct, where that is known."""
LONGEST_REASON = 300
"""Characters of the provider's own words that are passed on."""

_UNREACHABLE = {"ConnectError", "ConnectTimeout", "UnsupportedProtocol", "InvalidURL", "LocalProtocolError"}
"""Names of httpx's exceptions after which the server has certainly seen nothing."""
_LATE = {"ReadTimeout", "WriteTimeout"}
"""Names of httpx's exceptions for a server that was silent for too long."""
_KEY = re.compile(r"\b(sk|pk)-[\w*.-]{6,}|\bBearer \S+")
_MODEL = re.compile(r"model.{0,80}(not found|not exist|unknown|invalid|not supported|no such)", re.I | re.S)
_CONTEXT = re.compile(r"context.{0,20}(length|window)|too (long|many tokens)|maximum context", re.I | re.S)


class Failure(NamedTuple):
    """Why a call gave no answer."""

    outcome: FailedOutcome
    reason: str
    """The provider's own words, secrets taken out."""
    is_retryable: bool = False
    is_fatal: bool = False
    has_arrived: bool = True
    """False when the server has certainly not seen the call."""
    is_free: bool = False
    """The server answered with an error instead of tokens: nothing is billed for that."""
    cause: Cause = ""
    wait: float | None = None
    """Seconds that the server asks to wait."""
    parameters: tuple[str, ...] = ()
    """Optional parameters of the call that the server names in its refusal."""


def classify(error: Exception, *, secrets: Sequence[str] = (), parameters: Sequence[str] = ()) -> Failure:
    """Tell what kind of failure an exception is.

    Args:
        error: What the chat model raised.
        secrets: Texts that must not be passed on.
        parameters: Optional parameters that the call had.
    """
    reason = scrub(_read_reason(error), secrets)
    status = _read_status(error)
    if status is None:
        return _classify_broken(error, reason)
    if status == 408:
        return Failure("timeout", reason, is_retryable=True)
    if status == 429:
        return _classify_limit(error, reason)
    if status >= 500 and status != 501:
        wait = read_retry_after(_read_headers(error))
        return Failure("server_error", f"{status}: {reason}", is_retryable=True, is_free=True, wait=wait)
    return _classify_refusal(status, reason, parameters)


def scrub(text: str, secrets: Sequence[str] = ()) -> str:
    """Take secrets, and whatever looks like a key, out of a text, and shorten it."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    text = " ".join(_KEY.sub("***", text).split())
    return text if len(text) <= LONGEST_REASON else f"{text[: LONGEST_REASON - 1]}…"


def _classify_limit(error: Exception, reason: str) -> Failure:
    if re.search(r"insufficient_quota|exceeded your current quota|billing", reason, re.I):
        return Failure("rate_limited", f"429: {reason}", is_fatal=True, is_free=True, cause="money")
    wait = read_retry_after(_read_headers(error))
    return Failure("rate_limited", f"429: {reason}", is_retryable=True, is_free=True, wait=wait)


def _classify_refusal(status: int, reason: str, parameters: Sequence[str]) -> Failure:
    said = f"{status}: {reason}"
    if status in (401, 403):
        return Failure("refused", said, is_fatal=True, is_free=True, cause="key")
    if status == 402:
        return Failure("refused", said, is_fatal=True, is_free=True, cause="money")
    if status in (404, 405, 501):
        cause: Cause = "model" if "model" in reason.lower() else "address"
        return Failure("refused", said, is_fatal=True, is_free=True, cause=cause)
    named = tuple(name for name in parameters if name in reason)
    if not named and status == 400 and _MODEL.search(reason):
        return Failure("refused", said, is_fatal=True, is_free=True, cause="model")
    return Failure("refused", said, is_free=True, parameters=named)


def _classify_broken(error: Exception, reason: str) -> Failure:
    """Classify a call that ended without an HTTP status."""
    from langchain_core.exceptions import ContextOverflowError, ModelTimeoutError

    links = list(_follow(error))
    names = {type(link).__name__ for link in links}
    if names & _UNREACHABLE or any(isinstance(link, ConnectionRefusedError) for link in links):
        return Failure("dropped", reason, is_retryable=True, has_arrived=False, cause="address")
    if any(isinstance(link, ModelTimeoutError | TimeoutError) for link in links) or names & _LATE:
        return Failure("timeout", "no answer in time", is_retryable=True)
    if any(isinstance(link, ContextOverflowError) for link in links):
        return Failure("refused", reason, is_free=True)
    if any(isinstance(link, OSError | json.JSONDecodeError) for link in links) or _is_connection(names):
        return Failure("dropped", reason, is_retryable=True)
    return Failure("server_error", f"{type(error).__name__}: {reason}", is_retryable=True)


def _is_connection(names: set[str]) -> bool:
    return any(
        name.endswith(("ConnectionError", "ProtocolError", "ReadError", "WriteError")) for name in names
    )


def _follow(error: BaseException) -> Iterator[BaseException]:
    """Give an exception and what it came from."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__


def _read_status(error: Exception) -> int | None:
    status: Any = getattr(error, "status_code", None) or getattr(
        getattr(error, "response", None), "status_code", None
    )
    return status if isinstance(status, int) else None


def _read_headers(error: Exception) -> Mapping[str, str]:
    headers: Any = getattr(getattr(error, "response", None), "headers", None)
    return headers if headers is not None else {}


def _read_reason(error: Exception) -> str:
    """Give the provider's own sentence and code, else the exception's text."""
    body = _read_body(error)
    if isinstance(body, dict):
        detail: Any = body.get("error", body)
        if isinstance(detail, dict):
            parts = [detail.get(name) for name in ("message", "code", "param", "detail")]
            said = [str(part) for part in parts if part]
            if said:
                return said[0] + (f" ({', '.join(said[1:])})" if said[1:] else "")
        elif detail:
            return str(detail)
    return str(error) or type(error).__name__


def _read_body(error: Exception) -> Any:
    """Give the parsed body of a provider's answer: openai keeps it, httpx has it in the response."""
    body: Any = getattr(error, "body", None)
    if body is not None:
        return body
    try:
        return getattr(error, "response").json()  # noqa: B009  # exceptions of many libraries come here
    except (AttributeError, ValueError, RuntimeError):
        return None


def is_too_long(failure: Failure) -> bool:
    """Tell whether a request was refused for its length alone, which no other parameter changes."""
    return bool(_CONTEXT.search(failure.reason))
