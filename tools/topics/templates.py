"""Offer ready-made topic trees for common kinds of assistants; their content is in `templates.toml`."""

import tomllib
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter

from lucy.errors import InputError
from lucy.tools.topics.tree import TopicTree, check_tree, make_topic_id
from lucy.tools.vocabulary import Topic


class _Leaf(BaseModel):
    """One topic of a template as its file has it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    about: str
    keywords: tuple[str, ...]


_File = TypeAdapter(dict[str, dict[str, tuple[_Leaf, ...]]])
"""Template name, group name, topics."""


@cache
def _read_file() -> dict[str, dict[str, tuple[_Leaf, ...]]]:
    text = Path(__file__).with_name("templates.toml").read_text(encoding="utf-8")
    return _File.validate_python(tomllib.loads(text))


def list_templates() -> tuple[str, ...]:
    """Give the names of the templates, the most specific first."""
    return tuple(_read_file())


def load_template(name: str) -> TopicTree:
    """Give the tree of a template; case and hyphens in the name do not matter.

    Raises:
        InputError: There is no template of this name.
    """
    found = next((known for known in list_templates() if _fold(known) == _fold(name)), None)
    if found is None:
        raise InputError(f"There is no template {name!r}; choose one of: {', '.join(list_templates())}.")
    groups = _read_file()[found]
    roots = tuple(_make_group(group, entries) for group, entries in groups.items())
    tree = TopicTree(roots=roots, name=found[:1].upper() + found[1:])
    check_tree(tree)
    return tree


def _fold(name: str) -> str:
    return " ".join(name.casefold().replace("-", " ").replace("_", " ").split()).removesuffix(" template")


def _make_group(name: str, entries: tuple[_Leaf, ...]) -> Topic:
    children = tuple(
        Topic(
            id=make_topic_id(f"{name}/{entry.name}"),
            name=entry.name,
            description=entry.about,
            keywords=entry.keywords,
        )
        for entry in entries
    )
    return Topic(id=make_topic_id(name), name=name, children=children)
