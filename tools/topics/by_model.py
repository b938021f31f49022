"""Let a language model name topics that were found; what was found stays as it is."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from lucy.errors import InputError
from lucy.tools.calls.door import Door, Request
from lucy.tools.calls.prompts import render
from lucy.tools.topics.tree import TopicTree, check_tree, leaves, make_topic_id
from lucy.tools.vocabulary import Progress, Topic, ignore_progress

BATCH = 12
"""Leaves in one call: enough to tell them apart, few enough that none is forgotten."""

EXCERPTS = 5
"""Typical records shown per leaf."""

EXCERPT_LENGTH = 300
"""Characters shown of a record."""

LONGEST_NAME = 60
"""Characters of a name; a longer one is not taken."""

LONGEST_DESCRIPTION = 300

LONG_LIST = 6
"""Leaves without groups from which the model's headings become groups."""

COMPLETION_TOKENS = 60
"""Tokens of the answer for one leaf, about."""

_PROMPT = Path(__file__).with_name("prompts") / "name_topics.md"


class NamedTopic(BaseModel):
    """What the model calls one topic."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    number: int
    name: str
    description: str = ""
    group: str = ""


class NamedTopics(BaseModel):
    """What the model calls the topics of one call."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    topics: list[NamedTopic] = Field(default_factory=list[NamedTopic])


class Naming(NamedTuple):
    """A tree with the model's names."""

    tree: TopicTree
    renamed: int
    """Leaves that have a name by the model."""
    kept: int
    """Leaves that keep their own name since the answer failed or could not be used."""


def build_requests(tree: TopicTree, texts_by_leaf: Mapping[str, Sequence[str]], goal: str) -> list[Request]:
    """Give what would be asked, for an estimate: one request per `BATCH` leaves that are not locked."""
    return [_build_request(batch, texts_by_leaf, goal) for batch in _list_batches(tree)]


def name_by_model(
    tree: TopicTree,
    texts_by_leaf: Mapping[str, Sequence[str]],
    goal: str,
    door: Door,
    *,
    progress: Progress = ignore_progress,
) -> TopicTree:
    """Give the leaves names and descriptions by a model, and the groups the heading that it suggests.

    See `name_with_counts`, which also says how many names were taken.
    """
    return name_with_counts(tree, texts_by_leaf, goal, door, progress=progress).tree


def name_with_counts(
    tree: TopicTree,
    texts_by_leaf: Mapping[str, Sequence[str]],
    goal: str,
    door: Door,
    *,
    progress: Progress = ignore_progress,
) -> Naming:
    """Name the leaves by a model from their keywords and typical texts, steered by the goal.

    Ids, keywords, examples and shares stay, and so do locked topics. A name that is empty, longer
    than `LONGEST_NAME`, or the same as another's is not taken, nor anything from a failed call: the offline
    name stays. A group gets the heading that most of its leaves were given, if that is more than half; a list
    of `LONG_LIST` leaves or more without groups is put below the headings that two leaves or more share.

    Args:
        tree: Topics as found, or as the person changed them.
        texts_by_leaf: Texts of typical records by leaf id, the most typical first.
        goal: What the dataset is to train.
        door: The way to the model.
        progress: Reported to as answers come.

    Raises:
        ProviderError: No call can succeed, such as for a wrong key.
    """
    batches = _list_batches(tree)
    if not batches:
        return Naming(tree, 0, 0)
    requests = [_build_request(batch, texts_by_leaf, goal) for batch in batches]
    answers = door.ask_many(requests, NamedTopics, progress=progress, label="Naming topics")
    given: dict[str, NamedTopic] = {}
    for batch, answer in zip(batches, answers, strict=True):
        if answer.value is not None:
            given |= _read_answer(batch, answer.value)
    named = _choose_usable(given, tree)
    renamed = _rename(tree, named)
    renamed = _put_below(renamed, given) if _is_long_list(tree) else _head(renamed, given)
    return Naming(renamed, len(named), sum(map(len, batches)) - len(named))


def _list_batches(tree: TopicTree) -> list[list[Topic]]:
    """Part the open leaves evenly, neighbours together."""
    found = [leaf for root in tree.roots for leaf in _list_open(root)]
    count = -(-len(found) // BATCH)
    size = -(-len(found) // count) if count else 1
    return [found[start : start + size] for start in range(0, len(found), size)]


def _list_open(topic: Topic) -> list[Topic]:
    if topic.locked:
        return []
    if not topic.children:
        return [topic]
    return [leaf for child in topic.children for leaf in _list_open(child)]


def _build_request(batch: Sequence[Topic], texts_by_leaf: Mapping[str, Sequence[str]], goal: str) -> Request:
    described = [
        _describe(number, leaf, texts_by_leaf.get(leaf.id, ())) for number, leaf in enumerate(batch, 1)
    ]
    shown = goal.strip() or "Not said."
    return Request(prompt=render(_PROMPT, goal=shown, count=len(batch), topics="\n\n".join(described)))


def _describe(number: int, leaf: Topic, texts: Sequence[str]) -> str:
    lines = [f"<topic>\nnumber: {number}", f"provisional name: {leaf.name}", f"share: {leaf.share:.1%}"]
    if leaf.keywords:
        lines.append(f"words: {', '.join(leaf.keywords)}")
    lines += [f"record: {_shorten(text)}" for text in texts[:EXCERPTS]]
    return "\n".join([*lines, "</topic>"])


def _shorten(text: str) -> str:
    # A record could close the frame that marks it as data.
    plain = " ".join(text.replace("</topic>", "").replace("<topic>", "").split())
    return plain if len(plain) <= EXCERPT_LENGTH else f"{plain[:EXCERPT_LENGTH].rstrip()} ..."


def _read_answer(batch: Sequence[Topic], answer: NamedTopics) -> dict[str, NamedTopic]:
    """Give what the model said by leaf id; a number not asked for, or given twice, counts for nothing."""
    counts = Counter(one.number for one in answer.topics)
    return {
        batch[one.number - 1].id: one
        for one in answer.topics
        if counts[one.number] == 1 and 1 <= one.number <= len(batch)
    }


def _clean(words: str) -> str:
    return " ".join(words.split()).strip(" \"'`*.")


def _choose_usable(given: Mapping[str, NamedTopic], tree: TopicTree) -> dict[str, NamedTopic]:
    """Leave out names that are empty, too long, or borne by another topic, also by one that keeps its own."""
    fit = {key: one for key, one in given.items() if 0 < len(_clean(one.name)) <= LONGEST_NAME}
    while True:
        # A leaf that keeps its own name may take it from another, so this is asked again until none clash.
        now = Counter(
            _clean(fit[leaf.id].name if leaf.id in fit else leaf.name).casefold() for leaf in leaves(tree)
        )
        twice = [key for key, one in fit.items() if now[_clean(one.name).casefold()] > 1]
        if not twice:
            return fit
        fit = {key: one for key, one in fit.items() if key not in twice}


def _rename(tree: TopicTree, named: Mapping[str, NamedTopic]) -> TopicTree:
    def visit(topic: Topic) -> Topic:
        changes: dict[str, object] = {"children": tuple(map(visit, topic.children))}
        if topic.id in named:
            description = " ".join(named[topic.id].description.split())
            changes["name"] = _clean(named[topic.id].name)
            if 0 < len(description) <= LONGEST_DESCRIPTION:
                changes["description"] = description
        return topic.model_copy(update=changes)

    return _check(tree.model_copy(update={"roots": tuple(map(visit, tree.roots))}), tree)


def _head(tree: TopicTree, given: Mapping[str, NamedTopic]) -> TopicTree:
    """Give each unlocked root group the heading of more than half of its leaves, no two the same."""
    headings: dict[str, str] = {}
    for root in tree.roots:
        inside = [] if root.locked or not root.children else _list_open(root)
        said = Counter(_read_heading(given, leaf.id) for leaf in inside)
        heading, count = said.most_common(1)[0] if said else ("", 0)
        if heading and 2 * count > len(inside):
            headings[root.id] = heading
    names = Counter(headings.get(root.id, root.name).casefold() for root in tree.roots)
    roots = [
        root.model_copy(update={"name": headings[root.id]})
        if root.id in headings and names[headings[root.id].casefold()] == 1
        else root
        for root in tree.roots
    ]
    return _check(tree.model_copy(update={"roots": tuple(roots)}), tree)


def _is_long_list(tree: TopicTree) -> bool:
    return len(tree.roots) >= LONG_LIST and not any(root.children or root.locked for root in tree.roots)


def _put_below(tree: TopicTree, given: Mapping[str, NamedTopic]) -> TopicTree:
    """Put the leaves of a list below headings that two of them or more share; the others stay at the top."""
    headings = [_read_heading(given, leaf.id) for leaf in tree.roots]
    counts = Counter(heading for heading in headings if heading)
    taken = {leaf.id for leaf in tree.roots}
    roots: dict[str, Topic] = {}
    for leaf, heading in zip(tree.roots, headings, strict=True):
        if counts[heading] < 2:
            roots[leaf.id] = leaf
            continue
        group = roots.get(heading) or Topic(id=make_topic_id(heading, taken), name=heading)
        roots[heading] = group.model_copy(
            update={"children": (*group.children, leaf), "share": group.share + leaf.share}
        )
    if len(roots) < 2:
        return tree
    return _check(tree.model_copy(update={"roots": tuple(roots.values())}), tree)


def _read_heading(given: Mapping[str, NamedTopic], leaf_id: str) -> str:
    heading = _clean(given[leaf_id].group) if leaf_id in given else ""
    return heading if len(heading) <= LONGEST_NAME else ""


def _check(changed: TopicTree, before: TopicTree) -> TopicTree:
    """Give the changed tree, or the one before where the model's names would clash."""
    try:
        check_tree(changed)
    except InputError:
        return before
    return changed
