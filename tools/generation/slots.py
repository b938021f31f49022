"""Find the values in a message that could as well be others: amounts, dates, names, numbers, products."""

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

from lucy.tools.generation.language import FUNCTION_WORDS

SlotKind = Literal[
    "email",
    "url",
    "reference",
    "amount",
    "percent",
    "date",
    "time",
    "weekday",
    "duration",
    "past",
    "future",
    "name",
    "term",
    "count",
]

_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|"
    r"Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
)
_DAY = r"\d{1,2}(?:st|nd|rd|th)"
_WHOLE_DAY = r"(?!['\u2019]| (?:morning|evening|afternoon|night|at)\b)"
NUMBER_WORDS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMBER = rf"(?:\d{{1,3}}|{'|'.join(NUMBER_WORDS)})"
_UNIT = r"(?:second|minute|min|hour|day|night|week|month|year)s"

_PATTERNS: tuple[tuple[SlotKind, str], ...] = (
    ("url", r"https?://\S+|\bwww\.\S+"),
    ("email", r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    (
        "amount",
        r"[$€£¥]\s?\d[\d,]*(?:\.\d+)?\b|\b\d[\d,]*(?:\.\d+)?\s?(?:dollars|euros|pounds|credits|usd|eur|gbp|yen|bucks)\b",
    ),
    ("percent", r"\b\d+(?:\.\d+)?\s?%|\b\d+(?:\.\d+)? percent\b"),
    (
        "date",
        rf"\b{_MONTH}\.? \d{{1,2}}(?:st|nd|rd|th)?\b(?:,? \d{{4}}\b)?|"
        rf"\b\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}\b(?: \d{{4}}\b)?|"
        rf"\b\d{{4}}-\d{{2}}-\d{{2}}\b|\b\d{{1,2}}/\d{{1,2}}/\d{{2,4}}\b|\b{_DAY}\b",
    ),
    ("time", r"\b\d{1,2}(?::\d{2})?\s?(?:am|pm|a\.m\.|p\.m\.)(?!\w)|\b\d{1,2}:\d{2}\b"),
    (
        "weekday",
        r"(?<!black )(?<!good )(?<!cyber )(?<!easter )\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b",
    ),
    ("duration", rf"\b{_NUMBER} {_UNIT}\b"),
    (
        "reference",
        r"#\s?\d{3,}\b|\b[A-Z]{1,4}\d{0,3}(?:-[A-Z0-9]*\d[A-Z0-9]*)+\b|\b[A-Za-z]{2,3}\d{3,}\b|\b\d{6,}\b",
    ),
    ("past", rf"\b(?:yesterday|last night|last week|a few days ago|the other day)\b{_WHOLE_DAY}"),
    (
        "future",
        r"\b(?:tomorrow|next week|next month)\b(?!['\u2019]| (?:morning|evening|afternoon|night|at)\b)",
    ),
)
_FINDERS: tuple[tuple[SlotKind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _PATTERNS
)

_NAME_CUE = re.compile(
    r"\b(?:my name is|my name['\u2019]s|the name is|name['\u2019]s|(?:his|her) name is|call me"
    r"|(?<=\. )this is|^this is)"
    r" ((?:[A-Z][a-z]+)(?: [A-Z][a-z]+)?|[a-z]+\b(?=[.,!]?$))",
    re.IGNORECASE,
)
_TERM = re.compile(
    r"(?<![.!?:] )(?<!^)(?<![\n\"'#@-])\b[A-Z][\w&]*[a-z][\w&]*(?:[ -](?:of (?:the )?|the )?[A-Z][\w&]*)*"
)
_COUNT = re.compile(r"\b\d{1,3}(?= [a-z]{3,}s\b)")
_BEFORE_NAME = re.compile(r"(?:^|\b(?:is|name|i['\u2019]m|i am|for|under|it['\u2019]s) )$", re.IGNORECASE)


class Slot(NamedTuple):
    """A value in a text."""

    kind: SlotKind
    start: int
    end: int
    value: str


def find_slots(text: str, names: frozenset[str] = frozenset()) -> list[Slot]:
    """Find the values of a text in order, none inside another.

    Args:
        text: A message.
        names: Names of people known from the data, lower-case, see `find_names`.
    """
    found: list[Slot] = []
    for kind, finder in _FINDERS:
        _add(found, kind, finder.finditer(text))
    _add(found, "name", _find_names(text, names))
    _add(found, "term", _TERM.finditer(text))
    _add(found, "count", _COUNT.finditer(text))
    return sorted(found, key=lambda slot: slot.start)


def _add(found: list[Slot], kind: SlotKind, hits: Iterable[re.Match[str]]) -> None:
    for hit in hits:
        slot = Slot(kind, hit.start(), hit.end(), hit[0])
        if all(slot.end <= other.start or other.end <= slot.start for other in found):
            found.append(slot)


def _find_names(text: str, names: frozenset[str]) -> list[re.Match[str]]:
    """Find known names; in lower case only where a name is expected, since "mark" is also a verb."""
    hits = re.finditer(r"\b[^\W\d_]+\b", text) if names else ()
    known = [hit for hit in hits if hit[0].lower() in names]
    return [hit for hit in known if hit[0][0].isupper() or _BEFORE_NAME.search(text[: hit.start()])]


def find_names(texts: Iterable[str]) -> list[str]:
    """List the first names by which people introduce themselves ("my name is ..."), in order of first use."""
    names: dict[str, None] = {}
    for text in texts:
        for hit in _NAME_CUE.finditer(text):
            word = hit[1].split()[0].lower()
            if word not in FUNCTION_WORDS and len(word) > 2:
                names.setdefault(word.capitalize())
    return list(names)
