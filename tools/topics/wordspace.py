"""Place texts in a space for sorting them into given topics.

Unlike the space that topics are found in (`features`), this one keeps stop words and digits, at less weight:
"who made you" and "w2" are names of topics too.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lucy.tools.topics.words import READ_LIMIT, choose_stop_words, find_stem

STOP_WEIGHT = 0.6
"""Weight of a stop word; between 0.5 and 0.7 sorted best on two public sets, without them 3 points worse."""
CHARACTER_WEIGHT = 0.5
_CHARACTERS_READ = 1000
"""Characters of a text that n-grams are read from; they cost most of the time."""

_WORD = re.compile(r"[ァ-ヺー]{2,}|[㐀-鿿]|[^\W_ぁ-ヿ㐀-鿿]+")
"""Katakana runs, single Han characters, or letters and digits; Japanese particles (hiragana) fall away."""


def read_stems(text: str) -> list[str]:
    """Give the stems of a text, stop words and digits included."""
    return [
        find_stem(word) for word in _WORD.findall(text[:READ_LIMIT].lower().replace("'", "").replace("’", ""))
    ]


def read_all_terms(text: str) -> list[str]:
    """Give the stems of a text and the pairs of neighbouring stems."""
    stems = read_stems(text)
    return stems + [f"{first} {second}" for first, second in zip(stems, stems[1:], strict=False)]


@dataclass(frozen=True, slots=True)
class WordSpace:
    """TF-IDF of words, word pairs and character n-grams, reduced by truncated SVD and centered."""

    words: Any
    weights: NDArray[np.float64]
    """Weight per word column."""
    characters: Any
    """Vectorizer of character n-grams; None when the texts are too few for any."""
    axes: Any
    """Truncated SVD; None when there are too few columns to reduce."""
    middle: NDArray[np.float64]
    """Mean of the fitted texts: what all have in common tells no topics apart."""

    def weigh_words(self, texts: Sequence[str]) -> Any:
        """Give sparse word rows of length 1."""
        return self.scale_words(self.words.transform(texts))

    def scale_words(self, rows: Any) -> Any:
        """Weigh word rows and scale them to length 1."""
        from scipy.sparse import diags_array
        from sklearn.preprocessing import normalize

        return normalize(rows @ diags_array(self.weights)).tocsr()

    def place(
        self, word_rows: Any, texts: Sequence[str], *, character_weight: float = CHARACTER_WEIGHT
    ) -> NDArray[np.float64]:
        """Give one row of length 1 per text from its word row and its characters."""
        return _center(self._reduce(self._join(word_rows, texts, character_weight)), self.middle)

    def _join(self, word_rows: Any, texts: Sequence[str], character_weight: float) -> Any:
        from scipy.sparse import hstack

        if self.characters is None:
            return word_rows
        characters = self.characters.transform([text[:_CHARACTERS_READ] for text in texts])
        return hstack([word_rows, characters * character_weight]).tocsr()

    def _reduce(self, rows: Any) -> NDArray[np.float64]:
        return _normalize(
            np.asarray(rows.toarray() if self.axes is None else self.axes.transform(rows), dtype=np.float64)
        )


def fit_word_space(texts: Sequence[str], *, seed: int = 0) -> WordSpace:
    """Fit a space to texts (the caller passes a sample of a large dataset).

    Dimensions: one per 15 texts, 40 to 100.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    rare, common = (2, 0.5) if len(texts) >= 30 else (1, 1.0)
    words = _fit(
        TfidfVectorizer(analyzer=read_all_terms, sublinear_tf=True, norm=None, min_df=rare, max_df=common),
        texts,
    )
    if words is None:
        words = TfidfVectorizer(analyzer=_read_anything, sublinear_tf=True, norm=None).fit(texts)
    characters = _fit(
        TfidfVectorizer(
            analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, min_df=rare + 1, max_df=0.3
        ),
        [text[:_CHARACTERS_READ] for text in texts],
    )
    weights = _weigh_terms(list(words.get_feature_names_out()), texts)
    draft = WordSpace(words, weights, characters, None, np.zeros(1))
    rows = draft._join(draft.weigh_words(texts), texts, CHARACTER_WEIGHT)
    axes = _fit_axes(rows, seed)
    points = WordSpace(words, weights, characters, axes, np.zeros(1))._reduce(rows)
    return WordSpace(words, weights, characters, axes, points.mean(axis=0))


def _read_anything(text: str) -> list[str]:
    return text.split() or [" "]


def _fit(vectorizer: Any, texts: Sequence[str]) -> Any:
    """Fit a vectorizer; None when no term is left (scikit-learn raises ValueError then)."""
    try:
        return vectorizer.fit(texts)
    except ValueError:
        return None


def _weigh_terms(terms: Sequence[str], texts: Sequence[str]) -> NDArray[np.float64]:
    stop = choose_stop_words(texts)
    stems = stop | {find_stem(word) for word in stop}

    @cache
    def weigh(stem: str) -> float:
        return STOP_WEIGHT if stem in stems else 1.0

    return np.array([np.mean([weigh(part) for part in term.split(" ")]) for term in terms])


def _fit_axes(rows: Any, seed: int) -> Any:
    from sklearn.decomposition import TruncatedSVD

    size = min(100, max(40, rows.shape[0] // 15), min(rows.shape) - 1)
    return TruncatedSVD(size, random_state=seed).fit(rows) if size >= 2 else None


def _normalize(points: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    return np.where(lengths > 1e-9, points / np.maximum(lengths, 1e-9), 0.0)


def _center(points: NDArray[np.float64], middle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Subtract the middle and scale to length 1; a text without a known word stays 0."""
    known = np.any(points != 0, axis=1, keepdims=True)
    return np.where(known, _normalize(points - middle), 0.0)
