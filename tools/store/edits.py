"""Keep edits of records: what a person changed, and what they left out.

A record's row never changes. An *edit* is a set of changes under one id; a view of a dataset lists the edits
that hold, in order, and the last one that names a record wins. Taking an edit off the list undoes it.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert as upsert

from lucy.errors import InputError
from lucy.tools.store.database import Store, tell_time
from lucy.tools.store.encoding import encode_record, hash_content
from lucy.tools.store.schema import record_edits
from lucy.tools.vocabulary import Record


class Edit(NamedTuple):
    """One change of one record."""

    edit: str
    """Id of the set of changes that it belongs to."""
    record_id: str
    body: str | None
    """The whole record as edited, as stored; None: left out."""
    reason: str
    created_at: str


def add_edits(
    store: Store, dataset_id: str, changes: Mapping[str, Record | None], *, reason: str = ""
) -> str:
    """Store a set of changes and give its id; the same changes get the id they already have.

    Args:
        store: The store.
        dataset_id: The dataset; that it has these records is not checked.
        changes: Record id to the record as edited, None to leave it out.
        reason: Why, in words; no part of the id.

    Raises:
        InputError: there are no changes.
    """
    if not changes:
        raise InputError("There is nothing to change; name at least one record.")
    bodies = {key: encode_record(record) if record else None for key, record in sorted(changes.items())}
    edit = f"edit-{hash_content(dataset_id, bodies)[:16]}"
    rows = [
        {
            "dataset_id": dataset_id,
            "edit": edit,
            "record_id": record_id,
            "body": body,
            "reason": reason,
            "created_at": tell_time(),
        }
        for record_id, body in bodies.items()
    ]
    with store.write() as connection:
        connection.execute(upsert(record_edits).on_conflict_do_nothing(), rows)
    return edit


def read_edits(store: Store, dataset_id: str, edits: Sequence[str]) -> list[Edit]:
    """Read the changes of the given edits, in the order of `edits`; an unknown edit has none."""
    query = select(
        record_edits.c.edit,
        record_edits.c.record_id,
        record_edits.c.body,
        record_edits.c.reason,
        record_edits.c.created_at,
    ).where(record_edits.c.dataset_id == dataset_id, record_edits.c.edit.in_(set(edits)))
    if not edits:
        return []
    found: dict[str, list[Edit]] = {}
    with store.read() as connection:
        for row in connection.execute(query.order_by(record_edits.c.record_id)):
            found.setdefault(row.edit, []).append(Edit(*row))
    return [change for edit in edits for change in found.get(edit, [])]


def read_bodies(store: Store, dataset_id: str, edits: Sequence[str]) -> dict[str, str | None]:
    """Read what the given edits make of records: the body as stored, None for those left out."""
    return {change.record_id: change.body for change in read_edits(store, dataset_id, edits)}
