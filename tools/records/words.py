"""Fold text, find its words and hash them, many texts at a time.

Words are hashed where they lie in one buffer, by whole-array operations: making a Python string of every
word costs more than all the rest of de-duplicating.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_ASCII_FOLD = {code: " " if chr(code).isspace() else chr(code).lower() for code in range(128)}
_PUNCTUATION = {code: " " for code in range(128) if not chr(code).isalnum()}
_WORD = re.compile(r"[^\W_]+")

_UNSPACED = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff])"
)
"""Scripts written without spaces (Thai, Lao, Burmese, Khmer, Japanese, Chinese): each character is a word."""

_GROUP_CHARACTERS = 50_000
"""Texts are hashed in groups of about this size, whose arrays stay in the processor's cache."""

_PLACES = 64
"""Bytes of a word after which the factors repeat, a power of two; no language has words that long."""

_FACTORS = np.random.default_rng(0).integers(0, 2**63, size=(2, 256), dtype=np.uint64) * 2 + 1
_BYTE_FACTORS: NDArray[np.uint64] = np.where(np.arange(256) > 0x20, _FACTORS[0], 0).astype(np.uint64)
_PLACE_FACTORS: NDArray[np.uint64] = _FACTORS[1][:_PLACES]


class WordHashes(NamedTuple):
    """The words of several texts."""

    hashes: NDArray[np.uint64]
    """Hashes of all words, text after text."""
    counts: NDArray[np.int64]
    """Words per text."""


def fold_text(text: str) -> str:
    """Bring text into the form in which duplicates are equal: NFKC, case-folded, blanks collapsed."""
    if not text.isascii():
        return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    # Splitting and joining gives the same at six times the cost.
    folded = text.translate(_ASCII_FOLD)
    while "  " in folded:
        folded = folded.replace("  ", " ")
    return folded.strip(" ")


def separate_words(folded: str) -> str:
    """Leave only the words of folded text, with blanks between them.

    A text without any word, such as one of emoji only, is left as it is.
    """
    if folded.isascii():
        words = folded.translate(_PUNCTUATION)
    else:
        words = " ".join(_WORD.findall(_UNSPACED.sub(r" \1 ", folded)))
    return folded if not words or words.isspace() else words


def hash_words(texts: Sequence[str]) -> WordHashes:
    """Hash the words of texts from `separate_words`; the same words have the same hash everywhere."""
    parts = [_hash_group(group) for group in _group(texts)]
    if not parts:
        return WordHashes(np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.int64))
    return WordHashes(
        np.concatenate([part.hashes for part in parts]), np.concatenate([part.counts for part in parts])
    )


def _group(texts: Sequence[str]) -> Iterator[list[str]]:
    group: list[str] = []
    size = 0
    for text in texts:
        group.append(text)
        size += len(text)
        if size >= _GROUP_CHARACTERS:
            yield group
            group, size = [], 0
    if group:
        yield group


def _hash_group(texts: Sequence[str]) -> WordHashes:
    """Hash each word as the sum over its bytes of a factor of the byte times a factor of its place."""
    encoded = [text.encode("utf-8", "replace") for text in texts]
    codes = np.frombuffer(b" ".join((b"", *encoded)), dtype=np.uint8)
    in_word = codes > 0x20
    starts = np.flatnonzero(in_word[1:] & ~in_word[:-1]) + 1
    ends = np.cumsum([len(text) + 1 for text in encoded])
    counts = np.diff(np.searchsorted(starts, ends, side="right"), prepend=0)
    if not len(starts):
        return WordHashes(np.empty(0, dtype=np.uint64), counts)
    first = int(starts[0])
    places = np.arange(first, len(codes)) - np.repeat(starts, np.diff(starts, append=len(codes)))
    values = _BYTE_FACTORS[codes[first:]] * _PLACE_FACTORS[places & (_PLACES - 1)]
    return WordHashes(np.add.reduceat(values, starts - first), counts)
