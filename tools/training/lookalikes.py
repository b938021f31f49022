"""Find records whose prompts say nearly the same, so that they never stand on both sides of a split.

Likeness is the share of words that two prompts have in common: different words in both, over different words
in either (Jaccard). Case, punctuation, order, digits and system messages do not count. Pairs are found by
prefix filtering (Bayardo, Ma and Srikant 2007, "Scaling up all pairs similarity search"): two texts that
share so much must share one of their rarest words. What it does not find: the same thing said in other words.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lucy.tools.records.words import fold_text, separate_words
from lucy.tools.vocabulary import Record, read_text

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

MIN_WORDS = 5
"""Shorter prompts resemble each other by chance ("yes please"): only equal ones are alike."""
REACH = 500
"""A word that more texts hold is compared with so many of them only, or template data would be quadratic."""
_SLICE = 2000
_PART = 100_000
_CELLS = 4_000_000
_ROUNDING = 1e-12
_DIGITS = re.compile(r"\d+")


class Pair(NamedTuple):
    """Two texts that are alike."""

    first: int
    """Its place, lower than the second's."""
    second: int
    likeness: float
    """0 to 1."""


def read_words(record: Record) -> frozenset[str]:
    """Give the different words of a record's prompt, without system messages and digits."""
    asked = [message for message in record.prompt if message.get("role") != "system"]
    return frozenset(separate_words(_DIGITS.sub(" ", fold_text(read_text(asked)))).split())


def measure_likeness(left: frozenset[str], right: frozenset[str]) -> float:
    """Give the share of words in common, 0 to 1; 0 when a text has none."""
    shared = len(left & right)
    return shared / (len(left) + len(right) - shared) if shared else 0.0


def find_pairs(texts: Sequence[frozenset[str]], threshold: float) -> list[Pair]:
    """Find the pairs of texts with a likeness of at least `threshold`, each text being different.

    Exact as long as no word among a text's rarest is held by more than REACH texts. Texts of fewer than
    MIN_WORDS words are left out. Fast for high thresholds only: at 0.8 a fifth of the words are looked at.

    Args:
        texts: Words of each text; give equal texts once.
        threshold: Above 0, at most 1.
    """
    places = [at for at, words in enumerate(texts) if len(words) >= MIN_WORDS]
    chosen = [texts[at] for at in places]
    if len(chosen) < 2:
        return []
    rarest = _list_rarest(chosen, threshold)
    ours, theirs, whole = (
        _make_matrix(rarest),
        _make_matrix(rarest, reach=REACH),
        _make_matrix(list(map(sorted, chosen))),
    )
    sizes = np.array([len(words) for words in chosen])
    pairs: list[Pair] = []
    for start in range(0, len(chosen), _SLICE):
        found = (ours[start : start + _SLICE] @ theirs.T).tocoo()
        rows: NDArray[np.int64] = np.asarray(found.row, dtype=np.int64) + start
        columns: NDArray[np.int64] = np.asarray(found.col, dtype=np.int64)
        smaller, larger = np.minimum(sizes[rows], sizes[columns]), np.maximum(sizes[rows], sizes[columns])
        kept = (columns < rows) & (smaller >= threshold * larger)
        pairs += _confirm(whole, sizes, columns[kept], rows[kept], threshold)
    return sorted(Pair(places[one.first], places[one.second], one.likeness) for one in pairs)


def _confirm(
    whole: "csr_matrix",
    sizes: NDArray[np.int64],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    threshold: float,
) -> list[Pair]:
    """Measure candidates, in parts so that memory stays small, and keep those that are alike."""
    pairs: list[Pair] = []
    for start in range(0, len(first), _PART):
        left, right = first[start : start + _PART], second[start : start + _PART]
        shared: NDArray[np.int64] = np.asarray(whole[left].multiply(whole[right]).sum(axis=1)).ravel()
        likeness = shared / (sizes[left] + sizes[right] - shared)
        for at in np.flatnonzero(likeness >= threshold - _ROUNDING).tolist():
            pairs.append(Pair(int(left[at]), int(right[at]), round(float(likeness[at]), 6)))
    return pairs


def find_closest(
    texts: Sequence[frozenset[str]], among: Sequence[frozenset[str]], threshold: float
) -> dict[int, Pair]:
    """Find for each text the most alike of others, where its likeness is at least `threshold`; exact.

    Compares every text with every other, which takes seconds for 2,000 with 18,000.

    Args:
        texts: What is looked up.
        among: What it is compared with; of equally alike ones the first is given.
        threshold: Above 0, at most 1.

    Returns:
        By place in `texts` the pair; its `second` is a place in `among`.
    """
    ours = [at for at, words in enumerate(texts) if len(words) >= MIN_WORDS]
    theirs = [at for at, words in enumerate(among) if len(words) >= MIN_WORDS]
    if not ours or not theirs:
        return {}
    both = _make_matrix([*(sorted(texts[at]) for at in ours), *(sorted(among[at]) for at in theirs)])
    sizes = np.asarray(both.sum(axis=1)).ravel()
    others, found = both[len(ours) :].T.tocsr(), dict[int, Pair]()
    step = max(1, _CELLS // len(theirs))
    for start in range(0, len(ours), step):
        end = min(start + step, len(ours))
        shared: NDArray[np.int64] = (both[start:end] @ others).toarray()
        likeness = shared / (sizes[start:end, None] + sizes[len(ours) :] - shared)
        for row, column in enumerate(likeness.argmax(axis=1).tolist()):
            if likeness[row, column] >= threshold - _ROUNDING:
                place = ours[start + row]
                found[place] = Pair(place, theirs[column], round(float(likeness[row, column]), 6))
    return found


def _list_rarest(texts: Sequence[frozenset[str]], threshold: float) -> list[list[str]]:
    """Give the words of each text of which a text that is alike must share one."""
    counts = Counter(word for words in texts for word in words)
    return [
        sorted(words, key=lambda word: (counts[word], word))[
            : len(words) - math.ceil(threshold * len(words) - _ROUNDING) + 1
        ]
        for words in texts
    ]


def _make_matrix(rows: Sequence[Sequence[str]], reach: int | None = None) -> "csr_matrix":
    """Give texts by words, 1 where a text has a word; with `reach` the first so many texts of each word."""
    from scipy.sparse import csr_matrix  # slow to import

    columns: dict[str, int] = {}
    held: Counter[str] = Counter()
    indices: list[int] = []
    ends = [0]
    for row in rows:
        for word in row:
            number = columns.setdefault(word, len(columns))
            held[word] += 1
            if reach is None or held[word] <= reach:
                indices.append(number)
        ends.append(len(indices))
    ones = np.ones(len(indices), dtype=np.int32)
    return csr_matrix((ones, indices, ends), shape=(len(rows), len(columns)))
