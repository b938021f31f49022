"""Say in typed values how a topic tree is to change, read that from words, and carry it out."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from lucy.errors import InputError
from lucy.tools.topics.changes import (
    add_topic,
    add_up_shares,
    merge_topics,
    move_topic,
    remove_topic,
    rename_topic,
    split_topic,
)
from lucy.tools.topics.matching import (
    capitalize_name,
    list_clauses,
    need_topic,
    read_names,
    read_topics,
    split_naming,
)
from lucy.tools.topics.tree import TopicTree, check_tree, leaves
from lucy.tools.vocabulary import Topic

By = Literal["intent", "content"]


@dataclass(frozen=True, slots=True)
class AddTopic:
    """A new topic, below a parent or at the top."""

    name: str
    parent_id: str | None = None


@dataclass(frozen=True, slots=True)
class RenameTopic:
    """Another name for a topic; its id stays."""

    topic_id: str
    name: str


@dataclass(frozen=True, slots=True)
class MergeTopics:
    """Several topics become one."""

    topic_ids: tuple[str, ...]
    name: str = ""
    """Name of the whole; joined from the parts' names when empty."""


@dataclass(frozen=True, slots=True)
class MoveTopic:
    """Another parent for a topic; None is the top."""

    topic_id: str
    parent_id: str | None = None


@dataclass(frozen=True, slots=True)
class RemoveTopic:
    """A topic goes, with everything below it."""

    topic_id: str


@dataclass(frozen=True, slots=True)
class SplitTopic:
    """A topic gets these new sub-topics; its records are sorted into them."""

    topic_id: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UseFewer:
    """Topics are to be found again, at most this many without sub-topics."""

    count: int


@dataclass(frozen=True, slots=True)
class Reorganize:
    """Topics are to be found again, by what people want or by what they speak of."""

    by: By


@dataclass(frozen=True, slots=True)
class EditSeries:
    """Several edits, applied in order."""

    edits: "tuple[TreeEdit, ...]"


TreeEdit = AddTopic | RenameTopic | MergeTopics | MoveTopic | RemoveTopic | SplitTopic
"""Edits that `apply_edit` can carry out alone."""

Edit = TreeEdit | EditSeries | UseFewer | Reorganize


def apply_edit(tree: TopicTree, edit: Edit) -> TopicTree:
    """Give the tree with an edit made; ids of the topics that stay are kept.

    Raises:
        InputError: The edit names an unknown topic, would leave the tree empty or too deep, or two
            neighbours with the same name; or it needs the records (`UseFewer`, `Reorganize`).
    """
    if isinstance(edit, EditSeries):
        for part in edit.edits:
            tree = apply_edit(tree, part)
        return tree
    changed = _change(tree, edit)
    if not changed.roots:
        raise InputError("That would leave no topic at all; keep at least one.")
    changed = changed.model_copy(update={"roots": add_up_shares(changed.roots)})
    check_tree(changed)
    return changed


def _change(tree: TopicTree, edit: TreeEdit | UseFewer | Reorganize) -> TopicTree:
    match edit:
        case AddTopic(name, parent_id):
            return add_topic(tree, name, parent_id)
        case RenameTopic(topic_id, name):
            return rename_topic(tree, topic_id, name)
        case MergeTopics(topic_ids, name):
            return merge_topics(tree, topic_ids, name)
        case MoveTopic(topic_id, parent_id):
            return move_topic(tree, topic_id, parent_id)
        case RemoveTopic(topic_id):
            return remove_topic(tree, topic_id)
        case SplitTopic(topic_id, names):
            return split_topic(tree, topic_id, names)
        case UseFewer() | Reorganize():
            raise InputError("This change needs the records; find the topics again instead.")


_ANYWHERE = r"\s+(?:under|underneath|below|beneath|inside(?: of)?|within|as (?:a )?(?:child|sub-?topic|sub-?category) of)\s+"
_LOOSELY = r"\s+(?:to|in|into)\s+"
_DATA = re.compile(
    r"\b(?:examples?|records?|rows?|data|samples?|datasets?|criteri(?:on|a)|rubrics?|weights?|promises|graders?|"
    r"rewards?|scores?|prompts?|messages?|conversations?|duplicates?|emojis?|workflow|models?|everything|nothing|"
    r"variety|variations?|details?|keywords?|descriptions?)\b",
    re.IGNORECASE,
)
"""Words of requests that are about something else than topics."""
_VAGUE = re.compile(r"^(?:\d+|some|more|something|anything|a few|few|a bit|it|that|this|them|those|these|all|any|any of)\b", re.I)
_NUMBERS = {
    word: number
    for number, word in enumerate(
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
        " seventeen eighteen nineteen twenty".split(),
        start=1,
    )
}


def parse_edit(text: str, tree: TopicTree) -> Edit | None:
    """Read an edit from words by rules; None when the words ask for none.

    Several commands in one text become an `EditSeries`. Questions, approval and requests about records
    or graders are no edits.

    Raises:
        InputError: A command names an unknown topic; up to five near names are listed.
    """
    clauses = list_clauses(text)
    for clause in clauses:
        found = _parse_reorganize(clause) or _parse_fewer(clause, tree)
        if found is not None:
            return found
    edits: list[TreeEdit] = []
    for clause in clauses:
        edit = next((edit for parse in _PARSERS if (edit := parse(clause, tree)) is not None), None)
        if edit is not None:
            edits.append(edit)
            if clause != clauses[-1]:
                tree = apply_edit(tree, edit)
    if len(edits) > 1:
        return EditSeries(tuple(edits))
    return edits[0] if edits else None


def _parse_reorganize(clause: str) -> Reorganize | None:
    verbs = r"(?:re-?)?(?:organi[sz]e|structure|group|sort|arrange|cluster|order|split|base|build|do|make|use|go|try)\w*"
    intent = r"(?:\w+ )?(?:intents?|intentions?|purposes?|needs?|goals?)\b|what (?:\w+ )?(?:people|customers?|users?|they) (?:want|need|ask)"
    content = r"(?:\w+ )?(?:contents?|subjects?|themes?|topics?|product areas?)\b|what (?:they|it|people) (?:are|is|talk|speak)"
    for by, words in (("intent", intent), ("content", content)):
        if re.search(rf"^(?:{verbs}\b.*?\s)?(?:by|around|along|according to|based on) (?:the )?(?:{words})", clause, re.I):
            return Reorganize("intent" if by == "intent" else "content")
    if re.search(r"\bintent[- ]based\b|^use (?:customer |user )?intents$", clause, re.I):
        return Reorganize("intent")
    return Reorganize("content") if re.search(r"\bcontent[- ]based\b", clause, re.I) else None


def _parse_fewer(clause: str, tree: TopicTree) -> UseFewer | None:
    number = rf"(?P<count>\d+|{'|'.join(_NUMBERS)})"
    plural = r"(?:leaf )?(?:sub-?)?(?:topics|categories|groups|leaves)"
    limits = (
        rf"(?:only|just|at most|no more than|not more than|a maximum of|max(?:imum)?|up to|fewer than|exactly|use|keep|down to|to)\s+{number}\s+{plural}",
        rf"^{number}\s+{plural}",
        rf"(?:reduce|limit|cut|shrink|simplify|bring)\b.*\b(?:to|at)\s+{number}$",
    )
    match = next((found for limit in limits if (found := re.search(limit, clause, re.I))), None)
    if match is not None:
        said = match["count"].casefold()
        count = int(said) if said.isdigit() else _NUMBERS[said]
        if count < 2:
            raise InputError("A structure needs at least 2 topics; give a larger number.")
        return UseFewer(count)
    fewer = rf"\b(?:fewer|less)(?: {plural})?$|\btoo many {plural}|^(?:reduce|cut down(?: on)?|fewer) (?:the )?(?:number of )?{plural}$"
    simpler = r"^(?:make (?:it|this|the \w+) (?:simpler|smaller|coarser)|simplify(?: (?:it|this|the \w+))?|(?:a )?simpler (?:structure|tree|hierarchy))$"
    if re.search(f"{fewer}|{simpler}", clause, re.I):
        return UseFewer(max(2, round(0.6 * len(leaves(tree)))))
    return None


def _parse_rename(clause: str, tree: TopicTree) -> RenameTopic | None:
    if match := re.match(r"(?:rename|relabel)\s+(.+)", clause, re.I | re.S):
        naming = split_naming(tree, match[1], r"\s+(?:to|as|into)\s+|\s*(?:->|=>|→)\s*")
        if naming is None:
            raise InputError('Say the old and the new name, for example: rename "Refunds" to "Returns".')
        return RenameTopic(need_topic(tree, naming.words).id, capitalize_name(naming.name))
    forms = (
        (r"call\s+(.+)", r'\s+(?:by the name(?: of)?\s+)?(?="?\w)'),
        (r"(?:change|turn|make|name)\s+(?:the\s+name\s+of\s+)?(.+)", r"\s+(?:to|into)\s+(?:be called\s+)?"),
        (r"(.+)", r"\s+should (?:rather )?be (?:called|named|renamed(?: to)?)\s+"),
    )
    for start, between in forms:
        match = re.match(start, clause, re.I | re.S)
        naming = split_naming(tree, match[1], between) if match else None
        topic = find_named(tree, naming.words) if naming else None
        if naming and topic:
            return RenameTopic(topic.id, capitalize_name(naming.name))
    return None


def _parse_merge(clause: str, tree: TopicTree) -> MergeTopics | None:
    match = re.match(
        r"(?:merge|combine|join|unite|unify|consolidate|fold|lump|group|put)\s+(?P<all>.+?)(?P<together>\s+together)?$",
        clause,
        re.I | re.S,
    )
    if match is None:
        return None
    verb = clause.split()[0].casefold()
    if verb in ("put", "group", "lump") and not match["together"]:
        return None
    words = match["all"]
    naming = split_naming_last(words, r",?\s+(?:into(?: one)?(?:\s+(?:topic|category|group))?(?:\s+(?:called|named))?|as|and (?:call|name) (?:it|them|that|the result)|called|named|to)\s+")
    if naming is None:
        words = re.sub(r"\s+into one(?: \w+)?$", "", words)
        found = read_topics(tree, words)
        return MergeTopics(_list_ids(found), "")
    found, target = read_topics(tree, naming.words), find_exactly(tree, naming.name)
    if target is not None:
        return MergeTopics(_list_ids([target, *found]), target.name)
    if len(found) == 1:
        target = need_topic(tree, naming.name)
        return MergeTopics(_list_ids([target, *found]), target.name)
    return MergeTopics(_list_ids(found), capitalize_name(naming.name))


def _list_ids(topics: list[Topic]) -> tuple[str, ...]:
    ids = tuple(dict.fromkeys(topic.id for topic in topics))
    if len(ids) < 2:
        raise InputError('Name the topics to merge, for example: merge "Orders" and "Shipping".')
    return ids


def _parse_move(clause: str, tree: TopicTree) -> MoveTopic | None:
    match = re.match(r"(?P<verb>move|put|place|shift|nest|relocate|make)\s+(?P<rest>.+)", clause, re.I | re.S)
    if match is None:
        return None
    top = re.fullmatch(
        r"(.+?)\s+(?:to|at|on|as)?\s*(?:the |a )?(?:very )?(?:top(?:[- ]level)?|root)(?: (?:topic|category|level))?",
        match["rest"],
        re.I | re.S,
    )
    between = ANYWHERE if match["verb"].casefold() in ("put", "place", "make") else f"{ANYWHERE}|{LOOSELY}"
    naming = Naming(top[1], "") if top else split_naming(tree, match["rest"], between)
    is_clear = match["verb"].casefold() in ("move", "nest", "relocate")
    if naming is None or (not is_clear and find_named(tree, naming.words) is None):
        return None
    parent_id = need_topic(tree, naming.name).id if naming.name else None
    return MoveTopic(need_topic(tree, naming.words).id, parent_id)


def _parse_split(clause: str, tree: TopicTree) -> SplitTopic | None:
    match = re.match(r"(?:split|divide|break)\s+(?:up\s+)?(.+)", clause, re.I | re.S)
    naming = split_naming(tree, match[1], r"\s+(?:up\s+)?(?:into|in)\s+") if match else None
    if naming is None:
        return None
    return SplitTopic(need_topic(tree, naming.words).id, tuple(read_names(naming.name)))


def _parse_remove(clause: str, tree: TopicTree) -> TreeEdit | EditSeries | None:
    match = re.match(
        r"(?:remove|delete|drop|discard|eliminate|omit|exclude|leave out|take out|kick out|throw out|get rid of)\s+(.+)",
        clause,
        re.I | re.S,
    )
    unwanted = re.match(r"(?:i|we)?\s*(?:don'?t|do not|no longer) (?:need|want|like) (.+)", clause, re.I | re.S)
    if match is None and unwanted is None:
        return None
    words = (match or unwanted or [""])[1]
    words = re.sub(r"\s+(?:from|under) (?:the )?(?:tree|list|hierarchy|structure|topics)$", "", words, flags=re.I)
    topic = find_named(tree, words)
    if topic is not None:
        return RemoveTopic(topic.id)
    if match is None or _is_about_else(words):
        return None
    edits = tuple(RemoveTopic(topic.id) for topic in read_topics(tree, words))
    return EditSeries(edits) if len(edits) > 1 else edits[0]
