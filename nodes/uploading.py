"""Freeze what a workflow has now for the dry run and the trainer, and give it a new grader."""

from lucy.errors import InputError
from lucy.graph.state import FinetuneWorkflowState
from lucy.nodes.reading import has_artefact, read_artefact, read_batches, read_current_records, read_edits
from lucy.nodes.step import get_workflow_id
from lucy.tools.uploads import Frozen, Upload, replace_grader, upload
from lucy.tools.workbench import Workbench


def upload_current(state: FinetuneWorkflowState, bench: Workbench, *, again: bool = False) -> Upload:
    """Freeze the records and the grader as they are now.

    Raises:
        InputError: the records are not sorted yet, or there is no grader.
    """
    grader = _read_grader(state, bench)
    return upload(bench.store, get_workflow_id(state), freeze(state, bench), grader, again=again)


def sync_current(state: FinetuneWorkflowState, bench: Workbench) -> Upload:
    """Put the current grader in the place of the uploaded one.

    Raises:
        InputError: the dataset as it is now was not uploaded, or there is no grader.
    """
    grader = _read_grader(state, bench)
    return replace_grader(bench.store, get_workflow_id(state), freeze(state, bench), grader)


def freeze(state: FinetuneWorkflowState, bench: Workbench) -> Frozen:
    """Name what makes up the dataset now.

    Raises:
        InputError: the records are not sorted into topics yet.
    """
    if not has_artefact(state, "categories"):
        raise InputError("The records are not sorted into topics yet; complete the first steps, then upload.")
    return Frozen(
        dataset_id=state.get("dataset_id") or "",
        batches=read_batches(state, bench),
        edits=read_edits(state, bench),
        categories=(state.get("artefacts") or {})["categories"]["revision"],
        record_count=len(read_current_records(state, bench)),
        has_topic_hierarchy=has_artefact(state, "topics"),
    )


def _read_grader(state: FinetuneWorkflowState, bench: Workbench) -> dict[str, object]:
    if not has_artefact(state, "grader"):
        raise InputError("There is no grader yet; agree on one in the step Grader, then upload.")
    return read_artefact(state, bench, "grader")["config"]
