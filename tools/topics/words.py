"""Split texts into words and stems, and know the words that say nothing or name a request."""

import re
import tomllib
from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple

Family = Literal["information", "transaction", "problem", "relationship"]
"""What a person is after: to know, to have something done, to have something mended, to say something."""

QUESTION_WORDS = frozenset(
    [
        "how",
        "what",
        "when",
        "where",
        "who",
        "why",
        "which",
        "not",
        "before",
        "after",
        "off",
        "up",
        "down",
        "out",
        "back",
    ]
)
"""Stop words that tell requests apart ("how do I", "not working", "check out"): features, never names."""

READ_LIMIT = 4000
"""Characters read of one text; what a conversation is about stands near its beginning."""

_WORD = re.compile(r"[ァ-ヺー]{2,}|[㐀-鿿]{1,4}|[^\W\d_ぁ-ヿ㐀-鿿]{2,}")
"""Katakana runs, short runs of Han characters, or letters; Japanese particles (hiragana) fall away."""


class Action(NamedTuple):
    """A kind of request and the words for it in a topic's name."""

    key: str
    family: Family
    noun: str
    """Pattern of a name: "{one} Bookings" or "Lost {many}"."""
    bare: str
    """Name where there is no subject: "Bookings"."""
    verb: str
    """Begins a name under the intent lens: "Book Flights"."""
    words: tuple[str, ...]
    """Words for the request."""


class Kind(NamedTuple):
    """A kind of text, such as program code, that has a word for one piece of it."""

    noun: str
    """Ends a name: "Functions"."""
    bare: str
    pattern: re.Pattern[str]


def split_words(text: str, *, keep_case: bool = False) -> list[str]:
    """Give the words of a text, in lower case unless kept; contractions are joined ("don't" is `dont`)."""
    joined = text[:READ_LIMIT].replace("'", "").replace("\u2019", "")
    return _WORD.findall(joined if keep_case else joined.lower())


@cache
def find_stem(word: str) -> str:
    """Cut the commonest English endings, so that orders, ordered and ordering meet.

    Far weaker than Porter's stemmer, and harmless to other languages; not fit for display.
    """
    if not word.isascii():
        return word
    if len(word) > 4 and word.endswith("ies"):
        word = word[:-3] + "y"
    elif len(word) > 4 and word.endswith(("xes", "ches", "shes", "sses")):
        word = word[:-2]
    elif len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        if len(word) > len(ending) + 3 and word.endswith(ending):
            word = word[: -len(ending)]
            if word[-1] == word[-2] and word[-1] not in "ls":
                word = word[:-1]
            break
    return word[:-1] if len(word) > 4 and word.endswith("e") else word


def read_terms(text: str, stop: frozenset[str]) -> list[str]:
    """Give the stems of a text and the pairs of neighbouring stems, stop words left out before pairing."""
    stems = [find_stem(word) for word in split_words(text) if word not in stop]
    return stems + [f"{first} {second}" for first, second in pairwise(stems)]


def drop_boilerplate(texts: Sequence[str]) -> list[str]:
    """Drop the lines that stand in at least 5 texts and in one text of ten, such as a prompt's instruction.

    A text that consists of nothing else is kept as it is.
    """
    counts = Counter(line for text in texts for line in {line.strip() for line in text.splitlines()})
    least = max(5, 0.1 * len(texts))
    common = {line for line, count in counts.items() if count >= least}
    kept = ("\n".join(line for line in text.splitlines() if line.strip() not in common) for text in texts)
    return [short if short.strip() else text for short, text in zip(kept, texts, strict=True)]


@cache
def _read_lists() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))


@cache
def list_stop_words(language: str) -> frozenset[str]:
    """Give the stop words of a language named in `words.toml`, such as `english`."""
    return frozenset(_read_lists()["stop"][language].replace("'", "").split())


def choose_stop_words(texts: Sequence[str]) -> frozenset[str]:
    """Give the stop words of the languages that at least one text in twenty is written in.

    English is always among them. A language counts for a text when more of its words are stop words of
    that language than of any other; lists are not merged blindly, since German "die" is an English verb.
    """
    languages: list[str] = sorted(_read_lists()["stop"])
    counts: Counter[str] = Counter()
    for text in texts[:2000]:
        words = split_words(text)
        hits = {language: sum(word in list_stop_words(language) for word in words) for language in languages}
        best = max(languages, key=lambda language: (hits[language], language == "english"))
        counts[best] += hits[best] > 0
    chosen = {name for name, count in counts.items() if count >= max(2, 0.05 * sum(counts.values()))}
    return frozenset[str]().union(*(list_stop_words(language) for language in chosen | {"english"}))


@cache
def list_chatter() -> frozenset[str]:
    """Give the stems of greetings, thanks, numbers, times and other talk that no topic is about."""
    words = f"{_read_lists()['chatter']['words']} {_read_lists()['people']['words']}".split()
    return frozenset(words) | frozenset(map(find_stem, words))


@cache
def list_vague() -> frozenset[str]:
    """Give the stems of words that are no name of a topic by themselves, such as "back" and "type"."""
    return frozenset(find_stem(word) for word in _read_lists()["vague"]["words"].split())


@cache
def _map_actions() -> dict[str, Action]:
    table: dict[str, Action] = {}
    for entry in _read_lists()["action"]:
        words = tuple(entry["words"].split())
        action = Action(entry["key"], entry["family"], entry["noun"], entry["bare"], entry["verb"], words)
        for word in words:
            table.setdefault(find_stem(word), action)
    return table


def find_action(stem: str) -> Action | None:
    """Give the request that a stem stands for, if it stands for one."""
    return _map_actions().get(stem)


def list_actions() -> list[Action]:
    """Give every known request once, in the order of `words.toml`."""
    return list(dict.fromkeys(_map_actions().values()))


@cache
def list_kinds() -> tuple[Kind, ...]:
    """Give the known kinds of text, in the order in which they are tried."""
    entries = _read_lists()["kind"]
    return tuple(
        Kind(entry["noun"], entry["bare"], re.compile(entry["pattern"], re.MULTILINE)) for entry in entries
    )


@cache
def list_acronyms() -> frozenset[str]:
    """Give the words that are written in capitals, in lower case."""
    return frozenset(_read_lists()["acronyms"]["words"].split())


@cache
def list_words_before(use: Literal["things", "doings"]) -> frozenset[str]:
    """Give the English words that stand before things ("the order") or before doings ("to order")."""
    return frozenset(_read_lists()["grammar"][f"before_{use}"].split())
