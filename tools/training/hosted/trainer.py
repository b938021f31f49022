"""Train at a service through OpenAI's files and fine_tuning.jobs API: the trainer `openai`.

OpenAI, Azure, Bedrock and others, by address. The service samples, grades and trains; this process uploads,
submits once, follows and chooses. Killed at any point, it goes on from the job's checkpoint.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from lucy.errors import (
    CancelledByPersonError,
    FailedTrainingError,
    GraderError,
    InputError,
    ProviderError,
)
from lucy.tools.calls.door import Door
from lucy.tools.calls.prices import Price, find_price
from lucy.tools.training.hosted.checkpoints import list_checkpoints
from lucy.tools.training.hosted.client import Client
from lucy.tools.training.hosted.exchange import TRIES, Exchange, Watch
from lucy.tools.training.hosted.faults import (
    RFT_ROLES,
    find_grader_faults,
    find_key_faults,
    find_parameter_faults,
    find_record_faults,
)
from lucy.tools.training.hosted.grading import list_judges, write_grader
from lucy.tools.training.hosted.journal import Journal
from lucy.tools.training.hosted.metrics import Best, find_best, find_saved
from lucy.tools.training.hosted.policy import HostedPolicy
from lucy.tools.training.hosted.polling import Follower
from lucy.tools.training.hosted.presence import find_absence
from lucy.tools.training.hosted.prices import TrainingPrice, find_training_price
from lucy.tools.training.hosted.remains import delete_remains, give_up, mark_best, read_remains
from lucy.tools.training.hosted.rows import write_files
from lucy.tools.training.hosted.spending import Meter, count_training_tokens
from lucy.tools.training.hosted.statuses import Status, read_status
from lucy.tools.training.hosted.submission import submit
from lucy.tools.training.hosted.uploads import upload_files
from lucy.tools.training.hosted.wire import RemoteJob
from lucy.tools.training.trainer import Remains, Task, Trained
from lucy.tools.vocabulary import ignore_progress

POLL = 300.0
"""Seconds between two looks at a job."""
TRIES_NOW = 6
"""Tries of a call while a person waits, over about half a minute."""


@dataclass(slots=True)
class HostedTrainer:
    """A way to train at one service."""

    client: Client
    open_door: Callable[[str, Task], Door]
    """Gives the way to a model at the service, by its name, for the calls of a task."""
    name: str = "openai"
    poll_seconds: float = POLL
    sleep: Callable[[float], object] = time.sleep
    """Waits some seconds."""
    clock: Callable[[], float] = time.time
    """Seconds since the epoch."""
    judge_model: str = ""
    """Model at the service that judges where a grader of ours names none."""
    prices: Mapping[str, TrainingPrice] = field(default_factory=dict[str, TrainingPrice])
    """By base model; what is not listed is unknown."""
    judge_prices: Mapping[str, Price] = field(default_factory=dict[str, Price])
    """By model that grades."""
    roles: Sequence[str] = RFT_ROLES
    """Roles that the service takes in prompts for reinforcement; Azure's page names developer and user."""

    def find_faults(self, task: Task) -> list[str]:
        """List in sentences what the service cannot take.

        Where all else is in order the service is asked, free of charge, whether it takes the key and has
        the base model. While a job is under way a service that is away is no fault: it is waited for.
        """
        faults = [
            *find_key_faults(self.client),
            *find_parameter_faults(task, self._open_meter(task)),
            *find_grader_faults(task, self.judge_model),
            *find_record_faults(task, self.roles),
        ]
        if faults:
            return faults
        with closing(self.client):
            return find_absence(self.client, task)

    def open_base(self, task: Task) -> HostedPolicy:
        """Give the base model as the service serves it."""
        return self._open_policy(task.base_model, task)

    def read_remains(self, checkpoint: Any) -> Remains | None:
        """Say what the service holds of a training; None: nothing was sent. It is not asked."""
        return read_remains(checkpoint)

    def take_best(self, checkpoint: Any) -> Any:
        """Give the checkpoint with which `train` takes the best model that was saved and trains no more."""
        return mark_best(checkpoint)

    def give_up(self, job_id: str, checkpoint: Any, keep: Callable[[Any], None]) -> str:
        """Cancel a training at the service, unless it has ended; say what came of it, or nothing."""
        with closing(self.client):
            return give_up(self._open_exchange(), Journal(checkpoint, keep, self.client.address), job_id)

    def delete_files(self, checkpoint: Any, keep: Callable[[Any], None]) -> None:
        """Delete the training files at the service.

        Raises:
            ProviderError: it refuses, or does not answer.
        """
        with closing(self.client):
            delete_remains(self._open_exchange(), Journal(checkpoint, keep, self.client.address))

    def train(self, task: Task) -> Trained:
        """Upload, submit once, follow to the end, choose the best checkpoint.

        Raises:
            CancelledByPersonError: the person asked to stop; the job is cancelled at the service.
            InputError: the service cannot take it; nothing was sent.
            ProviderError: the service refuses; says why and what to do.
            CostLimitError: it was paused at its cost limit; with a higher limit it goes on.
            FailedTrainingError: the job failed there, or was cancelled there.
        """
        journal = Journal(task.checkpoint, task.keep, self.client.address)
        if not journal.state.remote_job:
            faults = self.find_faults(task)
            if faults:
                raise InputError(" ".join(faults))
        journal.note(was_given_up=False)
        with closing(self.client):
            return self._train(Exchange(self.client, self.sleep, Watch(task.progress)), journal, task)

    def _train(self, exchange: Exchange, journal: Journal, task: Task) -> Trained:
        try:
            trained = self._take(exchange, journal, task)
            exchange.watch.say("done", 100)
        except CancelledByPersonError as error:
            said = give_up(self._open_exchange(TRIES), journal, task.job_id)
            raise CancelledByPersonError(f"{error} {said}".strip()) from error
        return trained

    def _take(self, exchange: Exchange, journal: Journal, task: Task) -> Trained:
        meter = self._open_meter(task)
        if journal.state.takes_best:
            return self._take_saved(exchange, journal, task, cost=journal.state.spent)
        self._submit(exchange, journal, task)
        job = self._follow(exchange, journal, task, meter=meter)
        _check_success(job, journal, self.client)
        return self._choose(exchange, journal, task, job=job, cost=meter.reckon(journal.state, job))

    def _take_saved(self, exchange: Exchange, journal: Journal, task: Task, *, cost: float | None) -> Trained:
        """Take the best model that was saved, and see that nothing runs on at the service."""
        state = journal.state
        best = find_saved(state.history, list_checkpoints(exchange, state.remote_job))
        if best is None:
            raise FailedTrainingError(
                f"The job {state.remote_job} has no saved model at {self.client.place}; raise its cost limit "
                "to go on, or start a new training."
            )
        said = give_up(exchange, journal, task.job_id)
        if not journal.state.outcome:
            raise ProviderError(f"{said} Then take its checkpoint again.")
        return self._make(journal, task, best=best, steps=max(best.step, state.step), cost=cost)

    def _submit(self, exchange: Exchange, journal: Journal, task: Task) -> None:
        if journal.state.remote_job:
            return
        exchange.watch.look()
        upload_files(exchange, journal, write_files(task))
        submit(exchange, journal, task, write_grader(task, self.judge_model))

    def _follow(self, exchange: Exchange, journal: Journal, task: Task, *, meter: Meter) -> RemoteJob:
        return Follower(
            exchange=exchange,
            journal=journal,
            meter=meter,
            clock=self.clock,
            poll_seconds=self.poll_seconds,
            job_id=task.job_id,
        ).follow()

    def _choose(
        self, exchange: Exchange, journal: Journal, task: Task, *, job: RemoteJob, cost: float | None
    ) -> Trained:
        state = journal.state
        checkpoints = list_checkpoints(exchange, job.id)
        last = max((int(one.step_number or 0) for one in checkpoints), default=0)
        steps = max(last, state.step)
        best = find_best(state.history, checkpoints, final=job.fine_tuned_model or "", steps=steps)
        return self._make(journal, task, best=best, steps=steps, cost=cost)

    def _make(self, journal: Journal, task: Task, *, best: Best, steps: int, cost: float | None) -> Trained:
        state = journal.state
        method = "reinforcement" if task.method == "rft" else "supervised"
        return Trained(
            policy=self._open_policy(best.model, task),
            kind="upstream",
            weights=best.model,
            history=state.history,
            best_step=best.step,
            steps=steps,
            variant=f"{method} fine-tuning of {task.base_model} at {self.client.place}",
            grader_errors=sum(int(one.get("grader_errors", 0)) for one in state.history),
            cost=cost,
        )

    def _open_exchange(self, tries: int = TRIES_NOW) -> Exchange:
        """Make calls that no wish to stop breaks off."""
        return Exchange(self.client, self.sleep, Watch(ignore_progress), tries=tries)

    def _open_policy(self, model: str, task: Task) -> HostedPolicy:
        return HostedPolicy(model, self.client.address, self.open_door(model, task), progress=task.progress)

    def _open_meter(self, task: Task) -> Meter:
        judges = self._list_judges(task)
        known = [find_price(self.judge_prices, one) for one in judges]
        dearest = max((one for one in known if one), key=lambda one: one.output, default=None)
        return Meter(
            price=find_training_price(self.prices, task.base_model),
            judge_price=dearest if all(known) else None,
            has_judge=bool(judges),
            is_reinforcement=task.method == "rft",
            limit=task.parameters.cost_limit,
            tokens=count_training_tokens(task),
        )

    def _list_judges(self, task: Task) -> list[str]:
        try:
            return list_judges(write_grader(task, self.judge_model) or {})
        except GraderError:
            return []  # said by `find_faults`


def _check_success(job: RemoteJob, journal: Journal, client: Client) -> None:
    status = read_status(job.status)
    held = journal.state.is_held
    if status == Status.CANCELLED:
        raise FailedTrainingError(
            f"The job {job.id} was cancelled at {client.place}{' at its cost limit' if held else ''}; "
            "start a new training."
        )
    if status == Status.FAILED:
        said = job.error.get("message") or journal.state.last_message or "no reason given"
        named = [str(job.error[key]) for key in ("code", "param") if job.error.get(key)]
        parts = "; ".join([str(said).rstrip(". "), *named])
        raise FailedTrainingError(
            f"The job {job.id} failed at {client.place} ({parts}); correct what it names, then start a new "
            "training."
        )
    if not job.fine_tuned_model:
        raise FailedTrainingError(
            f"The job {job.id} ended at {client.place} without naming a model; look at it there."
        )
