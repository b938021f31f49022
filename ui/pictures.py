"""Draw the picture of a step as HTML: bars, a histogram, a curve, before and after.

Pure functions over the stored artefacts. Every text is escaped; colours are the theme's variables, so that a
picture reads in light and dark; every figure also stands in words, for a reader that sees no picture.
"""

from collections.abc import Mapping
from html import escape
from typing import Any

from lucy.ui.bars import Bar, Tone, draw_bars, draw_head
from lucy.ui.grading_pictures import draw_dry_run, draw_grader
from lucy.ui.training_pictures import draw_comparison, draw_curve, draw_training, say_change

__all__ = ["Bar", "draw_bars", "draw_comparison", "draw_curve", "draw_picture", "say_change"]

STATUS_TONES: dict[str, Tone] = {"ok": "good", "under": "warning", "over": "plain"}
STATUS_WORDS = {"ok": "on target", "under": "too few", "over": "more than needed"}
COMING: dict[str, str] = {
    "not_started": "Once the records are read, you see here how many can be used.",
    "topics_config": "Once topics are found, you see here how large each of them is.",
    "categorize": "Once the records are sorted, you see here how many each topic has.",
    "coverage_generation": "Once coverage is measured, you see here which topics have too few records.",
    "grader_config": "Once you agree on how answers are scored, you see the weights here.",
    "dry_run": "After the dry run, you see here how the scores are spread.",
    "training": "While training runs, its reward curve grows here; then you see before and after.",
    "deployment": "After training, you see here what has changed on records it never saw.",
}


def draw_picture(
    step: str, bodies: Mapping[str, Mapping[str, Any]], health: Mapping[str, Any] | None = None
) -> str:
    """Draw what belongs to a step, or say when there will be something to see.

    Args:
        step: Where the workflow is.
        bodies: Current artefacts by kind; a kind that has none is left out.
        health: The hygiene report of the dataset, if the records are read.
    """
    if step == "completed":
        step = "deployment"
    drawn = _draw_step(step, bodies, health or {})
    return f'<section class="picture">{drawn or _draw_empty(step)}</section>'


def _draw_empty(step: str) -> str:
    return f'<p class="empty">{escape(COMING.get(step, COMING["not_started"]))}</p>'


def _draw_step(step: str, bodies: Mapping[str, Mapping[str, Any]], health: Mapping[str, Any]) -> str:
    match step:
        case "not_started":
            return draw_health(health) if health else ""
        case "topics_config":
            return draw_topics(bodies["topics"]) if "topics" in bodies else ""
        case "categorize" | "coverage_generation":
            return draw_coverage(bodies["coverage"]) if "coverage" in bodies else ""
        case "grader_config":
            return draw_grader(bodies["grader"], bodies.get("grader_trial")) if "grader" in bodies else ""
        case "dry_run":
            return _draw_dry_run(bodies)
        case _:
            names = _name_topics(bodies) | _name_criteria(bodies.get("grader", {}))
            return draw_training(bodies.get("training", {}), names) or _draw_before_training(step, bodies)


def _name_criteria(grader: Mapping[str, Any]) -> dict[str, str]:
    """Give the names of the grader's criteria by id: the words that the conversation uses for them."""
    criteria: list[Mapping[str, Any]] = grader.get("config", {}).get("criteria") or []
    return {criterion["id"]: criterion["name"] for criterion in criteria}


def _draw_before_training(step: str, bodies: Mapping[str, Mapping[str, Any]]) -> str:
    """Draw what training starts from: the dry run, as long as there is nothing newer to see."""
    drawn = _draw_dry_run(bodies)
    return drawn + _draw_empty(step) if drawn else ""


def _draw_dry_run(bodies: Mapping[str, Mapping[str, Any]]) -> str:
    return draw_dry_run(bodies["dry_run"], _name_topics(bodies)) if "dry_run" in bodies else ""


def _name_topics(bodies: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    names: dict[str, str] = {}
    waiting: list[Mapping[str, Any]] = list(bodies["topics"]["tree"]["roots"]) if "topics" in bodies else []
    while waiting:
        topic = waiting.pop()
        names[topic["id"]] = topic["name"]
        waiting.extend(topic.get("children") or [])
    return names


def draw_health(health: Mapping[str, Any]) -> str:
    """Draw how many lines of the file can be used and why the others cannot."""
    total = max(1, health["total"])
    bars = [Bar("usable", health["valid"] / total, f"{health['valid']:,}", tone="good")]
    reasons = sorted(health.get("errors_by_type", {}).items(), key=lambda pair: -pair[1])
    bars += [
        Bar(name.replace("_", " "), count / total, f"{count:,}", tone="warning")
        for name, count in reasons
        if count
    ]
    return draw_head("Records", f"{health['total']:,} lines read.") + draw_bars(bars)


def draw_topics(body: Mapping[str, Any]) -> str:
    """Draw the share of each topic at the top of the tree, with its parts in words."""
    roots: list[Mapping[str, Any]] = sorted(body["tree"]["roots"], key=lambda topic: -topic["share"])
    longest = max((topic["share"] for topic in roots), default=0) or 1
    bars = [
        Bar(
            topic["name"],
            topic["share"] / longest,
            f"{topic['share']:.0%}" if topic["share"] else "",
            note=", ".join(child["name"] for child in topic["children"]),
        )
        for topic in roots
    ]
    return draw_head("Topics", "Share of the records in each topic.") + draw_bars(bars)


def draw_coverage(body: Mapping[str, Any]) -> str:
    """Draw the records of each topic against the target, the emptiest first."""
    report = body["report"]
    rows: list[Mapping[str, Any]] = sorted(report["topics"], key=lambda row: -row["gap"])
    longest = max((max(row["percentage"], row["target_percentage"]) for row in rows), default=0) or 1
    bars = [
        Bar(
            row["name"],
            row["percentage"] / longest,
            f"{row['count']:,} ({row['percentage']:.0f}%)",
            target=row["target_percentage"] / longest,
            tone=STATUS_TONES[row["status"]],
            note="" if row["status"] == "ok" else STATUS_WORDS[row["status"]],
        )
        for row in rows
    ]
    sentence = (
        f"Balance {report['balance_score']:.2f} of 1 ({report['balance_rating']}). "
        "The upright mark is the target of each topic."
    )
    return draw_head("Coverage", sentence) + draw_bars(bars)
