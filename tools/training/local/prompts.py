"""Write conversations as a model reads them, and read what it wrote.

Everything goes through the tokenizer's chat template: training, measuring and serving see the same text. A
tokenizer without a template gets `PLAIN_TEMPLATE`, which is saved with the trained model.
"""

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from lucy.errors import InputError
from lucy.tools.responses import read_response, write_response
from lucy.tools.vocabulary import Message, Record, read_text

PLAIN_TEMPLATE = (
    "{% for message in messages %}{{ message['role'] + ': ' + message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}{{ '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}"
)
"""One line `role: text` a message, for tokenizers without a chat template."""

_CALL = re.compile(r"<tool_call>\s*(\{.*?\})\s*</tool_call>", re.DOTALL)
"""A tool call as Hermes, Qwen and many others write it."""
_PROBE: dict[str, Any] = {"type": "function", "function": {"name": "look_up", "arguments": '{"word": "x"}'}}


class Example(NamedTuple):
    """One reply to learn, in tokens."""

    prompt: list[int]
    reply: list[int]
    """With the token that ends it; only these count in the loss."""


def render(
    tokenizer: Any, messages: Sequence[Message], tools: Sequence[dict[str, Any]] = (), *, asks: bool = True
) -> str:
    """Write messages as one text by the tokenizer's chat template.

    Args:
        tokenizer: Of the transformers library, with a chat template.
        messages: In OpenAI's form; parts of a content that are no text are left out.
        tools: Definitions that the template may show.
        asks: Whether the text ends where the assistant begins.

    Raises:
        InputError: the template refuses the messages, such as two of one role in a row.
    """
    from jinja2 import TemplateError

    try:
        text = tokenizer.apply_chat_template(
            [_shape(message) for message in messages],
            tools=list(tools) or None,
            add_generation_prompt=asks,
            tokenize=False,
        )
    except (TemplateError, TypeError, ValueError, KeyError) as error:
        raise InputError(
            f"The model's chat template cannot write this conversation ({error}); take another base model, "
            "or leave such records out."
        ) from error
    return str(text)


def render_prompt(tokenizer: Any, record: Record) -> str:
    """Write a record's prompt up to where the assistant begins."""
    return drop_start(tokenizer, render(tokenizer, record.prompt, record.tools))


def drop_start(tokenizer: Any, text: str) -> str:
    """Drop a start-of-text token that the template wrote where the tokenizer adds one as well."""
    start = tokenizer.bos_token
    if start and text.startswith(start):
        ids = tokenizer(text)["input_ids"]
        if ids[:2] == [tokenizer.bos_token_id] * 2:
            return text[len(start) :]
    return text


def encode(tokenizer: Any, text: str) -> list[int]:
    """Give the tokens of a rendered prompt."""
    return list(tokenizer(drop_start(tokenizer, text))["input_ids"])


def make_examples(tokenizer: Any, record: Record) -> list[Example]:
    """Give the assistant's messages of a recorded reply, each after all that went before it.

    Results of tools stand in the prompt of the next message, so nothing is learned from their text.

    Raises:
        InputError: the chat template cannot write the record.
    """
    examples: list[Example] = []
    before = list(record.prompt)
    for message in record.reply:
        if message.get("role") == "assistant":
            prompt = render(tokenizer, before, record.tools)
            reply = _render_reply(tokenizer, before, message, record, prompt)
            tokens = list(tokenizer(reply, add_special_tokens=False)["input_ids"])
            examples.append(Example(encode(tokenizer, prompt), tokens))
        before.append(message)
    return examples


def _render_reply(
    tokenizer: Any, before: Sequence[Message], message: Message, record: Record, prompt: str
) -> str:
    """Give what the template writes for one assistant message, up to the token that ends it."""
    end = str(tokenizer.eos_token)
    whole = render(tokenizer, [*before, message], record.tools, asks=False)
    if whole.startswith(prompt):
        reply, found, _ = whole[len(prompt) :].rpartition(end)
        return reply + end if found else whole[len(prompt) :].rstrip() + end
    if message.get("tool_calls"):
        raise InputError(
            f"The model's chat template writes the tool calls of record {record.id!r} in another way than it "
            "asks for them; take another base model, or leave such records out."
        )
    # Templates of reasoning models open a thought in the prompt and leave it out of what was said before.
    return read_text([message]) + end


def read_answer(text: str) -> str:
    """Read what a model wrote as a response: tool calls in `<tool_call>` become OpenAI's form.

    A call whose JSON is broken is left as the text it is, for the grader to see.
    """
    calls: list[dict[str, Any]] = []
    for found in _CALL.finditer(text):
        try:
            call: Any = json.loads(found[1])
        except (ValueError, RecursionError):
            return text.strip()
        if not isinstance(call.get("name"), str):
            return text.strip()
        arguments = json.dumps(call.get("arguments", {}), ensure_ascii=False)
        calls.append({"type": "function", "function": {"name": call["name"], "arguments": arguments}})
    return write_response(_CALL.sub("", text).strip() if calls else text.strip(), calls)


def shows_tools(tokenizer: Any, record: Record) -> bool:
    """Tell whether the chat template writes a record's tools into its prompt."""
    return render(tokenizer, record.prompt, record.tools) != render(tokenizer, record.prompt)


def writes_readable_calls(tokenizer: Any, record: Record) -> bool:
    """Tell whether tool calls, as the chat template writes them, can be read from an answer."""
    said: Message = {"role": "assistant", "content": "", "tool_calls": [_PROBE]}
    try:
        text = render(tokenizer, [*record.prompt, said], record.tools, asks=False)
        before = render(tokenizer, record.prompt, record.tools, asks=False)
    except InputError:
        return False
    answer = text[len(before) :].replace(str(tokenizer.eos_token), "")
    return bool(read_response(read_answer(answer)).tool_calls)


def _shape(message: Message) -> Message:
    """Give a message as chat templates expect it: the content a text, arguments an object."""
    shaped = {key: value for key, value in message.items() if key in ("role", "name", "tool_call_id")}
    if shaped.get("role") == "developer":
        shaped["role"] = "system"  # OpenAI's newer name; templates leave out or refuse what they do not know
    shaped["content"] = read_text([message])
    if message.get("tool_calls"):
        shaped["tool_calls"] = [_shape_call(call) for call in message["tool_calls"]]
    return shaped


def _shape_call(call: dict[str, Any]) -> dict[str, Any]:
    function = dict(call.get("function", {}))
    # What is an object already, or no JSON, the template gets as it was recorded.
    with suppress(TypeError, ValueError, RecursionError):
        function["arguments"] = json.loads(function.get("arguments") or "{}")
    return {"type": "function", "function": function}
