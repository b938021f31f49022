"""Weigh what speaks for each topic: its words, its meaning, and what was learnt of the dataset."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lucy.tools.categories.anchors import Anchors, average_best, normalize_sparse
from lucy.tools.categories.meaning import MeaningSpace
from lucy.tools.categories.prior import TEMPER_POWER, join_prior
from lucy.tools.topics.features import TextSpace

SHARPNESS = 9.0
"""Turns sums of cosines into first guesses at probabilities."""

JOINT_SHARPNESS = 7.0
"""The same where a classifier has its say too, which is sharp itself."""

NEVER = -9.0
"""Score of a topic that cannot be compared with; weighted sums of cosines lie between -5 and 5."""

MEANING_WEIGHT = 2.0
"""Weight of the likeness of meaning against that of words; 1.5 to 3 gave the same within half a point."""

_NEAREST = 3
"""Anchors of a topic that a record is compared with by meaning; by words it is the nearest alone."""

_NO_CHANCE = 1e-6
"""Probability of a topic that the classifier has seen no record of."""


@dataclass(frozen=True, slots=True)
class CategoryModel:
    """What was learnt about the topics of one tree from one dataset."""

    topic_ids: tuple[str, ...]
    space: TextSpace
    meaning: MeaningSpace
    anchors: Anchors
    """What each topic says of itself."""
    examples: NDArray[np.float64] | None
    """Topics x features: mean of its example records, or 0 where it has none; None where no topic has any."""
    is_comparable: NDArray[np.bool_]
    """Whether anything is known of each topic that records can be compared with."""
    classifier: Any = None
    """Logistic regression over the features, None for fewer than two topics with records."""
    coherence: float = 1.0
    """Share of the nearest neighbours, among the records fitted on, that share a record's topic."""
    prior: NDArray[np.float64] | None = None
    """Share of each topic, 0 to 1, once it is estimated."""


class Evidence(NamedTuple):
    """What speaks for which topic, per record."""

    by_words: NDArray[np.float64]
    """Records x topics: likeness to the topic's words, -1 to 1.5."""
    by_meaning: NDArray[np.float64]
    """Records x topics: likeness of meaning, -1 to 1."""
    untaught: NDArray[np.float64]
    """Records x topics: both, and the likeness to example records; what learning starts from."""
    learnt: NDArray[np.float64]
    """Records x topics: probability by the classifier, or that of `untaught` without one."""
    joint: NDArray[np.float64]
    """Records x topics, rows sum to 1: all views together, too sure of themselves."""
    posterior: NDArray[np.float64]
    """The same, softened and with how common each topic is; its largest is the record's topic."""
    is_known: NDArray[np.bool_]
    """False for a record without a known word."""


class Features(NamedTuple):
    """Texts as they are compared with topics."""

    rows: Any
    """Sparse weighted words."""
    points: NDArray[np.float64]
    """Places in the text space."""
    meanings: NDArray[np.float64]
    """Places in the meaning space."""

    @property
    def joined(self) -> NDArray[np.float64]:
        """Give both places side by side: what the classifier sees."""
        return np.hstack([self.points, self.meanings])


def read_features(model: CategoryModel, texts: Sequence[str]) -> Features:
    """Place texts in both spaces."""
    rows = model.space.weigh(texts)
    return Features(rows, model.space.reduce(rows), model.meaning.place(texts))


def weigh_evidence(model: CategoryModel, texts: Sequence[str]) -> Evidence:
    """Compare texts with every topic."""
    return weigh_features(model, read_features(model, texts))


def weigh_features(model: CategoryModel, features: Features) -> Evidence:
    """Compare texts that are already placed with every topic."""
    starts = model.anchors.starts
    by_words = average_best(_compare_words(model.anchors, features), starts, 1)
    by_meaning = average_best(features.meanings @ model.anchors.meanings.T, starts, _NEAREST)
    untaught = by_words + MEANING_WEIGHT * by_meaning
    if model.examples is not None:
        untaught = untaught + features.joined @ model.examples.T
    # A topic none of whose words occur in the data has nothing to compare with, and gets nothing.
    for scores in (by_words, by_meaning, untaught):
        scores[:, ~model.is_comparable] = NEVER
    learnt = joint = soften(untaught, SHARPNESS)
    if model.classifier is not None:
        learnt = _predict(model.classifier, features.joined, untaught.shape[1])
        joint = learnt * soften(untaught, JOINT_SHARPNESS)
        joint = joint / joint.sum(axis=1, keepdims=True)
    posterior = joint
    if model.prior is not None:
        posterior = join_prior(joint, model.prior, model.coherence**TEMPER_POWER)
    known = np.any(features.points != 0, axis=1) | np.any(features.meanings != 0, axis=1)
    return Evidence(by_words, by_meaning, untaught, learnt, joint, posterior, known)


def soften(scores: NDArray[np.float64], sharpness: float) -> NDArray[np.float64]:
    """Turn scores into probabilities: rows sum to 1."""
    raised = np.exp(sharpness * (scores - scores.max(axis=1, keepdims=True)))
    return raised / raised.sum(axis=1, keepdims=True)


def _compare_words(anchors: Anchors, features: Features) -> NDArray[np.float64]:
    shared: NDArray[np.float64] = np.asarray(
        (normalize_sparse(features.rows) @ anchors.words.T).todense(), dtype=np.float64
    )
    return features.points @ anchors.points.T + 0.5 * shared


def _predict(classifier: Any, features: NDArray[np.float64], topics: int) -> NDArray[np.float64]:
    result = np.full((len(features), topics), _NO_CHANCE)
    result[:, classifier.classes_] = classifier.predict_proba(features)
    return result
