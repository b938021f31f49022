"""Count how words are used in texts: where, how written, as thing or as doing."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from lucy.tools.topics.words import (
    READ_LIMIT,
    Kind,
    choose_stop_words,
    find_action,
    find_stem,
    list_acronyms,
    list_chatter,
    list_kinds,
    list_words_before,
    split_words,
)

_Item = TypeVar("_Item", str, tuple[str, str])

_ARTICLES = frozenset({"a", "an", "another", "each", "every"})
"""Words that one countable thing follows."""

_QUALITY = re.compile(r"^[a-z]{3,}(ful|ous|iest)$|^[a-z]{2,}[^e]ed$")
"""English words that are adjectives or participles by their ending."""

_SENTENCE = re.compile(r"[\n.!?;:,()]+")

_SPEAKER = re.compile(r"^[ \t]*[\w-]+[ \t]?:(?=\s)", re.MULTILINE)
"""A label or a nickname that begins a line ("Question: ...", "maria: ..."): never part of the subject."""

_REACH = 4
"""Words after the word for a request in which the thing asked for is looked for."""

_RARE_CAPITALS = 0.25
"""Share of words with a capital inside sentences above which capitals say nothing (German, titles)."""


@dataclass(slots=True)
class _Usage:
    """How one stem was met."""

    forms: Counter[str] = field(default_factory=Counter[str])
    thing: int = 0
    doing: int = 0
    last: int = 0
    """Times met as the last word of a group of words that can name: "credit card", not "credit"."""
    counted: int = 0
    """Times met after "a" or the like."""
    met: int = 0
    inside: int = 0
    """Times met inside a sentence, not as its first word."""
    capital: int = 0
    """Of these, times with a capital but not all capitals."""


@dataclass(slots=True)
class _Found:
    """What one text holds."""

    terms: set[str] = field(default_factory=set[str])
    pairs: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])


def _build_presence(held: Sequence[set[_Item]]) -> tuple[list[_Item], Any]:
    """Give the items held by at least 2 texts (1 in small sets), and the sparse matrix texts x items."""
    from scipy.sparse import csr_array

    counts = Counter(item for items in held for item in items)
    fewest = 2 if len(held) >= 30 else 1
    items = sorted(item for item, count in counts.items() if count >= fewest)
    columns = {item: column for column, item in enumerate(items)}
    places = [(row, columns[item]) for row, each in enumerate(held) for item in each if item in columns]
    rows, filled = np.array(places, dtype=np.intp).reshape(-1, 2).T
    return items, csr_array((np.ones(len(rows)), (rows, filled)), shape=(len(held), len(items)))


class WordCounts:
    """The words and word pairs that may name a topic, and which texts hold them."""

    def __init__(self, texts: Sequence[str], originals: Sequence[str]) -> None:
        """Read texts; their order gives the rows of `presence`.

        The kinds of text are told from the originals, which still have their instructions.
        """
        self._stop = choose_stop_words(texts)
        self._usage: defaultdict[str, _Usage] = defaultdict(_Usage)
        found = [self._read(text) for text in texts]
        self.terms, self.presence = _build_presence([each.terms for each in found])
        """Terms, and texts x terms with 1 where the text holds the term."""
        self.pairs, self.pair_presence = _build_presence([each.pairs for each in found])
        """Pairs of a request's key and a stem asked for, and texts x pairs."""
        self._capitals_tell = self._check_capitals()
        self._kinds = np.array(
            [[bool(kind.pattern.search(text[:READ_LIMIT])) for kind in list_kinds()] for text in originals]
        )

    def _read(self, text: str) -> _Found:
        found = _Found()
        for sentence in _SENTENCE.split(_SPEAKER.sub("\n", text[:READ_LIMIT])):
            self._read_sentence(sentence, found)
        return found

    def _read_sentence(self, sentence: str, found: _Found) -> None:
        written = split_words(sentence, keep_case=True)
        stems = [find_stem(word.lower()) if self._can_name(word) else "" for word in written]
        for place, stem in enumerate(stems):
            if not stem:
                continue
            self._note(stem, written, place, is_last=place + 1 == len(stems) or not stems[place + 1])
            found.terms.add(stem)
            if place and stems[place - 1]:
                found.terms.add(f"{stems[place - 1]} {stem}")
            action = find_action(stem)
            if action is not None:
                near = stems[max(0, place - 1) : place] + stems[place + 1 : place + 1 + _REACH]
                found.pairs.update((action.key, other) for other in near if other)

    def _can_name(self, word: str) -> bool:
        lower = word.lower()
        if lower in self._stop or lower in list_chatter() or find_stem(lower) in list_chatter():
            return False
        if lower.isascii():
            return len(lower) > 2 or lower in list_acronyms()
        return len(lower) > 1

    def _note(self, stem: str, written: Sequence[str], place: int, *, is_last: bool) -> None:
        usage, word = self._usage[stem], written[place]
        usage.forms[word.lower()] += 1
        usage.met += 1
        usage.last += is_last
        if place:
            usage.inside += 1
            usage.capital += word[0].isupper() and not word.isupper()
        previous = written[place - 1].lower() if place else ""
        usage.thing += previous in list_words_before("things")
        usage.counted += previous in _ARTICLES
        usage.doing += previous in list_words_before("doings") or place == 0

    def _check_capitals(self) -> bool:
        inside = sum(usage.inside for usage in self._usage.values())
        return sum(usage.capital for usage in self._usage.values()) < _RARE_CAPITALS * max(1, inside)

    def find_kinds(self, members: NDArray[np.float64]) -> list[Kind | None]:
        """Give the kind of text that at least 60% of each topic's records are, the first that fits."""
        shares = members.T @ self._kinds / np.maximum(members.sum(axis=0), 1)[:, None]
        kinds = list_kinds()
        return [next((kinds[k] for k in np.flatnonzero(row >= 0.6)), None) for row in shares]

    def is_asked(self, stem: str) -> bool:
        """Tell whether the word for a request is used as one: "to book", "my booking", not "five books"."""
        usage = self._usage[stem]
        return usage.doing >= 0.2 * usage.met or usage.thing >= 0.2 * usage.met

    def is_thing(self, stem: str) -> bool:
        """Tell whether a stem can end a name: used as a noun, and as the last word of its group."""
        usage = self._usage[stem]
        is_quality = bool(_QUALITY.match(usage.forms.most_common(1)[0][0]))
        return not is_quality and usage.thing + 1 >= usage.doing and usage.last >= 0.3 * usage.met

    def is_no_thing(self, stem: str) -> bool:
        """Tell whether a stem is clearly a verb or an adjective here."""
        usage = self._usage[stem]
        return usage.doing >= 3 and 3 * usage.thing < usage.doing

    def is_mostly_thing(self, stem: str) -> bool:
        """Tell whether a stem that can be a doing is used as a thing: "an order", "my reservation"."""
        usage = self._usage[stem]
        return usage.thing >= 2 * usage.doing + 2 and usage.last >= 0.3 * usage.met

    def is_proper(self, stem: str) -> bool:
        """Tell whether a stem is a proper name: mostly written with a capital inside sentences."""
        usage = self._usage[stem]
        return self._capitals_tell and usage.capital >= max(1, 0.6 * usage.inside)

    def write(self, term: str) -> str:
        """Give the commonest written form of a term, in lower case unless an acronym."""
        return " ".join(_write_word(self._usage[stem].forms.most_common(1)[0][0]) for stem in term.split())

    def write_singular(self, term: str) -> str:
        """Write a term with its last word in the singular, where the texts have it so."""
        *modifiers, head = term.split()
        forms = self._usage[head].forms
        usual = forms.most_common(1)[0][0]
        often = [form for form in sorted(forms) if forms[form] >= 0.1 * forms[usual]]
        singular = next((form for form in often if form != usual and _is_plural(usual, form)), usual)
        return " ".join([*(self.write(stem) for stem in modifiers), _write_word(singular)])

    def write_plural(self, term: str) -> str:
        """Write a term with its last word in the plural, if the texts show that it is counted."""
        *modifiers, head = term.split()
        usage = self._usage[head]
        usual = usage.forms.most_common(1)[0][0]
        plural = next((form for form in sorted(usage.forms) if _is_plural(form, usual)), usual)
        if plural == usual and usage.counted >= 2 and not usual.endswith(("s", "ing")):
            plural = make_plural(usual)
        return " ".join([*(self.write(stem) for stem in modifiers), _write_word(plural)])


def _write_word(word: str) -> str:
    return word.upper() if word in list_acronyms() else word


def _is_plural(plural: str, singular: str) -> bool:
    return plural in {f"{singular}s", f"{singular}es", f"{singular.removesuffix('y')}ies"}


def make_plural(words: str) -> str:
    """Put the last of some English words in the plural; one that looks like a plural or a doing stays."""
    if words.endswith(("s", "ing")) or not words.isascii() or words.isupper():
        return words
    if words.endswith(("x", "z", "ch", "sh")):
        return f"{words}es"
    return f"{words[:-1]}ies" if words.endswith("y") and words[-2:-1] not in "aeiou" else f"{words}s"
