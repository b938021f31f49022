"""Draw the grader with the tricks that were tried on it, and what a dry run found."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from lucy.ui.bars import Bar, Tone, draw_bars, draw_head

VERDICT_TONES: dict[str, Tone] = {"GO": "good", "WARNING": "warning", "NO-GO": "problem"}
VERDICT_WORDS = {
    "GO": "training can start",
    "WARNING": "training may help; read the warnings first",
    "NO-GO": "training would not help yet",
}


OUTCOME_TONES: dict[str, Tone] = {"loses": "good", "undecided": "warning", "wins": "problem"}
OUTCOME_WORDS = {"loses": "", "undecided": "not proved to lose", "wins": "this trick pays"}
STATUS_TONES: dict[str, Tone] = {"good": "good", "attention": "warning", "problem": "problem"}
STATUS_WORDS = {"good": "", "attention": "look at it", "problem": "nothing to learn here"}


def draw_grader(body: Mapping[str, Any], trial: Mapping[str, Any] | None = None) -> str:
    """Draw how much each criterion counts, and what cheap tricks earned where they were tried."""
    drawn = _draw_weights(body["config"])
    is_of_this = trial is not None and trial["sha"] == body.get("sha")
    return drawn + (draw_tricks(trial["probe"]) if trial is not None and is_of_this else "")


def _draw_weights(config: Mapping[str, Any]) -> str:
    weights = _list_weights(config)
    if not weights:
        return draw_head("Grader", f"{config['name']}: each answer gets a score from 0 to 1.")
    longest = max(weights.values()) or 1
    bars = [Bar(name, weight / longest, f"{weight:.0%}") for name, weight in weights.items()]
    return draw_head("Grader", "How much each criterion counts in the score of an answer.") + draw_bars(bars)


def _list_weights(config: Mapping[str, Any]) -> dict[str, float]:
    if config.get("criteria"):
        return {criterion["name"]: criterion["weight"] for criterion in config["criteria"]}
    return dict(config.get("weights") or {})


def draw_tricks(probe: Mapping[str, Any]) -> str:
    """Draw what each cheap trick earned; the upright mark is the honest answers' mean."""
    honest = probe["honest"]
    tried = [one for one in probe["tricks"] if one["score"] is not None]
    if honest is None or not tried:
        return ""
    bars = [
        Bar(
            one["title"],
            one["score"],
            f"{one['score']:.2f}",
            target=honest,
            tone=OUTCOME_TONES[one["outcome"]],
            note=OUTCOME_WORDS[one["outcome"]],
        )
        for one in sorted(tried, key=lambda one: -one["score"])
    ]
    sentence = f"What cheap tricks earn. The upright mark is what honest answers get: {honest:.2f}."
    return draw_head("Tricks", sentence) + draw_bars(bars)


def draw_dry_run(body: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Draw the spread of the scores in fifths, the verdict, and the topics with the lowest scores.

    Args:
        body: The dry run's artefact.
        names: Names of the topics by id.
    """
    report = body["report"]
    statistics, verdict = report["statistics"], report["verdict"]["verdict"]
    buckets: list[Mapping[str, Any]] = statistics["distribution"]
    longest = max((bucket["share"] for bucket in buckets), default=0) or 1
    columns = "".join(
        f'<li title="{bucket["count"]:,} answers"><span>{bucket["share"]:.0%}</span>'
        f'<div style="height:{bucket["share"] / longest:.1%}"></div>'
        f"<small>{escape(bucket['label'])}</small></li>"
        for bucket in buckets
    )
    badge = (
        f'<p><span class="badge {VERDICT_TONES[verdict]}"><b>{escape(verdict)}</b> '
        f"{escape(VERDICT_WORDS[verdict])}</span></p>"
    )
    mean, spread = statistics["mean"]["value"], statistics["std"]["value"]
    sentence = f"{statistics['graded']:,} answers scored from 0 to 1: mean {mean:.2f}, spread {spread:.2f}."
    return (
        draw_head("Dry run", sentence)
        + f'<ol class="histogram">{columns}</ol>{badge}'
        + (_draw_learnable(statistics["signal"]) + _draw_topics(statistics["by_topic"], names))
    )


def _draw_learnable(signal: Mapping[str, Any] | None) -> str:
    """Draw the share of the prompts that training could learn from, with its interval in words."""
    if signal is None:
        return ""
    share = signal["informative"]
    note = f"90% interval {share['low90']:.0%} to {share['high90']:.0%}, groups of {signal['group_size']}"
    bar = Bar("prompts that teach something", share["value"], f"{share['value']:.0%}", note=note)
    return draw_bars([bar])


def _draw_topics(topics: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> str:
    bars = [
        Bar(
            names.get(one["topic_id"], one["topic_id"]),
            one["mean"]["value"],
            f"{one['mean']['value']:.2f}",
            tone=STATUS_TONES[one["status"]],
            note=STATUS_WORDS[one["status"]],
        )
        for one in sorted(topics, key=lambda one: one["mean"]["value"])
    ]
    return draw_head("Topics", "Mean score of each topic, the lowest first.") + draw_bars(bars)
