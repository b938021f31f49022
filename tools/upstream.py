"""Answer with a model of another service that speaks OpenAI's chat completions."""

import json
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from lucy.settings import Settings
from lucy.tools.backends import Piece, RefusedError, Reply, Request
from lucy.tools.calls.connection import NO_KEY, OPENAI
from lucy.tools.calls.failures import Failure, classify
from lucy.tools.calls.prices import Price, find_price, load_prices
from lucy.tools.records.tokens import estimate_text_tokens, estimate_tokens

if TYPE_CHECKING:
    import httpx

CONNECTIONS = 256
"""Largest number of requests that are under way to the service at once."""


@dataclass(frozen=True, slots=True)
class Service:
    """Where the models are, and what is needed to ask them."""

    base_url: str
    key: SecretStr | None
    timeout: float
    """Seconds without a sign of life."""
    prices: dict[str, Price]

    @property
    def place(self) -> str:
        """Name the host, for people."""
        return urlsplit(self.base_url).netloc


def find_service(settings: Settings) -> Service:
    """Give the service that the settings name, OpenAI's own if they name none; nothing is sent."""
    base_url = settings.base_url or OPENAI
    prices = load_prices(settings.home, with_listed=base_url == OPENAI)
    return Service(base_url, settings.api_key, settings.model_timeout, prices)


class UpstreamBackend:
    """Passes requests on to a service: messages, tools, response format and parameters as they are.

    What it does not do: try again (OpenAI's clients do that), cache, or pass on images, audio and token
    probabilities. Usage is what the service says; where it says nothing, tokens are estimated.
    """

    def __init__(self, model: str, service: Service) -> None:
        """Make the back end; nothing is opened or sent."""
        import httpx

        key = service.key.get_secret_value() if service.key else NO_KEY
        self._model = model
        self._service = service
        self._price = find_price(service.prices, model)
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {key}"},
            timeout=service.timeout,
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
        )

    def answer(self, request: Request) -> Reply:
        """Ask the service for an answer in one piece."""
        import httpx

        self._check_key()
        try:
            response = self._client.post(self._url, json=self._write(request))
            response.raise_for_status()
            return self._read(response.json(), request)
        except (httpx.HTTPError, ValueError) as error:
            raise self._explain(error) from error

    def stream(self, request: Request) -> Generator[Piece, None, Reply]:
        """Pass the service's stream on as it comes."""
        import httpx

        self._check_key()
        body = self._write(request) | {"stream": True, "stream_options": {"include_usage": True}}
        whole = _Whole()
        try:
            with self._client.stream("POST", self._url, json=body) as response:
                if response.status_code >= 400:
                    response.read()
                response.raise_for_status()
                for chunk in _read_events(response):
                    piece = whole.add(chunk)
                    if piece:
                        yield piece
        except (httpx.HTTPError, ValueError) as error:
            raise self._explain(error) from error
        return self._reply(whole.message, whole.finish_reason, whole.usage, request)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @property
    def _url(self) -> str:
        return f"{self._service.base_url}/chat/completions"

    def _check_key(self) -> None:
        if self._service.key is None and self._service.base_url == OPENAI:
            raise RefusedError.make(
                f"The model {self._model!r} at {self._service.place} needs a key; set LUCY_API_KEY where "
                "Lucy runs, or LUCY_BASE_URL to a server that needs none."
            )

    def _write(self, request: Request) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._model,
            "messages": list(request.messages),
            "seed": request.seed,
            "temperature": request.temperature,
            "max_completion_tokens": request.max_tokens,
            "stop": list(request.stop) or None,
            "tools": list(request.tools) or None,
            "tool_choice": request.tool_choice,
            "response_format": request.response_format,
        }
        return {name: value for name, value in (body | dict(request.others)).items() if value is not None}

    def _read(self, value: Any, request: Request) -> Reply:
        if not isinstance(value, dict) or not value.get("choices"):
            said: Any = value.get("error") if isinstance(value, dict) else None
            raise ValueError(f"it answered without a choice: {said or value!r:.200}")
        choice = value["choices"][0]
        return self._reply(choice["message"], choice.get("finish_reason"), value.get("usage"), request)

    def _reply(self, message: dict[str, Any], reason: Any, usage: Any, request: Request) -> Reply:
        text = str(message.get("content") or "")
        calls = tuple(message.get("tool_calls") or ())
        told = usage if isinstance(usage, dict) else {}
        asked = int(told.get("prompt_tokens") or estimate_tokens(request.messages))
        written = estimate_text_tokens(text + (json.dumps(calls) if calls else ""))
        answered = int(told.get("completion_tokens") or round(written))
        return Reply(
            text,
            asked,
            answered,
            str(reason or "stop"),
            calls,
            message.get("refusal"),
            self._price.charge(asked, answered) if self._price else None,
        )

    def _explain(self, error: Exception) -> RefusedError:
        secret = (self._service.key.get_secret_value(),) if self._service.key else ()
        failure = classify(error, secrets=secret)
        status = _choose_status(failure)
        return RefusedError.make(
            f"The service at {self._service.place} gave no answer of {self._model!r} ({failure.reason}); "
            f"{self._advise(failure, status)}.",
            status=status,
            wait=failure.wait,
        )

    def _advise(self, failure: Failure, status: int) -> str:
        advice = {
            "key": f"{'correct' if self._service.key else 'set'} LUCY_API_KEY where Lucy runs",
            "model": "deploy a model that the service has",
            "money": "add credit with the provider",
            "address": "start the service, or correct LUCY_BASE_URL where Lucy runs",
        }
        if failure.cause:
            return advice[failure.cause]
        return "change the request" if status == 400 else "try again later"


def _choose_status(failure: Failure) -> int:
    """Choose what the caller of the gateway gets: a fault of Lucy's own key is not the caller's."""
    if failure.outcome == "rate_limited":
        return 429
    if failure.outcome == "timeout":
        return 504
    return 400 if failure.outcome == "refused" and not failure.cause else 502


def _read_events(response: "httpx.Response") -> Iterator[dict[str, Any]]:
    """Read the chunks of a stream.

    Raises:
        ValueError: a chunk is no JSON, or an error that the service sends in the middle.
    """
    for line in response.iter_lines():
        data = line.removeprefix("data:").strip() if line.startswith("data:") else ""
        if not data or data == "[DONE]":
            continue
        chunk: Any = json.loads(data)
        if not isinstance(chunk, dict) or chunk.get("error"):
            raise ValueError(f"it broke off: {chunk!r:.200}")
        yield chunk


class _Whole:
    """Puts the chunks of a stream together."""

    def __init__(self) -> None:
        self.finish_reason: str | None = None
        self.usage: Any = None
        self._texts: list[str] = []
        self._refusals: list[str] = []
        self._calls: dict[int, dict[str, Any]] = {}

    def add(self, chunk: dict[str, Any]) -> Piece | None:
        """Take a chunk and give what it adds to the answer, if anything."""
        self.usage = chunk.get("usage") or self.usage
        choices = chunk.get("choices")
        if not choices:
            return None
        self.finish_reason = choices[0].get("finish_reason") or self.finish_reason
        delta: dict[str, Any] = choices[0].get("delta") or {}
        text, calls = str(delta.get("content") or ""), delta.get("tool_calls") or ()
        self._texts.append(text)
        self._refusals.append(str(delta.get("refusal") or ""))
        for call in calls:
            self._add_call(call)
        return Piece(text, tuple(calls)) if text or calls else None

    def _add_call(self, delta: dict[str, Any]) -> None:
        blank = {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
        call = self._calls.setdefault(int(delta.get("index") or 0), blank)
        call["id"] = delta.get("id") or call["id"]
        said: dict[str, Any] = delta.get("function") or {}
        for name in ("name", "arguments"):
            call["function"][name] += str(said.get(name) or "")

    @property
    def message(self) -> dict[str, Any]:
        """The whole message."""
        return {
            "content": "".join(self._texts),
            "refusal": "".join(self._refusals) or None,
            "tool_calls": [self._calls[at] for at in sorted(self._calls)],
        }
