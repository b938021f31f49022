"""Edit single records by the rules of the import, or leave them out; nothing is ever deleted.

What is changed here is stored by `lucy.tools.store.edits`. Whether an edit is right is the person's business:
only what the import would reject is refused.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from lucy.errors import InputError
from lucy.tools.records.duplicates import fingerprint_record
from lucy.tools.records.formats import Conversation, split_conversation
from lucy.tools.records.validation import DEFAULT_LIMITS, Fault, Limits, describe, validate
from lucy.tools.records.words import fold_text
from lucy.tools.vocabulary import Message, Record, read_last_user_text

EDITABLE = ("messages", "reply", "tools", "item")
"""What of a record can be edited; its id, metadata, parents, origin and family cannot."""


def edit_record(
    records: Sequence[Record],
    record_id: str,
    changes: Mapping[str, Any],
    *,
    limits: Limits = DEFAULT_LIMITS,
) -> Record:
    """Give a record as edited; `records` stay as they are.

    Args:
        records: The dataset; the edited record must not repeat another one exactly.
        record_id: The record to edit.
        changes: What becomes different. `messages`: the conversation; assistant messages after the last user
            message become the reply, without any the record keeps its reply. `reply`: messages, a text, or
            None for no reply. `tools`: tool definitions, or None for none. `item`: fields to set, None takes
            a field out; the other fields stay.
        limits: What a record may measure.

    Raises:
        InputError: The record is unknown, a change cannot be made, or the result would be rejected.
    """
    record = _find(records, record_id)
    _check_changes(record_id, changes)
    edited = _change(record, changes, limits)
    if edited != record:
        _check_unique(edited, records)
    return edited


def leave_out(records: Sequence[Record], record_ids: Sequence[str]) -> dict[str, Record | None]:
    """Give the changes that leave records out of a dataset.

    Raises:
        InputError: A record is unknown, or none would be left.
    """
    changes: dict[str, Record | None] = dict.fromkeys(record_ids)
    known = {record.id for record in records}
    for record_id in changes:
        if record_id not in known:
            raise _refuse_unknown(record_id)
    if changes and len(changes) == len(known):
        raise InputError("That would leave out every record; keep at least one.")
    return changes


def _find(records: Sequence[Record], record_id: str) -> Record:
    record = next((record for record in records if record.id == record_id), None)
    if record is None:
        raise _refuse_unknown(record_id)
    return record


def _refuse_unknown(record_id: str) -> InputError:
    return InputError(
        f"There is no record with the id {record_id[:80]!r} in the dataset; list its records first."
    )


def _check_changes(record_id: str, changes: Mapping[str, Any]) -> None:
    other = sorted(set(changes) - set(EDITABLE))
    if other:
        raise InputError(
            f"{other[0]!r} of record {record_id!r} cannot be edited; expected {', '.join(EDITABLE)}."
        )
    if not changes:
        raise InputError(f"Say what to edit of record {record_id!r}: {', '.join(EDITABLE)}.")
    try:
        json.dumps(dict(changes), ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"The changes of record {record_id!r} are no JSON ({error}).") from error


def _change(record: Record, changes: Mapping[str, Any], limits: Limits) -> Record:
    messages = changes.get("messages", list(record.prompt))
    if not isinstance(messages, list):
        raise _refuse(record.id, "invalid_data_structure", f"`messages` is {describe(messages)}")
    output = _read_reply(record, changes, cast(list[Any], messages))
    fault = validate(cast(list[Any], messages), output, limits=limits)
    if fault:
        raise _refuse(record.id, *fault)
    conversation = Conversation("chat", None, cast(list[Any], messages), output, [], {}, {})
    prompt, reply = split_conversation(conversation)
    return replace(
        record,
        prompt=prompt,
        reply=reply,
        tools=_read_tools(record, changes),
        item=_read_item(record, changes),
    )


def _read_reply(record: Record, changes: Mapping[str, Any], messages: list[Any]) -> list[Any]:
    if "reply" not in changes:
        last = cast(object, messages[-1]) if messages else None
        ends_in_reply = isinstance(last, dict) and cast(Message, last).get("role") == "assistant"
        return [] if ends_in_reply else list(record.reply)
    reply = changes["reply"]
    if reply is None or reply == "":
        return []
    if isinstance(reply, str):
        return [{"role": "assistant", "content": reply}]
    if not isinstance(reply, list):
        raise _refuse(record.id, "invalid_data_structure", f"`reply` is {describe(reply)}")
    return cast(list[Any], reply)


def _read_tools(record: Record, changes: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    tools = changes.get("tools", list(record.tools)) or []
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in cast(list[Any], tools)):
        raise _refuse(record.id, "invalid_data_structure", "`tools` is no list of tool definitions")
    return tuple(cast(list[dict[str, Any]], tools))


def _read_item(record: Record, changes: Mapping[str, Any]) -> dict[str, Any]:
    given = changes.get("item", {})
    if not isinstance(given, dict):
        raise _refuse(record.id, "invalid_data_structure", f"`item` is {describe(given)}")
    merged = {**record.item, **cast(dict[str, Any], given)}
    return {key: value for key, value in merged.items() if value is not None}


def _refuse(record_id: str, code: str, reason: str) -> InputError:
    return InputError(
        f"Record {record_id!r} stays as it is, since edited so it could not be used ({code}): "
        f"{reason.rstrip('.')}."
    )


def _check_unique(edited: Record, records: Sequence[Record]) -> None:
    """Refuse an exact copy of another record; the last user message is compared first, since it is cheap."""
    asked = fold_text(read_last_user_text(edited))
    digest = fingerprint_record(edited).digest
    for other in records:
        if other.id == edited.id or fold_text(read_last_user_text(other)) != asked:
            continue
        if fingerprint_record(other).digest == digest:
            fault = Fault("duplicate", f"it would say the same as record {other.id!r}")
            raise _refuse(edited.id, *fault)
