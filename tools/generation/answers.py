"""Define what a language model is to give for one record, and turn it into messages."""

import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from lucy.tools.vocabulary import Message, Record


class WrittenMessage(BaseModel):
    """A user's message."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    message: str = Field(description="The user's message.")


class WrittenExchange(WrittenMessage):
    """A user's message and its answer."""

    reply: str = Field(description="The assistant's answer to the message.")


class WrittenCall(BaseModel):
    """A tool call and what it returned."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str = Field(description="Name of a tool that is offered.")
    arguments: str = Field(description="The arguments, a JSON object as text.")
    result: str = Field(description="What the tool returns.")


class WrittenChain(WrittenExchange):
    """A user's message, the calls that serve it, and the final answer."""

    calls: list[WrittenCall] = Field(description="The tool calls, in order.")


SCHEMAS: dict[Literal["rft", "sft", "tools"], type[BaseModel]] = {
    "rft": WrittenMessage,
    "sft": WrittenExchange,
    "tools": WrittenChain,
}


def build_reply(value: BaseModel, parent: Record | None) -> tuple[Message, ...] | None:
    """Give the messages that answer a written message; none in mode `rft`.

    Returns:
        None when the reply cannot be used: it is empty, calls nothing, calls a tool that is not offered, or
        with arguments that are no JSON object.
    """
    if not isinstance(value, WrittenExchange):
        return ()
    final: Message = {"role": "assistant", "content": value.reply.strip()}
    if not final["content"]:
        return None
    if not isinstance(value, WrittenChain):
        return (final,)
    offered = (
        {str((tool.get("function") or {}).get("name")) for tool in parent.tools} if parent else set[str]()
    )
    called: list[Message] = []
    for number, call in enumerate(value.calls, 1):
        if call.name not in offered or not _is_object(call.arguments):
            return None
        called += _write_call(call, f"call_{number}")
    return (*called, final) if called else None


def _is_object(text: str) -> bool:
    try:
        value: Any = json.loads(text)
    except ValueError:
        return False
    return isinstance(value, dict)


def _write_call(call: WrittenCall, call_id: str) -> list[Message]:
    function = {"name": call.name, "arguments": call.arguments}
    request = {"id": call_id, "type": "function", "function": function}
    return [
        {"role": "assistant", "content": None, "tool_calls": [request]},
        {"role": "tool", "content": call.result, "tool_call_id": call_id},
    ]
