"""Find the commands in what a person wrote, and the topics they name."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from lucy.errors import InputError
from lucy.tools.topics.tree import TopicTree, find_by_name, iterate, list_near_names, path_of
from lucy.tools.topics.words import find_stem, split_words
from lucy.tools.vocabulary import Topic

KIND = r"(?:sub-?)?(?:topics?|categor(?:y|ies)|groups?|branch(?:es)?|nodes?|class(?:es)?)"
"""Words for a topic."""

_ALIKE = 70.0
"""Similarity, 0 to 100, from which words are a misspelt name."""

_COMMAND = (
    r"(?:add|create|rename|relabel|merge|combine|join|move|remove|delete|drop|split|use|group|organi[sz]e|lock"
    r"|unlock|freeze)"
)

_LEAD = re.compile(
    r"^(?:(?:that |this |it |all )?(?:looks?|is|seems|sounds) (?:very |pretty |really )?(?:good|great"
    r"|fine|nice|ok|okay)"
    r"(?: (?:to me|so far|overall))?|yes|yeah|yep|ok|okay|great|good|nice|perfect|sure|fine|thanks"
    r"|thank you|hmm+|well"
    r"|actually|almost|and|but|so|then|also|now|just|maybe|perhaps|first|next|please|instead"
    r"|no(?! (?:more|fewer|less) than)|nope"
    r"|lucy|hey|hi"
    r"|however|still|rather|though|only one thing|one (?:more )?thing|one change"
    r"|(?:can|could|would|will|should|shall|may|might) (?:you|we)|can i|there (?:should|could|must) be"
    r"|there is (?:still )?missing|let'?s|let us|let me|you (?:can|could|should|may|must)"
    r"|(?:i|we)(?:'d| would)?(?: rather| really| also| still)? (?:like|love|prefer|want|need|wish"
    r"|suggest|propose)(?: (?:you|us|lucy))?"
    r"(?: to(?! the)\b)?|i think|i guess|i would|i'd|(?:we|you|i) (?:should|could|can|must|need to"
    r"|have to|may)"
    r"|why (?:don'?t (?:you|we)|not)|how about|what about|what if (?:we|you)|would it be possible to"
    r"|is it possible to"
    r"|go ahead and|try to|try|feel free to|it would be (?:good|nice|great|better) to|better to|mind"
    r"|do (?:me a favou?r and|please))\b[\s,.!;:\u2013\u2014-]*",
    re.IGNORECASE,
)
_REASON = re.compile(
    r"\s*(?:\s[-\u2013\u2014]+\s.*|[,;(]?\s*\b(?:because|since|as (?:they|it|these|those|we|i)|so that"
    r"|they(?:'re| are)|"
    r"it(?:'s| is) (?:too|not|the|a)|these are|those are|which (?:is|are)|otherwise)\b.*"
    r"|,?\s*\b(?:instead|please|thanks|"
    r"thank you|for me|too|as well|if possible|if you can|then|now|ok|okay)\b)[\s.!?,]*$",
    re.IGNORECASE | re.DOTALL,
)
_QUOTED = re.compile(
    r"[\"“”„«»`]([^\"“”„«»`]+)[\"“”„«»`]|(?<![\w])['\u2018\u2019]([^'\u2018\u2019]+)['\u2018\u2019](?!\w)"
)
_SENTENCE = re.compile(
    rf"[.!?;\n]+(?=\s|$)|,?\s+(?:but|and then|then)\s+|(?:,\s*(?:and\s+)?|\s+and\s+)(?:also\s+"
    rf"|please\s+)?(?={_COMMAND}\s)",
    re.IGNORECASE,
)
_GERUNDS = {
    "adding": "add",
    "creating": "create",
    "renaming": "rename",
    "merging": "merge",
    "combining": "combine",
    "joining": "join",
    "moving": "move",
    "removing": "remove",
    "deleting": "delete",
    "dropping": "drop",
    "splitting": "split",
    "locking": "lock",
    "unlocking": "unlock",
    "using": "use",
    "grouping": "group",
    "organizing": "organize",
    "organising": "organise",
}


def list_clauses(text: str) -> list[str]:
    """Give the commands that a text may hold, without polite words before and reasons after.

    Quoted names are kept in straight double quotes and never taken apart.
    """
    quoted: list[str] = []

    def hide(match: re.Match[str]) -> str:
        quoted.append(match.group(1) or match.group(2))
        return f"⟦{len(quoted) - 1}⟧"

    hidden = _QUOTED.sub(hide, text)
    clauses = [_strip(part) for part in _SENTENCE.split(hidden)]
    return [
        re.sub(r"⟦(\d+)⟧", lambda m: f'"{quoted[int(m.group(1))]}"', clause) for clause in clauses if clause
    ]


def _strip(clause: str) -> str:
    clause = clause.strip(" \t,.!?;:-\u2013\u2014")
    while (shorter := _LEAD.sub("", clause, count=1)) != clause:
        clause = shorter
    # "It is too detailed" alone is what the person wants to say, not the reason for it.
    while (shorter := _REASON.sub("", clause, count=1)) != clause and shorter:
        clause = shorter
    first, _, rest = clause.partition(" ")
    return f"{_GERUNDS.get(first.casefold(), first)} {rest}".strip(" \t,.!?;:")


def is_quoted(words: str) -> bool:
    """Tell whether words stand in quotes as a whole."""
    return bool(re.fullmatch(r"\s*\"[^\"]+\"\s*", words))


def clean_name(words: str) -> str:
    """Take quotes, articles and the words for a topic off a name."""
    plain = words.strip(" \t,.!?;:")
    if is_quoted(plain):
        return plain.strip('"').strip()
    plain = re.sub(r"^(?:(?:the|a|an|my|our|all|both|new|another)\s+)+(?=\S)", "", plain, flags=re.I)
    plain = re.sub(
        rf"^(?:{KIND}\s+)?(?:called|named|for|about)\s+(?=\S)|^{KIND}\s+(?=\S)", "", plain, flags=re.I
    )
    plain = re.sub(rf"(?<=\S)\s+(?:{KIND}|ones?)$", "", plain)
    return plain.replace('"', "").strip(" \t,.!?;:")


def capitalize_name(words: str) -> str:
    """Write a name that was typed in small letters with capitals; quoted names stay as they are."""
    name = clean_name(words)
    if is_quoted(words) or name != name.lower():
        return name
    small = {"and", "or", "of", "the", "for", "to", "in", "on", "with", "a", "an"}
    return " ".join(
        word if word in small and place else word[:1].upper() + word[1:]
        for place, word in enumerate(name.split())
    )


def _fold(words: str) -> str:
    return " ".join(re.sub(r"&", " and ", words.casefold()).split())


def find_exactly(tree: TopicTree, words: str) -> Topic | None:
    """Give the one topic whose name or path the words are, apart from case; no near matches."""
    wanted = {_fold(clean_name(words)), _fold(words.strip().strip('"'))}
    found = [topic for topic in iterate(tree) if wanted & {_fold(topic.name), _fold(path_of(tree, topic.id))}]
    return found[0] if len(found) == 1 else None


def find_named(tree: TopicTree, words: str) -> Topic | None:
    """Give the topic that words mean, also by a unique beginning or a close spelling."""
    exact = find_exactly(tree, words) or _find_by_stems(tree, words)
    near = exact or find_by_name(tree, clean_name(words))
    return near if near is None or exact or _is_near(clean_name(words), near.name) else None


def _find_by_stems(tree: TopicTree, words: str) -> Topic | None:
    """Give the one topic whose name has all these words in some form: "refunds" is "Refund Requests"."""
    wanted = {find_stem(word) for word in split_words(clean_name(words))}
    found = [
        topic
        for topic in iterate(tree)
        if wanted and wanted <= {find_stem(word) for word in split_words(topic.name)}
    ]
    return found[0] if len(found) == 1 else None


def _is_near(words: str, name: str) -> bool:
    """Tell whether words are part of a name or much like it; a name inside the words is not enough."""
    from rapidfuzz import fuzz

    return _fold(words) in _fold(name) or fuzz.ratio(_fold(words), _fold(name)) >= _ALIKE


def need_topic(tree: TopicTree, words: str) -> Topic:
    """Give the topic that words mean.

    Raises:
        InputError: No topic, or more than one, fits; up to five near names are listed.
    """
    topic = find_named(tree, words)
    if topic is None:
        near = ", ".join(list_near_names(tree, clean_name(words), limit=5))
        raise InputError(f"I cannot tell which topic {clean_name(words)!r} means; the nearest are: {near}.")
    return topic


def read_topics(tree: TopicTree, words: str) -> list[Topic]:
    """Read a list of topics such as "A, B and C", where names may hold "and" or "&" themselves.

    Raises:
        InputError: Some part names no topic.
    """
    pieces = re.split(
        r'(\s*,\s*(?:and\s+|with\s+)?|\s+(?:and|with|plus|&|\+)\s+)(?=(?:[^"]*"[^"]*")*[^"]*$)', words
    )
    found: list[Topic] = []
    start = 0
    while start < len(pieces):
        end = _find_longest(tree, pieces, start)
        name = "".join(pieces[start:end])
        if not re.fullmatch(r"(?:them|these|those|the two|two|similar|both)?", clean_name(name), re.I):
            found.append(need_topic(tree, name))
        start = end + 1
    return found


def _find_longest(tree: TopicTree, pieces: Sequence[str], start: int) -> int:
    """Give the end of the longest run of pieces that is a topic's full name; else of the first piece."""
    ends = range(len(pieces) - (len(pieces) - start + 1) % 2, start, -2)
    return next((end for end in ends if find_exactly(tree, "".join(pieces[start:end]))), start + 1)


def read_names(words: str) -> list[str]:
    """Read a list of new names: quoted ones, else parted at commas and the last "and"."""
    quoted = re.findall(r'"([^"]+)"', words)
    if len(quoted) > 1:
        return quoted
    parts = [part for part in re.split(r"\s*,\s*(?:and\s+)?|\s+and\s+", words) if part.strip()]
    return [capitalize_name(part) for part in parts]


class Naming(NamedTuple):
    """A topic's words and the name wanted for it."""

    words: str
    name: str


def split_naming(tree: TopicTree, text: str, between: str) -> Naming | None:
    """Part "X to Y" where X is a topic; at the first such place when no X is one.

    Args:
        tree: The topics that X may mean.
        text: The words behind the command.
        between: Pattern of the words between, with the blanks around them.
    """
    places = list(re.finditer(rf'(?:{between})(?=(?:[^"]*"[^"]*")*[^"]*$)', text, re.IGNORECASE))
    splits = [Naming(text[: place.start()], text[place.end() :]) for place in places]
    splits = [split for split in splits if split.words.strip() and split.name.strip()]
    for find in (find_exactly, find_named):
        known = [split for split in splits if find(tree, split.words)]
        if known:
            return max(known, key=lambda split: len(split.words))
    return splits[0] if splits else None
