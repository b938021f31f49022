"""Define a trainer: what it is given, what it makes. Each trainer is one class behind this interface."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field

from lucy.tools.graders.config import GraderConfig
from lucy.tools.rollouts import Policy
from lucy.tools.vocabulary import Progress, Record, ScoreMany

Method = Literal["rft", "sft"]
"""Reinforcement fine-tuning against the grader, or supervised fine-tuning on the recorded replies."""


class Parameters(BaseModel):
    """What a person can set for a training; `auto` leaves it to the trainer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(default=2, ge=1, le=50)
    group_size: int = Field(default=8, ge=2, le=64)
    """Rollouts for each prompt and step; not used by `sft`."""
    batch_size: Annotated[int, Field(ge=1, le=256)] | Literal["auto"] = "auto"
    """Prompts in one step, 1 to 256."""
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] | Literal["auto"] = "auto"
    """Of the optimiser; for hosted trainers a multiplier of their own rate."""
    reasoning_effort: Literal["default", "low", "medium", "high"] = "default"
    seed: int = 0
    cost_limit: float | None = Field(default=None, gt=0)
    """US dollars at which the training pauses; None is no limit."""


@dataclass(frozen=True, slots=True)
class Task:
    """One training, as a trainer gets it."""

    job_id: str
    workflow_id: str
    name: str
    """Name of the model to be made."""
    method: Method
    base_model: str
    """Which model is trained; each trainer knows its own names. Empty: the trainer's default."""
    training: Sequence[Record]
    heldout: Sequence[Record]
    """Never trained on. Where a trainer sets nothing aside itself they are prompts of the training side, to
    choose the checkpoint by; the held-out prompts that prove the result are not among them."""
    grader: GraderConfig
    score_many: ScoreMany
    """The grader at work; grades are stored by content."""
    parameters: Parameters
    folder: Path
    """The job's own folder, which exists: checkpoints and weights."""
    checkpoint: Any
    """JSON that was kept last, None in the first run: a killed training goes on from it."""
    keep: Callable[[Any], None]
    """Stores a checkpoint, JSON, before it returns."""
    progress: Progress
    """Called often; raises `CancelledByPersonError` when the person asked to stop."""
    step: str = "training"
    """The workflow's step that calls of the model are booked to."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training made."""

    policy: Policy
    """The trained model, to be compared with the base model on held-out prompts."""
    kind: Literal["retrieval", "transformers", "upstream"]
    """What serves it: the policy in this process, a local model's folder, or a service."""
    weights: str
    """JSON of the policy, the folder's path, or the model's name at the service."""
    history: Sequence[dict[str, Any]]
    """Metrics of each step, oldest first, with `step` and, where there is one, `mean_reward`."""
    best_step: int
    steps: int
    variant: str
    """How it was trained, in a few words."""
    grader_errors: int
    cost: float | None
    """US dollars; None is unknown, 0 for this machine."""


class Trainer(Protocol):
    """A way to train; registered as an entry point of the group `lucy.trainers`."""

    name: str
    """Such as `offline`."""

    def find_faults(self, task: Task) -> list[str]:
        """List in sentences what it cannot take: grader, records, parameters, missing packages or keys.

        Called before anything is uploaded or begun; it costs nothing. A service may be asked whether it
        takes the key and has the base model.
        """
        ...

    def open_base(self, task: Task) -> Policy:
        """Give the base model, to be measured before the training."""
        ...

    def train(self, task: Task) -> Trained:
        """Train, or go on from the task's checkpoint; nothing is submitted or paid twice.

        Raises:
            CancelledByPersonError: the person asked to stop; what is done stays.
            CostLimitError: it came to its cost limit, and waits for the person.
            ProviderError: a service cannot be used; it goes on from here when it can.
            LucyError: it failed; says why and what to do.
        """
        ...


class Remains(NamedTuple):
    """What a service holds of a training, as far as is known without asking."""

    place: str
    """Host of the service."""
    job: str
    """Id of the job there; empty: none is known."""
    files: tuple[str, ...]
    """Ids of the training files that are still there."""
    best_model: str
    """Best model that was saved on the way; empty: none is known."""
    best_step: int
    limit: float | None
    """US dollars of the cost limit that was reached; None: none was."""
    can_go_on: bool
    """The training can go on where it stopped."""
    may_run: bool
    """The job may run and cost money there, or be paused."""
    was_given_up: bool
    """It was tried to cancel it there since the training last went on."""


@runtime_checkable
class ServiceTrainer(Trainer, Protocol):
    """A trainer whose trainings run at a service, and go on there whatever happens here.

    `checkpoint` is what a task kept last, `keep` stores another.
    """

    def read_remains(self, checkpoint: Any) -> Remains | None:
        """Say what the service holds of a training; None: nothing was sent. It is not asked."""
        ...

    def take_best(self, checkpoint: Any) -> Any:
        """Give the checkpoint with which `train` takes the best model that was saved and trains no more."""
        ...

    def give_up(self, job_id: str, checkpoint: Any, keep: Callable[[Any], None]) -> str:
        """Cancel a training at the service, unless it has ended; say what came of it, or nothing."""
        ...

    def delete_files(self, checkpoint: Any, keep: Callable[[Any], None]) -> None:
        """Delete the training files at the service.

        Raises:
            ProviderError: it refuses, or does not answer.
        """
        ...
