"""Know what a hosted training has cost so far, at most, and when it comes to its limit.

Reinforcement is priced by the hour of the core loop or, as supervised training is, by trained tokens. Hours
are counted by looking at the job: the whole time between two looks counts when it was running at either of
them, so that the figure is never too low by more than the first look. Tokens of a grader's model are added
where the service reports them. It does not know discounts, storage or the price of hosting the model.
"""

from dataclasses import dataclass

from lucy.tools.calls.prices import MILLION, Price
from lucy.tools.records.tokens import estimate_tokens
from lucy.tools.training.hosted.journal import State
from lucy.tools.training.hosted.prices import TrainingPrice
from lucy.tools.training.hosted.wire import RemoteJob
from lucy.tools.training.trainer import Task

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Meter:
    """Reckons the cost of one training."""

    price: TrainingPrice | None
    judge_price: Price | None
    """Of the grader's model; None is unknown."""
    has_judge: bool
    """The grader asks a model, which is billed beside the training."""
    is_reinforcement: bool
    limit: float | None
    tokens: int
    """Tokens that supervised training will take, about: all rows, all epochs."""

    @property
    def is_blind(self) -> bool:
        """Tell whether the cost cannot be known while the training runs."""
        if self.price is None or (self.has_judge and self.judge_price is None):
            return True
        by_tokens = not self.is_reinforcement and self.price.per_million_tokens is not None
        return self.price.per_hour is None and not by_tokens

    def reckon(self, state: State, job: RemoteJob) -> float | None:
        """Give the cost so far, US dollars, at most; None is unknown."""
        price = self.price
        if price is None or (self.has_judge and self.judge_price is None):
            return None
        if price.per_hour is not None:
            return price.per_hour * read_seconds(state, job) / HOUR + self._reckon_judge(state)
        tokens = job.trained_tokens
        if tokens is None and not self.is_reinforcement:
            tokens = self.tokens * read_share(state)
        if price.per_million_tokens is None or tokens is None:
            return None
        return price.per_million_tokens * tokens / MILLION + self._reckon_judge(state)

    def find_seconds_left(self, spent: float | None) -> float | None:
        """Give the seconds until the limit is reached, where that is known and the price goes by time."""
        if self.limit is None or spent is None or self.price is None or not self.price.per_hour:
            return None
        return max(0.0, (self.limit - spent) / self.price.per_hour * HOUR)

    def is_reached(self, spent: float | None) -> bool:
        """Tell whether the limit is reached."""
        return self.limit is not None and spent is not None and spent >= self.limit

    def _reckon_judge(self, state: State) -> float:
        if self.judge_price is None:
            return 0.0
        prompt = sum(int(one.get("judge_prompt_tokens", 0)) for one in state.history)
        completion = sum(int(one.get("judge_completion_tokens", 0)) for one in state.history)
        return self.judge_price.charge(prompt, completion)


def count_training_tokens(task: Task) -> int:
    """Estimate the tokens that supervised training takes: all rows, all epochs."""
    rows = sum(estimate_tokens([*record.prompt, *record.reply]) for record in task.training)
    return rows * task.parameters.epochs


def read_share(state: State) -> float:
    """Give how much of the training is done, 0 to 1; 0 where the service does not say."""
    return min(1.0, state.step / state.total_steps) if state.total_steps else 0.0


def read_seconds(state: State, job: RemoteJob) -> float:
    """Give how long a job ran, at most; never longer than from its creation to its end."""
    if job.finished_at is not None and job.created_at is not None:
        return min(state.ran, max(0.0, job.finished_at - job.created_at))
    return state.ran
