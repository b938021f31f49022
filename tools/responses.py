"""Write a response as one text, with its tool calls where it has some, and read it again.

A response that only says something is that text. One with tool calls is its assistant message as JSON, as
OpenAI writes it: so rollouts and grades keep one column for both, and a model without native tool calling
can write the same form itself.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lucy.tools.vocabulary import Message, Record, read_reply_text


@dataclass(frozen=True, slots=True)
class Response:
    """What an assistant said and which tools it called."""

    text: str
    tool_calls: tuple[dict[str, Any], ...] = ()
    """As in OpenAI's messages: `type`, `function` with `name` and `arguments` (a JSON text)."""


def write_response(text: str, tool_calls: Sequence[dict[str, Any]] = ()) -> str:
    """Give a response as one text."""
    if not tool_calls:
        return text
    message: Message = {"role": "assistant", "content": text or None, "tool_calls": list(tool_calls)}
    return json.dumps(message, ensure_ascii=False)


def read_response(response: str) -> Response:
    """Read what `write_response` wrote; any other text is a response without tool calls."""
    if not response.lstrip().startswith("{") or '"tool_calls"' not in response:
        return Response(response)
    try:
        message: object = json.loads(response)
    except (ValueError, RecursionError):
        return Response(response)
    calls = message.get("tool_calls") if isinstance(message, dict) else None
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(calls, list) or not calls or not all(_is_call(call) for call in calls):
        return Response(response)
    return Response(content if isinstance(content, str) else "", tuple(calls))


def read_recorded_response(record: Record) -> str:
    """Give the recorded reply as a response: its last text, and all its tool calls in order; or empty."""
    calls: list[dict[str, Any]] = []
    for message in record.reply:
        found = message.get("tool_calls")
        if message.get("role") == "assistant" and isinstance(found, list):
            calls.extend(call for call in found if _is_call(call))
    return write_response(read_reply_text(record), calls)


def _is_call(call: object) -> bool:
    function = call.get("function") if isinstance(call, dict) else None
    return isinstance(function, dict) and isinstance(function.get("name"), str)
