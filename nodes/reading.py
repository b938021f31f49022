"""Read what the current references of a workflow stand for."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from lucy.errors import NotFoundError
from lucy.graph.state import FinetuneWorkflowState
from lucy.nodes.step import get_workflow_id
from lucy.tools.store.artefacts import get_artefact, read_assignments
from lucy.tools.store.datasets import Dataset, get_dataset, read_records
from lucy.tools.topics.tree import TopicTree, iterate, resolve_ids
from lucy.tools.vocabulary import Assignment, Record, read_user_text
from lucy.tools.workbench import Workbench


def has_artefact(state: FinetuneWorkflowState, kind: str) -> bool:
    """Tell whether the workflow has an artefact of this kind now."""
    return kind in (state.get("artefacts") or {})


def read_artefact(state: FinetuneWorkflowState, bench: Workbench, kind: str) -> dict[str, Any]:
    """Read the current artefact of a kind.

    Raises:
        NotFoundError: there is none yet.
    """
    ref = (state.get("artefacts") or {}).get(kind)
    if ref is None:
        raise NotFoundError(f"This workflow has no {kind} yet.")
    return get_artefact(bench.store, get_workflow_id(state), kind, ref["revision"])


def read_dataset(state: FinetuneWorkflowState, bench: Workbench) -> Dataset:
    """Read the dataset's row: name, source and hygiene report."""
    return get_dataset(bench.store, state.get("dataset_id") or "")


def read_batches(state: FinetuneWorkflowState, bench: Workbench) -> list[str]:
    """Read the ids of the generated batches that belong to the records now."""
    return read_artefact(state, bench, "dataset")["batches"] if has_artefact(state, "dataset") else []


def read_edits(state: FinetuneWorkflowState, bench: Workbench) -> list[str]:
    """Read the ids of the edits that hold now: records changed or left out by the person."""
    return read_artefact(state, bench, "dataset").get("edits", []) if has_artefact(state, "dataset") else []


def read_current_records(state: FinetuneWorkflowState, bench: Workbench) -> list[Record]:
    """Read the imported records and the current generated ones, as edited."""
    batches, edits = read_batches(state, bench), read_edits(state, bench)
    return read_records(bench.store, state.get("dataset_id") or "", batches, edits)


class Texts(NamedTuple):
    """The current records as topics and categories see them, in the same order."""

    ids: list[str]
    texts: list[str]
    """What the person says in each."""


def read_texts(state: FinetuneWorkflowState, bench: Workbench) -> Texts:
    """Read the ids and the user texts of the current records."""
    records = read_current_records(state, bench)
    return Texts([record.id for record in records], [read_user_text(record) for record in records])


def read_tree(state: FinetuneWorkflowState, bench: Workbench) -> TopicTree:
    """Read the current topic tree."""
    return TopicTree.model_validate(read_artefact(state, bench, "topics")["tree"])


def read_older_tree(state: FinetuneWorkflowState, bench: Workbench, revision: int) -> TopicTree:
    """Read an earlier revision of the topic tree."""
    body = get_artefact(bench.store, get_workflow_id(state), "topics", revision)
    return TopicTree.model_validate(body["tree"])


def read_topics(state: FinetuneWorkflowState, bench: Workbench, records: list[Record]) -> list[Assignment]:
    """Give the topic of each record: as categorized, or as it was generated for.

    A record that was generated before there were topics, or for a topic that is gone, has none.
    """
    found = {one.record_id: one for one in _read_categories(state, bench)}
    tree = read_tree(state, bench)
    present = {topic.id: topic.id for topic in iterate(tree)} | resolve_ids(tree)
    return [found.get(record.id) or _assign_generated(record, present) for record in records]


def _read_categories(state: FinetuneWorkflowState, bench: Workbench) -> list[Assignment]:
    ref = (state.get("artefacts") or {}).get("categories")
    return read_assignments(bench.store, get_workflow_id(state), ref["revision"]) if ref else []


def _assign_generated(record: Record, present: Mapping[str, str]) -> Assignment:
    topic_id = present.get(str(record.origin.get("topic_id")))
    return Assignment(record.id, topic_id, 1.0 if topic_id else 0.0, "generated")
