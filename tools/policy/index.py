"""Search exchanges by what the user said, what was said just before, and the whole talk (TF-IDF)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lucy.tools.policy.exchanges import Exchange, Query

USER_WEIGHT, CONTEXT_WEIGHT, BEFORE_WEIGHT = 0.5, 0.3, 0.2
"""Weights in the similarity: the last user turn, the assistant's turn before it, all that came before."""
CONTEXT_CHARACTERS = 300
MAX_TERMS = 20_000


class Similarities(NamedTuple):
    """Cosine similarity, 0 to 1, of queries (rows) to every exchange (columns)."""

    user: NDArray[np.float64]
    context: NDArray[np.float64]
    before: NDArray[np.float64]

    def combine(self) -> NDArray[np.float64]:
        """Give the weighted similarity that retrieval ranks by, 0 to 1."""
        return USER_WEIGHT * self.user + CONTEXT_WEIGHT * self.context + BEFORE_WEIGHT * self.before

    def row(self, at: int) -> "Similarities":
        """Give the similarities of one query."""
        return Similarities(self.user[at], self.context[at], self.before[at])


class ExchangeIndex:
    """TF-IDF vectors of a pool's exchanges: words and pairs of words, sublinear, unit length.

    Built from the texts alone, so a pool read back from a file answers the same.
    """

    def __init__(self, exchanges: Sequence[Exchange]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer  # slow to import

        self._vectorizer = TfidfVectorizer(
            sublinear_tf=True, token_pattern=r"(?u)\b\w+\b", ngram_range=(1, 2), max_features=MAX_TERMS
        )
        users = [exchange.user for exchange in exchanges]
        contexts = [exchange.context[-CONTEXT_CHARACTERS:] for exchange in exchanges]
        befores = [exchange.before for exchange in exchanges]
        self._vectorizer.fit([*users, *contexts, "hello"])
        # Terms x exchanges, by rows: a query looks only at the exchanges that share a term with it.
        vectors: list[Any] = [self._vectorizer.transform(texts) for texts in (users, contexts, befores)]
        self._parts: tuple[Any, ...] = tuple(part.T.tocsr() for part in vectors)

    def search(self, queries: Sequence[Query]) -> Similarities:
        """Compare queries with every exchange; three dense matrices of len(queries) x len(exchanges)."""
        count = len(queries)
        users = [query.user for query in queries]
        contexts = [query.context[-CONTEXT_CHARACTERS:] for query in queries]
        befores = [query.before for query in queries]
        vectors: Any = self._vectorizer.transform([*users, *contexts, *befores])
        user, context, before = self._parts
        return Similarities(
            (vectors[:count] @ user).toarray(),
            (vectors[count : 2 * count] @ context).toarray(),
            (vectors[2 * count :] @ before).toarray(),
        )
