"""Split replies into sentences and see what a sentence does, by English word lists.

The lists know English only: a reply in another language is kept whole, has no recognised promise, politeness
or next step, and is still retrieved and sampled like any other.
"""

import re
from functools import lru_cache
from typing import NamedTuple

_BREAKS = re.compile(r"(?<=[.!?])\s+|\n+")
_TITLE_ENDS = re.compile(r"\b(?:Dr|Mr|Mrs|Ms|St|No|e\.g|i\.e)\.$")
WORDS = re.compile(r"\w+(?:['\u2019]\w+)*")

_WEEKDAYS = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_DATES = re.compile(
    rf"\b(?:today|tonight|tomorrow|{_WEEKDAYS}|(?:next|this) (?:week|month)"
    r"|within (?:the next )?(?:\d+|a|an|one|two|three|few|\w+ to \w+)[\w -]*(?:minutes?|hours?|days?|weeks?)"
    r"|in (?:the next )?(?:\d+|a few|two|three) (?:minutes?|hours?|days?|weeks?)|by (?:the )?end of)\b",
    re.IGNORECASE,
)
_PROMISES = re.compile(
    r"\b(?:guarantee\w*|promise\w*|(?:i|we)(?:['\u2019]ll| will| shall)(?! need| have to ask)"
    r"|will (?:be|get|arrive|receive)|(?:has|have) been (?:approved|refunded)|asap|right away|immediately"
    r"|in due course|for sure|definitely)\b",
    re.IGNORECASE,
)
_POLITE = re.compile(
    r"\b(?:please|thanks?(?: you)?|(?:you['\u2019]?re|you are) (?:very |most )?welcome|my pleasure"
    r"|it['\u2019]s a pleasure|certainly|of course|happy to|glad|could you|may i|would you"
    r"|have a (?:great|nice|good|lovely)|enjoy|appreciate)\b",
    re.IGNORECASE,
)
_APOLOGIES = re.compile(r"\b(?:sorry|apologi[sz]e|apologies|regret)\b", re.IGNORECASE)
_NEXT_STEPS = re.compile(
    r"\b(?:anything else|something else|let (?:me|us) know|feel free|contact (?:me|us|your)|get in touch"
    r"|next step|(?:should|shall|can|could|may) i\b|would you like"
    r"|what (?:else )?can (?:i|we) (?:do|change|help)"
    r"|how (?:can|may) (?:i|we) (?:help|assist)|(?:can|could) you (?:give|tell|send|provide|share|describe))",
    re.IGNORECASE,
)
_OFFERS_MORE = re.compile(
    r"\b(?:anything|something) else\b|\blet (?:me|us) know if\b|\bfeel free\b|\bget in touch\b", re.IGNORECASE
)
_FAREWELLS = re.compile(
    r"\b(?:good ?-?bye|bye|see you|take care|farewell|have a (?:great|nice|good|lovely|wonderful)"
    r"|enjoy your)\b",
    re.IGNORECASE,
)
_THANKS = re.compile(r"\b(?:thank|thanks|thx|cheers|appreciate)", re.IGNORECASE)
_WELCOMES = re.compile(r"\b(?:welcome|my pleasure|it['\u2019]?s a pleasure|no problem|glad)\b", re.IGNORECASE)
_CLOSINGS = re.compile(
    r"\b(?:good ?-?bye|bye|that(?:['\u2019]?s| is| was| will be| would be) (?:all|it|everything)|nothing else"
    r"|(?:no|nope|nah),? (?:thanks?|thank you|that|i['\u2019]?m (?:good|fine|done|all set))|all set"
    r"|have a (?:great|nice|good))\b",
    re.IGNORECASE,
)
_BARE_NO = re.compile(r"^\W*(?:no|nope|nah|not really|not today)\b(?:\W+\w+){0,6}\W*$", re.IGNORECASE)
_TROUBLE = re.compile(
    r"\b(?:problem|broken?|wrong|lost|stolen|fraud|upset|angry|mad|terrible|awful|horrible"
    r"|frustrat\w*|disappoint\w*|unacceptable|ridiculous|complain\w*|not work\w*|does ?n['\u2019]?t work"
    r"|oh no|refused|overcharged)\b",
    re.IGNORECASE,
)
_REFUSALS = re.compile(
    r"\b(?:unfortunately|unable|unsuccessful|was ?n['\u2019]t able|can ?not|can['\u2019]?t|not available"
    r"|no \w+ available|failed|could not|not able)\b",
    re.IGNORECASE,
)
_FIRST_PERSON = re.compile(r"\b(?:i|we|my|our|us|me)\b", re.IGNORECASE)
_NUMBERS = re.compile(r"\d+")
REMEMBERED = 10_000
"""Number of texts whose traits are kept: the same replies are candidates again and again."""


class Traits(NamedTuple):
    """What a text does, each found by word lists."""

    words: int
    polite: int
    """Number of polite phrases."""
    questions: int
    next_step: bool
    offers_more: bool
    promises: int
    dates: int
    farewell: bool
    apology: bool
    refusal: bool
    welcome: bool
    """Answers thanks ("You're welcome")."""
    first_person: bool
    numbers: int


@lru_cache(REMEMBERED)
def split_sentences(text: str) -> tuple[str, ...]:
    """Split a text at sentence ends and line breaks; titles such as `Dr.` do not end a sentence."""
    sentences: list[str] = []
    for piece in _BREAKS.split(text.strip()):
        if sentences and _TITLE_ENDS.search(sentences[-1]):
            sentences[-1] = f"{sentences[-1]} {piece}"
        elif piece.strip():
            sentences.append(piece.strip())
    return tuple(sentences)


@lru_cache(5 * REMEMBERED)
def describe_text(text: str) -> Traits:
    """Find what a reply does."""
    return Traits(
        words=len(WORDS.findall(text)),
        polite=len(_POLITE.findall(text)),
        questions=text.count("?") + text.count("？"),  # noqa: RUF001 - the full-width mark of Japanese
        next_step=_NEXT_STEPS.search(text) is not None,
        offers_more=_OFFERS_MORE.search(text) is not None,
        promises=len(_PROMISES.findall(text)),
        dates=len(_DATES.findall(text)),
        farewell=_FAREWELLS.search(text) is not None,
        apology=_APOLOGIES.search(text) is not None,
        refusal=_REFUSALS.search(text) is not None,
        welcome=_WELCOMES.search(text) is not None,
        first_person=_FIRST_PERSON.search(text) is not None,
        numbers=len(_NUMBERS.findall(text)),
    )


def is_promise(sentence: str) -> bool:
    """Tell whether a sentence commits to something or names a date; questions never do."""
    traits = describe_text(sentence)
    return not traits.questions and not traits.farewell and bool(traits.promises or traits.dates)


def is_closing(message: str, context: str = "") -> bool:
    """Tell whether a user's message ends the conversation ("No thanks, bye") without asking anything.

    A bare "no" does so only where the assistant had just offered more, which `context` shows.
    """
    if "?" in message:
        return False
    declined = _BARE_NO.match(message) is not None and describe_text(context).offers_more
    return declined or _CLOSINGS.search(message) is not None


def is_thanks(message: str) -> bool:
    """Tell whether a user's message says thank you."""
    return _THANKS.search(message) is not None


def is_trouble(message: str) -> bool:
    """Tell whether a user's message reports a problem or is upset."""
    return _TROUBLE.search(message) is not None


@lru_cache(REMEMBERED)
def find_words(text: str) -> frozenset[str]:
    """Find the different words of a text, in lower case."""
    return frozenset(word.lower() for word in WORDS.findall(text))


@lru_cache(REMEMBERED)
def fold_text(text: str) -> str:
    """Reduce a text to its lower-case words, for telling equal replies apart from different ones."""
    return " ".join(word.lower() for word in WORDS.findall(text)) or text.strip()
