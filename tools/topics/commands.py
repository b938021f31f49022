"""Read single commands about a topic tree by rules."""

import re

from lucy.errors import InputError
from lucy.tools.topics.edit_kinds import (
    AddTopic,
    LockTopic,
    MergeTopics,
    MoveTopic,
    RemoveTopic,
    RenameTopic,
    SplitTopic,
    TreeEdit,
)
from lucy.tools.topics.matching import (
    KIND,
    capitalize_name,
    find_exactly,
    find_named,
    need_topic,
    read_names,
    read_topics,
    split_naming,
)
from lucy.tools.topics.tree import TopicTree
from lucy.tools.vocabulary import Topic

_BELOW = (
    r"\s+(?:under(?:neath)?|below|beneath|inside(?: of)?|within|as an? (?:child|sub-?topic"
    r"|sub-?category) of)\s+"
)
_INTO = r"\s+(?:to|in|into)\s+"
_TOP = rf"\s+(?:(?:to|at|on|as|under)\s+)?(?:the |a )?(?:top(?:[- ]level)?|root)(?: {KIND}| level)?"
_ELSE = re.compile(
    r"\b(?:examples?|records?|rows?|data|samples?|datasets?|criteri(?:on|a)|rubrics?|weights?|promises"
    r"|graders?|"
    r"rewards?|scores?|prompts?|messages?|conversations?|duplicates?|emojis?|workflow|models?"
    r"|everything|nothing|"
    r"variety|variations?|details?|keywords?|descriptions?)\b"
    r"|^(?:\d+|some|more|something|anything|a few|few|a bit|it|that|this|them|those|these|all|any)\b",
    re.IGNORECASE,
)
"""Words of requests that are about something else than topics."""

_PRONOUN = re.compile(r"(?:it|that|this|these|those|them(?! all))\b", re.IGNORECASE)


def parse_change(clause: str, tree: TopicTree) -> list[TreeEdit]:
    """Read one command about the topics of a tree; nothing when the clause is none.

    Raises:
        InputError: The command names an unknown topic.
    """
    for parse in (
        _parse_lock,
        _parse_rename,
        _parse_merge,
        _parse_move,
        _parse_split,
        _parse_remove,
        _parse_add,
    ):
        edits = parse(clause, tree)
        if edits:
            return edits
    return []


def _match(pattern: str, clause: str) -> re.Match[str] | None:
    return re.match(pattern, clause, re.IGNORECASE | re.DOTALL)


def _is_about_else(words: str) -> bool:
    return '"' not in words and _ELSE.search(words) is not None


def _parse_lock(clause: str, tree: TopicTree) -> list[TreeEdit]:
    clear = _match(r"(?P<un>un)?(?:lock|freeze|pin)\s+(?P<rest>.+)", clause)
    if clear is not None and not _PRONOUN.match(clear["rest"]):
        return _lock(clear["rest"], tree, locked=not clear["un"])
    # "Keep" and "leave" are said of much else, so what follows has to be a topic's whole name.
    loose = _match(
        r"(?:keep|leave|protect|(?:do not|don'?t|never) (?:change|touch|alter|modify))\s+"
        r"(?P<rest>.+?)(?:\s+(?:as is|untouched|unchanged|alone|locked|the same))?$",
        clause,
    )
    topic = find_exactly(tree, loose["rest"]) if loose else None
    return [LockTopic(topic.id)] if topic else []


def _lock(words: str, tree: TopicTree, *, locked: bool) -> list[TreeEdit]:
    everything = (
        rf"(?:all|every|everything|them all|all of them)(?: (?:the |of the )?{KIND})?"
        r"|(?:the )?(?:whole )?(?:tree|structure|hierarchy)"
    )
    whole = re.fullmatch(everything, words, re.IGNORECASE)
    return [LockTopic(topic.id, locked) for topic in (tree.roots if whole else read_topics(tree, words))]


def _parse_rename(clause: str, tree: TopicTree) -> list[TreeEdit]:
    if match := _match(r"(?:rename|relabel)\s+(.+)", clause):
        naming = split_naming(tree, match[1], r"\s+(?:to|as|into)\s+|\s*(?:->|=>|→)\s*")
        if naming is None:
            raise InputError('Say the old and the new name, for example: rename "Refunds" to "Returns".')
        return [RenameTopic(need_topic(tree, naming.words).id, capitalize_name(naming.name))]
    forms = (
        (r"call\s+(.+)", r"\s+(?:by the name(?: of)?\s+)?"),
        (r"(?:change|turn)\s+(?:the\s+name\s+of\s+)?(.+)", r"\s+(?:to|into)\s+"),
        (r"(.+)", r"\s+should (?:rather )?be (?:called|named|renamed(?: to)?)\s+"),
    )
    for start, between in forms:
        match = _match(start, clause)
        naming = split_naming(tree, match[1], between) if match else None
        topic = find_named(tree, naming.words) if naming else None
        if naming and topic:
            return [RenameTopic(topic.id, capitalize_name(naming.name))]
    return []


def _parse_merge(clause: str, tree: TopicTree) -> list[TreeEdit]:
    match = _match(
        r"(?:(?:merge|combine|join|unite|unify|consolidate|fold)\s+(.+?)(?:\s+together)?|(?:put|group"
        r"|lump)\s+(.+?)\s+together)$",
        clause,
    )
    if match is None or _is_about_else(match[1] or match[2]):
        return []
    words = re.sub(rf",?\s+(?:in)?to (?:one|a single)(?: {KIND})?$", "", match[1] or match[2], flags=re.I)
    named = (
        rf",?\s+(?:(?:in)?to|as)(?: (?:one|a|a new|a single) {KIND})?(?: called| named)?\s+"
        r"|,?\s+(?:and )?(?:call|name) (?:it|them|that|the result)\s+|,?\s+called\s+|,?\s+named\s+"
    )
    naming = split_naming(tree, words, named)
    if naming is None:
        return _merge(read_topics(tree, words), "")
    found, target = read_topics(tree, naming.words), find_exactly(tree, naming.name)
    if target is None and len(found) == 1:
        target = need_topic(tree, naming.name)
    if target is not None:
        return _merge([target, *found], target.name)
    return _merge(found, capitalize_name(naming.name))


def _merge(topics: list[Topic], name: str) -> list[TreeEdit]:
    ids = tuple(dict.fromkeys(topic.id for topic in topics))
    if len(ids) < 2:
        raise InputError('Name two topics or more, for example: merge "Orders" and "Shipping".')
    return [MergeTopics(ids, name)]


def _parse_move(clause: str, tree: TopicTree) -> list[TreeEdit]:
    match = _match(r"(?P<verb>move|nest|relocate|put|place|shift|make)\s+(?P<rest>.+)", clause)
    if match is None:
        return []
    is_clear = match["verb"].casefold() in ("move", "nest", "relocate")
    top = re.fullmatch(rf"(.+?){_TOP}", match["rest"], re.I)
    if top is not None and (is_clear or find_named(tree, top[1])):
        return [MoveTopic(need_topic(tree, top[1]).id, None)]
    child = r"\s+(?:as )?an? (?:child|sub-?topic|sub-?category) of\s+"
    naming = split_naming(
        tree, match["rest"], f"{_BELOW}|{child}|{_INTO}" if is_clear else f"{_BELOW}|{child}"
    )
    if naming is None or (not is_clear and find_named(tree, naming.words) is None):
        return []
    return [MoveTopic(need_topic(tree, naming.words).id, need_topic(tree, naming.name).id)]


def _parse_split(clause: str, tree: TopicTree) -> list[TreeEdit]:
    match = _match(r"(?:split|divide|break)\s+(?:up\s+)?(.+)", clause)
    naming = split_naming(tree, match[1], r"\s+(?:up\s+)?(?:into|in)\s+") if match else None
    if naming is None or _is_about_else(naming.words):
        return []
    return [SplitTopic(need_topic(tree, naming.words).id, tuple(read_names(naming.name)))]


def _parse_remove(clause: str, tree: TopicTree) -> list[TreeEdit]:
    verbs = r"remove|delete|drop|discard|eliminate|omit|leave out|take out|throw out|get rid of"
    match = _match(
        rf"(?P<verb>{verbs}|(?:i |we )?(?:don'?t|do not|no longer) (?:need|want))\s+(?P<rest>.+)", clause
    )
    if match is None:
        return []
    words = re.sub(
        r"\s+from (?:the |this )?(?:tree|list|hierarchy|structure|topics)$", "", match["rest"], flags=re.I
    )
    topic = find_exactly(tree, words)
    if topic is not None:
        return [RemoveTopic(topic.id)]
    if _is_about_else(words) or not re.match(verbs, match["verb"], re.I):
        return []
    return [RemoveTopic(topic.id) for topic in read_topics(tree, words)]


def _parse_add(clause: str, tree: TopicTree) -> list[TreeEdit]:
    match = _match(
        r"(?P<verb>add|include|insert|introduce|create|make|have|new)\s+(?:in\s+)?(?P<rest>.+)", clause
    )
    said_topic = re.search(rf"\b{KIND}\b", clause, re.I) is not None or '"' in clause
    if match is None:
        article = r"(?:a|an|another|one more)\s"
        match = _match(rf"(?P<verb>)(?P<rest>{article}.*\b{KIND}\b.*)$", clause)
    if match is None or (
        not said_topic and match["verb"].casefold() not in ("add", "include", "insert", "introduce")
    ):
        return []
    words, parent_id = _part_parent(match["rest"], tree)
    if _is_about_else(words) or (not said_topic and len(words.split()) > 5):
        return []
    names = read_names(words) if words.count('"') > 2 else [capitalize_name(words)]
    return [AddTopic(name, parent_id) for name in names if name]


def _part_parent(rest: str, tree: TopicTree) -> tuple[str, str | None]:
    """Part "Complaints under General" into the words for the new topic and the parent's id."""
    top = re.fullmatch(rf"(.+?){_TOP}", rest, re.I)
    if top is not None:
        return top[1], None
    for between in (_BELOW, _INTO):
        places = list(re.finditer(rf'{between}(?=(?:[^"]*"[^"]*")*[^"]*$)', rest, re.I))
        if not places:
            continue
        words, parent = rest[: places[-1].start()], rest[places[-1].end() :]
        if between == _BELOW and not _is_about_else(words):
            return words, need_topic(tree, parent).id
        found = find_named(tree, parent)
        if found is not None:
            return words, found.id
    return rest, None
