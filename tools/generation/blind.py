"""Say which topic a record belongs to, from its text alone.

TF-IDF of words and pairs of words; half the score is the nearest topic centroid (Rocchio), half the share of
the ten nearest records. It never sees how a record was made.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lucy.tools.vocabulary import Record, read_user_text

_NEAREST = 10
_MARGIN = 1.0
"""A topic is accepted when it scores at least this share of the best topic's score: it has to be the best.

With 0.9 up to 7% of what was made for small topics went elsewhere by another classifier, with 1 up to 4%.
"""
_LOOSE_MARGIN = 0.6
"""The same for a text made from a topic's description, which is compared with the centroids only."""
_MAX_RECORDS = 20_000
_MAX_FEATURES = 30_000


class BlindClassifier:
    """Scores of the topics for a text."""

    def __init__(self, vectorizer: Any, rows: Any, labels: NDArray[np.int64], names: list[str]) -> None:
        self._vectorizer = vectorizer
        self._rows = rows
        self._labels = labels
        self._names = names
        self._centroids = _average(rows, labels, len(names))

    @classmethod
    def learn(
        cls, records: Sequence[Record], topics: Mapping[str, str], described: Mapping[str, str] | None = None
    ) -> "BlindClassifier":
        """Learn from records that have a topic; of very many, an even sample.

        Args:
            records: Real records.
            topics: Record id to topic id.
            described: What the tree says of a topic, by id. It counts as one more text of a topic that has
                records; of a topic without any it is not enough to tell what does not belong there.
        """
        from sklearn.feature_extraction.text import TfidfVectorizer

        known = [record for record in records if record.id in topics]
        known = known[:: max(1, -(-len(known) // _MAX_RECORDS))]
        names = sorted({topics[record.id] for record in known})
        if len(names) < 2:
            return cls(None, None, np.zeros(0, dtype=np.int64), names)
        vectorizer = TfidfVectorizer(
            token_pattern=r"(?u)\b\w+\b", ngram_range=(1, 2), sublinear_tf=True, max_features=_MAX_FEATURES
        )
        told = [(text, name) for name, text in sorted((described or {}).items()) if name in names and text]
        texts = [read_user_text(record) for record in known] + [text for text, _ in told]
        rows = vectorizer.fit_transform(texts)
        places = {name: place for place, name in enumerate(names)}
        owners = [topics[record.id] for record in known] + [name for _, name in told]
        labels = np.array([places[name] for name in owners], dtype=np.int64)
        return cls(vectorizer, rows, labels, names)

    def score(self, record: Record, *, has_votes: bool = True) -> dict[str, float]:
        """Score each topic, 0 to 1, higher is nearer; empty when there are fewer than two topics.

        Args:
            record: What to judge.
            has_votes: Whether the nearest records count. They speak against small topics.
        """
        if self._vectorizer is None:
            return {}
        row = self._vectorizer.transform([read_user_text(record)])
        to_centroids: NDArray[np.float64] = np.asarray(row @ self._centroids.T).ravel()
        if not has_votes:
            return dict(zip(self._names, _share(to_centroids).tolist(), strict=True))
        alike: NDArray[np.float64] = np.asarray(self._rows @ row.toarray().ravel())
        nearest = np.argsort(-alike, kind="stable")[:_NEAREST]
        votes: NDArray[np.float64] = np.zeros(len(self._names))
        np.add.at(votes, self._labels[nearest], alike[nearest])
        scores = _share(to_centroids) + _share(votes)
        return dict(zip(self._names, (scores / 2).tolist(), strict=True))

    def predict(self, record: Record) -> str | None:
        """Give the nearest topic, None when there are fewer than two."""
        scores = self.score(record)
        return max(scores, key=lambda name: (scores[name], name)) if scores else None

    def accepts(self, record: Record, topic_id: str, *, is_loose: bool = False) -> bool:
        """Tell whether a record may belong to a topic; a topic without real records accepts everything.

        Args:
            record: What to judge.
            topic_id: The topic it was made for.
            is_loose: It was made from the topic's description, not from the records' words.
        """
        margin = _LOOSE_MARGIN if is_loose else _MARGIN
        scores = self.score(record, has_votes=not is_loose)
        return topic_id not in scores or scores[topic_id] >= margin * max(scores.values())


def _average(rows: Any, labels: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    if rows is None:
        return np.zeros((0, 0))
    from scipy.sparse import csr_matrix

    members = csr_matrix((np.ones(len(labels)), (labels, np.arange(len(labels)))), shape=(count, len(labels)))
    sums: NDArray[np.float64] = np.asarray((members @ rows).todense())
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return sums / np.where(lengths > 0, lengths, 1)


def _share(values: NDArray[np.float64]) -> NDArray[np.float64]:
    best = values.max(initial=0.0)
    return values / best if best > 0 else values
