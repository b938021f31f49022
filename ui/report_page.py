"""Write `report.md`: the report for a person, with the conversation."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lucy.nodes.wording import draw_bullets, draw_table, quote
from lucy.ui.report_training import write_training

TITLES = {
    "topics_config": "Topics",
    "categorize": "Categories",
    "coverage_generation": "Coverage and generation",
    "grader_config": "Grader",
    "dry_run": "Dry run",
    "training": "Training",
    "deployment": "Deployment",
}


def write_page(
    report: Mapping[str, Any],
    messages: Sequence[Mapping[str, Any]],
    *,
    training: Mapping[str, Any] | None = None,
    names: Mapping[str, str] | None = None,
) -> str:
    """Write the page from the content of `report.json` and the conversation.

    Args:
        report: The content of `report.json`.
        messages: The conversation.
        training: What the training made, with its whole history; None leaves the section out.
        names: Names of criteria and topics by id.
    """
    parts = [
        f"# Report: {quote(report['name']) or 'a workflow without a name'}",
        f"**Goal:** {quote(report['goal'], 1000)}",
        draw_table(("", ""), list(_list_facts(report))),
        "## Steps",
        draw_table(("Step", "Status", "Seconds", "Result"), list(_list_steps(report))),
        *_write_missing(report),
        *(write_training(training, names or {}) if training is not None else ()),
        "## Conversation",
        *(_write_message(message) for message in messages),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _list_facts(report: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    dataset, totals = report["dataset"], report["totals"]
    yield "Workflow", f"`{report['workflow_id']}`"
    yield "Where it is", f"{report['step']} ({report['status']})"
    if dataset:
        yield "Records", f"{dataset['records']:,}, of them {dataset['synthetic']:,} synthetic"
        yield "Rejected lines", f"{dataset['hygiene']['rejected']:,} of {dataset['hygiene']['total']:,}"
    yield (
        "Engines",
        ", ".join(f"{role.replace('_', ' ')}: {name}" for role, name in report["engines"].items()),
    )
    tokens = totals["prompt_tokens"] + totals["completion_tokens"]
    yield "Calls, tokens, cost", f"{totals['calls']:,}, about {tokens:,}, {_show_cost(totals)}"
    yield "Seed", str(report["seed"])
    yield "Lucy", report["lucy"]


def _show_cost(totals: Mapping[str, Any]) -> str:
    """Show US dollars; where a part is unknown, what is known is the least that it cost."""
    if totals["cost"] is not None:
        return f"${totals['cost']:.2f}"
    known = sum(row["known_cost"] for row in totals["by_role"])
    return f"at least ${known:.2f}" if known else "unknown"


def _list_steps(report: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    for step, one in report["steps"].items():
        status = one["status"] + (f", stale ({one['stale']} changed since)" if one["stale"] else "")
        seconds = "" if one["seconds"] is None else f"{one['seconds']:.1f}"
        yield TITLES[step], status, seconds, _sum_up(step, one["result"])


def _sum_up(step: str, result: Mapping[str, Any] | None) -> str:
    """Say the result of a step in a line; only what the result really has."""
    if result is None:
        return ""
    if step == "dry_run":
        report = result["report"]
        verdict, mean = report["verdict"]["verdict"], report["statistics"]["mean"]
        return f"{verdict}: mean {mean['value']:.2f} ({mean['low95']:.2f} to {mean['high95']:.2f})"
    if step == "training":
        return str(result["comparison"]["sentence"])
    if step == "deployment":
        return f"served as {result['name']}"
    if step == "grader_config":
        return f"{result['config']['name']} ({result['config']['type']})"
    if step == "coverage_generation":
        report = result["report"]
        return f"balance {report['balance_score']:.2f} ({report['balance_rating']})"
    return ""


def _write_missing(report: Mapping[str, Any]) -> list[str]:
    if not report["missing"]:
        return []
    lines = [f"`{name}`: {reason}" for name, reason in report["missing"].items()]
    return ["## Not there yet", draw_bullets(lines)]


def _write_message(message: Mapping[str, Any]) -> str:
    who = "You" if message["role"] == "user" else "Lucy"
    time = message["created_at"][:19].replace("T", " ")
    return f"**{who}** ({time}, {message['step']})\n\n{message['text'].strip()}"
