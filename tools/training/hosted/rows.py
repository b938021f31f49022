"""Write records as the lines of a training file, in OpenAI's published forms.

Reinforcement: `messages` up to a user message, and beside them the fields that graders read as `item.*`.
Supervised: `messages` with the recorded reply at the end. Both: `tools` where a record has some.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lucy.tools.graders.inputs import build_request
from lucy.tools.training.trainer import Method, Task
from lucy.tools.vocabulary import Message, Record

MESSAGE_FIELDS = ("role", "content", "name", "tool_calls", "tool_call_id")
"""What a published message may have; a source's other notes are left out."""


class DataFile(NamedTuple):
    """A training file on this machine."""

    path: Path
    name: str
    """Name at the service: the job, the content and the use, so that it is found again."""
    size: int
    """Bytes."""


class DataFiles(NamedTuple):
    """The files of one training; no row of one is in the other."""

    training: DataFile
    validation: DataFile | None


def build_row(record: Record, method: Method) -> dict[str, Any]:
    """Give a record's line as an object.

    For reinforcement the fields beside `messages` are those that graders see here as well: the record's own
    fields, its id, and `reference_reply` and `reference_tool_calls` where it has a recorded reply.
    """
    if method == "rft":
        item = build_request(record, "")["item"]
        return {**item, "messages": [clean_message(one) for one in record.prompt]}
    row: dict[str, Any] = {"messages": [clean_message(one) for one in (*record.prompt, *record.reply)]}
    if record.tools:
        row["tools"] = list(record.tools)
    return row


def select_validation(task: Task) -> list[Record]:
    """Give the held-out records whose conversation is not also trained on."""
    trained = {_address(record, task.method) for record in task.training}
    return [record for record in task.heldout if _address(record, task.method) not in trained]


def write_files(task: Task) -> DataFiles:
    """Write the training's files to its folder; made again they are equal byte for byte."""
    training = _write(task, "training", task.training)
    heldout = select_validation(task)
    return DataFiles(training, _write(task, "validation", heldout) if heldout else None)


def _write(task: Task, use: str, records: Sequence[Record]) -> DataFile:
    content = b"".join(_encode(build_row(record, task.method)) for record in records)
    path = task.folder / f"{use}.jsonl"
    _replace(path, content)
    digest = hashlib.sha256(content).hexdigest()[:12]
    return DataFile(path, f"{task.job_id}-{digest}-{use}.jsonl", len(content))


def _replace(path: Path, content: bytes) -> None:
    """Write a file so that a kill leaves the old one or the whole new one."""
    beside = path.with_suffix(".part")
    beside.write_bytes(content)
    os.replace(beside, path)


def _encode(row: dict[str, Any]) -> bytes:
    text = json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return (text + "\n").encode("utf-8", "replace")


def clean_message(message: Message) -> Message:
    """Give a message with its published fields only."""
    return {name: message[name] for name in MESSAGE_FIELDS if message.get(name) is not None}


def _address(record: Record, method: Method) -> bytes:
    messages: Iterable[Message] = record.prompt if method == "rft" else (*record.prompt, *record.reply)
    return _encode({"messages": [clean_message(one) for one in messages]})
