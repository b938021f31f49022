"""Register trained models; `endpoints` deploys them under names, and `ModelServer` answers with them."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lucy.errors import InputError, StoreError
from lucy.tools.endpoints import Mode, check_deployment, deploy, promote_arm, suggest_name, undo_deployment
from lucy.tools.serving import Answer, ModelServer
from lucy.tools.store import models
from lucy.tools.store.database import Store
from lucy.tools.store.encoding import encode, hash_content
from lucy.tools.store.models import Kind, Model, Version

__all__ = [
    "Answer",
    "Mode",
    "ModelServer",
    "Registered",
    "check_deployment",
    "deploy",
    "promote_arm",
    "register_version",
    "suggest_name",
    "undo_deployment",
]


class Registered(NamedTuple):
    """Where a trained model is kept."""

    model_id: str
    version: int


def register_version(
    store: Store,
    *,
    name: str,
    description: str,
    base_model: str,
    provider: str,
    policy_json: str | Mapping[str, Any] = "",
    kind: Kind = "retrieval",
    weights: str = "",
    job_id: str,
    workflow_id: str,
    lineage: Mapping[str, Any],
    parameters: Mapping[str, Any],
    training_examples: int,
    validation_examples: int,
    cost: float | None,
    notes: str = "",
) -> Registered:
    """Keep what a training job made: the weights as a file, then the rows; once per job.

    The same name again in the same workflow is a new version of the same model. `weights` are by `kind`:
    what `RetrievalPolicy.to_json` writes (or, also parsed, as `policy_json`), the path of a local model's
    folder, or the model's name at its service. `cost` is in dollars, None when unknown.

    Raises:
        InputError: there are no weights.
        StoreError: the weights cannot be written.
    """
    text = weights or (policy_json if isinstance(policy_json, str) else encode(policy_json))
    if not text.strip():
        raise InputError(f"The model {name!r} has no weights; give those of its kind, {kind!r}.")
    # The write lock is held while the file is written: two jobs that end together get two numbers.
    with store.write() as connection:
        done = models.find_job_version(connection, job_id)
        if done:
            return Registered(done.model_id, done.version)
        found = models.find_workflow_model(connection, workflow_id, name)
        # The job names a new model, so that a registration repeated after a crash takes the same file.
        model_id = found or f"model-{hash_content('model', job_id)[:12]}"
        number = models.next_version(connection, model_id)
        path = _keep_weights(store, kind, text, f"models/{model_id}/{number}.json")
        if not found:
            models.add_model(
                connection,
                Model(model_id, name, description, (), base_model, provider, "ready", "", ""),
            )
        models.add_version(
            connection,
            Version(
                model_id=model_id, version=number, workflow_id=workflow_id, job_id=job_id, path=path,
                lineage=dict(lineage), parameters=dict(parameters), training_examples=training_examples,
                validation_examples=validation_examples, cost=cost, notes=notes, kind=kind,
            ),
        )  # fmt: skip
    return Registered(model_id, number)


def _keep_weights(store: Store, kind: Kind, weights: str, place: str) -> str:
    """Write what is a text into a file; give what the version's row names it by."""
    if kind == "retrieval":
        _write_weights(store.home / place, weights)
        return place
    folder = Path(weights)
    if kind == "transformers" and folder.is_relative_to(store.home):
        return str(folder.relative_to(store.home))  # so that the home can be moved
    return weights


def _write_weights(path: Path, text: str) -> None:
    part = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise StoreError(
            f"The weights {str(path)!r} cannot be written ({error.strerror}); "
            "make room or make the folder writable, then run the step again."
        ) from error
