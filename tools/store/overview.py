"""List the datasets of the store with their figures, without reading a record."""

from typing import Any, NamedTuple

from sqlalchemy import RowMapping, func, select

from lucy.tools.store.database import Store
from lucy.tools.store.datasets import IMPORT
from lucy.tools.store.encoding import decode
from lucy.tools.store.schema import datasets, records, rejects


class DatasetOverview(NamedTuple):
    """One row of the list of datasets."""

    id: str
    name: str
    source: str
    created_at: str
    records: int
    """Imported ones."""
    generated: int
    """Those of all generations, also of ones that were undone."""
    rejects: int
    coverage_stats: dict[str, Any] | None
    """Latest coverage; None before the first."""
    dry_run_stats: dict[str, Any] | None


def list_datasets(store: Store, *, limit: int = 50, offset: int = 0) -> list[DatasetOverview]:
    """List datasets, the newest first."""
    mine = records.c.dataset_id == datasets.c.id
    imported = select(func.count()).where(mine, records.c.batch == IMPORT)
    generated = select(func.count()).where(mine, records.c.batch != IMPORT)
    rejected = select(func.count()).where(rejects.c.dataset_id == datasets.c.id)
    query = select(
        datasets,
        imported.scalar_subquery().label("records"),
        generated.scalar_subquery().label("generated"),
        rejected.scalar_subquery().label("rejects"),
    )
    query = query.order_by(datasets.c.created_at.desc(), datasets.c.id).limit(limit).offset(offset)
    with store.read() as connection:
        return [_read_overview(row) for row in connection.execute(query).mappings()]


def _read_overview(row: RowMapping) -> DatasetOverview:
    values: dict[str, Any] = {name: row[name] for name in DatasetOverview._fields}
    for name in ("coverage_stats", "dry_run_stats"):
        values[name] = decode(row[name]) if row[name] else None
    return DatasetOverview(**values)
