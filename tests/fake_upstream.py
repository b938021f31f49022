"""A service that speaks OpenAI's chat completions with tools and streams, for tests of what passes through.

with FakeUpstream() as service:
    settings = Settings(base_url=service.url, api_key="secret")
"""

import json
from http.server import BaseHTTPRequestHandler
from typing import Any

from loopback import Loopback

USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "look_up", "arguments": '{"invoice": 12}'},
}
WORDS = ["Let ", "me ", "look."]


class FakeUpstream(Loopback):
    """Answers with words, or with a tool call when tools are offered; use it as a context manager."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.failure: tuple[int, dict[str, Any], dict[str, str]] | None = None
        """Status, body and headers that every call is answered with."""
        self.breaks_off = False
        """Whether a stream ends with an error in the middle."""
        self.tells_usage = True


class _Handler(BaseHTTPRequestHandler):
    owner: FakeUpstream

    def log_message(self, format: str, *args: Any) -> None:  # the base class names it so
        """Say nothing."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.owner.requests.append(body)
        self.owner.keys.append(self.headers["Authorization"])
        if self.owner.failure:
            status, value, headers = self.owner.failure
            self._send(status, json.dumps(value).encode(), "application/json", headers)
        elif body.get("stream"):
            self._send(200, self._write_stream(body), "text/event-stream")
        else:
            self._send(200, json.dumps(self._complete(body)).encode(), "application/json")

    def _complete(self, body: dict[str, Any]) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": "".join(WORDS)}
        reason = "stop"
        if body.get("tools"):
            message, reason = {"role": "assistant", "content": None, "tool_calls": [CALL]}, "tool_calls"
        value = {"choices": [{"index": 0, "message": message, "finish_reason": reason}]}
        return value | ({"usage": USAGE} if self.owner.tells_usage else {})

    def _write_stream(self, body: dict[str, Any]) -> bytes:
        deltas: list[dict[str, Any]] = [{"content": word} for word in WORDS]
        reason = "stop"
        if body.get("tools"):
            arguments = CALL["function"]["arguments"]
            named = {**CALL, "index": 0, "function": {"name": "look_up", "arguments": arguments[:5]}}
            deltas = [
                {"tool_calls": [named]},
                {"tool_calls": [{"index": 0, "function": {"arguments": arguments[5:]}}]},
            ]
            reason = "tool_calls"
        chunks: list[dict[str, Any]] = [{"choices": [{"index": 0, "delta": one}]} for one in deltas]
        if self.owner.breaks_off:
            chunks[-1] = {"error": {"message": "the engine fell over"}}
        chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        if self.owner.tells_usage:
            chunks.append({"choices": [], "usage": USAGE})
        return b"".join(f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks) + b"data: [DONE]\n\n"

    def _send(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, content in {"Content-Type": kind, **(headers or {})}.items():
            self.send_header(name, content)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


FakeUpstream.handler = _Handler
