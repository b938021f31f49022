"""An OpenAI-compatible server on this machine, for tests: it answers, fails as planned, and counts.

with FakeOpenAI(lambda request: '{"text": "hello"}', malformed=0.3) as server:
    settings = Settings(base_url=server.url, api_key="secret", generator_model="fake")
"""

import contextlib
import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

from loopback import Loopback, LoopbackServer

Reply = Callable[[dict[str, Any]], str]
FAULTS = ("rate_limited", "server_error", "dropped", "malformed", "truncated")


class FakeOpenAI(Loopback):
    """The server and its counts; use it as a context manager.

    Args:
        reply: Gives the text of the answer to a request (the parsed body).
        rate_limited: Share of calls answered 429, 0 to 1; so with the other faults.
        server_error: Share of calls answered 500.
        dropped: Share of calls whose connection is cut in the middle of the body.
        malformed: Share of calls whose text is no JSON.
        truncated: Share of calls whose text ends too early, with `finish_reason` "length".
        delay: Seconds that each call takes.
        seed: Of the plan of faults; the nth call that arrives has the nth fault.
        key: The only key that is accepted; None accepts any.
        models: Models that exist; any if empty.
        refuses: Parameters that are answered with 400.
        retry_after: Header of a 429.
        gate: Called while a call is under way, for tests of concurrency.
        refusal: What the model says instead of an answer, in OpenAI's field for it.
    """

    def __init__(
        self,
        reply: Reply = lambda _request: "{}",
        *,
        rate_limited: float = 0.0,
        server_error: float = 0.0,
        dropped: float = 0.0,
        malformed: float = 0.0,
        truncated: float = 0.0,
        delay: float = 0.0,
        seed: int = 0,
        key: str | None = None,
        models: tuple[str, ...] = (),
        refuses: tuple[str, ...] = (),
        retry_after: str = "0",
        gate: Callable[[], object] | None = None,
        refusal: str | None = None,
    ) -> None:
        self.reply = reply
        self.shares = dict(
            zip(FAULTS, (rate_limited, server_error, dropped, malformed, truncated), strict=True)
        )
        self.delay, self.key, self.models, self.refuses = delay, key, models, refuses
        self.retry_after, self.gate, self.refusal = retry_after, gate, refusal
        self.requests: list[dict[str, Any]] = []
        """Bodies of all calls, in the order of their arrival."""
        self.outcomes: Counter[str] = Counter()
        """Calls by what became of them: answered, refused, and the faults."""
        self.prompt_tokens = 0
        """Delivered with whole bodies, also with malformed and truncated texts."""
        self.completion_tokens = 0
        self.most_at_once = 0
        self._at_once = 0
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    @property
    def calls(self) -> int:
        """Number of calls that arrived."""
        return len(self.requests)

    def begin(self, body: dict[str, Any]) -> str:
        """Note a call and give its fault, or "answered"."""
        with self._lock:
            self.requests.append(body)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            draw = self._random.random()
        for fault, share in self.shares.items():
            if draw < share:
                return fault
            draw -= share
        return "answered"

    def end(self) -> None:
        """Note that a call is no longer under way."""
        with self._lock:
            self._at_once -= 1

    def count(self, outcome: str, usage: dict[str, int] | None = None) -> None:
        """Count a call, and the tokens that were delivered."""
        with self._lock:
            self.outcomes[outcome] += 1
            if usage:
                self.prompt_tokens += usage["prompt_tokens"]
                self.completion_tokens += usage["completion_tokens"]


class _Server(LoopbackServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that was killed in the middle of a call."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: FakeOpenAI

    def log_message(self, format: str, *args: Any) -> None:  # the base class names it so
        """Say nothing."""

    def do_GET(self) -> None:
        fake = self.owner
        if not self._is_welcome():
            self._send(401, _error("Incorrect API key provided", "invalid_api_key"))
        elif self.path == "/v1/models":
            names = fake.models or ("fake",)
            self._send(200, {"object": "list", "data": [{"id": name, "object": "model"} for name in names]})
        else:
            self._send(404, _error("Not found", "not_found"))

    def do_POST(self) -> None:
        fake = self.owner
        length = int(self.headers["Content-Length"])
        sent = self.rfile.read(length)
        if len(sent) < length:  # the client was killed while it sent: the call has not arrived
            self.close_connection = True
            return
        body = json.loads(sent)
        fault = fake.begin(body)
        try:
            if fake.gate:
                fake.gate()
            if fake.delay:
                time.sleep(fake.delay)
            self._answer(body, fault)
        finally:
            fake.end()

    def _answer(self, body: dict[str, Any], fault: str) -> None:
        fake = self.owner
        refusal = self._find_refusal(body)
        if refusal:
            fake.count("refused")
            self._send(*refusal)
        elif fault == "rate_limited":
            fake.count(fault)
            self._send(429, _error("Rate limit reached", "rate_limit"), {"Retry-After": fake.retry_after})
        elif fault == "server_error":
            fake.count(fault)
            self._send(500, _error("The server had an error", "server_error"))
        else:
            self._complete(body, fault)

    def _find_refusal(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        fake = self.owner
        if self.path != "/v1/chat/completions":
            return 404, _error("Not found", "not_found")
        if not self._is_welcome():
            sent = self.headers.get("Authorization", "").removeprefix("Bearer ")
            return 401, _error(f"Incorrect API key provided: {sent}", "invalid_api_key")
        if fake.models and body["model"] not in fake.models:
            return 404, _error(f"The model {body['model']!r} does not exist", "model_not_found")
        for name in fake.refuses:
            if name in body:
                return 400, _error(f"Unsupported parameter: '{name}'", "unsupported_parameter")
        return None

    def _is_welcome(self) -> bool:
        key = self.owner.key
        return key is None or self.headers.get("Authorization") == f"Bearer {key}"

    def _complete(self, body: dict[str, Any], fault: str) -> None:
        fake = self.owner
        text = fake.reply(body)
        if fault == "malformed":
            text = "Sure! " + text.replace('"', "'")[:-1]
        elif fault == "truncated":
            text = text[: len(text) // 2]
        usage = {
            "prompt_tokens": sum(len(str(one["content"]).split()) for one in body["messages"]),
            "completion_tokens": max(1, len(text.split())),
        }
        usage["total_tokens"] = sum(usage.values())
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if fake.refusal:
            message |= {"content": None, "refusal": fake.refusal}
        choice = {
            "index": 0,
            "message": message,
            "finish_reason": "length" if fault == "truncated" else "stop",
        }
        value = {
            "id": f"chatcmpl-{fake.calls}",
            "object": "chat.completion",
            "created": 1,
            "model": body["model"],
            "choices": [choice],
            "usage": usage,
        }
        # Counted before it is sent: the client may read the counts as soon as it has the answer.
        fake.count(fault, None if fault == "dropped" else usage)
        self._send(200, value, is_cut=fault == "dropped")

    def _send(
        self, status: int, value: Any, headers: dict[str, str] | None = None, *, is_cut: bool = False
    ) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        for name, content in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, content)
        self.send_header("Content-Length", str(len(body)))
        self.close_connection = True
        with contextlib.suppress(ConnectionError):  # the client was killed, or waits no longer
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if is_cut else body)
            self.close_connection = is_cut


def _error(message: str, code: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "error", "param": None, "code": code}}


FakeOpenAI.handler = _Handler
FakeOpenAI.server = _Server
