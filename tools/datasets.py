"""Bring a file of records into the store, once."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lucy.errors import NotFoundError
from lucy.tools.records.hygiene import examine, require_valid
from lucy.tools.records.reading import check_source
from lucy.tools.records.validation import Limits, Rejected
from lucy.tools.store.database import Store
from lucy.tools.store.datasets import (
    IMPORT,
    Dataset,
    Reject,
    add_records,
    add_rejects,
    drop_staged,
    get_dataset,
    publish_dataset,
    stage_dataset,
)
from lucy.tools.store.encoding import hash_content
from lucy.tools.vocabulary import Progress, Record, ignore_progress

SAMPLES = Path(__file__).parents[1] / "examples" / "data"
"""The project's own datasets."""
SAMPLE = "sample"
"""The word that stands for the customer support sample."""
NOTHING = "none"
"""The word that stands for a start without records."""
SAMPLE_FILE = SAMPLES / "customer_support.jsonl"
SAMPLE_NAME = "Customer Support Data"
SAMPLE_GOAL = "Answer helpfully and politely in our brand voice, and promise only what we can keep"


def find_source(text: str) -> Path:
    """Give the path that a person's words stand for: a path, perhaps quoted, or `sample`."""
    word = text.strip().strip("\"'`").strip()
    return SAMPLE_FILE if word.casefold() == SAMPLE else Path(word).expanduser()


def name_source(source: Path) -> str:
    """Give a dataset's name from its file's name: `support_chats.jsonl` is `Support Chats`."""
    if source == SAMPLE_FILE:
        return SAMPLE_NAME
    return source.stem.replace("_", " ").replace("-", " ").title()


def open_empty(store: Store, key: str, *, name: str) -> Dataset:
    """Give a dataset without records, to be filled by generating; the same key finds it again.

    Args:
        store: The store.
        key: What it belongs to, such as a workflow's id.
        name: Name of the dataset.
    """
    dataset_id = f"ds-{hash_content(NOTHING, key)[:16]}"
    try:
        return get_dataset(store, dataset_id)
    except NotFoundError:
        report = examine([]).report.model_dump(mode="json")
        empty = Dataset(dataset_id, name, NOTHING, report)
        publish_dataset(store, stage_dataset(store, dataset_id), empty, {})
        return get_dataset(store, dataset_id)


def open_source(
    store: Store,
    source: Path | Sequence[dict[str, Any]],
    *,
    name: str,
    limits: Limits,
    progress: Progress = ignore_progress,
) -> Dataset:
    """Read, validate and store a source; the same content is stored once and found again.

    A failure leaves the store as it was; what a kill leaves behind is swept away by the next import.

    Raises:
        InputError: the source cannot be read, or no record of it is valid.
    """
    if isinstance(source, Path):
        check_source(source)
    dataset_id = f"ds-{_hash_source(source, limits)}"
    try:
        return get_dataset(store, dataset_id)
    except NotFoundError:
        return _import_source(store, source, dataset_id, name=name, limits=limits, progress=progress)


def _hash_source(source: Path | Sequence[dict[str, Any]], limits: Limits) -> str:
    if not isinstance(source, Path):
        return hash_content(list(source), repr(limits))[:16]
    digest = hashlib.sha256(repr(limits).encode())
    with source.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()[:16]


def _import_source(
    store: Store,
    source: Path | Sequence[dict[str, Any]],
    dataset_id: str,
    *,
    name: str,
    limits: Limits,
    progress: Progress,
) -> Dataset:
    """Stage the records chunk by chunk, and let the dataset appear in one last transaction."""
    staged = stage_dataset(store, dataset_id)
    counts = {"records": 0, "rejects": 0}

    def keep(records: list[Record], rejected: list[Rejected]) -> None:
        found = [Reject(one.line, one.error, one.message, one.raw) for one in rejected]
        with store.write() as connection:
            add_records(connection, staged, IMPORT, records, start=counts["records"])
            add_rejects(connection, staged, IMPORT, found, start=counts["rejects"])
        counts["records"] += len(records)
        counts["rejects"] += len(rejected)

    try:
        examination = examine(source, limits=limits, sink=keep, progress=progress)
        require_valid(examination.report)
    except BaseException:
        drop_staged(store, staged)
        raise
    path = str(source) if isinstance(source, Path) else "a list"
    dataset = Dataset(dataset_id, name, path, examination.report.model_dump(mode="json"))
    publish_dataset(store, staged, dataset, examination.families)
    return dataset
