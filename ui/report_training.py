"""Draw a training in text, for `report.md`: reward over its steps, before and after, answers side by side."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lucy.nodes.wording import draw_table, quote
from lucy.ui.bars import clip
from lucy.ui.training_pictures import KINDS, sort_topics

WIDTH = 40
"""Characters of a bar from 0 to 1, and columns of a curve at most."""
LEVELS = "▁▂▃▄▅▆▇█"
LISTED = 12
"""Pairs of similar prompts, and topics, that are shown."""


def write_training(body: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    """Write the section about a training; nothing where it has not ended.

    Args:
        body: The artefact `training`.
        names: Names of criteria and topics by id.
    """
    comparison = body.get("comparison") or {}
    if "reward" not in comparison:
        return []
    parts = ["## Training: before and after", comparison["sentence"], *_draw_history(body)]
    rows = [("all", comparison["reward"]), *_name(comparison.get("criteria", {}).items(), names)]
    parts.append(_draw_bars(rows))
    changed = sort_topics(comparison)
    if len(changed) > 1:
        parts += [
            "**By topic**, the largest change first:",
            _draw_bars(list(_name(changed[:LISTED], names))),
        ]
    parts.append("`o` is before, `●` after, `-` where the mean lies after with 95% certainty; from 0 to 1.")
    parts += [_draw_example(one) for one in body.get("examples") or []]
    return parts + _write_leakage(body.get("split", {}).get("leakage") or [])


def _draw_history(body: Mapping[str, Any]) -> list[str]:
    points = [one for one in body.get("history") or [] if one.get("mean_reward") is not None]
    if len(points) < 2:
        return []
    stride = -(-len(points) // WIDTH)
    shown = [points[at : at + stride] for at in range(0, len(points), stride)]
    means = [sum(one["mean_reward"] for one in some) / len(some) for some in shown]
    low, high = min(means), max(means)
    line = "".join(LEVELS[round((mean - low) / ((high - low) or 1.0) * (len(LEVELS) - 1))] for mean in means)
    kept = [at for at, some in enumerate(shown) if body.get("best_step") in [one.get("step") for one in some]]
    mark = f"\n{' ' * kept[0]}^ step {body['best_step']}, the model that was kept" if kept else ""
    said = f"Mean reward over {body.get('steps', len(points))} steps, from {low:.2f} to {high:.2f}:"
    return [said, f"```text\n{line}{mark}\n```"]


def _name(changes: Any, names: Mapping[str, str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key, change in changes:
        yield names.get(key) or key, change


def _draw_bars(rows: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    wide = min(28, max(len(name) for name, _ in rows))
    lines = [f"{quote(name, wide):<{wide}}  {_draw_bar(change)}" for name, change in rows]
    return "```text\n" + "\n".join(lines) + "\n```"


def _draw_bar(change: Mapping[str, Any]) -> str:
    before, difference = change["before"], change["difference"]
    cells = ["·"] * (WIDTH + 1)
    low, high = (_place(before + difference[bound]) for bound in ("low95", "high95"))
    cells[low : high + 1] = ["-"] * (high + 1 - low)
    cells[_place(before)] = "o"
    cells[_place(change["after"])] = "●"
    return f"{''.join(cells)}  {before:.2f} -> {change['after']:.2f} ({change['prompts']} prompts)"


def _place(reward: float) -> int:
    return round(clip(reward) * WIDTH)


def _draw_example(example: Mapping[str, Any]) -> str:
    table = draw_table(
        (f"Before ({example['reward_before']:.2f})", f"After ({example['reward_after']:.2f})"),
        [(quote(example["before"], 500), quote(example["after"], 500))],
    )
    return f"**{KINDS[example['kind']]}:** {quote(example['prompt'], 300)}\n\n{table}"


def _write_leakage(pairs: Sequence[Mapping[str, Any]]) -> list[str]:
    if not pairs:
        return []
    rows = [(one["reason"], one["heldout_id"], one["train_id"]) for one in pairs[:LISTED]]
    head = f"**Similar across the split:** {len(pairs)} held-out prompts resemble one in training."
    return [head, draw_table(("Why", "Held out", "In training"), rows)]
