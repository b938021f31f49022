"""Train at a service through OpenAI's files and fine_tuning.jobs API: the trainer `openai`.

OpenAI, Azure, Bedrock and others, by address. The service samples, grades and trains; this process uploads,
submits once, follows and chooses. Killed at any point, it goes on from the job's checkpoint.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from lucy.errors import CancelledByPersonError, GraderError, InputError, LucyError
from lucy.tools.calls.prices import Price, find_price
from lucy.tools.training.hosted.client import Client
from lucy.tools.training.hosted.exchange import PAGE, Exchange, Watch
from lucy.tools.training.hosted.faults import (
    RFT_ROLES,
    find_grader_faults,
    find_key_faults,
    find_parameter_faults,
    find_record_faults,
)
from lucy.tools.training.hosted.grading import list_judges, write_grader
from lucy.tools.training.hosted.journal import Journal
from lucy.tools.training.hosted.metrics import find_best
from lucy.tools.training.hosted.policy import HostedPolicy
from lucy.tools.training.hosted.polling import Follower
from lucy.tools.training.hosted.refusals import FailedTrainingError
from lucy.tools.training.hosted.rows import write_files
from lucy.tools.training.hosted.spending import Meter, TrainingPrice, count_training_tokens
from lucy.tools.training.hosted.statuses import Status, read_status
from lucy.tools.training.hosted.submission import cancel_job, find_job, submit
from lucy.tools.training.hosted.uploads import upload_files
from lucy.tools.training.hosted.wire import RemoteCheckpoint, RemoteJob, read_remote
from lucy.tools.training.trainer import Task, Trained
from lucy.tools.vocabulary import ignore_progress

POLL = 300.0
"""Seconds between two looks at a job."""


@dataclass(slots=True)
class HostedTrainer:
    """A way to train at one service."""

    client: Client
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
    concurrency: int = 8
    """Largest number of calls under way at once when the model answers prompts."""

    def find_faults(self, task: Task) -> list[str]:
        """List in sentences what the service cannot take; nothing is sent for this."""
        return [
            *find_key_faults(self.client),
            *find_parameter_faults(task, self._open_meter(task)),
            *find_grader_faults(task, self.judge_model),
            *find_record_faults(task, self.roles),
        ]

    def open_base(self, task: Task) -> HostedPolicy:
        """Give the base model as the service serves it."""
        return self._open_policy(task.base_model)

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
        watch = Watch(task.progress)
        exchange = Exchange(self.client, self.sleep, watch)
        meter = self._open_meter(task)
        try:
            self._submit(exchange, journal, task)
            job = self._follow(exchange, journal, task, meter=meter)
            _check_success(job, journal, self.client)
            trained = self._choose(exchange, journal, task, job=job, cost=meter.reckon(journal.state, job))
            watch.say("done", 100)
        except CancelledByPersonError as error:
            self._cancel(journal, task, error)
            raise
        return trained

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
        checkpoints = _list_checkpoints(exchange, job.id)
        last = max((int(one.step_number or 0) for one in checkpoints), default=0)
        steps = max(last, state.step)
        best = find_best(state.history, checkpoints, final=job.fine_tuned_model or "", steps=steps)
        method = "reinforcement" if task.method == "rft" else "supervised"
        return Trained(
            policy=self._open_policy(best.model),
            kind="upstream",
            weights=best.model,
            history=state.history,
            best_step=best.step,
            steps=steps,
            variant=f"{method} fine-tuning of {task.base_model} at {self.client.place}",
            grader_errors=sum(int(one.get("grader_errors", 0)) for one in state.history),
            cost=cost,
        )

    def _cancel(self, journal: Journal, task: Task, error: CancelledByPersonError) -> None:
        """Cancel the job at the service, also one whose id is not known yet."""
        state = journal.state
        if not state.token:
            return
        exchange = Exchange(self.client, self.sleep, Watch(ignore_progress))
        try:
            found = state.remote_job or getattr(find_job(exchange, journal, task.job_id), "id", "")
            if found:
                journal.note(remote_job=found)
                cancel_job(exchange, found)
        except LucyError as failure:
            raise CancelledByPersonError(
                f"{error} The job {state.remote_job or task.job_id!r} may still run and cost money at "
                f"{self.client.place}, since it could not be cancelled there; cancel it there. ({failure})"
            ) from failure

    def _open_policy(self, model: str) -> HostedPolicy:
        return HostedPolicy(model, self.client, concurrency=self.concurrency, sleep=self.sleep)

    def _open_meter(self, task: Task) -> Meter:
        judges = self._list_judges(task)
        known = [find_price(self.judge_prices, one) for one in judges]
        dearest = max((one for one in known if one), key=lambda one: one.output, default=None)
        return Meter(
            price=self.prices.get(task.base_model),
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


def _list_checkpoints(exchange: Exchange, remote_job: str) -> list[RemoteCheckpoint]:
    what = "list the checkpoints of the job"
    first = exchange.ask_if_there(
        what, lambda service: service.fine_tuning.jobs.checkpoints.list(remote_job, limit=PAGE)
    )
    if first is None:
        return []
    return [
        read_remote(RemoteCheckpoint, one, exchange.client)
        for page in exchange.turn_pages(what, first)
        for one in page.data or ()
    ]
