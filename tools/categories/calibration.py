"""Turn evidence into a confidence that means something: of records at 0.8, about 80% should be right.

A logistic model of being right, over four signals that need no labels (`Signals`). Its numbers were fitted on
labelled sets by `benchmarks/categories_quality.py --calibrate`, which also prints how far off it is on a set
whose source was left out of the fit.

Expected calibration error on sets whose source was left out of the fit (and with it): 0.06 (0.05) on 3,100
requests of which 100 fit no topic, 0.08 (0.06) on 597 dialogues, 0.18 (0.12) on 248 finance chats in the
finance template, 0.14 (0.12) on 240 requests in four languages. The signals were chosen by these figures.

What it does not do: it cannot see that a topic is missing from the tree where the records of that topic
are much like those of another. There it is too sure, by 0.15 to 0.3 where a third of the records fit nowhere.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lucy.tools.categories.evidence import Evidence
from lucy.tools.topics.words import READ_LIMIT

_SMALLEST = 1e-4
_COHERENCE_RANGE = (0.05, 0.98)
"""Beyond these, coherence is taken as chance in a small dataset."""


class Signals(NamedTuple):
    """What the confidence is computed from, one value per record."""

    likeliest: NDArray[np.float64]
    """Log-odds of the likeliest topic by all views together, before the prior."""
    agreement: NDArray[np.float64]
    """Views (words, meaning, what was learnt) that apart would choose the same topic, 0 to 3."""
    coherence: NDArray[np.float64]
    """Log-odds that like records of the dataset share a topic; the same for all its records."""
    length: NDArray[np.float64]
    """Natural logarithm of the characters read; long texts say more of their topic."""


class Weights(NamedTuple):
    """Coefficients of the logistic model."""

    constant: float
    likeliest: float
    agreement: float
    coherence: float
    length: float


WEIGHTS = Weights(constant=-3.232, likeliest=0.314, agreement=0.075, coherence=0.676, length=0.368)


def measure_signals(evidence: Evidence, texts: Sequence[str], coherence: float) -> Signals:
    """Give the signals of records; `coherence` is the model's, 0 to 1."""
    best = evidence.posterior.argmax(axis=1)
    views = (evidence.by_words, evidence.by_meaning, evidence.learnt)
    agreement = np.stack([view.argmax(axis=1) == best for view in views], axis=1)
    shared = _take_log_odds(np.clip(coherence, *_COHERENCE_RANGE))
    return Signals(
        _take_log_odds(evidence.joint.max(axis=1)),
        agreement.sum(axis=1).astype(np.float64),
        np.full(len(best), shared),
        np.log([1.0 + min(len(text), READ_LIMIT) for text in texts]),
    )


def compute_confidence(signals: Signals, weights: Weights = WEIGHTS) -> NDArray[np.float64]:
    """Give the probability that each record's best topic is right, 0 to 1."""
    total = weights.constant + np.stack(signals, axis=1) @ np.array(weights[1:])
    return 1 / (1 + np.exp(-total))


def _take_log_odds(share: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.clip(share, _SMALLEST, 1 - _SMALLEST)
    return np.log(inside / (1 - inside))
