"""Sort records into the leaf topics of a tree, with a confidence that means something."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lucy.errors import InputError
from lucy.tools.topics.features import FIT_LIMIT, TextSpace, fit_space, normalize_rows
from lucy.tools.topics.tree import TopicTree, iterate, iterate_paths
from lucy.tools.topics.words import drop_boilerplate, find_action, find_stem, split_words
from lucy.tools.vocabulary import Assignment, Progress, Topic, ignore_progress

THRESHOLD = 0.7
"""Confidence from which an assignment needs no review."""

FLOOR = 0.25
"""Confidence below which a record is left uncategorized: more likely wrong than not, by far."""

ROUNDS = 5
"""Rounds of self-training; the first seeds are few and sure, each round takes in more."""

_SHARPNESS = 12.0
"""Turns cosines into the first guess at probabilities; half of it weighs the words in later rounds."""

_OTHER_WORDS = 0.4
"""Weight of a topic's keywords, description and synonyms against its name."""

_NEVER = -9.0
"""Score of a topic that cannot be compared with; cosines lie between -1 and 1."""

_FEWEST_SEEDS = 3
_BATCH = 2000
_SMALLEST = 1e-4


class _Calibration(NamedTuple):
    """Logistic model of being right, see `benchmarks/topics_quality.py --calibrate`."""

    constant: float
    posterior: float
    """Per logit of the topic's probability."""
    agreement: float
    """Per share of the dataset's records whose topic by words alone is the final one."""
    topics: float
    """Per natural logarithm of the number of leaves."""


_CALIBRATION = _Calibration(constant=-4.49, posterior=0.368, agreement=5.87, topics=-0.594)


def categorize(
    ids: Sequence[str],
    texts: Sequence[str],
    tree: TopicTree,
    *,
    threshold: float = THRESHOLD,
    seed: int = 0,
    progress: Progress = ignore_progress,
) -> list[Assignment]:
    """Give each record the leaf topic it fits best, in the order of `ids`.

    Words first: a record is compared with each topic's name, keywords, description and path, and with the
    topic's example records where the tree has some. Then self-training (Yarowsky 1995): a logistic
    regression learns from the surest records of each topic, and its view joins that of the words. The
    confidence is calibrated by a logistic model of being right, fitted on four public labelled sets of chats
    and short requests. On two of them its expected calibration error is 0.05 (3,100 requests) and 0.18 (597
    dialogues, where it is too modest); on data that it was not fitted on, expect 0.16 to 0.26.

    `method` is `keyword` where the words alone gave the same topic, else `embedding`. A record below
    `FLOOR`, or without a known word, gets no topic. `threshold` only has to be a number from 0 to 1: every
    assignment is returned, `summarize_categories` counts those below it.

    Raises:
        InputError: Not as many ids as texts, an empty tree, or a threshold outside 0 to 1.
    """
    if len(ids) != len(texts):
        raise InputError(f"Records need as many ids as texts; got {len(ids)} and {len(texts)}.")
    if not 0 <= threshold <= 1:
        raise InputError(f"The threshold is {threshold}, expected a number from 0 to 1, such as {THRESHOLD}.")
    if not tree.roots:
        raise InputError("The topic tree is empty; make topics before sorting records into them.")
    if not texts:
        return []
    model = fit_categories(ids, texts, tree, seed=seed, progress=progress)
    return _assign_all(ids, texts, model, progress)


@dataclass(frozen=True, slots=True)
class CategoryModel:
    """What was learnt about the topics of one tree from one dataset."""

    topic_ids: tuple[str, ...]
    space: TextSpace
    names: Any
    """Sparse rows of length 1, one per topic: its words."""
    prototypes: NDArray[np.float64]
    """Topics x dimensions: place of its words."""
    examples: NDArray[np.float64]
    """Topics x dimensions: place of its example records, or of its words where it has none."""
    is_comparable: NDArray[np.bool_]
    """Whether the data says anything of each topic."""
    classifier: Any
    """Logistic regression, None for fewer than two topics with records."""
    agreement: float
    """Share of the records fitted on whose topic by words alone is the final one."""


class Evidence(NamedTuple):
    """What speaks for which topic, per record."""

    by_words: NDArray[np.float64]
    """Records x topics: similarity to the topic's words and examples."""
    posterior: NDArray[np.float64]
    """Records x topics, rows sum to 1: probability before calibration."""
    is_known: NDArray[np.bool_]
    """False for a record without a known word."""


def fit_categories(
    ids: Sequence[str],
    texts: Sequence[str],
    tree: TopicTree,
    *,
    seed: int = 0,
    progress: Progress = ignore_progress,
) -> CategoryModel:
    """Learn the topics from a dataset; at most `FIT_LIMIT` of its records are used."""
    rows = _choose_rows(ids, tree, seed)
    sample = drop_boilerplate([texts[row] for row in rows])
    # A topic may hold most of the records: the word that names it must not be left out for being common.
    space = fit_space(sample, common=1.0, seed=seed)
    points = space.place(sample)
    names = _weigh_queries(space, tree)
    prototypes = space.reduce(names)
    model = CategoryModel(
        topic_ids=tuple(topic.id for topic in _list_leaves(tree)),
        space=space,
        names=_normalize_sparse(names),
        prototypes=prototypes,
        examples=_place_examples(tree, [ids[row] for row in rows], points, prototypes),
        is_comparable=_find_comparable(space, tree, {ids[row] for row in rows}),
        classifier=None,
        agreement=1.0,
    )
    return _train(model, sample, points, progress)


def _choose_rows(ids: Sequence[str], tree: TopicTree, seed: int) -> list[int]:
    """Give the rows to fit on: the topics' examples, and others by chance."""
    if len(ids) <= FIT_LIMIT:
        return list(range(len(ids)))
    wanted = {example for topic in iterate(tree) for example in topic.examples}
    known = [row for row, record_id in enumerate(ids) if record_id in wanted]
    chosen = np.random.default_rng(seed).choice(len(ids), FIT_LIMIT, replace=False).tolist()
    return sorted({*known, *chosen})


def _list_leaves(tree: TopicTree) -> list[Topic]:
    return [topic for topic in iterate(tree) if not topic.children]


def _weigh_queries(space: TextSpace, tree: TopicTree) -> Any:
    """Weigh for each leaf what to look for: its name counts in full, all that explains it by a part."""
    names: list[str] = []
    others: list[str] = []
    for topic, path in iterate_paths(tree):
        if topic.children:
            continue
        actions = [find_action(find_stem(word)) for word in split_words(topic.name)]
        synonyms = " ".join(" ".join(action.words) for action in actions if action)
        above = path.removesuffix(topic.name).replace("/", " ")
        names.append(topic.name)
        others.append(f"{synonyms}\n{' '.join(topic.keywords)}\n{topic.description}\n{above}")
    return _normalize_sparse(space.weigh(names)) + _OTHER_WORDS * _normalize_sparse(space.weigh(others))


def _find_comparable(space: TextSpace, tree: TopicTree, known: set[str]) -> NDArray[np.bool_]:
    """Tell for each leaf whether the data has an example or a word of it.

    Pieces of words alone are chance in a language with spaces; a name in another script has nothing else.
    """
    result: list[bool] = []
    for topic in _list_leaves(tree):
        words = space.words.transform([f"{topic.name}\n{' '.join(topic.keywords)}"]).nnz > 0
        result.append(words or not topic.name.isascii() or any(one in known for one in topic.examples))
    return np.array(result, dtype=np.bool_)


def _place_examples(
    tree: TopicTree, ids: Sequence[str], points: NDArray[np.float64], prototypes: NDArray[np.float64]
) -> NDArray[np.float64]:
    places = {record_id: row for row, record_id in enumerate(ids)}
    result = prototypes.copy()
    for number, topic in enumerate(_list_leaves(tree)):
        rows = [places[example] for example in topic.examples if example in places]
        if rows:
            result[number] = points[rows].mean(axis=0)
    return normalize_rows(result)


def _normalize_sparse(rows: Any) -> Any:
    from sklearn.preprocessing import normalize

    return normalize(rows)


def _compare_words(model: CategoryModel, rows: Any, points: NDArray[np.float64]) -> NDArray[np.float64]:
    shared: NDArray[np.float64] = np.asarray(
        (_normalize_sparse(rows) @ model.names.T).todense(), dtype=np.float64
    )
    near = points @ model.prototypes.T
    like_examples = points @ model.examples.T if not np.array_equal(model.examples, model.prototypes) else 0.0
    scores: NDArray[np.float64] = near + 0.5 * shared + like_examples
    # A topic none of whose words occur in the data has nothing to compare with, and gets nothing.
    scores[:, ~model.is_comparable] = _NEVER
    return scores


def _soften(scores: NDArray[np.float64], sharpness: float) -> NDArray[np.float64]:
    raised = np.exp(sharpness * (scores - scores.max(axis=1, keepdims=True)))
    return raised / raised.sum(axis=1, keepdims=True)


def _train(
    model: CategoryModel, sample: Sequence[str], points: NDArray[np.float64], progress: Progress
) -> CategoryModel:
    """Self-train on the sample: learn from the surest, judge all, learn from more."""
    by_words = _compare_words(model, model.space.weigh(sample), points)
    posterior = _soften(by_words, _SHARPNESS)
    classifier: Any = None
    for turn in range(ROUNDS):
        progress("Learning topics", turn, ROUNDS)
        seeds, labels = _choose_seeds(posterior, 0.25 * (1 + turn))
        if len(set(labels.tolist())) < 2:
            break
        classifier = _fit_classifier(points[seeds], labels)
        posterior = _join_views(by_words, _predict(classifier, points, by_words.shape[1]))
    agreement = float(np.mean(by_words.argmax(axis=1) == posterior.argmax(axis=1)))
    return CategoryModel(
        topic_ids=model.topic_ids,
        space=model.space,
        names=model.names,
        prototypes=model.prototypes,
        examples=model.examples,
        is_comparable=model.is_comparable,
        classifier=classifier,
        agreement=agreement,
    )


def _choose_seeds(posterior: NDArray[np.float64], share: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Give the surest records of each topic: a share of an even split, at least `_FEWEST_SEEDS`."""
    count, topics = posterior.shape
    labels = posterior.argmax(axis=1)
    quota = max(_FEWEST_SEEDS, int(share * count / topics))
    chosen: list[int] = []
    for topic in range(topics):
        rows = np.flatnonzero(labels == topic)
        chosen.extend(rows[np.argsort(-posterior[rows, topic], kind="stable")][:quota].tolist())
    seeds = np.array(sorted(chosen), dtype=np.intp)
    return seeds, labels[seeds]


def _fit_classifier(points: NDArray[np.float64], labels: NDArray[np.intp]) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=10, max_iter=500).fit(points, labels)


def _predict(classifier: Any, points: NDArray[np.float64], topics: int) -> NDArray[np.float64]:
    """Give the classifier's probabilities for all topics, also for those it has seen no record of."""
    result = np.full((len(points), topics), 1e-6)
    result[:, classifier.classes_] = classifier.predict_proba(points)
    return result


def _join_views(by_words: NDArray[np.float64], learnt: NDArray[np.float64]) -> NDArray[np.float64]:
    joined = learnt * _soften(by_words, _SHARPNESS / 2)
    return joined / joined.sum(axis=1, keepdims=True)


def weigh_evidence(model: CategoryModel, texts: Sequence[str]) -> Evidence:
    """Compare texts with every topic."""
    rows = model.space.weigh(texts)
    points = model.space.place(texts)
    by_words = _compare_words(model, rows, points)
    posterior = _soften(by_words, _SHARPNESS)
    if model.classifier is not None:
        posterior = _join_views(by_words, _predict(model.classifier, points, by_words.shape[1]))
    return Evidence(by_words, posterior, np.abs(points).sum(axis=1) > 0)


def measure_signals(model: CategoryModel, evidence: Evidence) -> NDArray[np.float64]:
    """Give what the confidence is computed from: records x (logit, agreement, logarithm of topics)."""
    best = np.clip(evidence.posterior.max(axis=1), _SMALLEST, 1 - _SMALLEST)
    same = np.ones(len(best))
    return np.stack(
        [np.log(best / (1 - best)), model.agreement * same, np.log(len(model.topic_ids)) * same], axis=1
    )


def _calibrate(signals: NDArray[np.float64]) -> NDArray[np.float64]:
    total = _CALIBRATION.constant + signals @ np.array(_CALIBRATION[1:])
    return 1 / (1 + np.exp(-total))


def _assign_all(
    ids: Sequence[str], texts: Sequence[str], model: CategoryModel, progress: Progress
) -> list[Assignment]:
    result: list[Assignment] = []
    for start in range(0, len(texts), _BATCH):
        progress("Sorting records", start, len(texts))
        evidence = weigh_evidence(model, texts[start : start + _BATCH])
        confidence = _calibrate(measure_signals(model, evidence))
        best, plain = evidence.posterior.argmax(axis=1), evidence.by_words.argmax(axis=1)
        for row, record_id in enumerate(ids[start : start + _BATCH]):
            sure = float(confidence[row]) if evidence.is_known[row] else 0.0
            topic_id = model.topic_ids[best[row]] if sure >= FLOOR else None
            result.append(
                Assignment(record_id, topic_id, sure, "keyword" if plain[row] == best[row] else "embedding")
            )
    progress("Sorting records", len(texts), len(texts))
    return result
