"""Find the trainers: ours and those of other packages, by the entry points of the group `lucy.trainers`.

An entry point names a function that takes the workbench and gives a trainer; it opens and sends nothing.
"""

from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from lucy.errors import InputError
from lucy.tools.graders.config import GraderConfig
from lucy.tools.rollouts import Policy
from lucy.tools.training.trainer import Parameters, Task, Trainer
from lucy.tools.vocabulary import Grade, Record

if TYPE_CHECKING:
    from lucy.tools.workbench import Workbench

GROUP = "lucy.trainers"


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
    raise InputError(f"There is no trainer {name!r}; there are: {known}. Set LUCY_TRAINER to one of them.")


def open_base_policy(
    bench: "Workbench", records: Sequence[Record], grader: GraderConfig, *, folder: Path
) -> Policy:
    """Give the model that would be trained, untrained, to answer the prompts of a dry run.

    Raises:
        InputError: the trainer or its base model cannot be used here.
    """
    task = Task(
        job_id="",
        workflow_id="",
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
        progress=lambda label, done, total: None,
    )
    return open_trainer(bench.settings.trainer, bench).open_base(task)


def _refuse_grading(pairs: Sequence[tuple[Record, str]]) -> list[Grade]:
    raise InputError("A base model that is opened for a dry run grades nothing; this is a fault of ours.")


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
    from lucy.tools.training.hosted.spending import load_training_prices
    from lucy.tools.training.hosted.trainer import HostedTrainer

    settings = bench.settings
    return HostedTrainer(
        Client(settings.base_url or OPENAI, settings.api_key),
        poll_seconds=settings.poll_seconds,
        judge_model=settings.judge_model,
        prices=load_training_prices(settings.home),
        judge_prices=load_prices(settings.home, with_listed=not settings.base_url),
        concurrency=settings.model_concurrency,
    )
