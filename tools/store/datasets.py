"""Keep datasets: records in batches, what was rejected, and dataset-level statistics.

A dataset's records are never changed; a generation adds a batch, a person's changes are kept apart as edits.
A *view* is the imported records, a list of batches and a list of edits: that is what an artefact of kind
`dataset` refers to, and why a snapshot can put the records back exactly as they were.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from lucy.errors import NotFoundError
from lucy.tools.store.database import Store, tell_time
from lucy.tools.store.edits import read_bodies
from lucy.tools.store.encoding import decode, decode_record, encode, encode_record
from lucy.tools.store.owners import name_owner, owner_lives
from lucy.tools.store.schema import datasets, records, rejects
from lucy.tools.vocabulary import Record

IMPORT = "import"
"""Name of the batch that holds the imported records."""


class Dataset(NamedTuple):
    """What is known of a dataset without reading its records."""

    id: str
    name: str
    source: str
    report: dict[str, Any]
    """The hygiene report."""


class Reject(NamedTuple):
    """One line that could not be used, kept with its reason."""

    line: int
    error: str
    message: str
    raw: str


def stage_dataset(store: Store, dataset_id: str) -> str:
    """Give an id under which records are put until the import is complete, and sweep dead imports away."""
    start = f"{dataset_id}~"
    query = select(records.c.dataset_id).where(records.c.dataset_id.startswith(start)).distinct()
    with store.read() as connection:
        left = [row.dataset_id for row in connection.execute(query)]
    mine = f"{start}{name_owner()}"
    for staged in left:
        if staged == mine or not owner_lives(staged.removeprefix(start)):
            drop_staged(store, staged)
    return mine


def drop_staged(store: Store, staged: str) -> None:
    """Remove what an import that did not complete has staged."""
    with store.write() as connection:
        for table in (records, rejects):
            connection.execute(delete(table).where(table.c.dataset_id == staged))


def publish_dataset(store: Store, staged: str, dataset: Dataset, families: Mapping[str, str]) -> None:
    """Let a staged dataset appear; if another import was first, that one stays."""
    row = dataset._asdict() | {"report": encode(dataset.report), "created_at": tell_time()}
    with store.write() as connection:
        known = connection.execute(select(datasets.c.id).where(datasets.c.id == dataset.id)).scalar()
        if known is None:
            for table in (records, rejects):
                statement = update(table).where(table.c.dataset_id == staged)
                connection.execute(statement.values(dataset_id=dataset.id))
            connection.execute(insert(datasets).values(row))
            _set_families(connection, dataset.id, families)
    drop_staged(store, staged)


def add_records(
    connection: Connection, dataset_id: str, batch: str, found: Sequence[Record], *, start: int = 0
) -> None:
    """Insert records of one batch, numbered from `start` in the order given."""
    rows = [
        {
            "dataset_id": dataset_id,
            "record_id": record.id,
            "batch": batch,
            "position": start + number,
            "family": record.family or record.id,
            "body": encode_record(record),
        }
        for number, record in enumerate(found)
    ]
    if rows:
        connection.execute(insert(records), rows)


def add_rejects(
    connection: Connection, dataset_id: str, batch: str, found: Iterable[Reject], *, start: int = 0
) -> None:
    """Insert rejected lines of one batch with their reasons."""
    rows = [
        {"dataset_id": dataset_id, "batch": batch, "position": start + number, **reject._asdict()}
        for number, reject in enumerate(found)
    ]
    if rows:
        connection.execute(insert(rejects), rows)


def _set_families(connection: Connection, dataset_id: str, families: Mapping[str, str]) -> None:
    rows = [{"member": record_id, "root": family} for record_id, family in families.items()]
    if rows:
        statement = update(records).where(
            records.c.dataset_id == dataset_id, records.c.record_id == bindparam("member")
        )
        connection.execute(statement.values(family=bindparam("root")), rows)


def get_dataset(store: Store, dataset_id: str) -> Dataset:
    """Read a dataset's row.

    Raises:
        NotFoundError: there is no such dataset.
    """
    with store.read() as connection:
        row = connection.execute(select(datasets).where(datasets.c.id == dataset_id)).mappings().first()
    if row is None:
        raise NotFoundError(f"There is no dataset {dataset_id!r}; `lucy workflows list` shows what there is.")
    return Dataset(row["id"], row["name"], row["source"], decode(row["report"]))


def read_records(
    store: Store, dataset_id: str, batches: Sequence[str] = (), edits: Sequence[str] = ()
) -> list[Record]:
    """Read the imported records and those of the given batches, in order, as the given edits left them.

    An edited record keeps its place and its family; one that was left out is missing. Holds all of them in
    memory: about 3 kB a record beyond its text.
    """
    wanted = [IMPORT, *batches]
    order = {batch: number for number, batch in enumerate(wanted)}
    query = (
        select(records.c.record_id, records.c.family, records.c.body, records.c.batch, records.c.position)
        .where(records.c.dataset_id == dataset_id, records.c.batch.in_(wanted))
        .order_by(records.c.batch, records.c.position)
    )
    edited = read_bodies(store, dataset_id, edits)
    with store.read() as connection:
        rows = connection.execute(query).all()
    rows = sorted(rows, key=lambda row: (order[row.batch], row.position))
    bodies = ((row, edited.get(row.record_id, row.body)) for row in rows)
    return [decode_record(row.record_id, row.family, body) for row, body in bodies if body is not None]


def read_batch(store: Store, dataset_id: str, batch: str) -> list[Record]:
    """Read the records of one generated batch, in order: what a killed generation had already stored."""
    query = (
        select(records.c.record_id, records.c.family, records.c.body)
        .where(records.c.dataset_id == dataset_id, records.c.batch == batch)
        .order_by(records.c.position)
    )
    with store.read() as connection:
        return [decode_record(*row) for row in connection.execute(query)]


def add_batch_records(store: Store, dataset_id: str, batch: str, made: Sequence[Record]) -> None:
    """Append records to a generated batch in a transaction of their own."""
    place = select(func.count()).where(records.c.dataset_id == dataset_id, records.c.batch == batch)
    with store.write() as connection:
        start = int(connection.execute(place).scalar_one())
        add_records(connection, dataset_id, batch, made, start=start)


def read_rejects(store: Store, dataset_id: str) -> list[Reject]:
    """Read the lines that could not be used, in file order."""
    query = (
        select(rejects.c.line, rejects.c.error, rejects.c.message, rejects.c.raw)
        .where(rejects.c.dataset_id == dataset_id)
        .order_by(rejects.c.batch, rejects.c.position)
    )
    with store.read() as connection:
        return [Reject(*row) for row in connection.execute(query)]


def set_statistics(store: Store, dataset_id: str, **values: Mapping[str, Any]) -> None:
    """Store `coverage_stats` or `dry_run_stats`, readable without a workflow."""
    encoded = {name: encode(value) for name, value in values.items()}
    with store.write() as connection:
        connection.execute(update(datasets).where(datasets.c.id == dataset_id).values(encoded))
