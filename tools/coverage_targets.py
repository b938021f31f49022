"""Take targets for topics: what share of the records each is to have, from a mapping or a person's words."""

import re
from collections.abc import Mapping, Sequence

from lucy.errors import InputError
from lucy.tools.topics.matching import find_exactly, find_named, need_topic, read_topics
from lucy.tools.topics.tree import TopicTree, find_topic, iterate, resolve_ids
from lucy.tools.vocabulary import Topic

_SLACK = 0.01
"""By how much targets may miss their sum: people round."""

_NUMBER = r"(?<![\w.])(-?\d+(?:\.\d+)?)"
_PERCENT = re.compile(rf"{_NUMBER}\s*(?:%|per ?cent\b)", re.IGNORECASE)
_PLAIN = re.compile(rf"{_NUMBER}(?![\w.]*\w)", re.IGNORECASE)
_EVEN = r"(?:even(?:ly)?|equal(?:ly)?|uniform(?:ly)?|the same)"
_UNIFORM = re.compile(
    rf"\b{_EVEN}\s+(?:\w+\s+)?targets?\b|\btargets?\b.{{0,30}}\b{_EVEN}\b"
    r"|\b(?:reset|clear|remove|drop|forget)\b.{0,20}\btargets\b",
    re.IGNORECASE,
)
_REST = r"(?:all |every(?:thing)? )?(?:the )?(?:rest|others?|other topics|remain(?:der|ing)(?: topics)?|else)"
_REST_EVENLY = re.compile(
    rf"[,;]?\s*(?:\b(?:and|with|but)\s+)?\b{_REST}\s+(?:(?:is|are|be|should be|goes|share[sd]?|split|spread"
    rf"|divided?|get)\s+)*(?:out\s+)?(?:{_EVEN}|as (?:it|they) (?:is|are))\b[^,;]*",
    re.IGNORECASE,
)
_ELSE = re.compile(r"\bsynthetic\b|\bagree\b|^\s*(?:why|what|how|which|is|are|does|do|did)\b|\?\s*$", re.I)
"""Words of questions, and of what else is said with percentages here."""
_LEAD = re.compile(
    r"^(?:[\s,;:.=\u2013\u2014-]|(?:and|but|then|also|please|just|ok(?:ay)?|yes|make|set|change|put|raise"
    r"|lower|bring|use|give|get|take|aim(?: for)?|want|need|like|i(?:'d)?|we(?:'d)?|would|let'?s|have|with"
    r"|targets?|shares?|should|be|is|are|was|to|at|for|of|in|on|about|around|the|a|records?)\b)+",
    re.IGNORECASE,
)
_EACH = "\0"
"""Marks a list of names that one number is for, each of them."""
_TAIL = re.compile(
    r"(?:[\s,;:.=\u2013\u2014>-]|\b(?:and|but|please|should|be|is|are|to|at|has|have|get|gets|its|as|about|around"
    r"|up|down|must|makes?|target|share|instead|of|with|records?|examples?))+$",
    re.IGNORECASE,
)


def resolve_targets(tree: TopicTree, given: Mapping[str, float] | None) -> dict[str, float]:
    """Give the target share of every leaf, adding up to 1.

    Targets are named for leaves or for groups, whose share the leaves below split evenly. Topics not named
    share the rest evenly; nothing named is an even split.

    Args:
        tree: The topics.
        given: Share or percentage of all records per topic id; percentages when one is over 1.

    Raises:
        InputError: A topic is unknown, a target negative, or the sum off.
    """
    shares = _read_shares(dict(given or {}))
    unknown = sorted(set(shares) - {topic.id for topic in iterate(tree)})
    if unknown:
        raise InputError(f"The targets name {unknown[0]!r}, which is no topic; use topics of the tree.")
    negative = sorted(key for key, share in shares.items() if not share >= 0)
    if negative:
        raise InputError(
            f"The target of {_name(tree, negative[0])!r} is {shares[negative[0]]:.0%}; expected 0% to 100%."
        )
    found: dict[str, float] = {}
    _spread(tree.roots, 1.0, "all topics", shares, found)
    return found


def keep_targets(tree: TopicTree, given: Mapping[str, float]) -> dict[str, float]:
    """Take targets over to a changed tree: merged topics add theirs up, those of topics that are gone go.

    Targets that then miss 100% are scaled to it; where they contradict each other, such as after a move below
    another topic with a target, none is left.
    """
    present, merged = {topic.id for topic in iterate(tree)}, resolve_ids(tree)
    kept: dict[str, float] = {}
    for key, share in given.items():
        topic_id = merged.get(key, key)
        if topic_id in present:
            kept[topic_id] = kept.get(topic_id, 0.0) + share
    total = sum(kept.values())
    scaled = {key: share / total for key, share in kept.items()} if total > 0 else {}
    return next((each for each in (kept, scaled) if _fits(tree, each)), {})


def _fits(tree: TopicTree, given: Mapping[str, float]) -> bool:
    try:
        resolve_targets(tree, given)
    except InputError:
        return False
    return True


def parse_targets(words: str, tree: TopicTree) -> dict[str, float] | None:
    """Read targets from words: "make Refunds 40%, the rest evenly", "uniform targets".

    Returns:
        Share per topic named, for `resolve_targets`; empty for an even split; None when the words set no
        targets.

    Raises:
        InputError: The words set targets that cannot be used.
    """
    said_targets = re.search(r"\btargets?\b", words, re.IGNORECASE) is not None
    if _ELSE.search(words) or not (said_targets or _PERCENT.search(words)):
        return None
    plain = _REST_EVENLY.sub(" ", words)
    numbers = list((_PERCENT if _PERCENT.search(plain) else _PLAIN).finditer(plain))
    if not numbers:
        return {} if said_targets and _UNIFORM.search(words) else None
    return _read_named(plain, numbers, tree, must_fit=said_targets)


def _read_named(
    words: str, numbers: Sequence[re.Match[str]], tree: TopicTree, *, must_fit: bool
) -> dict[str, float] | None:
    values = [float(number[1]) for number in numbers]
    in_percent = numbers[0].re is _PERCENT or max(values) > 1
    found: dict[str, float] = {}
    rest = None
    for name, value in zip(_list_names(words, numbers), values, strict=True):
        share = value / 100 if in_percent else value
        if re.fullmatch(_REST, _LEAD.sub("", name), re.IGNORECASE):
            rest = share
            continue
        topics = _find_topics(tree, name)
        if not topics and not must_fit and not found:
            return None
        for topic in topics or [need_topic(tree, _LEAD.sub("", name))]:
            if topic.id in found:
                raise InputError(f"{topic.name!r} is given two targets; give each topic one.")
            found[topic.id] = share
    _check_named(tree, found, rest)
    return found


def _check_named(tree: TopicTree, found: Mapping[str, float], rest: float | None) -> None:
    over = next((key for key, share in found.items() if share > 1), None)
    if over is not None:
        raise InputError(f"The target of {_name(tree, over)!r} is {found[over]:.0%}; expected 0% to 100%.")
    if rest is not None and abs(sum(found.values()) + rest - 1) > _SLACK:
        raise InputError(
            f"The targets add up to {sum(found.values()) + rest:.0%}; expected 100%, the rest included."
        )
    resolve_targets(tree, found)


def _list_names(words: str, numbers: Sequence[re.Match[str]]) -> list[str]:
    """Give the words that belong to each number: those before it, or behind it in "40% refunds"."""
    starts = [0, *(number.end() for number in numbers)]
    ends = [*(number.start() for number in numbers), len(words)]
    pieces = [_TAIL.sub("", words[start:end]) for start, end in zip(starts, ends, strict=True)]
    if not _LEAD.sub("", pieces[0]):
        return [_LEAD.sub("", piece) for piece in pieces[1:]]
    if re.match(r"\s*each\b", pieces[-1], re.IGNORECASE):
        pieces[-2] = f"{_LEAD.sub('', pieces[-2])}{_EACH}"
    return pieces[:-1]


def _find_topics(tree: TopicTree, name: str) -> list[Topic]:
    """Find what a piece means: a topic's full name at its end, a list "A and B", or a near name."""
    if name.endswith(_EACH):
        return read_topics(tree, name.removesuffix(_EACH))
    for start in re.finditer(r"(?<!\w)\S", name):
        topic = find_exactly(tree, name[start.start() :])
        if topic is not None:
            return [topic]
    plain = _LEAD.sub("", name)
    topic = find_named(tree, plain) if plain else None
    return [topic] if topic else []


def _read_shares(given: dict[str, float]) -> dict[str, float]:
    if any(share > 1 for share in given.values()):
        return {key: share / 100 for key, share in given.items()}
    return given


def _name(tree: TopicTree, topic_id: str) -> str:
    topic = find_topic(tree, topic_id)
    return topic.name if topic else topic_id


def _spread(
    topics: Sequence[Topic], share: float, where: str, given: Mapping[str, float], found: dict[str, float]
) -> None:
    """Split a share over topics: those named get theirs, the other leaves the rest evenly."""
    named, others = _part(topics, given)
    rest = share - sum(given[topic.id] for topic in named)
    if rest < -_SLACK or (not others and abs(rest) > _SLACK):
        expected = f"{share:.0%}" if not others else f"at most {share:.0%}"
        raise InputError(f"The targets of {where} add up to {share - rest:.0%}; expected {expected}.")
    for leaf in others:
        found[leaf.id] = max(0.0, rest) / len(others)
    for topic in named:
        if topic.children:
            _spread(topic.children, given[topic.id], repr(topic.name), given, found)
        else:
            found[topic.id] = given[topic.id]


def _part(topics: Sequence[Topic], given: Mapping[str, float]) -> tuple[list[Topic], list[Topic]]:
    """Give the uppermost topics that are named, and the leaves that stand below none of these."""
    named: list[Topic] = []
    others: list[Topic] = []
    for topic in topics:
        if topic.id in given:
            named.append(topic)
        elif topic.children:
            inner_named, inner_others = _part(topic.children, given)
            named += inner_named
            others += inner_others
        else:
            others.append(topic)
    return named, others
