"""Recognise the three record formats and bring one parsed entry into one shape.

DatasetRecord (`data.input.messages`, `data.output`), OpenAI chat (`messages`) and completion (`prompt`,
`completion`). The shape of each entry is told from its own fields, so that a mixed file can be read.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, cast

from lucy.tools.records.validation import Fault, describe
from lucy.tools.vocabulary import Message

RecordFormat = Literal["dataset", "chat", "completion"]
"""`dataset`: DatasetRecord. `chat`: OpenAI chat. `completion`: prompt and completion."""

_NO_ITEM = frozenset(("id", "metadata", "topic", "tools"))
"""Fields of every format that are no item field."""

_OWN_FIELDS: dict[RecordFormat, frozenset[str]] = {
    "dataset": _NO_ITEM | {"data"},
    "chat": _NO_ITEM | {"messages"},
    "completion": _NO_ITEM | {"prompt", "completion"},
}


class Conversation(NamedTuple):
    """One entry in the common shape, not yet validated."""

    format: RecordFormat
    source_id: Any
    """The source's `id`, whatever it is."""
    messages: list[Any]
    """The conversation, possibly ending in assistant messages."""
    output: list[Any]
    """A reply that the source keeps apart."""
    tools: list[dict[str, Any]]
    item: dict[str, Any]
    metadata: dict[str, Any]


class Halves(NamedTuple):
    """A conversation cut after its last user message."""

    prompt: tuple[Message, ...]
    reply: tuple[Message, ...]


class _Parts(NamedTuple):
    messages: list[Any]
    output: list[Any]
    tools: Any = None


def shape_entry(value: object, *, habit: RecordFormat | None = None) -> Conversation | Fault:
    """Bring one parsed entry into the common shape.

    Args:
        value: The parsed JSON value.
        habit: The format of the file's other entries; it decides what a shapeless entry is said to lack.
    """
    if not isinstance(value, dict):
        return Fault("invalid_data_structure", f"The entry is {describe(value)}; expected a JSON object.")
    fields = cast(dict[str, Any], value)
    kind = recognise_format(fields)
    if kind is None:
        return _explain_shapeless(habit)
    parts = _SHAPERS[kind](fields)
    if isinstance(parts, Fault):
        return parts
    tools = parts.tools or fields.get("tools") or []
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in cast(list[Any], tools)):
        return Fault("invalid_data_structure", "The tools are no list of objects; expected tool definitions.")
    own = _OWN_FIELDS[kind]
    return Conversation(
        format=kind,
        source_id=fields.get("id"),
        messages=parts.messages,
        output=parts.output,
        tools=cast(list[dict[str, Any]], tools),
        item={key: entry for key, entry in fields.items() if key not in own},
        metadata=_collect_metadata(fields),
    )


def recognise_format(fields: Mapping[str, Any]) -> RecordFormat | None:
    """Tell the format of one entry from its fields, None when it has the fields of none."""
    if "messages" in fields:
        return "chat"
    if "data" in fields:
        return "dataset"
    return "completion" if "prompt" in fields else None


def split_conversation(conversation: Conversation) -> Halves:
    """Cut a validated conversation after its last user message.

    What follows it belongs to the reply: tool calls, tool results and the final answer. Where nothing that
    follows is an assistant's (a trailing system message), nothing of it is kept.
    """
    messages: list[Message] = conversation.messages
    end = max(place for place, message in enumerate(messages, 1) if message["role"] == "user")
    reply: list[Message] = [*messages[end:], *conversation.output]
    if not any(message["role"] == "assistant" for message in reply):
        reply = []
    return Halves(tuple(messages[:end]), tuple(reply))


def _shape_dataset(fields: Mapping[str, Any]) -> _Parts | Fault:
    data = fields["data"]
    if not isinstance(data, dict):
        return Fault(
            "invalid_data_structure", f"`data` is {describe(data)}; expected an object with `input`."
        )
    inner = cast(dict[str, Any], data)
    given = inner.get("input")
    if not isinstance(given, dict):
        return Fault("missing_input", "The record has no `data.input`; expected an object with `messages`.")
    source = cast(dict[str, Any], given)
    messages = _take_messages(source.get("messages"), "data.input.messages")
    if isinstance(messages, Fault):
        return messages
    output = _take_output(inner.get("output"))
    return output if isinstance(output, Fault) else _Parts(messages, output, source.get("tools"))


def _take_output(output: object) -> list[Any] | Fault:
    """Read a reply given as messages, as one message, as a text, or not at all."""
    if isinstance(output, dict):
        fields = cast(dict[str, Any], output)
        output = [fields] if "role" in fields else fields.get("messages")
    if not output:
        return []
    if isinstance(output, str):
        return [{"role": "assistant", "content": output}]
    if isinstance(output, list):
        return cast(list[Any], output)
    return Fault("invalid_data_structure", f"`data.output` is {describe(output)}; expected messages.")


def _shape_chat(fields: Mapping[str, Any]) -> _Parts | Fault:
    messages = _take_messages(fields["messages"], "messages")
    return messages if isinstance(messages, Fault) else _Parts(messages, [])


def _shape_completion(fields: Mapping[str, Any]) -> _Parts | Fault:
    prompt = fields["prompt"]
    if prompt is None:
        return Fault("missing_input", "The `prompt` is null; expected a text.")
    messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
    if not isinstance(messages, list):
        return Fault("invalid_data_structure", f"The `prompt` is {describe(prompt)}; expected a text.")
    output = _take_output(fields.get("completion"))
    return output if isinstance(output, Fault) else _Parts(cast(list[Any], messages), output)


_SHAPERS = {"dataset": _shape_dataset, "chat": _shape_chat, "completion": _shape_completion}


def _take_messages(messages: object, place: str) -> list[Any] | Fault:
    if messages is None:
        return Fault("missing_messages", f"The record has no `{place}`; expected a list of chat messages.")
    if not isinstance(messages, list):
        return Fault("invalid_data_structure", f"`{place}` is {describe(messages)}; expected a list.")
    return cast(list[Any], messages)


def _explain_shapeless(habit: RecordFormat | None) -> Fault:
    if habit == "dataset":
        return Fault("invalid_data_structure", "The record has no `data`; expected `data.input.messages`.")
    if habit == "completion":
        return Fault("missing_input", "The record has no `prompt`; expected `prompt` and `completion`.")
    return Fault(
        "missing_messages",
        "The record has no `messages`; "
        "expected `messages`, `data.input.messages`, or `prompt` and `completion`.",
    )


def _collect_metadata(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Keep the source's notes; a topic given by the source is a note, not an assignment."""
    metadata = fields.get("metadata")
    topic = fields.get("topic")
    if isinstance(metadata, dict):
        notes = cast(dict[str, Any], metadata)
    else:
        notes = {} if metadata is None else {"metadata": metadata}
    return {**notes, "topic": topic} if topic is not None and "topic" not in notes else notes
