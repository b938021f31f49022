"""Freeze a revision of the dataset, with its grader, for evaluation and training.

An upload is immutable: it names the batches and edits that make up the records, the revision of their topics
and the grader's configuration. A new grader is a new revision of the upload with the same dataset. Nothing
leaves this machine: what a hosted trainer is sent is made from an upload when a training starts there.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict

from lucy.errors import InputError
from lucy.tools.store.artefacts import get_artefact, list_artefacts, put_artefact
from lucy.tools.store.database import Store
from lucy.tools.store.encoding import hash_content

KIND = "upload"


class Frozen(BaseModel):
    """What an upload holds of the dataset; the same content has the same address."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset_id: str
    batches: list[str]
    """Ids of the generated batches that belong to the records."""
    edits: list[str]
    """Ids of the person's edits that hold."""
    categories: int
    """Revision of the records' topics."""
    record_count: int
    has_topic_hierarchy: bool


class Upload(BaseModel):
    """A frozen dataset with the grader that goes with it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    backend_dataset_id: str
    """Stays the same when only the grader is replaced."""
    attempt: int
    """Counts uploads of the same content that were asked for again, from 1."""
    dataset: Frozen
    grader: dict[str, Any]
    """The grader's configuration."""


def upload(
    store: Store, workflow_id: str, dataset: Frozen, grader: dict[str, Any], *, again: bool = False
) -> Upload:
    """Freeze a dataset with its grader; what is frozen already is found, not made anew, unless `again`."""
    last = find_upload(store, workflow_id, dataset)
    attempt = (last.attempt if last else 0) + (1 if again or last is None else 0)
    made = Upload(
        backend_dataset_id=f"ds-{hash_content(dataset.model_dump())[:12]}-{attempt}",
        attempt=attempt,
        dataset=dataset,
        grader=grader,
    )
    put_artefact(store, workflow_id, KIND, made.model_dump(mode="json"), reason="dataset and grader")
    return made


def replace_grader(store: Store, workflow_id: str, dataset: Frozen, grader: dict[str, Any]) -> Upload:
    """Give an uploaded dataset another grader; the dataset is not touched.

    Raises:
        InputError: this revision of the dataset was not uploaded.
    """
    last = find_upload(store, workflow_id, dataset)
    if last is None:
        raise InputError(
            "The dataset as it is now was not uploaded, so there is no grader to replace; upload it first."
        )
    made = last.model_copy(update={"grader": grader})
    put_artefact(store, workflow_id, KIND, made.model_dump(mode="json"), reason="grader replaced")
    return made


def find_upload(store: Store, workflow_id: str, dataset: Frozen) -> Upload | None:
    """Give the newest upload of this dataset, or None."""
    for row in reversed(list_artefacts(store, workflow_id)):
        if row["kind"] == KIND:
            found = Upload.model_validate(get_artefact(store, workflow_id, KIND, row["revision"]))
            if found.dataset == dataset:
                return found
    return None
