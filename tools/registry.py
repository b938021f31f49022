"""Register trained models and deploy them under names; `ModelServer` answers with them."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from sqlalchemy import Connection

from lucy.errors import InputError, NotFoundError, StoreError
from lucy.tools.serving import Answer, ModelServer
from lucy.tools.store import deployments, models
from lucy.tools.store.database import Store
from lucy.tools.store.deployments import Deployment
from lucy.tools.store.encoding import encode, hash_content
from lucy.tools.store.models import Model, Version

__all__ = [
    "Answer",
    "Mode",
    "ModelServer",
    "Registered",
    "deploy",
    "register_version",
    "suggest_name",
    "undo_deployment",
]

Mode = Literal["new_endpoint", "replace_gateway"]
"""A name of its own, or a new version under a name that is already served."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


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
    policy_json: str | Mapping[str, Any],
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

    The same name again in the same workflow is a new version of the same model. `policy_json` is what
    `RetrievalPolicy.to_json` writes, as text or parsed; `cost` is in dollars, None when unknown.
    """
    text = policy_json if isinstance(policy_json, str) else encode(policy_json)
    # The write lock is held while the file is written: two jobs that end together get two numbers.
    with store.write() as connection:
        done = models.find_job_version(connection, job_id)
        if done:
            return Registered(done.model_id, done.version)
        found = models.find_workflow_model(connection, workflow_id, name)
        # The job names a new model, so that a registration repeated after a crash takes the same file.
        model_id = found or f"model-{hash_content('model', job_id)[:12]}"
        number = models.next_version(connection, model_id)
        path = f"models/{model_id}/{number}.json"
        _write_weights(store.home / path, text)
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
                validation_examples=validation_examples, cost=cost, notes=notes,
            ),
        )  # fmt: skip
    return Registered(model_id, number)


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


def suggest_name(text: str) -> str:
    """Turn any text into a name that a model can be served under, such as `support-replies`."""
    words = re.findall(r"[a-z0-9]+", text.lower())
    return "-".join(words)[:64].strip("-") or "lucy-model"


def deploy(
    store: Store, model_id: str, version: int, *, name: str, mode: str = "new_endpoint", key: str
) -> Deployment:
    """Serve a version under a name from now on; once per `key`.

    `new_endpoint` takes a name that is free or the same model's; `replace_gateway` an existing one,
    whose old version is one step away (`undo_deployment`).

    Raises:
        InputError: the model is missing or deleted, or the name or mode cannot be used.
    """
    _check_words(name, mode)
    with store.write() as connection:
        done = deployments.find_deployment_key(connection, key)
        if done:
            return _check_same(done, name, model_id, version)
        _check_servable(connection, model_id, version)
        _check_name_use(connection, name, mode, model_id)
        wanted = Deployment(name, 0, mode, model_id, version, key)
        return deployments.add_deployment(connection, wanted)


def _check_words(name: str, mode: str) -> None:
    if mode not in get_args(Mode):
        raise InputError(f"The mode {mode!r} is unknown; expected one of {', '.join(get_args(Mode))}.")
    if not NAME.fullmatch(name):
        raise InputError(
            f"The name {name!r} cannot be served; expected 1 to 128 letters, digits, '.', '_', ':' or '-', "
            f"such as {suggest_name(name)!r}."
        )


def _check_same(done: Deployment, name: str, model_id: str, version: int) -> Deployment:
    if (done.name, done.model_id, done.version) != (name, model_id, version):
        raise InputError(
            f"The key {done.key!r} already deployed version {done.version} of {done.model_id!r} as "
            f"{done.name!r}; use a new key for another deployment."
        )
    return done


def _check_servable(connection: Connection, model_id: str, version: int) -> None:
    status = models.find_status(connection, model_id, version)
    if status is None:
        raise InputError(
            f"There is no version {version} of model {model_id!r}; `lucy models list` shows what there is."
        )
    if status != "ready":
        raise InputError(f"Model {model_id!r} is {status} and cannot be deployed; choose one that is ready.")


def _check_name_use(connection: Connection, name: str, mode: str, model_id: str) -> None:
    served = deployments.newest_deployment(connection, name)
    if mode == "new_endpoint" and served and served.model_id != model_id:
        raise InputError(
            f"The name {name!r} already serves model {served.model_id!r}; choose another name, "
            "or the mode 'replace_gateway' to replace it."
        )
    if mode == "replace_gateway" and not served:
        raise InputError(
            f"Nothing is served as {name!r} that could be replaced; use the mode 'new_endpoint'."
        )
    if models.find_status(connection, name):
        raise InputError(f"The name {name!r} is the id of a model; choose another name.")


def undo_deployment(store: Store, name: str) -> Deployment:
    """Serve again what the name served before, by a new row; undone twice, the newer one is back.

    Raises:
        NotFoundError: nothing was ever deployed under the name.
        InputError: there is no earlier deployment, or its model was deleted.
    """
    with store.write() as connection:
        now = deployments.newest_deployment(connection, name)
        before = deployments.newest_deployment(connection, name, back=1)
        if now is None:
            raise NotFoundError(f"Nothing is deployed as {name!r}; `lucy models list` shows what is.")
        if before is None:
            raise InputError(f"The name {name!r} has served one version only; there is none to go back to.")
        _check_servable(connection, before.model_id, before.version)
        key = hash_content("undo", name, now.number)
        back = before._replace(mode="replace_gateway", key=key)
        return deployments.add_deployment(connection, back)
