"""Find promises in a response that a business may not be able to keep."""

import re
from functools import lru_cache
from typing import NamedTuple

_DAY = (
    r"(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|tomorrow|tonight|today|"
    r"(?:the )?end of (?:the )?(?:day|week|month)|"
    r"next (?:week|month|day)|(?:january|february|march|april|may|june|july|august|september|october|"
    r"november|december) \d+|"
    r"\d{1,2}(?::\d\d)? ?[ap]\.?m\b|\d{1,2}[/.]\d{1,2}(?:[/.]\d{2,4})?|noon|midnight)"
)
_SPAN = (
    r"(?:\d+|an?|one|two|three|five|ten|a few|(?:the )?next \w+)(?: ?(?:-|to) ?\d+)? ?(?:business |"
    r"working )?(?:minute|hour|day|week)s?"
)


class Pattern(NamedTuple):
    """One way to commit oneself."""

    words: re.Pattern[str]
    cost: float
    """What is left of the score is multiplied by 1 - cost."""


def _pattern(words: str, cost: float) -> Pattern:
    return Pattern(re.compile(words, re.IGNORECASE), cost)


_PATTERNS = (
    _pattern(rf"\b(?:by|before|no later than) {_DAY}", 0.6),
    _pattern(r"\bguarantee(?:d|s)?\b", 0.6),
    _pattern(r"\b(?:i|we) (?:can )?promise\b|\byou have (?:my|our) word\b|\brest assured\b", 0.6),
    _pattern(rf"\b(?:within|in(?: under| less than)?) {_SPAN}\b(?! ago)", 0.45),
    _pattern(
        rf"\b(?:will|'ll|shall) (?:\w+ ){{0,3}}?(?:arrive|be (?:delivered|there|fixed|resolved|refunded|"
        rf"ready|with you|done)|"
        rf"receive|get|deliver|ship|refund|fix|have)\b[^.?!\n]{{0,40}}?\b{_DAY}",
        0.5,
    ),
    _pattern(
        r"\b(?:definitely|certainly|absolutely|without (?:a )?doubt|for sure|no matter what)\b(?= \w+)", 0.3
    ),
    _pattern(r"\b100 ?%|\b(?:will|'ll) (?:always|never)\b|\bnever (?:fail|happen)s?\b", 0.35),
    _pattern(r"\b(?:will|'ll) (?:\w+ ){0,4}?(?:immediately|right away|instantly|asap|at once)\b", 0.25),
    _pattern(r"\b(?:will|'ll) (?:\w+ ){0,3}?(?:full|complete) refund\b", 0.3),
)
_DENIED = re.compile(
    r"(?:can(?:no|')?t|cannot|can not|could ?n[o']t|not|n't|unable to|no|never|without|won't|if|"
    r"whether)\s+(?:\w+\s+){0,3}$",
    re.IGNORECASE,
)
_GROUNDED_SHARE = 0.35


class Promises(NamedTuple):
    """What a response commits itself to."""

    score: float
    """1 when it commits to nothing, toward 0 with every promise."""
    worst: str
    """The costliest promise in its own words; empty when there is none."""


def find_promises(sentences: tuple[str, ...], known: frozenset[str]) -> Promises:
    """Score how little a response promises; `known` are the words and numbers of the conversation.

    Counted: guarantees, promises, dates, times and spans, certainties. Not counted: questions, denials
    ("we cannot guarantee"). A date or time that the conversation already names counts about a third. It does
    not know which promises the business can keep, nor what an unusual wording promises.
    """
    left, worst, highest = 1.0, "", 0.0
    for promise, cost in (found for sentence in sentences for found in _read_promises(sentence)):
        paid = cost * (_GROUNDED_SHARE if _is_known(promise, known) else 1.0)
        left *= 1 - paid
        if paid > highest:
            highest, worst = paid, promise
    return Promises(left, worst)


@lru_cache(maxsize=16_384)
def _read_promises(sentence: str) -> tuple[tuple[str, float], ...]:
    """List the promises of a sentence with their costs."""
    if sentence.rstrip().endswith("?"):
        return ()
    found = ((pattern.words.search(sentence), pattern.cost) for pattern in _PATTERNS)
    return tuple(
        (match.group(), cost)
        for match, cost in found
        if match is not None and not _DENIED.search(sentence[: match.start()])
    )


def _is_known(promise: str, known: frozenset[str]) -> bool:
    """Tell whether the date, time or number of a promise was said before."""
    numbers = re.findall(r"\d+(?::\d+)?", promise)
    days = re.findall(rf"\b{_DAY}", promise, re.IGNORECASE)
    said = numbers or [word for day in days for word in day.lower().split()]
    return bool(said) and all(word in known for word in said)
