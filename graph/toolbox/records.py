"""Read and correct records for a tool call."""

from typing import Any

from lucy.errors import InputError
from lucy.graph.runs import Runs
from lucy.graph.state import FinetuneWorkflowState
from lucy.graph.toolbox.arguments import GetDatasetRecords, OfWorkflow, UpdateRecord, ValidateRecords
from lucy.graph.toolbox.calls import approve, change, find_id, find_named
from lucy.nodes.reading import (
    has_artefact,
    read_batches,
    read_current_records,
    read_dataset,
    read_topics,
    read_tree,
)
from lucy.tools.records.hygiene import examine
from lucy.tools.records.validation import Limits
from lucy.tools.store.generation import read_generations
from lucy.tools.topics.tree import TopicTree, find_topic, iterate, path_of
from lucy.tools.vocabulary import Assignment, Record


def validate_records(runs: Runs, given: ValidateRecords) -> dict[str, Any]:
    """Give the hygiene report of a workflow's records, or of records that are handed in."""
    if given.records:
        settings = runs.bench.settings
        limits = Limits(min_user_chars=settings.min_user_chars, max_tokens=settings.max_tokens)
        return examine(given.records, limits=limits).report.model_dump(mode="json")
    if not given.workflow_id:
        raise InputError("There is nothing to validate; give a workflow_id or records.")
    return read_dataset(_read_state(runs, given.workflow_id), runs.bench).report


def get_dataset_records(runs: Runs, given: GetDatasetRecords) -> dict[str, Any]:
    """Give a page of the records as they are now."""
    state = _read_state(runs, given.workflow_id)
    records = read_current_records(state, runs.bench)
    topics = _read_topics(state, runs, records)
    tree = read_tree(state, runs.bench) if has_artefact(state, "topics") else TopicTree(roots=())
    wanted = _find_ids(tree, given.topic) if given.topic else None
    chosen = [
        record
        for record in records
        if (given.synthetic is None or record.is_synthetic == given.synthetic)
        and (wanted is None or (topics.get(record.id) and topics[record.id].topic_id in wanted))
    ]
    page = chosen[given.offset : given.offset + given.limit]
    return {
        "total": len(chosen),
        "records": [_describe(record, topics.get(record.id), tree) for record in page],
    }


def _read_state(runs: Runs, start: str) -> FinetuneWorkflowState:
    """Give the state of a workflow that has records.

    Raises:
        InputError: it has none yet.
    """
    state = runs.read_state(find_id(runs, start))
    if not state.get("dataset_id"):
        raise InputError(f"The workflow {start!r} has no records yet; answer its open question first.")
    return state


def _read_topics(state: FinetuneWorkflowState, runs: Runs, records: list[Record]) -> dict[str, Assignment]:
    if not has_artefact(state, "topics"):
        return {}
    return {one.record_id: one for one in read_topics(state, runs.bench, records)}


def _find_ids(tree: TopicTree, word: str) -> set[str]:
    return {one.id for one in iterate(TopicTree(roots=(find_named(tree, word),)))}


def _describe(record: Record, assignment: Assignment | None, tree: TopicTree) -> dict[str, Any]:
    topic_id = assignment.topic_id if assignment else None
    is_known = topic_id is not None and find_topic(tree, topic_id) is not None
    return {
        "id": record.id,
        "messages": list(record.prompt),
        "reply": list(record.reply),
        "tools": list(record.tools),
        "item": record.item,
        "topic": path_of(tree, topic_id) if topic_id and is_known else None,
        "confidence": assignment.confidence if assignment else None,
        "method": assignment.method if assignment else None,
        "synthetic": record.is_synthetic,
        "parents": list(record.parents),
    }


def get_dataset_stats(runs: Runs, given: OfWorkflow) -> dict[str, Any]:
    """Give the figures of the dataset as it is now."""
    state = _read_state(runs, given.workflow_id)
    records = read_current_records(state, runs.bench)
    dataset = read_dataset(state, runs.bench)
    topics = _read_topics(state, runs, records)
    kept = set(read_batches(state, runs.bench))
    rounds = read_generations(runs.bench.store, state.get("workflow_id") or "")
    return {
        "dataset_id": dataset.id,
        "name": dataset.name,
        "records": len(records),
        "synthetic": sum(record.is_synthetic for record in records),
        "with_reply": sum(bool(record.reply) for record in records),
        "with_tools": sum(bool(record.tools) for record in records),
        "uncategorized": sum(topics[one].topic_id is None for one in topics),
        "validation": dataset.report,
        "coverage_stats": _read_coverage(state, runs),
        "generations": [row | {"is_kept": row["batch"] in kept} for row in rounds],
    }


def _read_coverage(state: FinetuneWorkflowState, runs: Runs) -> dict[str, Any] | None:
    from lucy.nodes.coverage_report import make_report

    return (
        make_report(state, runs.bench).model_dump(mode="json") if has_artefact(state, "categories") else None
    )


def update_record(runs: Runs, given: UpdateRecord) -> dict[str, Any]:
    """Correct a record, or say where it belongs."""
    if not given.changes and given.topic is None:
        raise InputError("There is nothing to change; give changes or a topic.")
    state = _read_state(runs, given.workflow_id)
    workflow_id = state.get("workflow_id") or ""
    if given.record_id not in {record.id for record in read_current_records(state, runs.bench)}:
        raise InputError(
            f"There is no record {given.record_id!r}; get_dataset_records lists the ids that there are."
        )
    if given.changes:
        edit = {"edit": {given.record_id: given.changes}}
        state = change(runs, workflow_id, "coverage_generation", "update_record", **edit).state
    if given.topic is not None:
        none = given.topic.casefold() in ("none", "uncategorized", "")
        topic_id = None if none else find_named(read_tree(state, runs.bench), given.topic).id
        change(runs, workflow_id, "categorize", "update_record", assign={given.record_id: topic_id})
        state = approve(runs, workflow_id, "categorize", "update_record").state
    found = next(one for one in read_current_records(state, runs.bench) if one.id == given.record_id)
    topics = _read_topics(state, runs, [found])
    return {"record": _describe(found, topics.get(found.id), read_tree(state, runs.bench))}
