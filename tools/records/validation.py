"""Judge one conversation: the twelve reasons why a record cannot be used.

`validate` checks everything that one record shows by itself; `duplicate` needs the others and is found by
`lucy.tools.records.intake`.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast, get_args

from lucy.tools.records.tokens import MAX_TOKENS_PER_CHARACTER, MESSAGE_OVERHEAD, estimate_tokens

ErrorCode = Literal[
    "invalid_data_structure",
    "missing_input",
    "missing_messages",
    "empty_messages",
    "invalid_role",
    "no_user_message",
    "empty_user_message",
    "user_message_too_short",
    "orphan_tool_result",
    "missing_tool_call_id",
    "exceeds_max_tokens",
    "duplicate",
]
"""Why a record is rejected; one per record, the first that applies in this order."""

ERROR_CODES: tuple[ErrorCode, ...] = get_args(ErrorCode)

ROLES = frozenset(("system", "developer", "user", "assistant", "tool"))
"""Roles of OpenAI's chat format; the retired `function` role is refused."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a record may measure."""

    min_user_chars: int = 10
    """Least number of characters in the record's user messages together."""
    max_tokens: int = 8000
    """Largest estimated number of tokens of the whole record."""
    max_line_bytes: int = 8 * 1024 * 1024
    """Longest line, or element of an array, that is parsed; in bytes."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that cannot be used, kept with its reason."""

    line: int
    """Line in the file; the position in an array or list. Counted from 1."""
    error: ErrorCode
    message: str
    """One sentence: what is wrong and what was expected."""
    raw: str
    """The line as it stood; bytes that are no UTF-8 are written as `\\xNN`."""


class Fault(NamedTuple):
    """What is wrong with a conversation."""

    error: ErrorCode
    message: str


DEFAULT_LIMITS = Limits()


def validate(
    messages: Sequence[Any], output: Sequence[Any] = (), *, limits: Limits = DEFAULT_LIMITS
) -> Fault | None:
    """Give the first fault of a conversation, or None when it can be used.

    Args:
        messages: The conversation as read, possibly ending in assistant messages.
        output: A reply that the source keeps apart from the conversation; user messages in it do not count.
        limits: What a record may measure.
    """
    if not messages:
        return Fault("empty_messages", "The list of messages is empty; expected at least one user message.")
    every: list[Any] = [*messages, *output]
    return (
        _find_misshapen(every)
        or _judge_user_messages(messages, limits)
        or _judge_tool_chain(every)
        or _judge_length(every, limits)
    )


def _find_misshapen(messages: Sequence[Any]) -> Fault | None:
    for place, message in enumerate(messages, 1):
        if not isinstance(message, dict):
            return _misshape(
                f"Message {place} is {describe(message)}; expected an object with role and content."
            )
        fields = cast(dict[str, Any], message)
        role = fields.get("role")
        if not isinstance(role, str) or role not in ROLES:
            return Fault("invalid_role", _explain_role(place, fields))
        content = fields.get("content")
        if content is not None and not isinstance(content, str):
            problem = _judge_parts(content)
            if problem:
                return _misshape(f"The content of message {place} {problem}.")
        calls = fields.get("tool_calls")
        if calls and not _is_list_of_objects(calls):
            return _misshape(f"The tool_calls of message {place} are no list of objects.")
    return None


def _misshape(message: str) -> Fault:
    return Fault("invalid_data_structure", message)


def _explain_role(place: int, message: Mapping[str, Any]) -> str:
    expected = "expected system, developer, user, assistant or tool"
    if "role" not in message:
        return f"Message {place} has no role; {expected}."
    role = message["role"]
    shown = repr(role[:40]) if isinstance(role, str) else describe(role)
    return f"Message {place} has the role {shown}; {expected}."


def _judge_parts(content: object) -> str:
    """Say what is wrong with a content that is no text, empty when it is a list of content parts."""
    if not _is_list_of_objects(content):
        return f"is {describe(content)}; expected a text or a list of content parts"
    for part in cast(list[dict[str, Any]], content):
        if "text" in part and not isinstance(part["text"], str):
            return f"has a part whose text is {describe(part['text'])}; expected a text"
    return ""


def _is_list_of_objects(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(entry, dict) for entry in cast(list[object], value))


def measure_text(message: Mapping[str, Any]) -> int:
    """Count the characters of a message's text, without the blanks around it."""
    content = message.get("content")
    if isinstance(content, str):
        return len(content.strip())
    parts: list[dict[str, Any]] = content or []
    return sum(len(str(part.get("text", "")).strip()) for part in parts)


def _judge_user_messages(messages: Sequence[dict[str, Any]], limits: Limits) -> Fault | None:
    lengths = [measure_text(message) for message in messages if message["role"] == "user"]
    if not lengths:
        return Fault("no_user_message", "No message has the role user; expected at least one.")
    if not lengths[-1]:
        return Fault(
            "empty_user_message", "The last user message holds no text; images and audio are not read."
        )
    if sum(lengths) < limits.min_user_chars:
        return Fault(
            "user_message_too_short",
            f"The user messages have {sum(lengths)} characters together; "
            f"expected at least {limits.min_user_chars}.",
        )
    return None


def _judge_tool_chain(messages: Sequence[dict[str, Any]]) -> Fault | None:
    """Check that each tool call has an id and each tool result answers an earlier call."""
    called: set[object] = set()
    for place, message in enumerate(messages, 1):
        calls: list[dict[str, Any]] = message.get("tool_calls") or []
        for call in calls:
            if not _is_usable_id(call.get("id")):
                return Fault("missing_tool_call_id", f"A tool call in message {place} has no id.")
            called.add(call["id"])
        if message["role"] == "tool":
            fault = _judge_tool_result(place, message.get("tool_call_id"), called)
            if fault:
                return fault
    return None


def _judge_tool_result(place: int, name: object, called: Set[object]) -> Fault | None:
    if not _is_usable_id(name):
        return Fault("missing_tool_call_id", f"The tool result in message {place} has no tool_call_id.")
    if name not in called:
        return Fault(
            "orphan_tool_result",
            f"The tool result in message {place} answers {str(name)[:80]!r}, "
            "but no message before it calls with that id.",
        )
    return None


def _is_usable_id(name: object) -> bool:
    return isinstance(name, str) and bool(name)


def _judge_length(messages: Sequence[dict[str, Any]], limits: Limits) -> Fault | None:
    if _is_surely_short(messages, limits.max_tokens):
        return None
    tokens = estimate_tokens(messages)
    if tokens <= limits.max_tokens:
        return None
    return Fault(
        "exceeds_max_tokens", f"The record has about {tokens} tokens; expected at most {limits.max_tokens}."
    )


def _is_surely_short(messages: Sequence[dict[str, Any]], max_tokens: int) -> bool:
    """Tell from the lengths alone that no estimate can exceed the limit."""
    size = 0
    for message in messages:
        content = message.get("content")
        if message.get("tool_calls") or isinstance(content, list):
            return False
        size += len(content or "")
    joints = len(messages)
    return (size + joints) * MAX_TOKENS_PER_CHARACTER + joints * MESSAGE_OVERHEAD <= max_tokens


def describe(value: object) -> str:
    """Name the kind of a JSON value for a person."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "a text"
    return "a list" if isinstance(value, list) else "an object"
