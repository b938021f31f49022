"""Measure made records as a whole: whether they stay on topic, differ, and how near they are to real ones."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from lucy.tools.generation.language import find_words
from lucy.tools.vocabulary import Record, read_last_user_text, read_user_text

_MOST = 3000
"""Records compared with each other at most; of more, an even sample."""
_MOST_VALIDATED = 1000
"""Real records that the classifier is cross-validated on."""
_FOLDS = 3
_BLOCK = 200


class Quality(BaseModel):
    """Figures of one batch, each beside what the real records have."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kept_topic: float | None
    """Share whose topic a classifier that saw only the real records names again, 0 to 1; None with fewer than
    two topics, or where one has fewer than three real records. It is not the classifier of the filter."""
    real_kept_topic: float | None
    """The same for real records, cross-validated: what can be expected at best."""
    distinct_2: float
    """Different pairs of words among all pairs of the last user messages, 0 to 1 (Li et al. 2016,
    arXiv:1510.03055); higher is more varied."""
    real_distinct_2: float
    """The same for an equally large sample of real last messages."""
    nearest: float
    """Mean over made records of the Jaccard similarity of word triples to the nearest other record, 0 to 1;
    lower is more varied. Over 0.9 counts as a near-duplicate and is never kept."""
    real_nearest: float
    """The same for real records among themselves."""


def measure_quality(made: Sequence[Record], records: Sequence[Record], topics: Mapping[str, str]) -> Quality:
    """Measure a batch against the real records it was made from; takes about a second per 1,000 records."""
    real = _thin([record for record in records if not record.is_synthetic])
    made = _thin(made)
    kept, real_kept = _measure_topics(made, real, topics)
    size = min(len(made), len(real)) or len(made)
    return Quality(
        kept_topic=kept,
        real_kept_topic=real_kept,
        distinct_2=_measure_distinct(made[:size]),
        real_distinct_2=_measure_distinct(real[:size]),
        nearest=_measure_nearest(len(made), [*made, *real]),
        real_nearest=_measure_nearest(len(real), real),
    )


def _thin(records: Sequence[Record]) -> list[Record]:
    return list(records[:: max(1, -(-len(records) // _MOST))])


def _measure_topics(
    made: Sequence[Record], real: Sequence[Record], topics: Mapping[str, str]
) -> tuple[float | None, float | None]:
    known = [record for record in real if record.id in topics]
    labels = [topics[record.id] for record in known]
    wanted = [str(record.origin.get("topic_id")) for record in made]
    counts = Counter(labels)
    asked = [(record, topic) for record, topic in zip(made, wanted, strict=True) if topic in counts]
    if len(counts) < 2 or min(counts.values()) < _FOLDS or not asked:
        return None, None
    from sklearn.model_selection import cross_val_score

    texts = [read_user_text(record) for record in known]
    model = _build_classifier()
    step = max(1, len(texts) // _MOST_VALIDATED)
    few = Counter(labels[::step])
    real_kept = None
    if min(few.values()) >= _FOLDS and len(few) > 1:
        real_kept = float(np.mean(cross_val_score(model, texts[::step], labels[::step], cv=_FOLDS)))
    model.fit(texts, labels)
    named = list(model.predict([read_user_text(record) for record, _ in asked]))
    return sum(a == b for a, (_, b) in zip(named, asked, strict=True)) / len(asked), real_kept


def _build_classifier() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    vectorizer = TfidfVectorizer(token_pattern=r"(?u)\b\w+\b", ngram_range=(1, 2), sublinear_tf=True)
    return make_pipeline(vectorizer, LinearSVC())


def _measure_distinct(records: Sequence[Record]) -> float:
    pairs: list[tuple[str, str]] = []
    for record in records:
        words = find_words(read_last_user_text(record))
        pairs.extend(pairwise(words))
    return len(set(pairs)) / len(pairs) if pairs else 0.0


def _measure_nearest(count: int, records: Sequence[Record]) -> float:
    """Average the similarity of the first records to the nearest other one, whole prompts compared."""
    if not count or len(records) < 2:
        return 0.0
    rows = _mark_triples(records)
    sizes: NDArray[np.float64] = np.asarray(rows.sum(axis=1), dtype=np.float64).ravel()
    total = 0.0
    for start in range(0, count, _BLOCK):
        places = np.arange(start, min(start + _BLOCK, count))
        shared: NDArray[np.float64] = np.asarray((rows[places] @ rows.T).toarray(), dtype=np.float64)
        alike = shared / np.maximum(sizes[places, None] + sizes[None, :] - shared, 1)
        alike[np.arange(len(places)), places] = 0
        total += float(alike.max(axis=1).sum())
    return total / count


def _mark_triples(records: Sequence[Record]) -> Any:
    """Give a sparse row per record with a 1 for each word triple it has."""
    from scipy.sparse import csr_matrix

    columns: dict[str, int] = {}
    marked = [
        sorted({columns.setdefault(triple, len(columns)) for triple in _list_triples(_read_prompt(record))})
        for record in records
    ]
    starts = np.cumsum([0, *(len(places) for places in marked)])
    flat = np.array([place for places in marked for place in places], dtype=np.int64)
    ones = np.ones(len(flat), dtype=np.float32)
    return csr_matrix((ones, flat, starts), shape=(len(records), max(1, len(columns))))


def _read_prompt(record: Record) -> str:
    said = [message for message in record.prompt if message.get("role") in ("user", "assistant")]
    return "\n".join(str(message.get("content") or "") for message in said)


def _list_triples(text: str) -> list[str]:
    words = find_words(text)
    return [" ".join(words[place : place + 3]) for place in range(max(1, len(words) - 2))]
