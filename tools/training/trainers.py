"""Find the trainers: ours and those of other packages, by the entry points of the group `lucy.trainers`.

An entry point names a function that takes the workbench and gives a trainer; it opens and sends nothing.
"""

from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lucy.errors import InputError
from lucy.tools.graders.config import GraderConfig
from lucy.tools.rollouts import Policy
from lucy.tools.store.jobs import Job, update_job
from lucy.tools.store.ledger import Account
from lucy.tools.training.trainer import Parameters, Remains, ServiceTrainer, Task, Trainer
from lucy.tools.vocabulary import Grade, Progress, Record, ignore_progress

if TYPE_CHECKING:
    from lucy.settings import Settings
    from lucy.tools.calls.connection import Connection
    from lucy.tools.calls.door import Door
    from lucy.tools.workbench import Workbench

GROUP = "lucy.trainers"
LOCAL = ("offline", "trl")
"""Those that work on this machine, where only a judge may cost money."""


def list_trainers() -> list[str]:
    """Name the trainers that are installed."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def open_trainer(name: str, bench: "Workbench") -> Trainer:
    """Give a trainer by its name.

    Raises:
        InputError: there is none of that name.
    """
    for point in entry_points(group=GROUP):
        if point.name == name:
            return point.load()(bench)
    known = ", ".join(list_trainers())
    raise InputError(f"There is no trainer {name!r}; set LUCY_TRAINER to one of: {known}.")


def check_setup(settings: "Settings") -> None:
    """Check what our trainers need before there are records: packages, key, base model; nothing is sent.

    Raises:
        InputError: packages or a key are missing, no base model is named, or none is in the folder.
        NotFoundError: the base model is not on this machine.
    """
    if settings.trainer == "trl":
        _check_local(settings.base_model)
    if settings.trainer == "openai":
        _check_hosted(settings)


def _check_local(base_model: str) -> None:
    from lucy.tools.training.local.packages import describe_missing, find_missing_packages

    missing = find_missing_packages()
    if missing:
        raise InputError(describe_missing(missing))
    from lucy.tools.training.local.weights import find_base

    find_base(base_model)


def _check_hosted(settings: "Settings") -> None:
    from lucy.tools.calls.connection import OPENAI
    from lucy.tools.training.hosted.client import Client

    client = Client(settings.base_url or OPENAI, settings.api_key)
    if not client.has_key:
        raise InputError(client.ask_for_key())
    if not settings.base_model.strip():
        raise InputError(
            "No base model is named for the training; set LUCY_BASE_MODEL to one that the service can "
            "fine-tune."
        )


def open_base_policy(
    bench: "Workbench",
    records: Sequence[Record],
    grader: GraderConfig,
    *,
    folder: Path,
    workflow_id: str = "",
    progress: Progress = ignore_progress,
) -> Policy:
    """Give the model that would be trained, untrained, to answer the prompts of a dry run.

    Args:
        bench: The settings name the trainer and its base model.
        records: What would be trained on.
        grader: What it would be trained against.
        folder: Where files may be kept.
        workflow_id: Whom calls that are paid for are booked to.
        progress: Told how far the answers are; may raise to stop.

    Raises:
        InputError: the trainer or its base model cannot be used here.
    """
    task = Task(
        job_id="",
        workflow_id=workflow_id,
        name="",
        method="rft",
        base_model=bench.settings.base_model,
        training=records,
        heldout=(),
        grader=grader,
        score_many=_refuse_grading,
        parameters=Parameters(seed=bench.settings.seed),
        folder=folder,
        checkpoint=None,
        keep=lambda state: None,
        progress=progress,
        step="dry_run",
    )
    return open_trainer(bench.settings.trainer, bench).open_base(task)


def read_remains(bench: "Workbench", job: Job) -> Remains | None:
    """Say what a service holds of a training; None where nothing was sent to one. It is not asked."""
    trainer = _find_service(bench, job)
    return trainer.read_remains(job.checkpoint) if trainer else None


def take_best(bench: "Workbench", job: Job) -> None:
    """Have a training that is continued take the best model that its service saved, and train no more.

    Raises:
        InputError: none is known.
    """
    trainer = _find_service(bench, job)
    if trainer is None:
        raise InputError(f"The job {job.id} did not run at a service, so there is no saved model to take.")
    _keep(bench, job, trainer.take_best(job.checkpoint))


def give_up(bench: "Workbench", job: Job) -> str:
    """Cancel a training at its service, unless it has ended; say what came of it, or nothing."""
    trainer = _find_service(bench, job)
    return trainer.give_up(job.id, job.checkpoint, lambda state: _keep(bench, job, state)) if trainer else ""


def delete_files(bench: "Workbench", job: Job) -> None:
    """Delete the files of a training at its service.

    Raises:
        InputError: the job there may still need them.
        ProviderError: the service refuses, or does not answer.
    """
    trainer = _find_service(bench, job)
    if trainer is not None:
        trainer.delete_files(job.checkpoint, lambda state: _keep(bench, job, state))


def _find_service(bench: "Workbench", job: Job) -> ServiceTrainer | None:
    if job.checkpoint is None:
        return None
    trainer = open_trainer(str(job.payload.get("trainer", "offline")), bench)
    return trainer if isinstance(trainer, ServiceTrainer) else None


def _keep(bench: "Workbench", job: Job, state: Any) -> None:
    update_job(bench.store, job.id, checkpoint=state)


def _refuse_grading(pairs: Sequence[tuple[Record, str]]) -> list[Grade]:
    raise InputError("A base model that is opened for a dry run grades nothing; this is a fault of ours.")


class _HostedDoors:
    """Opens doors to the models of the service; those of one model share what they learn of it."""

    def __init__(self, bench: "Workbench") -> None:
        self._bench = bench
        self._known: dict[str, Connection] = {}

    def open(self, model: str, task: Task) -> "Door":
        """Give the way to a model at the service, by its name, for the calls of a task."""
        from lucy.tools.calls.connection import OPENAI, Connection
        from lucy.tools.calls.door import Door
        from lucy.tools.calls.prices import load_prices

        settings = self._bench.settings
        if model not in self._known:
            self._known[model] = Connection(
                model,
                variable="LUCY_BASE_MODEL",
                base_url=settings.base_url or OPENAI,
                key=settings.api_key,
                timeout=settings.model_timeout,
            )
        connection = self._known[model]
        return Door(
            self._bench.store,
            connection,
            Account(task.workflow_id, task.step, "base_model", model),
            concurrency=settings.model_concurrency,
            prices=load_prices(settings.home, with_listed=connection.is_openai),
        )


def open_offline(bench: "Workbench") -> Trainer:
    """Make the trainer `offline`."""
    from lucy.tools.training.offline import OfflineTrainer

    return OfflineTrainer()


def open_local(bench: "Workbench") -> Trainer:
    """Make the trainer `trl`, of the extra `[local]`."""
    from lucy.tools.training.local.trainer import LocalTrainer

    return LocalTrainer()


def open_hosted(bench: "Workbench") -> Trainer:
    """Make the trainer `openai`, at the service that the settings name."""
    from lucy.tools.calls.connection import OPENAI
    from lucy.tools.calls.prices import load_prices
    from lucy.tools.training.hosted.client import Client
    from lucy.tools.training.hosted.prices import load_training_prices
    from lucy.tools.training.hosted.trainer import HostedTrainer

    settings = bench.settings
    is_openai = not settings.base_url
    return HostedTrainer(
        Client(settings.base_url or OPENAI, settings.api_key),
        _HostedDoors(bench).open,
        poll_seconds=settings.poll_seconds,
        judge_model=settings.judge_model,
        prices=load_training_prices(settings.home, with_listed=is_openai),
        judge_prices=load_prices(settings.home, with_listed=is_openai),
    )
