"""Draw bars with labels and values as HTML: what the pictures are made of."""

from collections.abc import Sequence
from html import escape
from typing import Literal, NamedTuple

Tone = Literal["plain", "good", "warning", "problem"]
"""What a colour says; the same words and the same thresholds as in the text beside it."""

SHOWN = 12
"""Bars in one picture; the rest is counted."""


class Bar(NamedTuple):
    """One bar with its value in words."""

    label: str
    share: float
    """Length, 0 to 1 of the width."""
    value: str
    target: float | None = None
    """Where a mark stands, 0 to 1 of the width."""
    tone: Tone = "plain"
    note: str = ""


def draw_bars(bars: Sequence[Bar]) -> str:
    """Draw horizontal bars with their labels and values."""
    rows = [_draw_bar(bar) for bar in bars[:SHOWN]]
    more = len(bars) - len(rows)
    rest = f'<p class="more">and {more} more</p>' if more > 0 else ""
    return f'<ul class="bars">{"".join(rows)}</ul>{rest}'


def _draw_bar(bar: Bar) -> str:
    mark = "" if bar.target is None else f'<i class="target" style="left:{clip(bar.target):.1%}"></i>'
    note = f"<small>{escape(bar.note)}</small>" if bar.note else ""
    return (
        f'<li><div class="line"><span class="label" title="{escape(bar.label)}">{escape(bar.label)}</span>'
        f'<span class="value">{escape(bar.value)}</span></div>'
        f'<div class="track"><div class="{bar.tone}" style="width:{clip(bar.share):.1%}"></div>{mark}</div>'
        f"{note}</li>"
    )


def clip(share: float) -> float:
    """Keep a share on the scale."""
    return min(1.0, max(0.0, share))


def draw_head(title: str, sentence: str) -> str:
    """Draw a picture's title and what it shows."""
    return f"<h2>{escape(title)}</h2><p>{escape(sentence)}</p>"
