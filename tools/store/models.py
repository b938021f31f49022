"""Keep models and their versions; where they are served and how they are used stands in the files beside."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, RowMapping, Select, func, insert, or_, select, update

from lucy.errors import InputError, NotFoundError
from lucy.tools.store.database import Store, tell_time
from lucy.tools.store.deployments import add_deployment, find_deployment, list_deployments
from lucy.tools.store.encoding import decode, encode
from lucy.tools.store.figures import sum_known
from lucy.tools.store.schema import model_versions, models, usage
from lucy.tools.store.usage import add_usage, summarize_usage

__all__ = [
    "Kind",
    "Model",
    "Sort",
    "Status",
    "Version",
    "add_deployment",
    "add_model",
    "add_usage",
    "add_version",
    "count_models",
    "delete_model",
    "find_deployment",
    "find_job_version",
    "find_model",
    "find_ready_version",
    "find_status",
    "find_workflow_model",
    "list_deployments",
    "list_models",
    "list_versions",
    "next_version",
    "summarize_usage",
    "update_model",
]

Status = Literal["training", "ready", "failed", "deleted"]
Kind = Literal["retrieval", "transformers", "upstream", "embedding"]
"""What answers: the policy in this process, a local model, another service; or nothing, it embeds texts."""
Sort = Literal["created_at", "name", "calls"]
"""Order of a list: newest first, by name, or most used first."""


class Model(NamedTuple):
    """One model with the figures of a list."""

    id: str
    name: str
    description: str
    tags: tuple[str, ...]
    base_model: str
    provider: str
    status: Status
    created_at: str
    updated_at: str
    versions: int = 0
    """Number of the newest version; 0 when there is none."""
    calls: int = 0
    cost: float | None = None
    """What training its versions cost, in dollars; None when that of any is unknown."""


class Version(NamedTuple):
    """What one training job made."""

    model_id: str
    version: int
    workflow_id: str
    job_id: str
    path: str
    """Of the weights, relative to the home; of an upstream model its name at the service."""
    lineage: dict[str, Any]
    """Revisions of dataset, grader and dry run."""
    parameters: dict[str, Any]
    training_examples: int
    validation_examples: int
    cost: float | None
    """In dollars; None is unknown."""
    notes: str = ""
    created_at: str = ""
    kind: Kind = "retrieval"


def _query_models() -> Select[Any]:
    made = model_versions.c.model_id == models.c.id
    newest = select(func.coalesce(func.max(model_versions.c.version), 0)).where(made)
    cost = select(sum_known(model_versions.c.cost)).where(made)
    calls = select(func.count()).select_from(usage).where(usage.c.model_id == models.c.id)
    return select(
        models,
        newest.scalar_subquery().label("versions"),
        calls.scalar_subquery().label("calls"),
        cost.scalar_subquery().label("cost"),
    )


def _read_model(row: RowMapping) -> Model:
    values: dict[str, Any] = {name: row[name] for name in Model._fields}
    values["tags"] = tuple(decode(row["tags"]))
    return Model(**values)


def _read_version(row: RowMapping) -> Version:
    values = {name: row[name] for name in Version._fields}
    return Version(**values | {"lineage": decode(row["lineage"]), "parameters": decode(row["parameters"])})


def add_model(connection: Connection, model: Model) -> None:
    """Insert a model's row; its first version is added in the same transaction."""
    now = tell_time()
    row = {name: getattr(model, name) for name in models.c.keys()}  # noqa: SIM118  # not a dict
    row |= {"tags": encode(model.tags), "created_at": now, "updated_at": now}
    connection.execute(insert(models).values(row))


def find_job_version(connection: Connection, job_id: str) -> Version | None:
    """Give the version that a job made, if it is there."""
    query = select(model_versions).where(model_versions.c.job_id == job_id)
    row = connection.execute(query).mappings().first()
    return _read_version(row) if row else None


def add_version(connection: Connection, version: Version) -> Version:
    """Insert a version and mark its model ready; the version that the same job made before is given back."""
    found = find_job_version(connection, version.job_id)
    if found:
        return found
    now = tell_time()
    row = version._asdict() | {"created_at": now}
    row |= {"lineage": encode(version.lineage), "parameters": encode(version.parameters)}
    connection.execute(insert(model_versions).values(row))
    connection.execute(
        update(models).where(models.c.id == version.model_id).values(status="ready", updated_at=now)
    )
    return version._replace(created_at=now)


def next_version(connection: Connection, model_id: str) -> int:
    """Give the number that a model's next version gets, 1 for the first."""
    query = select(func.coalesce(func.max(model_versions.c.version), 0) + 1)
    return int(connection.execute(query.where(model_versions.c.model_id == model_id)).scalar_one())


def find_workflow_model(connection: Connection, workflow_id: str, name: str) -> str | None:
    """Give the id of the model of that name that the workflow made and that was not deleted."""
    query = (
        select(models.c.id)
        .join(model_versions, model_versions.c.model_id == models.c.id)
        .where(model_versions.c.workflow_id == workflow_id)
        .where(models.c.name == name, models.c.status != "deleted")
        .order_by(models.c.created_at.desc())
    )
    return connection.execute(query).scalar()


def _filter_models(
    query: Select[Any], status: str | None, search: str | None, provider: str | None, base_model: str | None
) -> Select[Any]:
    query = query.where(models.c.status == status if status else models.c.status != "deleted")
    if provider:
        query = query.where(models.c.provider == provider)
    if base_model:
        query = query.where(models.c.base_model == base_model)
    if search:
        columns = (models.c.id, models.c.name, models.c.description, models.c.tags)
        query = query.where(or_(*(column.icontains(search, autoescape=True) for column in columns)))
    return query


def list_models(
    store: Store,
    *,
    status: str | None = None,
    search: str | None = None,
    provider: str | None = None,
    base_model: str | None = None,
    sort: Sort = "created_at",
    limit: int = 50,
    offset: int = 0,
) -> list[Model]:
    """List models; deleted ones only when `status` is `deleted`.

    Args:
        store: Where they are kept.
        status: Only those with this status.
        search: Words that occur in id, name, description or tags, in any case.
        provider: Only those of this provider.
        base_model: Only those made from this model.
        sort: Order of the list.
        limit: Longest list, in models.
        offset: How many to pass over first.
    """
    query = _filter_models(_query_models(), status, search, provider, base_model)
    columns = {"created_at": models.c.created_at.desc(), "name": models.c.name}
    first = columns[sort] if sort in columns else query.selected_columns["calls"].desc()
    query = query.order_by(first, models.c.id).limit(limit).offset(offset)
    with store.read() as connection:
        return [_read_model(row) for row in connection.execute(query).mappings()]


def count_models(
    store: Store,
    *,
    status: str | None = None,
    search: str | None = None,
    provider: str | None = None,
    base_model: str | None = None,
) -> int:
    """Count what `list_models` would list without a limit."""
    query = _filter_models(select(func.count()).select_from(models), status, search, provider, base_model)
    with store.read() as connection:
        return int(connection.execute(query).scalar_one())


def find_model(store: Store, start: str) -> Model:
    """Find a model by its id, by the beginning of its id, or by its exact name.

    Raises:
        NotFoundError: there is none.
        InputError: there are several.
    """
    query = _query_models().where(or_(models.c.id.startswith(start, autoescape=True), models.c.name == start))
    with store.read() as connection:
        rows = connection.execute(query).mappings().all()
    exact = [row for row in rows if row["id"] == start]
    kept = [row for row in rows if row["status"] != "deleted"]
    rows = exact or kept or rows
    if not start or not rows:
        raise NotFoundError(f"There is no model {start!r}; `lucy models list` shows those that there are.")
    if len(rows) > 1:
        raise InputError(f"{len(rows)} models are called or begin with {start!r}; give the whole id.")
    return _read_model(rows[0])


def update_model(
    store: Store,
    model_id: str,
    *,
    name: str | None = None,
    description: str | None = None,
    tags: Sequence[str] | None = None,
) -> Model:
    """Change what a person may change of a model; None leaves it as it is."""
    given = {"name": name, "description": description, "tags": None if tags is None else encode(list(tags))}
    values = {column: value for column, value in given.items() if value is not None}
    with store.write() as connection:
        connection.execute(
            update(models).where(models.c.id == model_id).values(values | {"updated_at": tell_time()})
        )
    return find_model(store, model_id)


def delete_model(store: Store, model_id: str) -> None:
    """Mark a model as deleted: it is no longer listed, deployed or served.

    Its weights, versions and usage stay.
    """
    with store.write() as connection:
        connection.execute(
            update(models).where(models.c.id == model_id).values(status="deleted", updated_at=tell_time())
        )


def list_versions(store: Store, model_id: str) -> list[Version]:
    """List a model's versions, newest first."""
    query = select(model_versions).where(model_versions.c.model_id == model_id)
    with store.read() as connection:
        rows = connection.execute(query.order_by(model_versions.c.version.desc())).mappings()
        return [_read_version(row) for row in rows]


def find_status(connection: Connection, model_id: str, version: int | None = None) -> Status | None:
    """Give a model's status; None when there is no such model, or not that version of it."""
    query = select(models.c.status).where(models.c.id == model_id)
    if version is not None:
        query = query.join(model_versions, model_versions.c.model_id == models.c.id)
        query = query.where(model_versions.c.version == version)
    return connection.execute(query).scalar()


def find_ready_version(connection: Connection, model_id: str, version: int | None = None) -> Version | None:
    """Give a version, or the newest, of a model that is ready to answer; None when there is none."""
    query = select(model_versions).join(models, models.c.id == model_versions.c.model_id)
    query = query.where(models.c.id == model_id, models.c.status == "ready")
    if version is not None:
        query = query.where(model_versions.c.version == version)
    row = connection.execute(query.order_by(model_versions.c.version.desc()).limit(1)).mappings().first()
    return _read_version(row) if row else None
