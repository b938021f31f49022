"""Offer ready-made topic trees for common kinds of assistants; their content is in `templates.toml`."""

import tomllib
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter

from lucy.errors import InputError
from lucy.tools.topics.tree import TopicTree, check_tree, make_topic_id
from lucy.tools.vocabulary import Topic


class _Entry(BaseModel):
    """A topic as the file has it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    description: str
    keywords: tuple[str, ...] = ()
    topics: "tuple[_Entry, ...]" = ()


class _Template(BaseModel):
    """A whole tree as the file has it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    topics: tuple[_Entry, ...]


@cache
def _read_templates() -> dict[str, _Template]:
    text = Path(__file__).with_name("templates.toml").read_text(encoding="utf-8")
    return TypeAdapter(dict[str, _Template]).validate_python(tomllib.loads(text))


def list_templates() -> tuple[str, ...]:
    """Give the names of the templates, such as `customer support`, in the order of the library."""
    return tuple(_read_templates())


def load_template(name: str) -> TopicTree:
    """Give the tree of a template; case, hyphens and underscores in the name do not matter.

    Raises:
        InputError: There is no such template.
    """
    known = {_fold(key): template for key, template in _read_templates().items()}
    template = known.get(_fold(name))
    if template is None:
        raise InputError(f"There is no template {name!r}; choose one of: {', '.join(list_templates())}.")
    tree = TopicTree(roots=tuple(_build(entry, "") for entry in template.topics), name=template.name)
    check_tree(tree)
    return tree


def _fold(name: str) -> str:
    return " ".join(name.casefold().replace("-", " ").replace("_", " ").split())


def _build(entry: _Entry, above: str) -> Topic:
    path = f"{above}/{entry.name}" if above else entry.name
    return Topic(
        id=make_topic_id(path),
        name=entry.name,
        description=entry.description,
        keywords=entry.keywords,
        children=tuple(_build(child, path) for child in entry.topics),
    )
