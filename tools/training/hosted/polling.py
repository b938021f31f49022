"""Follow a job at the service to its end: look, read what happened, mind the cost limit, wait."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from lucy.errors import CostLimitError, ProviderError
from lucy.tools.training.hosted.checkpoints import note_best
from lucy.tools.training.hosted.events import take_events
from lucy.tools.training.hosted.exchange import Exchange
from lucy.tools.training.hosted.journal import Journal
from lucy.tools.training.hosted.spending import Meter, read_share
from lucy.tools.training.hosted.statuses import BEFORE_RUNNING, FINAL, Status, describe_status, read_status
from lucy.tools.training.hosted.submission import cancel_job, cancel_twins, read_job
from lucy.tools.training.hosted.wire import RemoteJob

SHORTEST = 1.0
"""Seconds between two looks at least, also when the limit is near."""
IDLE = (Status.PAUSED, *BEFORE_RUNNING)
"""Statuses in which nothing is billed by time."""


@dataclass(frozen=True, slots=True)
class Follower:
    """What following a job takes."""

    exchange: Exchange
    journal: Journal
    meter: Meter
    clock: Callable[[], float]
    """Seconds since the epoch."""
    poll_seconds: float
    job_id: str
    """Ours."""

    def follow(self) -> RemoteJob:
        """Look at the job until it has ended, and give it as it is then.

        Raises:
            CostLimitError: it came to its cost limit and was paused, or stopped where it cannot be paused.
            ProviderError: the service refuses to show it.
        """
        while True:
            job = self._look_patiently()
            status = read_status(job.status)
            if status in FINAL:
                self.journal.note(outcome=status.value)
                return job
            spent = self.meter.reckon(self.journal.state, job)
            self.journal.note(cost=spent)
            self._mind_limit(status, spent)
            self.exchange.wait(self._plan(spent))

    def _look_patiently(self) -> RemoteJob:
        """Look at the job, however long the service does not answer."""
        try:
            return replace(self, exchange=replace(self.exchange, tries=None)).look()
        except ProviderError as error:
            raise ProviderError(
                f"{error} The job {self.journal.state.remote_job} goes on there and may cost money: follow "
                "it again, or cancel it there."
            ) from error

    def look(self) -> RemoteJob:
        """Look at the job once and read its events."""
        state = self.journal.state
        job = read_job(self.exchange, state.remote_job)
        status = read_status(job.status)
        if state.is_unsure:
            cancel_twins(self.exchange, self.journal, self.job_id)
            if status not in BEFORE_RUNNING:
                self.journal.note(is_unsure=False)
        take_events(self.exchange, self.journal)
        self._count_time(status)
        self._report(job, status)
        return job

    def _count_time(self, status: Status) -> None:
        state, now = self.journal.state, self.clock()
        is_running = status not in FINAL and status not in IDLE
        passed = max(0.0, now - state.seen_at) if state.seen_at is not None else 0.0
        counts = passed if is_running or state.was_running else 0.0
        self.journal.note(seen_at=now, was_running=is_running, ran=state.ran + counts)

    def _report(self, job: RemoteJob, status: Status) -> None:
        state = self.journal.state
        note = describe_status(job.status)
        if state.step and state.total_steps:
            note += f", step {state.step} of {state.total_steps}"
        if status == Status.PAUSED and not state.is_held:
            note += f"; it goes on when the job {state.remote_job} is resumed at {self.exchange.client.place}"
        if status not in FINAL:
            self.exchange.watch.say(note, min(99, int(100 * read_share(state))))

    def _mind_limit(self, status: Status, spent: float | None) -> None:
        """Pause at the limit; go on with what was paused there once the limit is higher."""
        state = self.journal.state
        if spent is not None and self.meter.is_reached(spent):
            is_paused = status in (Status.PAUSED, Status.PAUSING) or self._hold()
            self.journal.note(spent=spent, limit=self.meter.limit)
            note_best(self.exchange, self.journal)
            raise CostLimitError(self._explain_limit(spent, is_paused=is_paused))
        if state.is_held and status == Status.PAUSED:
            self.exchange.ask(
                "resume the job", lambda service: service.fine_tuning.jobs.resume(state.remote_job)
            )
            self.journal.note(is_held=False)

    def _hold(self) -> bool:
        """Pause the job, or cancel it where the service cannot pause; tell whether it is paused."""
        remote_job = self.journal.state.remote_job
        # Before the call: a kill after it must not leave a pause that nobody knows to be ours.
        self.journal.note(is_held=True)
        paused = self.exchange.ask_if_there(
            "pause the job", lambda service: service.fine_tuning.jobs.pause(remote_job)
        )
        if paused is None:
            cancel_job(self.exchange, remote_job)
            self.journal.note(outcome=Status.CANCELLED.value)
        return paused is not None

    def _explain_limit(self, spent: float, *, is_paused: bool) -> str:
        state = self.journal.state
        verb = "paused" if is_paused else "stopped"
        remedy = (
            "raise the limit to go on"
            if is_paused
            else "the service cannot pause it, so start a new training with a higher limit"
        )
        saved = f", or take its best checkpoint, of step {state.best_step}" if state.best_model else ""
        return (
            f"The training was {verb} at its cost limit of ${self.meter.limit:.2f} (about ${spent:.2f} so "
            f"far, step {state.step} of {state.total_steps or 'unknown'}, job {state.remote_job}): "
            f"{remedy}{saved}."
        )

    def _plan(self, spent: float | None) -> float:
        """Give the seconds until the next look: sooner where the limit comes sooner."""
        left = self.meter.find_seconds_left(spent)
        return self.poll_seconds if left is None else max(SHORTEST, min(self.poll_seconds, left))
