"""Read and write OpenAI's chat completions."""

import json
import time
import uuid
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from lucy.tools.serving import Answer, split_words
from lucy.tools.vocabulary import Message

Role = Literal["system", "developer", "user", "assistant", "tool", "function"]


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

    Honoured: `model`, `messages`, `temperature` (0 is the most probable answer), `seed` (default 0: the same
    request gets the same answer), `max_tokens`, `max_completion_tokens`, `stop`, `stream`, `stream_options`.
    `tools` and `tool_choice` are accepted and ignored: this model does not call tools. Other fields are
    ignored, except that `n` above 1, `logprobs` and a `response_format` other than text are refused.
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
    """Ignored: this model does not call tools."""
    n: int | None = None
    logprobs: bool | None = None
    response_format: dict[str, Any] | None = None

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
        """Refuse probabilities of tokens: this model has none."""
        if value:
            raise ValueError("this model has no token probabilities, leave it out")
        return value

    @field_validator("response_format")
    @classmethod
    def refuse_formats(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        """Refuse answers in JSON: this model gives text."""
        if value is not None and value.get("type") != "text":
            raise ValueError("this model answers in plain text only, leave it out or give type 'text'")
        return value

    @property
    def plain_messages(self) -> list[Message]:
        """The conversation as the rest of Lucy knows it."""
        return [message.model_dump(exclude_none=True) for message in self.messages]

    @property
    def stops(self) -> list[str]:
        """The texts that end the answer."""
        return [self.stop] if isinstance(self.stop, str) else self.stop or []

    @property
    def wants_usage(self) -> bool:
        """Tell whether a stream ends with the token counts."""
        return bool(self.stream_options and self.stream_options.include_usage)


def write_completion(name: str, answer: Answer) -> dict[str, Any]:
    """Write an answer in one piece."""
    message = {"role": "assistant", "content": answer.text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish_reason}
    head = _write_head(name, answer, "chat.completion")
    return head | {"choices": [choice], "usage": _write_usage(answer)}


def write_stream(name: str, answer: Answer, *, wants_usage: bool) -> Iterator[str]:
    """Write an answer as server-sent events, a word each, ended by `[DONE]`."""
    head = _write_head(name, answer, "chat.completion.chunk")
    if wants_usage:
        head["usage"] = None
    yield _write_chunk(head, {"role": "assistant", "content": ""})
    for word in split_words(answer.text):
        yield _write_chunk(head, {"content": word})
    yield _write_chunk(head, {}, answer.finish_reason)
    if wants_usage:
        yield write_event(head | {"choices": [], "usage": _write_usage(answer)})
    yield "data: [DONE]\n\n"


def write_event(value: dict[str, Any], name: str | None = None) -> str:
    """Write a server-sent event, named or not."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(value, ensure_ascii=False)}\n\n"


def _write_head(name: str, answer: Answer, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": kind,
        "created": int(time.time()),
        "model": name,
        "system_fingerprint": f"{answer.model_id}:{answer.version}",
    }


def _write_chunk(head: dict[str, Any], delta: dict[str, str], finish: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return write_event(head | {"choices": [choice]})


def _write_usage(answer: Answer) -> dict[str, int]:
    return {
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        "total_tokens": answer.prompt_tokens + answer.completion_tokens,
    }
