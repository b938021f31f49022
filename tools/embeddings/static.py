"""Place English words and texts by meaning, with word vectors that come with Lucy.

The vectors (`words.npz`, about 3 MB) were distilled from the sentence encoder all-MiniLM-L6-v2
(sentence-transformers, Apache-2.0; see `NOTICE.txt`) by `benchmarks/distil_words.py`: what the encoder says
of a word in made-up sentences, reduced to 128 dimensions of 4 bits each. A text is the sum of its
words, as in model2vec (Tulkens and van Dongen 2024), weighted as in SIF (Arora et al. 2017).

What this does not do: it knows English only; it does not see the order of words, so that negations and
"from A to B" are lost; it has one place for a word of several meanings; it knows no names of products, and
nothing is learnt from the data.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

READ_LIMIT = 4000
"""Characters read of one text; what a conversation is about stands near its beginning."""

_FILE = Path(__file__).with_name("words.npz")
_WORD = re.compile(r"[a-z]+")
_ENDINGS = ("s", "es", "ed", "d", "ing", "ly")
_SHORTEST = 3
"""Letters that must be left of a word without its ending."""


@dataclass(frozen=True, slots=True)
class WordVectors:
    """Vectors of English words; a word's length is its weight in a text, small for "the"."""

    places: Mapping[str, int]
    """Row per word, in lower case."""
    rows: NDArray[np.float32]
    """Words x dimensions; one more row of zeros at the end, for no word."""

    @property
    def size(self) -> int:
        """Give the number of dimensions."""
        return int(self.rows.shape[1])

    def find(self, word: str) -> int | None:
        """Give the row of a word in lower case, or of the word without an English ending."""
        place = self.places.get(word)
        if place is not None:
            return place
        bare = (word.removesuffix(ending) for ending in _ENDINGS if word.endswith(ending))
        return next((self.places[one] for one in bare if len(one) >= _SHORTEST and one in self.places), None)


@cache
def load_vectors() -> WordVectors:
    """Read the vectors that come with Lucy; they stay in memory (about 25 MB)."""
    with np.load(_FILE) as stored:
        words = str(stored["words"]).split("\n")
        rows = _unpack(stored["rows"]) * stored["scales"].astype(np.float32)[:, None]
    return WordVectors(
        {word: place for place, word in enumerate(words)},
        np.vstack([rows, np.zeros((1, rows.shape[1]), np.float32)]),
    )


def _unpack(packed: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Give numbers from -7 to 7 that are stored two to a byte."""
    pairs = np.stack([packed >> 4, packed & 15], axis=2)
    return pairs.reshape(len(packed), -1).astype(np.float32) - 7.0


def read_words(text: str) -> list[str]:
    """Give the words of a text as the vectors know them; contractions are joined ("don't" is `dont`)."""
    return _WORD.findall(text[:READ_LIMIT].lower().replace("'", "").replace("\u2019", ""))


def embed_texts(texts: Sequence[str], *, weights: Mapping[str, float] | None = None) -> NDArray[np.float32]:
    """Give one row of length 1 per text, or of 0 for a text without a known word.

    Args:
        texts: What to place; all but English words is passed over.
        weights: A dataset's own weight per word, such as its rarity, on top of the general one; words that
            are not named weigh 1.
    """
    result = sum_words((read_words(text) for text in texts), len(texts), weights=weights)
    lengths = np.linalg.norm(result, axis=1, keepdims=True)
    return np.where(lengths > 1e-6, result / np.maximum(lengths, 1e-6), 0.0).astype(np.float32)


def sum_words(
    texts: Iterable[Sequence[str]], count: int, *, weights: Mapping[str, float] | None = None
) -> NDArray[np.float32]:
    """Give per text the sum of its words' vectors, not scaled; `count` is the number of texts."""
    vectors = load_vectors()
    result = np.zeros((count, vectors.size), dtype=np.float32)
    for number, words in enumerate(texts):
        found = [(place, word) for word in words if (place := vectors.find(word)) is not None]
        if not found:
            continue
        rows = vectors.rows[[place for place, _ in found]]
        if weights is not None:
            rows = rows * np.array([weights.get(word, 1.0) for _, word in found], np.float32)[:, None]
        result[number] = rows.sum(axis=0)
    return result
