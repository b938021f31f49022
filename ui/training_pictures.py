"""Draw a training: reward over its steps with the best one marked, before and after, answers side by side."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from lucy.ui.bars import SHOWN, Tone, clip, draw_head

KINDS = {"gain": "Gained most", "middle": "In the middle", "loss": "Lost most"}
"""Titles of the examples."""


def draw_training(body: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Draw the reward curve, and before and after where the training has ended.

    Args:
        body: The training so far: `history`, and `comparison` once it has ended.
        names: Names of the grader's criteria and of the topics by id.
    """
    parts: list[str] = []
    points = [one for one in body.get("history") or [] if one.get("mean_reward") is not None]
    if len(points) > 1:
        parts.append(_draw_history(points, body.get("best_step")))
    if body.get("comparison"):
        parts.append(draw_comparison(body["comparison"], names))
    parts.append(draw_examples(body.get("examples") or []))
    return "".join(parts)


def _draw_history(points: Sequence[Mapping[str, Any]], best_step: int | None) -> str:
    best = next((place for place, one in enumerate(points) if one.get("step") == best_step), None)
    sentence = f"Mean reward of the answers, {len(points)} steps."
    if best is not None:
        sentence += f" The upright line is the model that was kept: step {best_step}."
    checked = {
        place: float(one["validation_reward"])
        for place, one in enumerate(points)
        if one.get("validation_reward") is not None
    }
    if len(checked) > 1:
        sentence += " The dashed line is the reward on prompts set aside, by which it was chosen."
    values = [float(one["mean_reward"]) for one in points]
    head = draw_head("Reward while training", sentence)
    return head + draw_curve(values, best=best, checked=checked)


def draw_curve(
    values: Sequence[float], *, best: int | None = None, checked: Mapping[int, float] | None = None
) -> str:
    """Draw values over equal steps, faintly, and their moving mean over them; the range stands beside.

    Args:
        values: One a step.
        best: Place of the value that is marked as the best checkpoint, from 0.
        checked: Rewards on prompts set aside, by place, drawn dashed.
    """
    shown = {place: reward for place, reward in (checked or {}).items() if len(checked or {}) > 1}
    low, high = min((*values, *shown.values())), max((*values, *shown.values()))
    means = smooth(values)
    said = f"On average from {means[0]:.2f} at the beginning to {means[-1]:.2f} at the end."
    width, span = max(1, len(values) - 1), (high - low) or 1.0

    def place(points: Iterable[tuple[int, float]]) -> str:
        return " ".join(
            f"{300 * at / width:.1f},{96 - 92 * (value - low) / span:.1f}" for at, value in points
        )

    lines = [_draw_line("raw", place(enumerate(values))), _draw_line("mean", place(enumerate(means)))]
    if shown:
        lines.append(_draw_line("checked", place(shown.items())))
    if best is not None:
        at = f"{300 * best / width:.1f}"
        lines.insert(0, _draw_line("best", f"{at},0 {at},100"))
    return (
        f'<figure class="curve"><div class="range"><span>{high:.2f}</span><span>{low:.2f}</span></div>'
        f'<svg viewBox="0 0 300 100" preserveAspectRatio="none" role="img" aria-label="{said}">'
        f"{''.join(lines)}</svg><figcaption>{said}</figcaption></figure>"
    )


def _draw_line(kind: str, points: str) -> str:
    return f'<polyline class="{kind}" points="{points}" fill="none" vector-effect="non-scaling-stroke"/>'


def smooth(values: Sequence[float]) -> list[float]:
    """Average each value with its neighbours, over about a third of them; at the ends over fewer."""
    reach = len(values) // 6
    windows = [values[max(0, place - reach) : place + reach + 1] for place in range(len(values))]
    return [sum(window) / len(window) for window in windows]


def draw_comparison(comparison: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Draw before and after on held-out records, all, by criterion and by topic, with 95% intervals."""
    reward = comparison["reward"]
    sentence = (
        f"Mean reward on {reward['prompts']:,} records that training never saw; "
        "the thin line is where the change lies with 95% certainty."
    )
    rows = [
        _draw_change("All records", reward),
        *_draw_changes(comparison.get("criteria", {}).items(), names),
    ]
    return draw_head("Before and after", sentence) + _draw_list(rows) + _draw_topics(comparison, names)


def _draw_topics(comparison: Mapping[str, Any], names: Mapping[str, str]) -> str:
    topics = sort_topics(comparison)
    if len(topics) < 2:
        return ""
    sentence = "The topics that changed most first. Few records each, so most of these may be chance."
    more = len(topics) - SHOWN
    rest = f'<p class="more">and {more} more</p>' if more > 0 else ""
    drawn = _draw_list(list(_draw_changes(topics[:SHOWN], names, is_judged=True)))
    return draw_head("Before and after by topic", sentence) + drawn + rest


def sort_topics(comparison: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Sort the topics: those that changed for certain first, then by how much they changed."""
    changes: Mapping[str, Mapping[str, Any]] = comparison.get("by_topic") or {}
    return sorted(changes.items(), key=lambda pair: (not is_judged(pair[1]), -abs(_read_value(pair[1]))))


def is_judged(change: Mapping[str, Any]) -> bool:
    """Tell whether one of several figures went one way for certain, looking at all of them."""
    return change.get("certainly", "uncertain") != "uncertain"


def _read_value(change: Mapping[str, Any]) -> float:
    return float(change["difference"]["value"])


def _draw_list(rows: Sequence[str]) -> str:
    return f'<ul class="changes">{"".join(rows)}</ul>'


def _draw_changes(
    changes: Iterable[tuple[str, Mapping[str, Any]]], names: Mapping[str, str], *, is_judged: bool = False
) -> Iterator[str]:
    for one, change in changes:
        label = names.get(one) or one.replace("_", " ").capitalize()
        yield _draw_change(label, change, with_count=is_judged)


def _draw_change(label: str, change: Mapping[str, Any], *, with_count: bool = False) -> str:
    before, after, difference = change["before"], change["after"], change["difference"]
    left, right = sorted((clip(before), clip(after)))
    low, high = clip(before + difference["low95"]), clip(before + difference["high95"])
    tone, said = judge_change(difference), say_change(difference)
    if with_count:
        tone = judge_topic(change)
        said = f"{change['prompts']} records, {WORDS[tone]}: {difference['value']:+.2f}"
    return (
        f'<li><div class="line"><span class="label" title="{escape(label)}">{escape(label)}</span>'
        f'<span class="value">{before:.2f} → {after:.2f}</span></div>'
        f'<div class="scale"><i class="span {tone}" style="left:{left:.1%};width:{right - left:.1%}"></i>'
        f'<i class="whisker" style="left:{low:.1%};width:{high - low:.1%}"></i>'
        f'<i class="dot" style="left:{clip(before):.1%}"></i>'
        f'<i class="dot {tone}" style="left:{clip(after):.1%}"></i></div>'
        f"<small>{said}</small></li>"
    )


WORDS: dict[Tone, str] = {"good": "better", "problem": "worse", "plain": "no certain difference"}


def judge_change(difference: Mapping[str, float]) -> Tone:
    """Give the tone of a difference: only one whose interval leaves out 0 is good or a problem."""
    if difference["low95"] > 0:
        return "good"
    return "problem" if difference["high95"] < 0 else "plain"


def judge_topic(change: Mapping[str, Any]) -> Tone:
    """Give the tone of one of many differences: by what is certain for all of them together."""
    tones: dict[str, Tone] = {"better": "good", "worse": "problem"}
    return tones.get(change.get("certainly", ""), "plain")


def say_change(difference: Mapping[str, float]) -> str:
    """Say a difference; one that may be chance is never called a gain."""
    low, high = difference["low95"], difference["high95"]
    return f"{WORDS[judge_change(difference)]}: {difference['value']:+.2f}, likely {low:+.2f} to {high:+.2f}"


def draw_examples(examples: Sequence[Mapping[str, Any]]) -> str:
    """Draw answers before and after training, side by side."""
    if not examples:
        return ""
    sentence = "Typical answers to prompts that training never saw; the figures are the rewards."
    rows = "".join(_draw_example(one) for one in examples)
    return draw_head("Answers before and after", sentence) + f'<ul class="examples">{rows}</ul>'


def _draw_example(example: Mapping[str, Any]) -> str:
    sides = "".join(
        f"<div><small>{word} · {example[f'reward_{side}']:.2f}</small><p>{escape(example[side])}</p></div>"
        for word, side in (("Before", "before"), ("After", "after"))
    )
    label = f'<div class="line"><span class="label">{KINDS[example["kind"]]}</span></div>'
    prompt = f"<blockquote>{escape(example['prompt'])}</blockquote>"
    return f'<li>{label}{prompt}<div class="sides">{sides}</div></li>'
