"""Offer ready-made topic trees for common kinds of assistants."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from lucy.errors import InputError
from lucy.tools.topics.tree import TopicTree, check_tree, make_topic_id
from lucy.tools.vocabulary import Topic


@cache
def _read_templates() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("templates.toml").read_text(encoding="utf-8"))


def list_templates() -> list[str]:
    """Give the names of the templates, such as `customer support`, in the order of the library."""
    return list(_read_templates())


def load_template(name: str) -> TopicTree:
    """Give a template's tree; case, hyphens and underscores in the name do not matter.

    Raises:
        InputError: There is no such template.
    """
    wanted = " ".join(name.casefold().replace("_", " ").replace("-", " ").split())
    found = {key.replace("-", " "): key for key in _read_templates()}.get(wanted)
    if found is None:
        raise InputError(f"There is no template {name!r}; choose one of: {', '.join(list_templates())}.")
    entry = _read_templates()[found]
    tree = TopicTree(roots=tuple(_build(topic, "") for topic in entry["topics"]), name=entry["name"])
    check_tree(tree)
    return tree


def _build(entry: dict[str, Any], above: str) -> Topic:
    path = f"{above}/{entry['name']}" if above else str(entry["name"])
    return Topic(
        id=make_topic_id(path),
        name=entry["name"],
        description=entry["description"],
        keywords=tuple(keyword.strip() for keyword in entry.get("keywords", "").split(",") if keyword.strip()),
        children=tuple(_build(child, path) for child in entry.get("topics", ())),
    )
