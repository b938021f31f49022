"""`lucy usage`: how models are used, and what a workflow's own work took."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lucy.errors import InputError
from lucy.ui.cli.opening import open_store
from lucy.ui.cli.output import print_json, print_line, print_table

if TYPE_CHECKING:
    from lucy.tools.store.usage import Period

PERIODS: dict[str, "Period"] = {"day": "day", "week": "week", "month": "month"}


def usage(
    model: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="A model's id or name; by default all models.")
    ] = None,
    named: Annotated[
        str | None, typer.Option("--model", metavar="ID", help="The same, as an option.")
    ] = None,
    period: Annotated[str, typer.Option(help="Add up per day, week or month.")] = "day",
    workflow: Annotated[
        str | None,
        typer.Option(metavar="ID", help="What this workflow's own work took, by role and model, instead."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show how models are used: calls, tokens, cost, latency, errors, feedback."""
    from lucy.tools.store.models import find_model
    from lucy.tools.store.usage import summarize_usage

    if workflow is not None:
        if model is not None or named is not None:
            raise InputError("A model and a workflow were given; give one.")
        _show_ledger(workflow, as_json=as_json)
        return
    if period not in PERIODS:
        raise InputError(f"The period {period!r} is unknown; expected one of: {', '.join(PERIODS)}.")
    chosen = PERIODS[period]
    if model is not None and named is not None and model != named:
        raise InputError(f"Two models were given, {model!r} and {named!r}; give one.")
    wanted = model if model is not None else named
    with open_store() as store:
        found = find_model(store, wanted).id if wanted is not None else None
        described = summarize_usage(store, found, period=chosen).write(chosen)
    if as_json:
        print_json(described)
        return
    totals = {key: value for key, value in described.items() if not isinstance(value, list)}
    del totals["period"]
    print_table(
        ("Usage", wanted or "all models"), [(key, show_figure(value)) for key, value in totals.items()]
    )
    for key, label in (("periods", "start"), ("models", "model_id"), ("arms", "arm")):
        _print_groups(described[key], label)


def _show_ledger(workflow: str, *, as_json: bool) -> None:
    """Show what the work of a workflow took: the calls of its judge, generator and base model."""
    from lucy.tools.store.ledger import sum_ledger
    from lucy.tools.store.workflows import find_workflow

    with open_store() as store:
        rows = sum_ledger(store, find_workflow(store, workflow).id)
    if as_json:
        print_json(rows)
    elif rows:
        columns = ("role", "engine", "calls", "failed", "prompt_tokens", "completion_tokens", "cost")
        print_table(columns, [[show_figure(row[name]) for name in columns] for row in rows])
    else:
        print_line("This workflow has called no model yet.")


def _print_groups(rows: list[dict[str, Any]], label: str) -> None:
    columns = (
        label, "calls", "error_rate", "prompt_tokens", "completion_tokens", "cost", "p50_ms", "p95_ms",
        "mean_rating",
    )  # fmt: skip
    if rows:
        print_line()
        print_table(columns, [[show_figure(row[name]) for name in columns] for row in rows])


def show_figure(value: object) -> str:
    """Show a number with three digits; what is not known is said to be unknown."""
    if value is None:
        return "unknown"
    if isinstance(value, float):
        return f"{value:,.1f}" if not value or abs(value) >= 100 else f"{value:.3g}"
    return str(value)
