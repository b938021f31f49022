"""Place records and topics by the meaning of their English words, seen from one dataset."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lucy.tools.embeddings.static import embed_texts, read_words
from lucy.tools.topics.features import normalize_rows

_TAKEN_OFF = 0.75
"""Part of the mean that is taken off: without, texts look alike; whole, it hides a topic of most records."""

_FEWEST_NAMES = 5
"""From as many names on, their own mean is taken off them; before, half of the records'."""


@dataclass(frozen=True, slots=True)
class MeaningSpace:
    """The shipped word vectors as one dataset sees them: rare words weigh more, the mean is taken off."""

    weights: Mapping[str, float]
    """Weight per word of the dataset, about 0 to 1."""
    middle: NDArray[np.float64]
    """What is taken off every record: most of their mean."""

    def place(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Give one row per text, of length 1, or 0 for a text without a known English word."""
        return _center(embed_texts(texts, weights=self.weights).astype(np.float64), self.middle)

    def place_names(self, names: Sequence[str], above: Sequence[str], weight: float) -> NDArray[np.float64]:
        """Give one row per name, drawn a little towards the names above it; what all share is taken off."""
        rows = normalize_rows(self._embed(names) + weight * self._embed(above))
        known = rows[np.any(rows != 0, axis=1)]
        middle: NDArray[np.float64] = known.mean(axis=0) if len(known) else self.middle
        if len(rows) < _FEWEST_NAMES:
            middle = (middle + self.middle) / 2
        return _center(rows, middle)

    def _embed(self, texts: Sequence[str]) -> NDArray[np.float64]:
        return embed_texts(texts, weights=self.weights).astype(np.float64)


def fit_meaning(texts: Sequence[str]) -> MeaningSpace:
    """Weigh words by how rare they are in the texts: square root of the inverse document frequency."""
    counts = Counter(word for text in texts for word in set(read_words(text)))
    top = np.log(1 + len(texts) / 2)
    weights = {word: float(np.log(1 + len(texts) / (1 + n)) / top) ** 0.5 for word, n in counts.items()}
    points = embed_texts(texts, weights=weights).astype(np.float64)
    known = points[np.any(points != 0, axis=1)]
    middle = known.mean(axis=0) if len(known) else np.zeros(points.shape[1])
    return MeaningSpace(weights, _TAKEN_OFF * middle)


def _center(points: NDArray[np.float64], middle: NDArray[np.float64]) -> NDArray[np.float64]:
    known = np.any(points != 0, axis=1, keepdims=True)
    return np.where(known, normalize_rows(points - middle), 0.0)
