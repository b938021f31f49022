"""Say the same request with another beginning: "can you X" for "I need you to X". English only.

Phrases of one family take the same kind of ending, so that any of them may stand before it.
"""

import random
import re
from typing import Literal, NamedTuple

Register = Literal["plain", "polite", "brief"]


class Phrase(NamedTuple):
    """A beginning of a request."""

    text: str
    register: Register = "plain"
    asks: bool = True
    """It makes the sentence a question."""
    may_be_put: bool = True
    """It may be put in; otherwise it is only recognised."""


class Family(NamedTuple):
    """Phrases that may stand for each other."""

    phrases: tuple[Phrase, ...]
    ending: re.Pattern[str]
    """What must follow: keeps an unlikely reading out."""


class Reframed(NamedTuple):
    """A request with another beginning."""

    text: str
    asks: bool
    """It is now a question."""


_VERB = re.compile(
    r"(?!(?:i|you|he|she|we|they|it|is|are|was|the|a|an|my|your|not|no|be|have|hear|believe|imagine|please|just|this|"
    r"that|still|also|only|explain|understand|how|what|when|where|why|who|which|if|more)\b)[a-z]",
    re.IGNORECASE,
)
_NOUN = re.compile(
    r"(?:my|the|your)\b(?!.*\b(?:like|for|about|in|to|of|at|on|with|from|is|are|was|were|do|does|if|when)\W*$)"
    r"(?!(?:\W*\w+\W+)(?:that|is|are|was|do|does|and|or)\b)(?! (?:best|fastest|easiest) way to)"
    r"(?!.*\b(?:problem|matter|point|deal|use|difference|odds|chance)\b)(?!.*,)",
    re.IGNORECASE,
)

_ASK = Family(
    (
        Phrase("could you please", "polite"),
        Phrase("can you please", "polite"),
        Phrase("would you please", "polite"),
        Phrase("would you be able to", "polite"),
        Phrase("can you"),
        Phrase("could you"),
        Phrase("please", "brief", asks=False),
        Phrase("i need you to", asks=False),
        Phrase("i'd like you to", "polite", asks=False),
        Phrase("i would like you to", "polite", asks=False),
        Phrase("i want you to", asks=False),
        Phrase("can u", may_be_put=False),
        Phrase("will you", may_be_put=False),
        Phrase("are you able to"),
    ),
    re.compile(r"(?!(?:tell|explain|want|like|know|do|help)\b)" + _VERB.pattern, re.IGNORECASE),
)
_WISH = Family(
    (
        Phrase("i would like to", "polite", asks=False),
        Phrase("i'd like to", "polite", asks=False),
        Phrase("i want to", "brief", asks=False),
        Phrase("i need to", "brief", asks=False),
        Phrase("i'm trying to", asks=False),
        Phrase("i am trying to", asks=False),
        Phrase("i'm looking to", asks=False),
        Phrase("i wish to", "polite", asks=False),
        Phrase("could you help me", "polite"),
        Phrase("can you help me"),
        Phrase("please help me", "polite", asks=False),
        Phrase("i wanna", asks=False, may_be_put=False),
    ),
    re.compile(r"(?!(?:know|see|ask|talk|say|tell|go|get|think|be)\b)" + _VERB.pattern, re.IGNORECASE),
)
_HOW = Family(
    (
        Phrase("how do i", "brief"),
        Phrase("how can i"),
        Phrase("how would i"),
        Phrase("how should i", may_be_put=False),
        Phrase("what do i have to do to"),
        Phrase("what's the best way to"),
        Phrase("what is the best way to"),
        Phrase("can you tell me how to", "polite"),
        Phrase("could you tell me how to", "polite"),
        Phrase("please tell me how to", "polite", asks=False),
        Phrase("tell me how to", "brief", asks=False),
        Phrase("i need to know how to", asks=False),
        Phrase("i'd like to know how to", "polite", asks=False),
    ),
    _VERB,
)
_MAY = Family(
    (
        Phrase("can i", "brief"),
        Phrase("could i", "polite"),
        Phrase("may i", may_be_put=False),
        Phrase("am i able to"),
        Phrase("is it possible to"),
        Phrase("would it be possible to", "polite"),
        Phrase("is there a way to"),
        Phrase("is there any way to"),
    ),
    re.compile(r"(?!(?:get|ask|see|have)\b)" + _VERB.pattern, re.IGNORECASE),
)
_TELL = Family(
    (
        Phrase("tell me", "brief", asks=False),
        Phrase("what is", "brief"),
        Phrase("what's", "brief"),
        Phrase("whats", may_be_put=False),
        Phrase("can you tell me"),
        Phrase("could you tell me", "polite"),
        Phrase("please tell me", "polite", asks=False),
        Phrase("i need to know", asks=False),
        Phrase("i want to know", asks=False),
        Phrase("i'd like to know", "polite", asks=False),
        Phrase("i would like to know", "polite", asks=False),
        Phrase("do you know"),
    ),
    _NOUN,
)
FAMILIES = (_HOW, _TELL, _ASK, _WISH, _MAY)
"""More particular families first: "can you tell me how to" also begins like "can you"."""

_ORDERED = tuple(
    (family, phrase, re.compile(rf"{re.escape(phrase.text)}\s+(?=\S)", re.IGNORECASE))
    for family in FAMILIES
    for phrase in sorted(family.phrases, key=lambda phrase: -len(phrase.text))
)
_WHAT_IS = frozenset({"what is", "what's", "whats"})
_EMBEDDED = re.compile(
    r"(how (?:much|many \w+|long|often)|when|where|why|what|which \w+) (do|can|should|will) i\b"
    r"(?! not| do\b|$)",
    re.IGNORECASE,
)
_TELLERS = _TELL.phrases


def reframe(sentence: str, register: Register | None, rng: random.Random) -> Reframed | None:
    """Give a sentence another beginning of the same meaning.

    Args:
        sentence: One sentence that begins with its request.
        register: Wanted register; None takes any.
        rng: Source of the choice.

    Returns:
        None when no family knows the sentence, or it has none of the register.
    """
    embedded = _embed(sentence, register, rng)
    if embedded is not None:
        return embedded
    for family, phrase, finder in _ORDERED:
        hit = finder.match(sentence)
        if hit is None:
            continue
        rest = sentence[hit.end() :]
        if family.ending.match(rest) is None:
            return None
        others = _list_others(family, phrase, register)
        chosen = rng.choice(others) if others else None
        return Reframed(_write(chosen.text, rest, sentence), chosen.asks) if chosen else None
    return None


def _list_others(family: Family, phrase: Phrase, register: Register | None) -> list[Phrase]:
    others = [
        other
        for other in family.phrases
        if other.text != phrase.text and other.may_be_put and register in (None, other.register)
    ]
    if family is _TELL:
        # "tell me the hours" is no "what is": only the source knows whether the noun is singular.
        others = [other for other in others if other.text not in _WHAT_IS]
    return others


def _embed(sentence: str, register: Register | None, rng: random.Random) -> Reframed | None:
    """Turn "when can I X" into "please tell me when I can X"."""
    hit = _EMBEDDED.match(sentence)
    tellers = [
        phrase
        for phrase in _TELLERS
        if phrase.text not in _WHAT_IS and phrase.may_be_put and register in (None, phrase.register)
    ]
    if hit is None or not tellers:
        return None
    asker, verb = hit[1].lower(), hit[2].lower()
    subject = "i" if verb == "do" else f"i {verb}"
    chosen = rng.choice(tellers)
    return Reframed(_write(chosen.text, f"{asker} {subject}{sentence[hit.end() :]}", sentence), chosen.asks)


def _write(phrase: str, rest: str, original: str) -> str:
    """Join a beginning and an ending in the original's case."""
    is_cased = original[:1].isupper()
    text = f"{phrase} {rest}"
    if not is_cased:
        return text
    text = re.sub(r"\bi(?=\b|')", "I", text[: len(phrase) + 40]) + text[len(phrase) + 40 :]
    return text[:1].upper() + text[1:]
