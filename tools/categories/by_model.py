"""Let a language model sort the records that the offline sorting is unsure of.

Only those go to the model, several per call. What the person assigned and what was generated for its topic
never does. A call that fails leaves its records as they were sorted offline.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from lucy.errors import InputError
from lucy.tools.calls.door import Door, Estimate, Request
from lucy.tools.calls.prompts import render
from lucy.tools.topics.tree import TopicTree, iterate_paths
from lucy.tools.vocabulary import Assignment, Progress, ignore_progress

logger = logging.getLogger(__name__)

PROMPT = Path(__file__).with_name("prompts") / "sort_records.md"
BATCH = 10
"""Records per call: fewer repeat the list of topics too often, more are answered with less care."""
EXCERPT = 1200
"""Characters of a record that the model is shown."""
DESCRIPTION = 160
"""Characters of a topic's description that the model is shown."""
TOKENS_PER_RECORD = 20
"""About what the answer for one record takes, in tokens."""
TOKENS_PER_CALL = 15

Stated = Literal["high", "medium", "low"]

_STATED: Mapping[Stated, float] = {"high": 0.85, "medium": 0.65, "low": 0.4}
"""Confidence that a stated one stands for, before the offline guess is heard; chosen, not fitted."""
_WEIGHT = 0.5
"""How much the offline guess counts, 0 to 1."""


class _Choice(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    record: int
    topic: int
    """0 is none."""
    confidence: Stated


class Choices(BaseModel):
    """The model's answer for the records of one call."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    records: list[_Choice]


class _Batch(NamedTuple):
    """Records of one call, numbered from 1 in this order."""

    record_ids: tuple[str, ...]
    request: Request


def sort_uncertain(
    ids: Sequence[str],
    texts: Sequence[str],
    assignments: Sequence[Assignment],
    tree: TopicTree,
    door: Door,
    *,
    threshold: float,
    progress: Progress = ignore_progress,
) -> list[Assignment]:
    """Ask the model for the topics of the uncertain records; all other assignments stay as they are.

    The confidence joins what the model states with the offline guess, see `weigh_choice`. A record of a
    failed call, or one that the answer leaves out or gives a number that does not exist, keeps its offline
    assignment; `count_unanswered` counts those.

    Args:
        ids: The records.
        texts: Their texts.
        assignments: The topic of each record so far; their order is kept.
        tree: The topics.
        door: The way to the model.
        threshold: Confidence below which a record is uncertain, 0 to 1.
        progress: Told the calls done.

    Raises:
        InputError: Not as many ids as texts, or an empty tree.
    """
    batches = _make_batches(ids, texts, assignments, tree, threshold)
    answers = door.ask_many(
        [batch.request for batch in batches], Choices, progress=progress, label="Sorting uncertain records"
    )
    leaf_ids = [leaf_id for leaf_id, _ in _list_topics(tree)]
    chosen: dict[str, tuple[str | None, Stated]] = {}
    for batch, answer in zip(batches, answers, strict=True):
        if answer.value is not None:
            chosen |= _read_choices(answer.value, batch.record_ids, leaf_ids)
    failed = sum(answer.value is None for answer in answers)
    if failed:
        logger.warning("%d of %d calls to sort records failed", failed, len(answers))
    return [_join(one, *chosen[one.record_id]) if one.record_id in chosen else one for one in assignments]


def estimate_uncertain(
    ids: Sequence[str],
    texts: Sequence[str],
    assignments: Sequence[Assignment],
    tree: TopicTree,
    door: Door,
    *,
    threshold: float,
) -> Estimate:
    """Estimate what `sort_uncertain` would take; nothing is asked."""
    batches = _make_batches(ids, texts, assignments, tree, threshold)
    return door.estimate(
        [batch.request for batch in batches],
        completion_tokens=TOKENS_PER_CALL + BATCH * TOKENS_PER_RECORD,
        schema=Choices,
    )


def list_uncertain(assignments: Sequence[Assignment], threshold: float) -> list[str]:
    """Give the records that would go to a model: below the threshold or without a topic, and not settled."""
    return [
        one.record_id
        for one in assignments
        if one.method in ("keyword", "embedding") and (one.confidence < threshold or one.topic_id is None)
    ]


def count_unanswered(before: Sequence[Assignment], after: Sequence[Assignment], threshold: float) -> int:
    """Count the uncertain records that the model gave no usable answer for."""
    methods = {one.record_id: one.method for one in after}
    return sum(methods.get(record_id) != "model" for record_id in list_uncertain(before, threshold))


def weigh_choice(stated: Stated, offline: float, *, agrees: bool) -> float:
    """Give the confidence in a model's choice, 0 to 1.

    A stated confidence stands for m = 0.85, 0.65 or 0.4 (models overstate theirs). Where the offline sorting
    chose the same, half of its confidence c counts for it: m + (1 - m) c / 2. Where it chose otherwise, half
    counts against: m (1 - c / 2). So two that disagree, with the offline one fairly sure, stay below 0.7 and
    are listed for review. The numbers are chosen and not fitted to labelled answers of any model.
    """
    heard = _WEIGHT * offline
    return _STATED[stated] + (1 - _STATED[stated]) * heard if agrees else _STATED[stated] * (1 - heard)


def _join(one: Assignment, topic_id: str | None, stated: Stated) -> Assignment:
    confidence = weigh_choice(stated, one.confidence, agrees=topic_id == one.topic_id)
    return Assignment(one.record_id, topic_id, confidence, "model")


def _make_batches(
    ids: Sequence[str],
    texts: Sequence[str],
    assignments: Sequence[Assignment],
    tree: TopicTree,
    threshold: float,
) -> list[_Batch]:
    if len(ids) != len(texts):
        raise InputError(f"Records need as many ids as texts; got {len(ids)} and {len(texts)}.")
    if not tree.roots:
        raise InputError("The topic tree is empty; make topics before sorting records into them.")
    found = dict(zip(ids, texts, strict=True))
    uncertain = [record_id for record_id in list_uncertain(assignments, threshold) if record_id in found]
    topics = "\n".join(f"{number}. {line}" for number, (_, line) in enumerate(_list_topics(tree), 1))
    return [
        _make_batch(uncertain[start : start + BATCH], found, topics)
        for start in range(0, len(uncertain), BATCH)
    ]


def _make_batch(record_ids: Sequence[str], texts: Mapping[str, str], topics: str) -> _Batch:
    # As JSON no text can pretend to be the end of its record, or another one.
    records = "\n".join(
        f"{number}. {json.dumps(' '.join(texts[record_id].split())[:EXCERPT], ensure_ascii=False)}"
        for number, record_id in enumerate(record_ids, 1)
    )
    return _Batch(tuple(record_ids), Request(prompt=render(PROMPT, topics=topics, records=records)))


def _list_topics(tree: TopicTree) -> list[tuple[str, str]]:
    """Give each leaf's id and the line that the model is shown of it."""
    lines: list[tuple[str, str]] = []
    for topic, path in iterate_paths(tree):
        if topic.children:
            continue
        about = " ".join(topic.description.split())[:DESCRIPTION] or ", ".join(topic.keywords[:6])
        lines.append((topic.id, f"{path}: {about}" if about else path))
    return lines


def _read_choices(
    value: Choices, record_ids: Sequence[str], leaf_ids: Sequence[str]
) -> dict[str, tuple[str | None, Stated]]:
    """Read the usable choices: a known record, the first time it is named, with a known topic or none."""
    found: dict[str, tuple[str | None, Stated]] = {}
    for choice in value.records:
        if not (1 <= choice.record <= len(record_ids) and 0 <= choice.topic <= len(leaf_ids)):
            continue
        topic_id = leaf_ids[choice.topic - 1] if choice.topic else None
        found.setdefault(record_ids[choice.record - 1], (topic_id, choice.confidence))
    return found
