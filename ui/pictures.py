"""Draw the picture of a step as HTML: bars, a histogram, a curve, before and after.

Pure functions over the stored artefacts. Every text is escaped; colours are the theme's variables, so that a
picture reads in light and dark; every figure also stands in words, for a reader that sees no picture.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from lucy.ui.bars import Bar, Tone, clip, draw_bars, draw_head
from lucy.ui.grading_pictures import draw_dry_run, draw_grader

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
            names = _name_criteria(bodies.get("grader", {}))
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


def draw_training(body: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Draw the reward curve, and before and after where the training has ended.

    Args:
        body: The training so far: `history`, and `comparison` once it has ended.
        names: Names of the grader's criteria by id.
    """
    parts: list[str] = []
    rewards = [
        point["mean_reward"] for point in body.get("history") or [] if point["mean_reward"] is not None
    ]
    if len(rewards) > 1:
        parts.append(draw_head("Reward while training", f"Mean score of the answers, {len(rewards)} steps."))
        parts.append(draw_curve(rewards))
    if body.get("comparison"):
        parts.append(draw_comparison(body["comparison"], names))
    return "".join(parts)


def draw_curve(values: Sequence[float]) -> str:
    """Draw values over equal steps, faintly, and their moving mean over them; the range stands beside."""
    low, high = min(values), max(values)
    means = smooth(values)
    said = f"On average from {means[0]:.2f} at the beginning to {means[-1]:.2f} at the end."
    lines = [
        f'<polyline class="{kind}" points="{_place(line, low, high)}" fill="none" '
        'vector-effect="non-scaling-stroke"/>'
        for kind, line in (("raw", values), ("mean", means))
    ]
    return (
        f'<figure class="curve"><div class="range"><span>{high:.2f}</span><span>{low:.2f}</span></div>'
        f'<svg viewBox="0 0 300 100" preserveAspectRatio="none" role="img" aria-label="{said}">'
        f"{''.join(lines)}</svg><figcaption>{said}</figcaption></figure>"
    )


def smooth(values: Sequence[float]) -> list[float]:
    """Average each value with its neighbours, over about a third of them; at the ends over fewer."""
    reach = len(values) // 6
    windows = [values[max(0, place - reach) : place + reach + 1] for place in range(len(values))]
    return [sum(window) / len(window) for window in windows]


def _place(values: Sequence[float], low: float, high: float) -> str:
    span = (high - low) or 1.0
    last = len(values) - 1
    return " ".join(
        f"{300 * number / last:.1f},{96 - 92 * (value - low) / span:.1f}"
        for number, value in enumerate(values)
    )


def draw_comparison(comparison: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Draw before and after on held-out records, and the difference with its 95% interval."""
    rows = [_draw_change("All records", comparison["reward"])]
    rows += [
        _draw_change(names.get(one) or one.replace("_", " ").capitalize(), change)
        for one, change in comparison.get("criteria", {}).items()
    ]
    reward = comparison["reward"]
    sentence = (
        f"Mean score on {reward['prompts']:,} records that training never saw; "
        "the thin line is where the change lies with 95% certainty."
    )
    return draw_head("Before and after", sentence) + f'<ul class="changes">{"".join(rows)}</ul>'


def _draw_change(label: str, change: Mapping[str, Any]) -> str:
    before, after, difference = change["before"], change["after"], change["difference"]
    left, right = sorted((clip(before), clip(after)))
    low, high = clip(before + difference["low95"]), clip(before + difference["high95"])
    tone = judge_change(difference)
    return (
        f'<li><div class="line"><span class="label">{escape(label)}</span>'
        f'<span class="value">{before:.2f} → {after:.2f}</span></div>'
        f'<div class="scale"><i class="span {tone}" style="left:{left:.1%};width:{right - left:.1%}"></i>'
        f'<i class="whisker" style="left:{low:.1%};width:{high - low:.1%}"></i>'
        f'<i class="dot" style="left:{clip(before):.1%}"></i>'
        f'<i class="dot {tone}" style="left:{clip(after):.1%}"></i></div>'
        f"<small>{say_change(difference)}</small></li>"
    )


def judge_change(difference: Mapping[str, float]) -> Tone:
    """Give the tone of a difference: only one whose interval leaves out 0 is good or a problem."""
    if difference["low95"] > 0:
        return "good"
    return "problem" if difference["high95"] < 0 else "plain"


def say_change(difference: Mapping[str, float]) -> str:
    """Say a difference; one that may be chance is never called a gain."""
    low, high = difference["low95"], difference["high95"]
    words = {"good": "better", "problem": "worse", "plain": "no certain difference"}
    return f"{words[judge_change(difference)]}: {difference['value']:+.2f}, likely {low:+.2f} to {high:+.2f}"
