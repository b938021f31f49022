"""Give graders what they judge: a record and a response, in the two forms that are in use."""

import json
from contextlib import suppress
from typing import Any

from lucy.tools.responses import Response, read_recorded_response, read_response
from lucy.tools.vocabulary import Record, read_last_user_text, read_text


def build_request(record: Record, response: str) -> dict[str, Any]:
    """Give what OpenAI's graders get: `sample`, the response, and `item`, the row's other fields.

    Besides `record.item` the item has `id`, `messages` (the prompt), `tools` where there are any, and of
    the recorded answer `reference_reply` (its text) and `reference_tool_calls`, where there are such.
    `sample.output_json` is there when the response is JSON.
    """
    said = read_response(response)
    item: dict[str, Any] = {"id": record.id, "messages": list(record.prompt)}
    if record.tools:
        item["tools"] = list(record.tools)
    recorded = read_response(read_recorded_response(record))
    if recorded.text:
        item["reference_reply"] = recorded.text
    if recorded.tool_calls:
        item["reference_tool_calls"] = list(recorded.tool_calls)
    return {"sample": _build_sample(said), "item": {**item, **record.item}}


def _build_sample(said: Response) -> dict[str, Any]:
    calls = list(said.tool_calls)
    message: dict[str, Any] = {"role": "assistant", "content": said.text or None if calls else said.text}
    if calls:
        message["tool_calls"] = calls
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}
    sample: dict[str, Any] = {"output_text": said.text, "output_tools": calls, "choices": [choice]}
    with suppress(ValueError, RecursionError):
        sample["output_json"] = json.loads(said.text)
    return sample


def build_variables(record: Record, response: str) -> dict[str, Any]:
    """Give what judge templates and JavaScript graders see, under the names of the documents.

    `messages`, `tools` and `toolCalls` are lists, `item` has what `build_request` gives it, and `response`,
    `lastUserMessage` and `systemPrompt` are texts, empty where there is none.
    """
    request = build_request(record, response)
    return {
        "messages": list(record.prompt),
        "response": request["sample"]["output_text"],
        "lastUserMessage": read_last_user_text(record),
        "tools": list(record.tools),
        "toolCalls": request["sample"]["output_tools"],
        "systemPrompt": read_text(
            [one for one in record.prompt if one.get("role") in ("system", "developer")]
        ),
        "item": request["item"],
    }
