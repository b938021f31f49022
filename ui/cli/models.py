"""`lucy models` and `lucy usage`: what was trained, where it is served, and how it is used."""

import uuid
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lucy.errors import InputError
from lucy.ui.cli.opening import open_store
from lucy.ui.cli.output import confirm, print_json, print_line, print_table

if TYPE_CHECKING:
    from lucy.tools.store.database import Store
    from lucy.tools.store.models import Model

app = typer.Typer(name="models", help="List, show, deploy and delete models.")
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The model's id, its beginning, or its name.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
PERIODS = ("day", "week", "month")


@app.command("list")
def list_all(
    as_json: Json = False,
    status: Annotated[
        str | None, typer.Option(help="Only these: training, ready, failed or deleted.")
    ] = None,
) -> None:
    """List the models, the newest first."""
    from lucy.tools.store.models import count_models, list_models

    with open_store() as store:
        found = list_models(store, status=status, limit=max(1, count_models(store, status=status)))
        served = _list_names(store)
    if as_json:
        print_json([model._asdict() | {"deployments": served.get(model.id, [])} for model in found])
    elif found:
        rows = [
            (model.id, model.name, model.status, model.versions, ", ".join(served.get(model.id, [])) or "-")
            for model in found
        ]
        print_table(("id", "name", "status", "versions", "served as"), rows)
    else:
        print_line("There are no models yet; a workflow's training makes one.")


def _list_names(store: "Store") -> dict[str, list[str]]:
    from lucy.tools.store.deployments import list_deployments

    names: dict[str, list[str]] = {}
    for deployment in list_deployments(store):
        names.setdefault(deployment.model_id, []).append(deployment.name)
    return names


@app.command()
def show(model: Id, as_json: Json = False) -> None:
    """Show a model with its versions, deployments and use."""
    from lucy.tools.store.models import find_model

    with open_store() as store:
        described = _describe(store, find_model(store, model))
    if as_json:
        print_json(described)
        return
    plain = ("name", "description", "status", "base_model", "provider", "cost", "created_at")
    print_table(("Model", described["id"]), [(key, described[key]) for key in plain])
    print_line()
    columns = ("version", "job_id", "training_examples", "validation_examples", "notes")
    print_table(columns, [[row[name] for name in columns] for row in described["version_history"]])
    for row in described["deployments"]:
        print_line(f"Served as {row['name']!r}: version {row['version']} ({row['mode']}).")
    print_line(
        f"Calls: {described['usage']['calls']:,}, of them {described['usage']['errors']:,} with an error."
    )


def _describe(store: "Store", model: "Model") -> dict[str, Any]:
    from lucy.tools.store.deployments import list_deployments
    from lucy.tools.store.models import list_versions

    return model._asdict() | {
        "version_history": [version._asdict() for version in list_versions(store, model.id)],
        "deployments": [deployment._asdict() for deployment in list_deployments(store, model.id)],
        "usage": _describe_usage(store, model.id, "day"),
    }


@app.command()
def deploy(
    model: Id,
    name: Annotated[
        str | None, typer.Option(help="Name that clients call; by default made of the model's.")
    ] = None,
    version: Annotated[int | None, typer.Option(min=1, help="Version; by default the newest.")] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace what the name serves now; it stays one step away.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Serve a version of a model under a name, for `lucy serve` and `lucy ui`."""
    from lucy.tools import registry
    from lucy.tools.store.models import find_model

    with open_store() as store:
        found = find_model(store, model)
        number = version or found.versions
        served = name or registry.suggest_name(found.name)
        confirm(f"Serve version {number} of {found.name!r} as {served!r}?", yes=yes)
        mode = "replace_gateway" if replace else "new_endpoint"
        registry.deploy(store, found.id, number, name=served, mode=mode, key=f"cli:{uuid.uuid4()}")
    print_line(f"Version {number} of {found.id} is served as {served!r}.")


@app.command()
def delete(model: Id, yes: Yes = False) -> None:
    """Delete a model: it is no longer listed or served; its weights, versions and use stay."""
    from lucy.tools.store.deployments import list_deployments
    from lucy.tools.store.models import delete_model, find_model

    with open_store() as store:
        found = find_model(store, model)
        if found.status == "deleted":
            raise InputError(f"The model {found.id!r} is deleted already.")
        names = ", ".join(one.name for one in list_deployments(store, found.id))
        note = f" It is served as {names}." if names else ""
        confirm(f"Delete the model {found.name!r} ({found.id})?{note}", yes=yes)
        delete_model(store, found.id)
    print_line(f"The model {found.id} is deleted.")


def usage(
    model: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="A model's id or name; by default all models.")
    ] = None,
    period: Annotated[str, typer.Option(help="Add up per day, week or month.")] = "day",
    as_json: Json = False,
) -> None:
    """Show how models are used: calls, tokens, cost, latency, errors."""
    from lucy.tools.store.models import find_model

    if period not in PERIODS:
        raise InputError(f"The period {period!r} is unknown; expected one of: {', '.join(PERIODS)}.")
    with open_store() as store:
        found = find_model(store, model).id if model is not None else None
        described = _describe_usage(store, found, period)
    if as_json:
        print_json(described)
        return
    print_table(
        ("Usage", model or "all models"),
        [(key, _show(value)) for key, value in described.items() if key not in ("periods", "period")],
    )
    columns = ("start", "calls", "errors", "prompt_tokens", "completion_tokens", "cost")
    if described["periods"]:
        print_line()
        print_table(columns, [[_show(row[name]) for name in columns] for row in described["periods"]])


def _show(value: object) -> str:
    if value is None:
        return "unknown"
    return f"{value:,.1f}" if isinstance(value, float) else str(value)


def _describe_usage(store: "Store", model_id: str | None, period: Any) -> dict[str, Any]:
    from lucy.tools.store.usage import summarize_usage

    found = summarize_usage(store, model_id, period=period)
    return found._asdict() | {"period": period, "periods": [one._asdict() for one in found.periods]}
