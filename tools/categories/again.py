"""Sort records again after the topics, the records or the person's assignments have changed.

What the person assigned stays with its topic through renames, moves and merges. Every other record keeps its
topic as long as that exists, unless a topic that is new fits it better; only new records, and those whose
topic is gone or was split, are sorted afresh.

What the person assigned serves as examples of its topics. Measured on 3,000 public short requests of 75
intents, known by their names only: after the 20 least sure are assigned by hand, 0.749 instead of 0.746 of
the others are right, after 200 it is 0.80 instead of 0.77.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from lucy.errors import InputError
from lucy.tools.categories.sorting import THRESHOLD, categorize
from lucy.tools.topics.tree import TopicTree, find_topic, iterate, leaves, resolve_ids
from lucy.tools.vocabulary import Assignment, Progress, Topic, ignore_progress

CONTEXT = 3000
"""Known records, chosen by chance, that new ones are sorted among: a few new texts alone teach too little."""

MOST_EXAMPLES = 20
"""Records assigned by the person that serve as examples of one topic."""


class _Texts(NamedTuple):
    """The records to sort, and how."""

    ids: Sequence[str]
    texts: Sequence[str]
    threshold: float
    seed: int
    progress: Progress


@dataclass(frozen=True, slots=True)
class _Change:
    """What became of the topics."""

    tree: TopicTree
    leaf_ids: frozenset[str]
    added: frozenset[str]
    """Leaves that the former tree did not have, under this id or one that it absorbed."""
    present: Mapping[str, str]
    """Former leaf id to the id of its present topic, which may have sub-topics; those gone are missing."""


def categorize_again(
    ids: Sequence[str],
    texts: Sequence[str],
    tree: TopicTree,
    *,
    previous: Sequence[Assignment],
    previous_tree: TopicTree,
    threshold: float = THRESHOLD,
    seed: int = 0,
    progress: Progress = ignore_progress,
) -> list[Assignment]:
    """Give each record its topic in a changed tree, in the order of `ids`.

    A `manual` assignment stays while its topic exists, also where the topic was merged; "fits no topic" stays
    too. Where the topic was split, the record is sorted among the new sub-topics only, and is no longer
    `manual`: the person has not chosen among those. `generated` is treated the same way. A record that a
    model sorted moves to a new topic only with a confidence of the threshold or more. That a record's text
    was edited is not seen here: leave it out of `previous` to have it sorted afresh.

    Args:
        ids: The records now; new ones may be among them.
        texts: Their texts.
        tree: The topics now.
        previous: How records were sorted before; records that are gone are passed over.
        previous_tree: The topics that `previous` refers to.
        threshold: Confidence from which an assignment needs no review, 0 to 1.
        seed: For `categorize`.
        progress: Told the records done.

    Raises:
        InputError: Not as many ids as texts, an empty tree, or a threshold outside 0 to 1.
    """
    if len(ids) != len(texts):
        raise InputError(f"Records need as many ids as texts; got {len(ids)} and {len(texts)}.")
    records = _Texts(ids, texts, threshold, seed, progress)
    change = _compare_trees(tree, previous_tree, previous)
    change = replace(change, tree=_teach(tree, [_settle(one, change) or one for one in previous]))
    known = {one.record_id: one for one in previous if not _is_unsorted(one)}
    kept = {
        record_id: settled
        for record_id in ids
        if record_id in known and (settled := _settle(known[record_id], change)) is not None
    }
    fresh = _sort_fresh(records, change, known, kept)
    return [_decide(record_id, known.get(record_id), kept, fresh, records, change) for record_id in ids]


def sort_uncertain_again(
    ids: Sequence[str],
    texts: Sequence[str],
    tree: TopicTree,
    *,
    assignments: Sequence[Assignment],
    threshold: float = THRESHOLD,
    seed: int = 0,
    progress: Progress = ignore_progress,
) -> list[Assignment]:
    """Sort the uncertain records again with what the person assigned as examples; the others stay.

    An uncertain record, below the threshold or without a topic, takes its new assignment where that is surer.

    Args:
        ids: The records.
        texts: Their texts.
        tree: The topics.
        assignments: The topic of each record so far, in any order; theirs is kept.
        threshold: Confidence below which a record is uncertain, 0 to 1.
        seed: For `categorize`.
        progress: Told the records done.

    Raises:
        InputError: Not as many ids as texts, an empty tree, or a threshold outside 0 to 1.
    """
    taught = _teach(tree, assignments)
    found = {one.record_id: one for one in _sort(_Texts(ids, texts, threshold, seed, progress), taught)}
    return [
        found[one.record_id] if _is_uncertain(one, threshold) and _is_surer(found, one) else one
        for one in assignments
    ]


def _is_uncertain(one: Assignment, threshold: float) -> bool:
    return one.method in ("keyword", "embedding") and (one.confidence < threshold or one.topic_id is None)


def _is_surer(found: Mapping[str, Assignment], one: Assignment) -> bool:
    return one.record_id in found and found[one.record_id].confidence > one.confidence


def _teach(tree: TopicTree, assignments: Sequence[Assignment]) -> TopicTree:
    """Put what the person assigned before the examples of its topics."""
    taught: dict[str, list[str]] = {}
    for one in assignments:
        if one.method == "manual" and one.topic_id is not None:
            taught.setdefault(one.topic_id, []).append(one.record_id)

    def visit(topic: Topic) -> Topic:
        examples = (*taught.get(topic.id, [])[:MOST_EXAMPLES], *topic.examples)
        children = tuple(map(visit, topic.children))
        return topic.model_copy(update={"examples": tuple(dict.fromkeys(examples)), "children": children})

    return tree.model_copy(update={"roots": tuple(map(visit, tree.roots))}) if taught else tree


def _is_unsorted(one: Assignment) -> bool:
    """Tell whether a record was generated before there were topics."""
    return one.method == "generated" and one.topic_id is None


def _compare_trees(tree: TopicTree, before: TopicTree, previous: Sequence[Assignment]) -> _Change:
    former = {topic.id for topic in iterate(before)} | {one.topic_id for one in previous if one.topic_id}
    merged, all_ids = resolve_ids(tree), {topic.id for topic in iterate(tree)}
    present = {key: merged.get(key, key) for key in sorted(former) if merged.get(key, key) in all_ids}
    leaf_ids = frozenset(leaf.id for leaf in leaves(tree))
    return _Change(tree, leaf_ids, leaf_ids - set(present.values()), present)


def _settle(one: Assignment, change: _Change) -> Assignment | None:
    """Carry an assignment over to the present tree; None where its topic is gone or has sub-topics now."""
    if one.topic_id is None:
        return one
    topic_id = change.present.get(one.topic_id)
    return one._replace(topic_id=topic_id) if topic_id in change.leaf_ids else None


def _sort_fresh(
    records: _Texts, change: _Change, known: Mapping[str, Assignment], kept: Mapping[str, Assignment]
) -> dict[str, Assignment]:
    """Sort what needs it: the records of split topics below these, the others over the whole tree."""
    found = {one.record_id: one for one in _sort(_choose(records, change, known, kept), change.tree)}
    split: dict[str, list[str]] = {}
    for record_id in records.ids:
        parent = _find_split(known.get(record_id), change) if record_id not in kept else None
        if parent is not None:
            split.setdefault(parent, []).append(record_id)
    for parent, members in split.items():
        found.update(_sort_below(parent, members, records, change, known, found))
    return found


def _find_split(one: Assignment | None, change: _Change) -> str | None:
    """Give the topic with sub-topics that a record belongs below."""
    topic_id = change.present.get(one.topic_id) if one and one.topic_id else None
    return None if topic_id in change.leaf_ids else topic_id


def _choose(
    records: _Texts, change: _Change, known: Mapping[str, Assignment], kept: Mapping[str, Assignment]
) -> _Texts:
    """Choose what to sort over the whole tree: all when there are new topics, else the unsettled and some."""
    unsettled = {
        record_id
        for record_id in records.ids
        if record_id not in kept and not _find_split(known.get(record_id), change)
    }
    if change.added:
        return records
    if not unsettled:
        return _take(records, ())
    others = [record_id for record_id in records.ids if record_id not in unsettled]
    size = min(CONTEXT, len(others))
    places = (
        np.random.default_rng(records.seed).choice(len(others), size, replace=False).tolist() if size else []
    )
    typical = {example for topic in iterate(change.tree) for example in topic.examples}
    return _take(records, {*unsettled, *typical, *(others[place] for place in places)})


def _take(records: _Texts, wanted: Collection[str]) -> _Texts:
    pairs = [pair for pair in zip(records.ids, records.texts, strict=True) if pair[0] in wanted]
    return records._replace(ids=[pair[0] for pair in pairs], texts=[pair[1] for pair in pairs])


def _sort(records: _Texts, tree: TopicTree) -> Iterable[Assignment]:
    if not records.ids:
        return []
    return categorize(
        records.ids,
        records.texts,
        tree,
        threshold=records.threshold,
        seed=records.seed,
        progress=records.progress,
    )


def _sort_below(
    parent: str,
    members: Sequence[str],
    records: _Texts,
    change: _Change,
    known: Mapping[str, Assignment],
    found: Mapping[str, Assignment],
) -> dict[str, Assignment]:
    """Sort the records of a split topic among its sub-topics.

    The confidence is that of the former topic times that of the sub-topic: both have to be right. A record
    that the whole tree already puts below the parent, or into another new topic, stays there, unless the
    person or a generation had put it into the parent.
    """
    topic = find_topic(change.tree, parent)
    below = TopicTree(roots=topic.children if topic else ())
    inside = {leaf.id for leaf in leaves(below)}
    result: dict[str, Assignment] = {}
    for one in _sort(_take(records, set(members)), below):
        before, wide = known[one.record_id], found.get(one.record_id)
        is_bound = before.method in ("manual", "generated")
        if wide and (wide.topic_id in inside or (wide.topic_id in change.added and not is_bound)):
            result[one.record_id] = wide
        else:
            result[one.record_id] = one._replace(confidence=one.confidence * before.confidence)
    return result


def _decide(
    record_id: str,
    before: Assignment | None,
    kept: Mapping[str, Assignment],
    fresh: Mapping[str, Assignment],
    records: _Texts,
    change: _Change,
) -> Assignment:
    stays, now = kept.get(record_id), fresh.get(record_id)
    if stays is None:
        # Only what was sorted afresh is not kept.
        return fresh[record_id]
    if before is None or now is None or stays.method in ("manual", "generated"):
        return stays
    if stays.topic_id is None:
        return now if now.topic_id and change.added else stays
    is_sure = stays.method != "model" or now.confidence >= records.threshold
    return now if now.topic_id in change.added and is_sure else stays
