"""Sort records into the leaf topics of a tree, with a confidence that means something."""

from collections.abc import Sequence

import numpy as np

from lucy.errors import InputError
from lucy.tools.categories.calibration import compute_confidence, measure_signals
from lucy.tools.categories.evidence import CategoryModel, weigh_evidence
from lucy.tools.categories.model import fit_categories
from lucy.tools.topics.tree import TopicTree
from lucy.tools.topics.words import drop_boilerplate
from lucy.tools.vocabulary import Assignment, Progress, ignore_progress

THRESHOLD = 0.7
"""Confidence from which an assignment needs no review."""

FLOOR = 0.15
"""Confidence below which a record is left uncategorized: hardly better than a guess among a few topics."""

_BATCH = 2000


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

    Names first: a record is compared with each topic's name, keywords, description and path, by words and by
    meaning (English word vectors that come with Lucy), and with the topic's example records, if it has any.
    Then self-training (Yarowsky 1995): a logistic regression learns from the surest records of each topic,
    and its view joins the first. Last, how common each topic is in the data decides unclear records. The
    confidence is calibrated, see `calibration.py`.

    With the label names of public sets as the tree, 0.73 of 3,000 requests get the right one of 75 intents,
    and 0.93 of 597 dialogues the right one of 18 tasks; of 248 finance chats in the finance template it is
    0.52. Languages other than English are compared by shared words alone.

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
    texts = drop_boilerplate(texts)
    model = fit_categories(ids, texts, tree, seed=seed, progress=progress)
    result: list[Assignment] = []
    for start in range(0, len(texts), _BATCH):
        progress("Sorting records", start, len(texts))
        result.extend(
            assign_records(model, ids[start : start + _BATCH], texts[start : start + _BATCH], floor=FLOOR)
        )
    progress("Sorting records", len(texts), len(texts))
    return result


def assign_records(
    model: CategoryModel, ids: Sequence[str], texts: Sequence[str], *, floor: float = FLOOR
) -> list[Assignment]:
    """Give records their topics by a model that is already fitted; in order."""
    evidence = weigh_evidence(model, texts)
    measured = compute_confidence(measure_signals(evidence, texts, model.coherence))
    confidence = np.where(evidence.is_known, measured, 0.0)
    best, plain = evidence.posterior.argmax(axis=1), evidence.by_words.argmax(axis=1)
    return [
        Assignment(
            record_id,
            model.topic_ids[best[row]] if confidence[row] >= floor else None,
            float(confidence[row]),
            "keyword" if plain[row] == best[row] else "embedding",
        )
        for row, record_id in enumerate(ids)
    ]
