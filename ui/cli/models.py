"""`lucy models`: what was trained, and where it is served."""

import uuid
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from lucy.errors import InputError
from lucy.ui.cli.opening import open_store
from lucy.ui.cli.output import confirm, print_json, print_line, print_table
from lucy.ui.cli.usage import show_figure

if TYPE_CHECKING:
    from lucy.tools.store.database import Store
    from lucy.tools.store.models import Model
    from lucy.tools.traffic import Estimate

app = typer.Typer(
    name="models", help="List, show, add, edit, deploy, compare, promote, roll back and delete models."
)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The model's id, its beginning, or its name.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The name that clients call.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]


@app.command("list")
def list_all(
    as_json: Json = False,
    status: Annotated[
        str | None, typer.Option(help="Only these: training, ready, failed or deleted.")
    ] = None,
    search: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only with this in id, name, description or tags.")
    ] = None,
    sort: Annotated[str, typer.Option(help="created_at (newest first), name, or calls.")] = "created_at",
) -> None:
    """List the models, the newest first."""
    from lucy.tools.store import models

    wanted: models.Status | None = _choose(status, models.Status, "status") if status else None
    order: models.Sort = _choose(sort, models.Sort, "order")
    with open_store() as store:
        most = max(1, models.count_models(store, status=wanted, search=search))
        found = models.list_models(store, status=wanted, search=search, sort=order, limit=most)
        served = _list_names(store)
    if as_json:
        print_json([model._asdict() | {"deployments": served.get(model.id, [])} for model in found])
    elif found:
        rows = [
            (model.id, model.name, model.status, model.versions, ", ".join(served.get(model.id, [])) or "-")
            for model in found
        ]
        print_table(("id", "name", "status", "versions", "served as"), rows)
    elif status or search:
        print_line("There is no such model; `lucy models list` shows all.")
    else:
        print_line("There are no models yet; a workflow's training makes one.")


def _choose(word: str, kind: Any, what: str) -> Any:
    """Give the word if it is one of a Literal's.

    Raises:
        InputError: it is none.
    """
    if word not in get_args(kind):
        raise InputError(f"The {what} {word!r} is unknown; expected one of: {', '.join(get_args(kind))}.")
    return word


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
        print_line(_say_served(row, described["id"]))
    print_line(
        f"Calls: {described['usage']['calls']:,}, of them {described['usage']['errors']:,} with an error."
    )


def _say_served(row: dict[str, Any], model_id: str) -> str:
    if row["challenger_id"] is None:
        return f"Served as {row['name']!r}: version {row['version']} ({row['mode']})."
    is_challenger = row["challenger_id"] == model_id
    version, role = (
        (row["challenger_version"], f"challenger, {row['share']:.0%} of the calls")
        if is_challenger
        else (row["version"], f"champion, {1 - row['share']:.0%} of the calls")
    )
    return f"Served as {row['name']!r}: version {version} (A/B test: {role})."


def _describe(store: "Store", model: "Model") -> dict[str, Any]:
    from lucy.tools.store.deployments import list_deployments
    from lucy.tools.store.models import list_versions
    from lucy.tools.store.usage import summarize_usage

    return model._asdict() | {
        "version_history": [version._asdict() for version in list_versions(store, model.id)],
        "deployments": [deployment._asdict() for deployment in list_deployments(store, model.id)],
        "usage": summarize_usage(store, model.id).write("day"),
    }


@app.command()
def add(
    upstream: Annotated[
        str, typer.Argument(metavar="MODEL", help="Its name at the service of LUCY_BASE_URL, or OpenAI's.")
    ],
    name: Annotated[str | None, typer.Option(help="Name in the registry; by default the model's.")] = None,
) -> None:
    """Register a model that another service answers with, so that it can be deployed and compared."""
    from lucy.tools.registry import register_version

    with open_store() as store:
        made = register_version(
            store, name=name or upstream, description=f"Answered by {upstream} at its service.",
            base_model=upstream, provider="upstream", kind="upstream", weights=upstream,
            job_id=f"added:{uuid.uuid4()}", workflow_id="added", lineage={}, parameters={},
            training_examples=0, validation_examples=0, cost=0.0,
        )  # fmt: skip
    print_line(f"Registered as {made.model_id}, version {made.version}; deploy it with `lucy models deploy`.")


@app.command()
def edit(
    model: Id,
    name: Annotated[str | None, typer.Option(help="Its name in the registry.")] = None,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    tag: Annotated[
        list[str] | None, typer.Option(help="A tag; give it again for more. They replace those it has.")
    ] = None,
) -> None:
    """Change a model's name, description or tags; what is left out stays."""
    from lucy.tools.store.models import update_model

    if name is None and description is None and not tag:
        raise InputError("Nothing to change was given; give --name, --description or --tag.")
    if (name is not None and not name.strip()) or not all(one.strip() for one in tag or ()):
        raise InputError("A name or tag cannot be empty; give at least one visible character.")
    with open_store() as store:
        found = _find_kept(store, model)
        update_model(store, found.id, name=name, description=description, tags=tag or None)
    print_line(f"The model {found.id} is changed; `lucy models show {found.id}` shows it.")


def _find_kept(store: "Store", start: str) -> "Model":
    """Find a model that was not deleted."""
    from lucy.tools.store.models import find_model

    found = find_model(store, start)
    if found.status == "deleted":
        raise InputError(
            f"The model {found.id!r} was deleted and stays as it is; `lucy models list` shows the others."
        )
    return found


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
    test: Annotated[
        float | None,
        typer.Option(
            "--test",
            metavar="SHARE",
            help="Test it against what the name serves, with this share, such as 0.1.",
        ),
    ] = None,
    yes: Yes = False,
) -> None:
    """Serve a version of a model under a name, for `lucy serve` and `lucy ui`."""
    from lucy.tools import registry

    if replace and test is not None:
        raise InputError("A model either replaces another (--replace) or is tested against it (--test).")
    with open_store() as store:
        found = _find_kept(store, model)
        number = version or found.versions
        served = name or registry.suggest_name(found.name)
        part = "" if test is None else f" for {test:.0%} of the calls"
        confirm(f"Serve version {number} of {found.name!r} as {served!r}{part}?", yes=yes)
        mode = "ab_test" if test is not None else "replace_gateway" if replace else "new_endpoint"
        registry.deploy(
            store, found.id, number, name=served, mode=mode, share=test, key=f"cli:{uuid.uuid4()}"
        )
    print_line(f"Version {number} of {found.id} is served as {served!r}{part}.")


@app.command()
def delete(model: Id, yes: Yes = False) -> None:
    """Delete a model: it is no longer listed or served; its weights, versions and use stay."""
    from lucy.tools.store.deployments import list_deployments
    from lucy.tools.store.models import delete_model

    with open_store() as store:
        found = _find_kept(store, model)
        served = list_deployments(store, found.id)
        names = ", ".join(one.name for one in served if one.model_id == found.id)
        tested = ", ".join(one.name for one in served if one.model_id != found.id)
        note = f" Nothing is served as {names} then." if names else ""
        note += f" The A/B test under {tested} leaves all calls to the champion then." if tested else ""
        confirm(f"Delete the model {found.name!r} ({found.id})?{note}", yes=yes)
        delete_model(store, found.id)
    print_line(f"The model {found.id} is deleted.")


@app.command()
def compare(
    name: Name,
    level: Annotated[float, typer.Option(help="Confidence of the intervals.")] = 0.95,
    as_json: Json = False,
) -> None:
    """Compare the arms of the A/B test that runs under a name."""
    from lucy.tools.traffic import compare_arms

    with open_store() as store:
        found = compare_arms(store, name, level=level)
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    columns = ("calls", "errors", "error_rate", "p50_ms", "p95_ms", "ratings")
    rows = [
        (
            f"{arm.arm}: {arm.model_id} version {arm.version}",
            *(show_figure(arm.figures[column]) for column in columns),
            show_figure(arm.cost_per_call),
            _show_estimate(arm.rating),
        )
        for arm in found.arms
    ]
    print_table(("arm", *columns, "cost per call", "mean rating"), rows)
    for label, estimate in (("error rate", found.error_rate), ("latency in ms", found.latency_ms)):
        print_line(f"Difference of the {label} (challenger minus champion): {_show_estimate(estimate)}")
    print_line(found.sentence)


@app.command()
def promote(
    name: Name,
    arm: Annotated[str, typer.Argument(metavar="ARM", help="champion or challenger.")],
    yes: Yes = False,
) -> None:
    """End the A/B test under a name: from now on this arm gets all calls."""
    from lucy.tools.registry import promote_arm

    with open_store() as store:
        confirm(f"End the A/B test under {name!r} and serve its {arm} alone?", yes=yes)
        made = promote_arm(store, name, arm)
    print_line(f"Version {made.version} of {made.model_id} is served as {name!r}.")


@app.command()
def rollback(name: Name, yes: Yes = False) -> None:
    """Serve again what a name served before; done twice, the newer version is back."""
    from lucy.tools.registry import undo_deployment

    with open_store() as store:
        confirm(f"Serve under {name!r} again what it served before?", yes=yes)
        made = undo_deployment(store, name)
    test = f", with {made.challenger_id} in an A/B test" if made.is_test else ""
    print_line(f"Version {made.version} of {made.model_id} is served as {name!r}{test}.")


def _show_estimate(estimate: "Estimate | None") -> str:
    if estimate is None:
        return "unknown"
    return f"{show_figure(estimate.value)} ({show_figure(estimate.low)} to {show_figure(estimate.high)})"
