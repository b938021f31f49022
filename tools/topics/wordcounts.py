"""Count how words are used in texts: where, how written, as thing or as doing."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lucy.tools.topics.words import (
    READ_LIMIT,
    choose_stop_words,
    find_action,
    find_stem,
    list_chatter,
    split_words,
)

_DETERMINERS = frozenset(
    "a an the my your our his her its their this that these those any some another no each every of for with from"
    " about in on at which what whose by".split()
)
"""Words that a thing follows."""

_DOERS = frozenset(
    "to i you we they he she it can could will would shall should please dont cant not lets must may wanna gonna".split()
)
"""Words that a doing follows."""

_SENTENCE = re.compile(r"[\n.!?;:]+")

_RARE_CAPITALS = 0.25
"""Share of words with a capital inside sentences above which capitals say nothing (German, titles)."""


@dataclass(slots=True)
class _Usage:
    """How one stem was met."""

    forms: Counter[str] = field(default_factory=Counter[str])
    thing: int = 0
    doing: int = 0
    inside: int = 0
    """Times met inside a sentence, not as its first word."""
    capital: int = 0
    """Of these, times with a capital but not all capitals."""


class WordCounts:
    """The words and word pairs that may name a topic, and which texts hold them."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Read texts; their order gives the rows of `presence`."""
        self._stop = choose_stop_words(texts)
        self._usage: defaultdict[str, _Usage] = defaultdict(_Usage)
        self._columns: dict[str, int] = {}
        self._actions: list[set[str]] = []
        held = [self._read(text) for text in texts]
        self.presence: Any = self._build_presence(held)
        """Texts x terms, 1 where the text holds the term."""
        self.terms = list(self._columns)
        self._capitals_tell = self._check_capitals()

    def _read(self, text: str) -> set[str]:
        found: set[str] = set()
        for sentence in _SENTENCE.split(text[:READ_LIMIT]):
            self._read_sentence(sentence, found)
        return found

    def _read_sentence(self, sentence: str, found: set[str]) -> None:
        written = split_words(sentence, keep_case=True)
        words = [word.lower() for word in written]
        before = ""
        for place, word in enumerate(words):
            stem = find_stem(word)
            if self._can_name(word, stem):
                self._note(stem, written, place)
                found.add(stem)
                if before:
                    found.add(f"{before} {stem}")
            before = stem if self._can_name(word, stem) else ""

    def _can_name(self, word: str, stem: str) -> bool:
        chatter = list_chatter()
        return word not in self._stop and word not in chatter and stem not in chatter

    def _note(self, stem: str, written: Sequence[str], place: int) -> None:
        usage, word = self._usage[stem], written[place]
        usage.forms[word if word.isupper() else word.lower()] += 1
        if place:
            usage.inside += 1
            usage.capital += word[0].isupper() and not word.isupper()
        previous = written[place - 1].lower() if place else ""
        usage.thing += previous in _DETERMINERS
        usage.doing += previous in _DOERS or place == 0

    def _build_presence(self, held: Sequence[set[str]]) -> Any:
        from scipy.sparse import csr_array

        counts = Counter(term for terms in held for term in terms)
        fewest = 2 if len(held) >= 30 else 1
        self._columns = {
            term: column for column, term in enumerate(sorted(t for t, c in counts.items() if c >= fewest))
        }
        pairs = [
            (row, self._columns[term])
            for row, terms in enumerate(held)
            for term in sorted(terms)
            if term in self._columns
        ]
        rows, columns = zip(*pairs, strict=True) if pairs else ((), ())
        ones = np.ones(len(rows))
        return csr_array(
            (ones, (np.array(rows, dtype=int), np.array(columns, dtype=int))),
            shape=(len(held), len(self._columns)),
        )

    def _check_capitals(self) -> bool:
        inside = sum(usage.inside for usage in self._usage.values())
        return sum(usage.capital for usage in self._usage.values()) < _RARE_CAPITALS * max(1, inside)

    def is_thing(self, stem: str) -> bool:
        """Tell whether a stem is used as a noun: at least as often after "the" as after "to"."""
        usage = self._usage[stem]
        return usage.thing + 1 >= usage.doing

    def is_proper(self, stem: str) -> bool:
        """Tell whether a stem is a proper name: mostly written with a capital inside sentences."""
        usage = self._usage[stem]
        return self._capitals_tell and usage.capital >= max(1, 0.6 * usage.inside)

    def is_mostly_thing(self, stem: str) -> bool:
        """Tell whether a stem that can be a doing is used as a thing: "an order", "my reservation"."""
        usage = self._usage[stem]
        return usage.thing >= 2 * usage.doing + 2

    def write(self, term: str) -> str:
        """Give the commonest written form of a term, in lower case unless all capitals."""
        return " ".join(self._usage[stem].forms.most_common(1)[0][0] for stem in term.split())

    def write_singular(self, term: str) -> str:
        """Write a term with its last word in the singular, where the texts have it so."""
        return self._write_number(term, plural=False)

    def write_plural(self, term: str) -> str:
        """Write a term with its last word in the plural, where the texts have it so."""
        return self._write_number(term, plural=True)

    def _write_number(self, term: str, *, plural: bool) -> str:
        *modifiers, head = term.split()
        forms = self._usage[head].forms
        usual = forms.most_common(1)[0][0]
        fitting = (form for form, _ in forms.most_common() if _is_number_of(form, usual, plural=plural))
        return " ".join([*(self.write(stem) for stem in modifiers), next(fitting, usual)])


def _is_number_of(form: str, usual: str, *, plural: bool) -> bool:
    """Tell whether a form is the singular or plural of the usual one, by its s."""
    base = usual.lower().removesuffix("s")
    return form.lower() in ({f"{base}s", f"{base}es"} if plural else {base})
