"""Learn how the people in the data open and close their messages, and take such parts off a message."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lucy.tools.generation.language import (
    GREETINGS,
    WORD,
    find_sentences,
    find_words,
    is_courtesy,
    is_english,
)
from lucy.tools.generation.turns import Turn

MIN_USES = 2
"""An opening or closing is learned when so many unrelated records use it."""
_MOST = 12
_GREETING = re.compile(
    r"(?:hi|hello|hey|hiya|good (?:morning|afternoon|evening|day))\b"
    r"(?: (?:there|team|all|again))?\s*[,!.]*\s+(?=\S)",
    re.IGNORECASE,
)
_INLINE_CLOSER = re.compile(
    r"[,.!?;]*\s+(?:(?:many )?thanks(?: (?:a lot|so much|in advance))?|thank you(?: (?:so|very) much)?"
    r"|please|pls|thx)[.!]*$",
    re.IGNORECASE,
)
_ADJACENT_CLOSER = re.compile(r"\b(?:thank|thanks|thx|please help|cheers|appreciate)", re.IGNORECASE)


class Style(NamedTuple):
    """How the data's user messages look."""

    is_english: bool
    casual: float
    """Share of messages that begin in lower case, 0 to 1."""
    unmarked: float
    """Share of messages without punctuation at their end, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A message taken apart; joined again the three give the message."""

    opening: str
    body: str
    closing: str


class Courtesies(NamedTuple):
    """What the data's people say around what they want."""

    openings: tuple[str, ...]
    """Greetings at the start of a conversation, most used first, as written."""
    closings: tuple[str, ...]
    """Thanks at the end of a message that asks something."""
    style: Style
    common: frozenset[str]
    """Words that the data writes in lower case: they may lose a capital."""


def learn_courtesies(turns: Sequence[Turn]) -> Courtesies:
    """Collect the openings and closings that several unrelated records use."""
    openings: dict[str, set[str]] = {}
    closings: dict[str, set[str]] = {}
    for turn in turns:
        parts = take_apart(turn.text)
        if parts.body and parts.opening and not turn.asked:
            openings.setdefault(parts.opening, set()).add(turn.family)
        if parts.body and parts.closing and len(find_words(parts.closing)) < 8:
            closings.setdefault(parts.closing, set()).add(turn.family)
    return Courtesies(
        _rank(openings), _rank(closings), _describe([turn.text for turn in turns]), _find_common(turns)
    )


def _find_common(turns: Sequence[Turn]) -> frozenset[str]:
    return frozenset(word for turn in turns for word in WORD.findall(turn.text) if word.islower())


def _rank(users: dict[str, set[str]]) -> tuple[str, ...]:
    counts = Counter({text: len(families) for text, families in users.items() if len(families) >= MIN_USES})
    return tuple(text for text, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:_MOST])


def _describe(texts: Sequence[str]) -> Style:
    total = max(1, len(texts))
    casual = sum(text[:1].islower() for text in texts) / total
    unmarked = sum(text[-1:].isalnum() for text in texts) / total
    return Style(is_english(texts), casual, unmarked)


def take_apart(text: str) -> Parts:
    """Split a message into greeting, what it says, and thanks; each part may be empty."""
    spans = find_sentences(text)
    sentences = [text[start:end] for start, end in spans]
    first, last = 0, len(sentences)
    while first < last and is_courtesy(sentences[first]) and _greets(sentences[first]):
        first += 1
    while last - 1 > first and is_courtesy(sentences[last - 1]) and _closes(sentences[last - 1]):
        last -= 1
    opening, closing = " ".join(sentences[:first]), " ".join(sentences[last:])
    body = text[spans[first][0] : spans[last - 1][1]] if first < last else ""
    greeting = _GREETING.match(body) if not opening else None
    if greeting and not is_courtesy(body):
        opening, body = greeting[0].strip(), body[greeting.end() :]
    thanks = _INLINE_CLOSER.search(body) if not closing else None
    if thanks and len(find_words(body[: thanks.start()])) > 2:
        body, closing = body[: thanks.start()] + _read_mark(thanks[0]), thanks[0].strip(" ,.?;")
    return Parts(opening, body, closing)


def _read_mark(closer: str) -> str:
    """Give the sentence end that stood before an inline closing."""
    lead = closer.lstrip()[:1]
    return lead if lead in ".!?" else ""


def _greets(sentence: str) -> bool:
    words = find_words(sentence)
    return bool(words) and (words[0] in GREETINGS or words[0] == "good") and len(words) <= 5


def _closes(sentence: str) -> bool:
    return _ADJACENT_CLOSER.search(sentence) is not None
