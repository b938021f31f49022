"""Watch a TRL training: measure, keep, report, and stop when asked; imports transformers."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from accelerate.utils import gather_object  # pyright: ignore[reportMissingImports]  # extra [local]
from transformers import TrainerCallback  # pyright: ignore[reportMissingImports]  # extra [local]

from lucy.errors import CancelledByPersonError
from lucy.tools.training.local.journal import Journal
from lucy.tools.training.trainer import Task

FIGURES = {
    "reward": "mean_reward",
    "reward_std": "reward_std",
    "frac_reward_zero_std": "frac_reward_zero_std",
    "kl": "kl",
    "entropy": "entropy",
    "completions/mean_length": "mean_tokens",
    "completions/clipped_ratio": "cut_share",
    "mean_token_accuracy": "token_accuracy",
    "loss": "loss",
    "learning_rate": "learning_rate",
    "grader_errors": "grader_errors",
}
"""TRL's names of figures, and ours; what a training does not have is left out.

`mean_reward` is of all graded answers of the step, uninformative groups included; `frac_reward_zero_std` is
the share of answers in groups whose rewards are all equal; `mean_tokens` the mean length of the answers, and
`cut_share` how many of them reached the longest length."""
_SAVE_SHARE = 20
"""Saving takes at most one part in so many of the time."""

Measure = Callable[[Any, int], float | None]
"""Measures a model after a step, keeps its weights when they are the best so far; gives the mean reward."""


class Watch(TrainerCallback):  # pyright: ignore[reportUntypedBaseClass]  # extra [local]
    """What TRL calls while it trains."""

    def __init__(
        self,
        task: Task,
        journal: Journal,
        *,
        measure: Measure,
        is_measured: Callable[[int], bool],
        save_seconds: float,
    ) -> None:
        self.wish: CancelledByPersonError | None = None
        """The person's wish to stop, once there was one."""
        self._task = task
        self._journal = journal
        self._measure = measure
        self._is_measured = is_measured
        self._save_seconds = self._rest = save_seconds
        self._saved = self._began_saving = time.monotonic()
        self._reward: float | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Measure the base model, unless that was done before."""
        if not self._journal.has_begun and self._is_measured(0):
            self._measure(given["model"], 0)
            self._journal.keep()

    def on_step_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Measure where it is time to, report, and ask for a checkpoint."""
        step, total = state.global_step, state.max_steps
        self._reward = self._measure(given["model"], step) if self._is_measured(step) else None
        try:
            self._task.progress("training", step, total)
        except CancelledByPersonError as wish:
            self.wish = wish
        now = time.monotonic()
        is_due = self._agree(now - self._saved >= self._rest, args.world_size)
        control.should_training_stop = self.wish is not None or control.should_training_stop
        if is_due or self.wish or step == total:
            control.should_save = True
            self._began_saving = now

    def on_log(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Note the figures of the step."""
        logs: Mapping[str, Any] = given["logs"]
        if "loss" not in logs:
            return
        metrics: dict[str, Any] = {"step": state.global_step, "epoch": self._find_epoch(state)}
        metrics.update({ours: logs[name] for name, ours in FIGURES.items() if logs.get(name) is not None})
        if "grader_errors" in metrics:
            # TRL gives the mean over the processes.
            metrics["grader_errors"] = round(metrics["grader_errors"] * args.world_size)
        if self._reward is not None:
            metrics["validation_reward"] = self._reward
        self._journal.note_step(metrics, state.max_steps)

    def on_save(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Keep the checkpoint, which is whole now."""
        self._journal.keep_checkpoint(state.global_step, f"checkpoint-{state.global_step}")
        self._saved = time.monotonic()
        if self._save_seconds:
            self._rest = max(self._save_seconds, _SAVE_SHARE * (self._saved - self._began_saving))

    def _agree(self, is_due: bool, processes: int) -> bool:
        """Let all processes that train together stop and save at the same step; tell whether they save."""
        if processes == 1:
            return is_due
        wanted = gather_object([(is_due, str(self.wish or ""))])
        sentences = [sentence for _, sentence in wanted if sentence]
        if sentences:
            self.wish = CancelledByPersonError(sentences[0])
        return any(due for due, _ in wanted)

    def _find_epoch(self, state: Any) -> int:
        """Tell the epoch, from 1: to TRL all of them are one."""
        epochs = self._task.parameters.epochs
        return min(epochs, 1 + (state.global_step - 1) * epochs // max(1, state.max_steps))
