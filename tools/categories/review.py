"""List the records whose topic is uncertain, and put records where the person says."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from lucy.errors import InputError
from lucy.tools.topics.matching import find_exactly, need_topic
from lucy.tools.topics.tree import TopicTree, find_topic, iterate, iterate_paths, leaves, path_of
from lucy.tools.topics.words import find_stem, split_words
from lucy.tools.vocabulary import Assignment, Record, Topic, read_user_text

EXCERPT = 300
"""Characters of a record's text that are shown."""

_SETTLED = ("manual", "generated")
"""Ways of finding a topic that need no review."""


class ReviewRow(NamedTuple):
    """One record for a person to look at."""

    record_id: str
    text: str
    """Beginning of the user's messages, on one line."""
    topic_id: str | None
    path: str
    """Of the topic, as "A/B"; empty for a record without one."""
    confidence: float
    method: str
    guess: str | None
    """Id of the other topic that shares the most words with the text, None where none does."""


def list_for_review(
    assignments: Sequence[Assignment],
    records: Sequence[Record],
    tree: TopicTree,
    *,
    threshold: float,
    limit: int,
    topic: str | None = None,
) -> list[ReviewRow]:
    """List uncertain and uncategorized records, lowest confidence first.

    What the person assigned, and what was generated for its topic, is left out.

    Args:
        assignments: The topic of each record.
        records: The records; assignments of others are passed over.
        tree: The topics.
        threshold: Confidence below which a record is listed.
        limit: Most rows.
        topic: Id of a topic, to list only records in it or below it.

    Raises:
        InputError: The limit is under 1, or the topic unknown.
    """
    if limit < 1:
        raise InputError(f"The list for review is to have {limit} rows; ask for 1 or more.")
    inside = None if topic is None else _list_inside(tree, topic)
    found = {record.id: record for record in records}
    listed = [
        one
        for one in assignments
        if one.record_id in found
        and one.method not in _SETTLED
        and (one.confidence < threshold or one.topic_id is None)
        and (inside is None or one.topic_id in inside)
    ]
    listed.sort(key=lambda one: one.confidence)
    paths = {placed.topic.id: placed.path for placed in iterate_paths(tree)}
    words = _read_topic_words(tree)
    return [_make_row(one, found[one.record_id], paths, words) for one in listed[:limit]]


def reassign(
    assignments: Sequence[Assignment], changes: Mapping[str, str | None], tree: TopicTree
) -> list[Assignment]:
    """Put records into topics as the person said: method `manual`, confidence 1.

    Args:
        assignments: The topic of each record so far.
        changes: Record id to leaf id; None is "fits no topic".
        tree: The topics.

    Raises:
        InputError: A record or topic is unknown, or the topic has sub-topics; nothing was changed.
    """
    known = {one.record_id for one in assignments}
    for record_id, topic_id in changes.items():
        if record_id not in known:
            raise InputError(f"No sorted record has the id {record_id[:80]!r}; nothing was changed.")
        if topic_id is not None:
            _need_leaf(tree, topic_id)
    return [
        Assignment(one.record_id, changes[one.record_id], 1.0, "manual") if one.record_id in changes else one
        for one in assignments
    ]


def _list_inside(tree: TopicTree, topic_id: str) -> set[str]:
    topic = find_topic(tree, topic_id)
    if topic is None:
        raise InputError(f"There is no topic with the id {topic_id!r}; use an id of the current tree.")
    return {below.id for below in iterate(TopicTree(roots=(topic,)))}


def _need_leaf(tree: TopicTree, topic_id: str) -> None:
    topic = find_topic(tree, topic_id)
    if topic is None:
        raise InputError(f"There is no topic with the id {topic_id!r} in the tree; nothing was changed.")
    _refuse_group(tree, topic)


def _refuse_group(tree: TopicTree, topic: Topic) -> None:
    if topic.children:
        names = [leaf.name for leaf in leaves(TopicTree(roots=topic.children))]
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        raise InputError(
            f"{path_of(tree, topic.id)!r} has sub-topics, and records go into those; "
            f"choose one of: {', '.join(names[:5])}{more}."
        )


def _make_row(
    one: Assignment, record: Record, paths: Mapping[str, str], words: Mapping[str, set[str]]
) -> ReviewRow:
    text = " ".join(read_user_text(record).split())
    return ReviewRow(
        record_id=one.record_id,
        text=text if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…",
        topic_id=one.topic_id,
        path=paths.get(one.topic_id or "", ""),
        confidence=one.confidence,
        method=one.method,
        guess=_guess(text, one.topic_id, words),
    )


def _read_topic_words(tree: TopicTree) -> dict[str, set[str]]:
    return {
        leaf.id: {find_stem(word) for word in split_words(f"{leaf.name} {' '.join(leaf.keywords)}")}
        for leaf in leaves(tree)
    }


def _guess(text: str, topic_id: str | None, words: Mapping[str, set[str]]) -> str | None:
    said = {find_stem(word) for word in split_words(text)}
    shared = {key: len(said & own) for key, own in words.items() if key != topic_id}
    best = max(shared, key=lambda key: shared[key], default=None)
    return best if best is not None and shared[best] > 0 else None


_ITEM = r"(?:(?:rows?|records?|numbers?|nos?\.?|examples?)\s*)?#?\d{1,6}"
_RANGE = rf"{_ITEM}(?:\s*(?:-|\u2013|to|through|until|up to)\s*#?\d{{1,6}})?"
_ALL = (
    r"(?:all|every one)(?: of)? (?:these|them|those|the (?:rows|records)|the shown)(?: rows| records| ones)?"
    r"|everything|all(?: the)?(?: rows| records| rest| others)?|both"
    r"|th(?:e|ese|ose)(?: \w+)? (?:rows|records|ones)"
    r"|the (?:rest|others?|remaining)(?: \w+)?|these|those|them|they"
)
_ROWS = rf"(?P<rows>(?:{_RANGE})(?:\s*(?:,\s*and|,|and|&|\+|or)\s*(?:{_RANGE}))*|{_ALL})"
_LINK = (
    r"(?P<link>(?:(?:should|must|can) )?(?:be )?(?:all )?(?:go(?:es)?|moved?|belongs?|put|assigned|fits?)?\s*"
    r"(?:(?:best )?(?:to|in|into|under|below|as|with)\b|\b(?:is|are|be|means?)\b|:|=|->|→)"
    r"|(?:should )?(?:fits?|has|have|belongs?|gets?)\b|(?:is|are) (?:about|of|all)\b)"
)
_PLACING = re.compile(rf"(?<![\w.#-]){_ROWS}\s*(?:(?:is|are|should|all|be)\s+)*{_LINK}\s*", re.IGNORECASE)
_CONFIRMING = re.compile(
    rf"^\s*(?:please\s+|yes,?\s+)?(?:accept|confirm|keep|approve|leave)\s+{_ROWS}"
    r"(?:\s+(?:as (?:they are|it is|is)|where they are))?\s*[.!]*\s*$",
    re.IGNORECASE,
)
_RIGHT = re.compile(
    r"(?:all |now |already |quite |really )*(?:right|correct|fine|ok(?:ay)?|good|well placed"
    r"|sorted(?: correctly)?|where they belong|as they should be)",
    re.IGNORECASE,
)
_NOWHERE = re.compile(
    r"(?:in |to |into |with )?(?:no(?:ne)?|nothing|nowhere|not any)(?: of)?(?: the| these| them| those)?"
    r"(?: topics?| categor(?:y|ies)| groups?)?|(?:in )?none of (?:these|them|those|the topics)"
    r"|uncategori[sz]ed|unsorted|without (?:a |any )?(?:topic|category)|nothing here",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"^\s*(?:why|what|how|which|who|where|when|do|does|is|are|was)\b|\?\s*$", re.IGNORECASE
)
_WEAK = re.compile(r"(?:is|are|be|means?|about|:|=|has|have|gets?)$", re.IGNORECASE)
"""Links that also stand in sentences about something else, such as "5 is too many"."""


def parse_reassignment(
    words: str, rows: Sequence[ReviewRow], tree: TopicTree
) -> dict[str, str | None] | None:
    """Read where shown records belong: "move 3 to Refunds", "1, 4 and 7 are complaints".

    Rows are counted from 1 in the order of `rows`. "these are right" and "accept the rest" confirm the topics
    that the rows have; "5 fits no topic" takes it away.

    Returns:
        For `reassign`; None when the words are about something else.

    Raises:
        InputError: There is no such row, or the topic is unknown or has sub-topics.
    """
    if not rows or _QUESTION.search(words):
        return None
    confirmed = _CONFIRMING.match(words)
    if confirmed:
        chosen = _read_rows(confirmed["rows"], rows, taken=set())
        return {row.record_id: row.topic_id for row in chosen}
    changes: dict[str, str | None] = {}
    places = list(_PLACING.finditer(words))
    ends = [*(place.start() for place in places[1:]), len(words)][: len(places)]
    for place, end in zip(places, ends, strict=True):
        placed = _read_place(place, words[place.end() : end], rows, tree, taken=set(changes))
        if placed is None:
            return None
        changes |= placed
    return changes or None


def _read_place(
    place: re.Match[str], said: str, rows: Sequence[ReviewRow], tree: TopicTree, *, taken: set[str]
) -> dict[str, str | None] | None:
    """Read one "ROWS to TOPIC"; None when it is about something else."""
    name = re.sub(
        r"^[\s,;:]+|[\s,;.!]+(?:(?:and|but|then|also|move|put|while|please|instead|thanks?)\b[\s,;]*)*$",
        "",
        said,
    )
    name = re.sub(r"^(?:(?:the|a|an|about|topic|category)\s+)+(?=\S)", "", name, flags=re.IGNORECASE)
    topic = find_exactly(tree, name)
    is_weak = _WEAK.search(place["link"].strip()) is not None
    if topic is None and _RIGHT.fullmatch(name):
        return {row.record_id: row.topic_id for row in _read_rows(place["rows"], rows, taken=taken)}
    if topic is None and _NOWHERE.fullmatch(name):
        return {row.record_id: None for row in _read_rows(place["rows"], rows, taken=taken)}
    if topic is None:
        try:
            topic = need_topic(tree, name)
        except InputError:
            if is_weak or not name:
                return None
            raise
    _refuse_group(tree, topic)
    return {row.record_id: topic.id for row in _read_rows(place["rows"], rows, taken=taken)}


def _read_rows(said: str, rows: Sequence[ReviewRow], *, taken: set[str]) -> list[ReviewRow]:
    """Give the rows that "2-5 and 7" means, or all that were not named before in the same words."""
    numbers: list[int] = []
    for match in re.finditer(
        r"(\d+)(?:\s*(?:-|\u2013|to|through|until|up to)\s*#?(\d+))?", said, re.IGNORECASE
    ):
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last <= len(rows):
            wrong = match[0] if first > last else str(first if not 1 <= first <= len(rows) else last)
            raise InputError(f"There is no row {wrong}; the rows shown are 1 to {len(rows)}.")
        numbers += range(first, last + 1)
    if not numbers:
        return [row for row in rows if row.record_id not in taken]
    return [rows[number - 1] for number in dict.fromkeys(numbers)]
