"""Write Lucy's sentences from the message files, `messages/<step>.md`.

A file holds one template per `## name` heading, with `$name` placeholders. A missing or an unused variable
is an error, so that no sentence ever shows a hole or drops a figure.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from string import Template

MESSAGES = Path(__file__).with_name("messages")


@cache
def _read_templates(page: str) -> dict[str, Template]:
    text = (MESSAGES / f"{page}.md").read_text(encoding="utf-8")
    sections = text.split("\n## ")[1:]
    pairs = (section.split("\n", 1) for section in sections)
    return {name.strip(): Template(body.strip()) for name, body in pairs}


def write(page: str, name: str, /, **values: object) -> str:
    """Fill the template `name` of `messages/<page>.md`.

    Raises:
        KeyError: a placeholder has no value, or a value has no placeholder.
    """
    template = _read_templates(page)[name]
    unused = set(values) - set(template.get_identifiers())
    if unused:
        raise KeyError(f"The template {page}/{name} has no placeholder for {sorted(unused)}.")
    text = template.substitute({key: str(value) for key, value in values.items()})
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def draw_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Draw a Markdown table; pipes and line breaks in cells are made harmless."""
    lines = [header, ["---"] * len(header), *rows]
    cells = (" | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in line) for line in lines)
    return "\n".join(f"| {line} |" for line in cells)


def draw_bullets(sentences: Iterable[str]) -> str:
    """Draw a Markdown list."""
    return "\n".join(f"- {sentence}" for sentence in sentences)


def show_percent(share: float) -> str:
    """Show a share of 0 to 1 as a whole percentage."""
    return f"{share:.0%}"


def show_cost(cost: float | None) -> str:
    """Show US dollars; an unknown price is said to be unknown."""
    return "at a price I do not know" if cost is None else f"about ${cost:,.2f}"


def quote(text: str, length: int = 220) -> str:
    """Shorten a text of the data to one line that cannot break the page's Markdown."""
    line = " ".join(text.split())
    line = line if len(line) <= length else line[: length - 1].rstrip() + "…"
    return line.replace("`", "'").replace("<", "&lt;").replace(">", "&gt;")


def show_seconds(seconds: float) -> str:
    """Show a length of time in the unit that a person would use."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"
