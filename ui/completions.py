"""Read and write OpenAI's chat completions."""

import json
import time
from collections.abc import Generator
from contextlib import closing
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from lucy.tools.backends import Piece, Reply, Request
from lucy.tools.serving import Answer, AnswerStream

Role = Literal["system", "developer", "user", "assistant", "tool", "function"]
PASSED_ON = (
    "top_p", "frequency_penalty", "presence_penalty", "logit_bias", "parallel_tool_calls", "reasoning_effort",
)  # fmt: skip
"""Parameters that only models of other services know."""


class _Given(BaseModel):
    # OpenAI's clients send many fields that change nothing here; a new one must not break them.
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class ChatMessage(_Given):
    """One message of the conversation."""

    role: Role
    content: str | None = None
    """Text, or a list of parts of type `text`."""
    name: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None

    @field_validator("content", mode="before")
    @classmethod
    def join_parts(cls, value: Any) -> Any:
        """Take a list of text parts for their text."""
        if value is None or isinstance(value, str):
            return value
        parts: list[Any] = value if isinstance(value, list) else [None]
        texts = [part.get("text") if isinstance(part, dict) else None for part in parts]
        if not all(isinstance(text, str) for text in texts):
            raise ValueError(
                "expected text or a list of text parts (this model reads no images, sound or files)"
            )
        return "\n".join(str(text) for text in texts)


class StreamOptions(_Given):
    """What a stream says beside the text."""

    include_usage: bool | None = None


class ChatRequest(_Given):
    """Ask a deployed model for one answer.

    Honoured by every model: `model`, `messages`, `temperature` (0 is the most probable answer), `seed`
    (default 0: the same request gets the same answer), `max_tokens`, `max_completion_tokens`, `stop`,
    `stream`, `stream_options`, `user` (or the header `x-session-id`): an A/B test gives the same user the
    same arm. `tools`, `tool_choice`, `response_format`, `top_p` and the penalties reach models that know
    them: those of another service, and tools local models. A retrieval policy does not call tools, it
    ignores them; a `response_format` other than text it refuses. `n` above 1 and `logprobs` are refused.
    Other fields are ignored.
    """

    model: Annotated[str, Field(min_length=1)]
    """What was deployed, or a model's id."""
    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    temperature: Annotated[float | None, Field(ge=0, le=2, allow_inf_nan=False)] = None
    seed: int | None = None
    max_tokens: Annotated[int | None, Field(ge=1)] = None
    max_completion_tokens: Annotated[int | None, Field(ge=1)] = None
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    user: str | None = None
    """Whom an A/B test sticks to; only a hash of it is kept."""
    n: int | None = None
    logprobs: bool | None = None
    response_format: dict[str, Any] | None = None
    top_p: Annotated[float | None, Field(ge=0, le=1, allow_inf_nan=False)] = None
    frequency_penalty: Annotated[float | None, Field(ge=-2, le=2, allow_inf_nan=False)] = None
    presence_penalty: Annotated[float | None, Field(ge=-2, le=2, allow_inf_nan=False)] = None
    logit_bias: dict[str, float] | None = None
    reasoning_effort: str | None = None

    @field_validator("messages")
    @classmethod
    def require_user(cls, value: list[ChatMessage]) -> list[ChatMessage]:
        """Refuse a conversation in which nobody asked anything."""
        if not any(message.role == "user" and (message.content or "").strip() for message in value):
            raise ValueError("expected at least one user message with text")
        return value

    @field_validator("n")
    @classmethod
    def refuse_several(cls, value: int | None) -> int | None:
        """Refuse more than one answer."""
        if value not in (None, 1):
            raise ValueError("several answers in one request are not supported, leave it out or give 1")
        return value

    @field_validator("logprobs")
    @classmethod
    def refuse_logprobs(cls, value: bool | None) -> bool | None:
        """Refuse probabilities of tokens, which are not passed on."""
        if value:
            raise ValueError("this model has no token probabilities, leave it out")
        return value

    @property
    def wanted(self) -> Request:
        """The request as the rest of Lucy knows it."""
        others = {name: getattr(self, name) for name in PASSED_ON}
        return Request(
            tuple(message.model_dump(exclude_none=True) for message in self.messages),
            seed=self.seed,
            temperature=self.temperature,
            max_tokens=self.max_completion_tokens or self.max_tokens,
            stop=(self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ()),
            tools=tuple(self.tools or ()),
            tool_choice=self.tool_choice,
            response_format=self.response_format,
            others={name: value for name, value in others.items() if value is not None},
        )

    @property
    def wants_usage(self) -> bool:
        """Tell whether a stream ends with the token counts."""
        return bool(self.stream_options and self.stream_options.include_usage)


def write_completion(name: str, answer: Answer) -> dict[str, Any]:
    """Write an answer in one piece."""
    reply = answer.reply
    content = None if reply.tool_calls and not reply.text else reply.text
    message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": reply.refusal}
    if reply.tool_calls:
        message["tool_calls"] = list(reply.tool_calls)
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reply.finish_reason}
    head = _write_head(name, answer, "chat.completion")
    return head | {"choices": [choice], "usage": _write_usage(reply)}


def write_stream(name: str, stream: AnswerStream, *, wants_usage: bool) -> Generator[str]:
    """Write an answer as server-sent events, a piece each, ended by `[DONE]`."""
    head = _write_head(name, stream, "chat.completion.chunk")
    if wants_usage:
        head["usage"] = None
    yield _write_chunk(head, {"role": "assistant", "content": ""})
    reply = (yield from _write_pieces(head, stream.pieces)).reply
    yield _write_chunk(head, {}, reply.finish_reason)
    if wants_usage:
        yield write_event(head | {"choices": [], "usage": _write_usage(reply)})
    yield "data: [DONE]\n\n"


def _write_pieces(
    head: dict[str, Any], pieces: Generator[Piece, None, Answer]
) -> Generator[str, None, Answer]:
    with closing(pieces):
        while True:
            try:
                piece = next(pieces)
            except StopIteration as end:
                return end.value
            delta: dict[str, Any] = {"content": piece.text} if piece.text else {}
            if piece.tool_calls:
                delta["tool_calls"] = list(piece.tool_calls)
            yield _write_chunk(head, delta)


def write_event(value: dict[str, Any], name: str | None = None) -> str:
    """Write a server-sent event, named or not."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(value, ensure_ascii=False)}\n\n"


def _write_head(name: str, answer: Answer | AnswerStream, kind: str) -> dict[str, Any]:
    return {
        "id": answer.id,
        "object": kind,
        "created": int(time.time()),
        "model": name,
        "system_fingerprint": f"{answer.model_id}:{answer.version}",
    }


def _write_chunk(head: dict[str, Any], delta: dict[str, Any], finish: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return write_event(head | {"choices": [choice]})


def _write_usage(reply: Reply) -> dict[str, int]:
    return {
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": reply.completion_tokens,
        "total_tokens": reply.prompt_tokens + reply.completion_tokens,
    }
