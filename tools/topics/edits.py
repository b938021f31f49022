"""Change a tree of topics by typed operations, and read them from a person's words."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lucy.errors import InputError
from lucy.tools.topics.features import Lens
from lucy.tools.topics.reshaping import put_under, replace_topic, require_topic, take_out, unite
from lucy.tools.topics.tree import (
    TopicTree,
    check_tree,
    find_by_name,
    find_topic,
    iterate,
    leaves,
    list_near_names,
    make_topic_id,
)
from lucy.tools.vocabulary import Topic


@dataclass(frozen=True, slots=True)
class AddTopic:
    """Add a topic below a parent, or at the top."""

    name: str
    parent_id: str | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class RenameTopic:
    """Give a topic another name; its id stays."""

    topic_id: str
    name: str


@dataclass(frozen=True, slots=True)
class MergeTopics:
    """Make one topic of two or more; the first one's id and place stay."""

    topic_ids: tuple[str, ...]
    name: str


@dataclass(frozen=True, slots=True)
class MoveTopic:
    """Put a topic with all below it under another, or at the top; a parent left empty goes."""

    topic_id: str
    parent_id: str | None


@dataclass(frozen=True, slots=True)
class RemoveTopic:
    """Take a topic out with all below it."""

    topic_id: str


@dataclass(frozen=True, slots=True)
class SplitTopic:
    """Divide a leaf into named children; without names the caller finds them in the leaf's records."""

    topic_id: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UseFewer:
    """Find the topics again with at most `count` leaves. Carried out by the caller (`max_leaves`)."""

    count: int


@dataclass(frozen=True, slots=True)
class Reorganize:
    """Find the topics again with another view. Carried out by the caller (`lens`, `goal`)."""

    by: Lens
    words: str
    """What the person said, such as "customer intent"; for an unknown view, words to add to the goal."""


Edit = AddTopic | RenameTopic | MergeTopics | MoveTopic | RemoveTopic | SplitTopic | UseFewer | Reorganize


def apply_edit(tree: TopicTree, edit: Edit) -> TopicTree:
    """Give the tree after one operation; ids of surviving topics stay, the given tree is untouched.

    Raises:
        InputError: The operation names an unknown id, makes a tree that `check_tree` refuses, or is
            `UseFewer`, `Reorganize` or a `SplitTopic` without names, which need the records.
    """
    changed = _apply(tree, edit)
    check_tree(changed)
    return changed


def _apply(tree: TopicTree, edit: Edit) -> TopicTree:
    match edit:
        case AddTopic():
            return _add(tree, edit)
        case RenameTopic():
            require_topic(tree, edit.topic_id)
            return replace_topic(tree, edit.topic_id, lambda topic: topic.model_copy(update={"name": edit.name}))
        case MergeTopics():
            return _merge(tree, edit)
        case MoveTopic():
            return _move(tree, edit)
        case RemoveTopic():
            require_topic(tree, edit.topic_id)
            return take_out(tree, [edit.topic_id], drop_emptied=False)
        case SplitTopic():
            return _split(tree, edit)
        case UseFewer() | Reorganize():
            raise InputError("This change needs the records; find the topics again with the new setting.")


def _add(tree: TopicTree, edit: AddTopic) -> TopicTree:
    taken = {topic.id for topic in iterate(tree)}
    topic_id = make_topic_id(f"{edit.parent_id or ''}/{edit.name}", taken)
    return put_under(tree, edit.parent_id, Topic(id=topic_id, name=edit.name, description=edit.description))


def _merge(tree: TopicTree, edit: MergeTopics) -> TopicTree:
    topics = [require_topic(tree, topic_id) for topic_id in dict.fromkeys(edit.topic_ids)]
    if len(topics) < 2:
        raise InputError("A merge needs two different topics; name both.")
    for topic in topics:
        if any(inner in topics for child in topic.children for inner in iterate(TopicTree(roots=(child,)))):
            raise InputError(f"{topic.name!r} cannot be merged with a topic below itself; remove that one instead.")
    rest = take_out(tree, [topic.id for topic in topics[1:]], drop_emptied=True)
    if find_topic(rest, topics[0].id) is None:
        raise InputError(f"{topics[0].name!r} stands inside a topic it is to be merged with; name the outer one only.")
    return replace_topic(rest, topics[0].id, lambda _: unite(topics, edit.name))


def _move(tree: TopicTree, edit: MoveTopic) -> TopicTree:
    topic = require_topic(tree, edit.topic_id)
    if edit.parent_id is not None and find_topic(TopicTree(roots=(topic,)), edit.parent_id):
        raise InputError(f"{topic.name!r} cannot be moved under itself; name a topic outside it.")
    keep = edit.parent_id is not None and any(child is topic for child in require_topic(tree, edit.parent_id).children)
    if keep:
        return tree
    return put_under(take_out(tree, [topic.id], drop_emptied=True), edit.parent_id, topic)


def _split(tree: TopicTree, edit: SplitTopic) -> TopicTree:
    topic = require_topic(tree, edit.topic_id)
    if len(edit.names) < 2:
        raise InputError(f"To split {topic.name!r} by hand, give two names or more.")
    taken = {found.id for found in iterate(tree)}
    parts = [Topic(id=make_topic_id(f"{topic.id}/{name}", taken), name=name) for name in edit.names]
    return replace_topic(tree, topic.id, lambda found: found.model_copy(update={"children": (*found.children, *parts)}))


_NUMBERS = "one two three four five six seven eight nine ten eleven twelve".split()
_COUNT = rf"(\d+|{'|'.join(_NUMBERS)})"
_KIND = r"(?:sub-?)?(?:topics?|categor(?:y|ies)|groups?|branch(?:es)?|leaf|leaves)"
_END = r"(?=\s*(?:[.!?;]|,\s*(?:please|too|as|since|because|they)|\s-\s|\s–\s|$|\bplease\b|\binstead\b|\bbecause\b))"  # noqa: RUF001
_UNDER = r"(?:under(?:neath)?|below|beneath|inside|into|within|in|to)"


def parse_edit(text: str, tree: TopicTree) -> Edit | None:
    """Read one operation from a person's words, by rules; None when they hold none.

    Understands adding, renaming, merging, moving, removing and splitting topics, "use fewer topics", "only 6
    topics" and "organise by customer intent". It reads the first operation only.

    Raises:
        InputError: The words are an operation on a topic that the tree does not have.
    """
    words = " ".join(text.translate(_QUOTES).split())
    for read in (_read_reorganize, _read_merge, _read_rename, _read_move, _read_split, _read_add, _read_fewer, _read_remove):
        edit = read(words, tree)
        if edit is not None:
            return edit
    return None


_QUOTES = str.maketrans("“”„«»‘’", "\"\"\"\"\"''")  # noqa: RUF001


def _read_reorganize(words: str, tree: TopicTree) -> Edit | None:
    verb = r"\b(?:re-?)?(?:organi[sz]e|group|structure|arrange|sort|cluster|split)d?\b"
    match = re.search(rf"{verb}(?: (?:them|it|this|everything|the (?:topics|records|tree)))?(?: it)? (?:by|around|according to) (.+?){_END}", words, re.I)
    if match is None:
        match = re.search(rf"\b(?:by|based on) ((?:customer |user )?intents?)\b", words, re.I)
    if match is None:
        return None
    view = _clean(match.group(1))
    asks_intent = re.search(r"\b(intents?|intentions?|purpose|goals?|what (?:they|people|customers|users) want)\b", view, re.I)
    return Reorganize(by="intent" if asks_intent else "content", words=view)


def _read_merge(words: str, tree: TopicTree) -> Edit | None:
    match = re.search(rf"\b(?:merge|combine|join|unite)\s+(.+?)(?:\s+(?:into|as|to form)\s+(?:a |one )?(?:{_KIND} (?:called|named) )?(.+?))?{_END}", words, re.I)
    if match is None:
        return None
    topics = _find_all(match.group(1), tree)
    name = _clean(match.group(2) or "") or " & ".join(topic.name for topic in topics)
    if re.fullmatch(rf"(?:one|a single)?\s*{_KIND}?", name, re.I):
        name = " & ".join(topic.name for topic in topics)
    return MergeTopics(tuple(topic.id for topic in topics), name)


def _read_rename(words: str, tree: TopicTree) -> Edit | None:
    match = re.search(rf"\b(?:rename|relabel|call)\s+(.+?)\s+(?:to|as|into)\s+(.+?){_END}", words, re.I)
    match = match or re.search(rf"\bchange (?:the )?name of\s+(.+?)\s+to\s+(.+?){_END}", words, re.I)
    match = match or re.search(rf"\b(?:rename|call)\s+(\"[^\"]+\"|'[^']+')\s+(.+?){_END}", words, re.I)
    if match is None:
        return None
    return RenameTopic(_find(match.group(1), tree).id, _clean(match.group(2)))


def _read_move(words: str, tree: TopicTree) -> Edit | None:
    match = re.search(rf"\b(?:move|put|place|shift)\s+(.+?)\s+{_UNDER}\s+(.+?){_END}", words, re.I)
    if match is None:
        return None
    topic, target = _find(match.group(1), tree), _clean(match.group(2))
    if re.fullmatch(r"(?:the )?(?:top(?: level)?|root|main level|its own)", target, re.I):
        return MoveTopic(topic.id, None)
    return MoveTopic(topic.id, _find(target, tree).id)


def _read_split(words: str, tree: TopicTree) -> Edit | None:
    match = re.search(rf"\b(?:split|divide|break up)\s+(?:up )?(.+?)(?:\s+(?:into|in)\s+(.+?))?{_END}", words, re.I)
    if match is None:
        return None
    names = [_clean(part) for part in _split_list(match.group(2) or "")]
    is_count = len(names) == 1
    return SplitTopic(_find(match.group(1), tree).id, () if is_count else tuple(name for name in names if name))


def _read_add(words: str, tree: TopicTree) -> Edit | None:
    match = re.search(
        rf"\b(?:add|create|include|introduce|insert)\s+(?:(?:a|an|another|the|one|new|more)\s+)*"
        rf"(?:{_KIND}\s+(?:called|named|for|about|on)?\s*)?(.+?)(?:\s+{_KIND})?(?:\s+(?:{_UNDER}|for)\s+(.+?))?{_END}",
        words,
        re.I,
    )
    if match is None or not _means_topic(match):
        return None
    parent = match.group(2)
    is_top = parent is None or re.search(r"\b(?:top|root|tree|list|hierarchy|structure|topics|categories)\b", parent, re.I)
    return AddTopic(_clean(match.group(1)), None if is_top else _find(parent, tree).id)


def _means_topic(match: re.Match[str]) -> bool:
    """Tell "add a Complaints category" from "add something about refunds to the grader"."""
    said = match.group(0)
    if re.match(r"(?:something|anything|more|some|details?)\b", match.group(1), re.I):
        return False
    return bool('"' in said or re.search(rf"\b{_KIND}\b", said, re.I) or match.group(2) or match.group(1)[:1].isupper())


def _read_fewer(words: str, tree: TopicTree) -> Edit | None:
    plain = r"(?:topics?|categories|groups|leaves)"
    match = re.search(rf"\b(?:only|just|at most|max(?:imum)?|no more than|down to|to|exactly|use|want|about|have)\s+(?:about )?{_COUNT}\s+(?:\w+ )?{plain}\b", words, re.I)
    if match:
        return UseFewer(_read_number(match.group(1)))
    if re.search(rf"\b(?:fewer|less|too many|reduce (?:the )?(?:number of )?)\s*(?:\w+ )?{plain}\b", words, re.I):
        return UseFewer(max(2, round(0.6 * len(leaves(tree)))))
    return None


def _read_number(word: str) -> int:
    number = int(word) if word.isdigit() else _NUMBERS.index(word.lower()) + 1
    if not 1 <= number <= 100:
        raise InputError(f"{number} topics are not possible; ask for 1 to 100.")
    return number


def _read_remove(words: str, tree: TopicTree) -> Edit | None:
    match = re.search(rf"\b(?:remove|delete|drop|get rid of|take out|leave out|discard)\s+(.+?){_END}", words, re.I)
    return None if match is None else RemoveTopic(_find(match.group(1), tree).id)


def _clean(words: str) -> str:
    """Take quotes, articles, and the word "topic" off a name."""
    name = words.strip(" .,!?;:\"'")
    name = re.sub(r"^(?:the|a|an|our)\s+(?=\S)", "", name, flags=re.I)
    name = re.sub(rf"(?<=\S)\s+{_KIND}$", "", name, flags=re.I)
    return name.strip(" .,!?;:\"'")


def _split_list(words: str) -> list[str]:
    return [part for part in re.split(r"\s*,\s*(?:and\s+)?|\s+(?:and|with|plus)\s+|\s+&\s+", words) if part.strip()]


def _find(words: str, tree: TopicTree) -> Topic:
    topic = find_by_name(tree, _clean(words)) or find_by_name(tree, words)
    if topic is None:
        near = ", ".join(repr(name) for name in list_near_names(tree, _clean(words)))
        raise InputError(f"There is no one topic named {_clean(words)!r}; the nearest are {near}. Use one of these names.")
    return topic


def _find_all(words: str, tree: TopicTree) -> list[Topic]:
    """Find the topics of a list; a name that holds "and" itself is tried whole first."""
    parts = re.findall(r'"([^"]+)"', words)
    if len(parts) < 2:
        parts = _rejoin(_split_list(words), lambda name: _is_exact(name, tree))
    if len(parts) < 2:
        raise InputError("A merge needs two topics, such as: merge Refunds and Returns.")
    return [_find(part, tree) for part in parts]


def _is_exact(name: str, tree: TopicTree) -> bool:
    folded = _clean(name).casefold()
    return any(folded == topic.name.casefold() for topic in iterate(tree))


def _rejoin(parts: Sequence[str], is_name: Callable[[str], bool]) -> list[str]:
    """Join neighbouring parts that make a name together ("Billing" and "Payments"), longest first."""
    result: list[str] = []
    place = 0
    while place < len(parts):
        spans = range(len(parts) - place, 1, -1)
        joined = [(span, f" {word} ".join(parts[place : place + span])) for span in spans for word in ("&", "and")]
        span, name = next(((span, name) for span, name in joined if is_name(name)), (1, parts[place]))
        result.append(name)
        place += span
    return result
