"""Learn the topics of a tree from the records to be sorted, without labels."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lucy.tools.categories.anchors import place_anchors
from lucy.tools.categories.coherence import measure_coherence
from lucy.tools.categories.evidence import (
    CategoryModel,
    Features,
    read_features,
    weigh_features,
)
from lucy.tools.categories.meaning import fit_meaning
from lucy.tools.categories.prior import TEMPER_POWER, estimate_prior
from lucy.tools.topics.features import FIT_LIMIT, TextSpace, fit_space, normalize_rows
from lucy.tools.topics.tree import TopicTree, iterate, leaves
from lucy.tools.vocabulary import Progress, ignore_progress

SHARES = (0.25, 0.4, 0.55, 0.7, 0.8)
"""Share of the records learnt from in each round of self-training; the first are few and sure."""

_EVENNESS = 0.5
"""Power of a topic's number of records that gives its part of the seeds: 1 is proportional, 0 even.

Even seeds are best for even data and wrong for imbalanced data, proportional ones let the largest topics grow
over their neighbours; the square root was best or near it on eighteen even and imbalanced cases.
"""

_FEWEST_SEEDS = 3


def fit_categories(
    ids: Sequence[str],
    texts: Sequence[str],
    tree: TopicTree,
    *,
    seed: int = 0,
    progress: Progress = ignore_progress,
) -> CategoryModel:
    """Learn the topics from a dataset; `FIT_LIMIT` of its records at most, and the topics' examples.

    The caller drops what all texts repeat (`drop_boilerplate`), here and before sorting by the model.
    """
    rows = _choose_rows(ids, tree, seed)
    sample = [texts[row] for row in rows]
    # A topic may hold most of the records: the word that names it must not be left out for being common.
    space = fit_space(sample, common=1.0, seed=seed)
    meaning = fit_meaning(sample)
    anchors = place_anchors(tree, space, meaning)
    known = {ids[row] for row in rows}
    model = CategoryModel(
        topic_ids=tuple(topic.id for topic in leaves(tree)),
        space=space,
        meaning=meaning,
        anchors=anchors,
        examples=None,
        is_comparable=_find_comparable(space, tree, known),
    )
    features = read_features(model, sample)
    names = anchors.meanings[anchors.starts]
    is_english = np.mean(np.any(features.meanings != 0, axis=1)) > 0.5
    model = replace(
        model,
        is_comparable=model.is_comparable | (is_english & np.any(names != 0, axis=1)),
        examples=_place_examples(tree, [ids[row] for row in rows], features.joined, model),
    )
    return _train(model, features, progress)


def _choose_rows(ids: Sequence[str], tree: TopicTree, seed: int) -> list[int]:
    """Give the rows to fit on: the topics' examples, and others by chance."""
    if len(ids) <= FIT_LIMIT:
        return list(range(len(ids)))
    wanted = {example for topic in iterate(tree) for example in topic.examples}
    known = [row for row, record_id in enumerate(ids) if record_id in wanted]
    chosen = np.random.default_rng(seed).choice(len(ids), FIT_LIMIT, replace=False).tolist()
    return sorted({*known, *chosen})


def _find_comparable(space: TextSpace, tree: TopicTree, known: set[str]) -> NDArray[np.bool_]:
    """Tell for each leaf whether the data has an example or a word of it.

    Pieces of words alone are chance in a language with spaces; a name in another script has nothing else.
    """
    result: list[bool] = []
    for topic in leaves(tree):
        words = space.words.transform([f"{topic.name}\n{' '.join(topic.keywords)}"]).nnz > 0
        result.append(words or not topic.name.isascii() or any(one in known for one in topic.examples))
    return np.array(result, dtype=np.bool_)


def _place_examples(
    tree: TopicTree, ids: Sequence[str], features: NDArray[np.float64], model: CategoryModel
) -> NDArray[np.float64] | None:
    """Give the mean of each topic's examples, or the place of its words where others have examples."""
    places = {record_id: row for row, record_id in enumerate(ids)}
    starts = model.anchors.starts
    result = np.hstack([model.anchors.points[starts], model.anchors.meanings[starts]])
    has_any = False
    for number, topic in enumerate(leaves(tree)):
        rows = [places[example] for example in topic.examples if example in places]
        if rows:
            result[number] = features[rows].mean(axis=0)
            has_any = True
    return normalize_rows(result) if has_any else None


def _train(model: CategoryModel, features: Features, progress: Progress) -> CategoryModel:
    """Self-train: learn from the surest, judge all, learn from more (Yarowsky 1995)."""
    evidence = weigh_features(model, features)
    for turn, share in enumerate(SHARES):
        progress("Learning topics", turn, len(SHARES))
        seeds, labels = _choose_seeds(evidence.posterior, share)
        if len(set(labels.tolist())) < 2:
            break
        model = replace(model, classifier=_fit_classifier(features.joined[seeds], labels))
        evidence = weigh_features(model, features)
    best: NDArray[np.intp] = evidence.posterior.argmax(axis=1)
    coherence = measure_coherence(features.joined, best, len(model.topic_ids))
    prior = estimate_prior(evidence.posterior, coherence**TEMPER_POWER)
    return replace(model, coherence=coherence, prior=prior)


def _choose_seeds(posterior: NDArray[np.float64], share: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Give the surest records of each topic, about a share of all, larger topics less than in proportion."""
    labels = posterior.argmax(axis=1)
    sizes = np.bincount(labels, minlength=posterior.shape[1]) ** _EVENNESS
    quotas = np.maximum(_FEWEST_SEEDS, share * len(labels) * sizes / sizes.sum()).astype(int)
    chosen: list[int] = []
    for topic, quota in enumerate(quotas.tolist()):
        rows = np.flatnonzero(labels == topic)
        chosen.extend(rows[np.argsort(-posterior[rows, topic], kind="stable")][:quota].tolist())
    seeds = np.array(sorted(chosen), dtype=np.intp)
    return seeds, labels[seeds]


def _fit_classifier(features: NDArray[np.float64], labels: NDArray[np.intp]) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=10, max_iter=1000, tol=3e-3).fit(features, labels)
