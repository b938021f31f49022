"""Read the replies that a file already has, apart from their records, for `lucy grade`."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lucy.errors import InputError
from lucy.ui.cli.orders import check_file
from lucy.ui.cli.output import print_note

if TYPE_CHECKING:
    from lucy.tools.records.validation import Limits
    from lucy.tools.vocabulary import Record


class Replies(NamedTuple):
    """What is graded: answers, and records that do not show them to the grader."""

    records: "list[Record]"
    answers: list[str]
    families: list[str]
    without_reference: int
    """Records that the file of references has nothing for."""


def read_replies(path: Path, reference: str | None, limits: "Limits") -> Replies:
    """Take the replies out of their records: an answer must not be its own reference.

    Args:
        path: The file with the replies.
        reference: A file whose records have the right replies, found by id, else by an equal prompt.
        limits: What a record may measure.

    Raises:
        InputError: no record has a reply.
    """
    from lucy.tools.records.hygiene import load_records
    from lucy.tools.responses import read_recorded_response

    answered = [
        (record, answer)
        for record in load_records(path, limits=limits)
        if (answer := read_recorded_response(record))
    ]
    if not answered:
        raise InputError(f"No valid record of {path.name!r} has a reply to grade; expected recorded answers.")
    known = _read_references(reference, path, limits) if reference is not None else {}
    records = [_swap_reference(record, known) for record, _ in answered]
    return Replies(
        records=records,
        answers=[answer for _, answer in answered],
        families=[record.family or _address_prompt(record) for record in records],
        without_reference=sum(not record.reply for record in records) if reference is not None else 0,
    )


def _read_references(text: str, source: Path, limits: "Limits") -> "dict[str, Record]":
    """Read the records with right answers, by id and by prompt."""
    from lucy.tools.records.hygiene import load_records

    path = check_file(text, limits)
    if path.samefile(source):
        print_note("Each reply is its own reference here: that checks the grader, not the replies.")
    known: dict[str, Record] = {}
    for record in load_records(path, limits=limits):
        if record.reply:
            known.setdefault(record.id, record)
            known.setdefault(_address_prompt(record), record)
    return known


def _swap_reference(record: "Record", known: "dict[str, Record]") -> "Record":
    """Give a record with the reference's reply and fields, else without any reply."""
    found = known.get(record.id) or known.get(_address_prompt(record))
    if found is None:
        return replace(record, reply=())
    return replace(record, reply=found.reply, item={**record.item, **found.item})


def _address_prompt(record: "Record") -> str:
    return json.dumps(record.prompt, sort_keys=True)
