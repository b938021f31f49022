"""Keep what a training needs to go on after a kill: its last checkpoint, best weights and figures."""

import shutil
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from lucy.errors import InputError
from lucy.tools.training.trainer import Task

MAX_HISTORY = 400
"""Longer trainings note every so many steps only, so that what is stored stays small."""


class Kept(BaseModel):
    """What a task keeps; folders are names inside the task's own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run: str
    """Content address of base model, records and parameters: only the same training goes on."""
    step: int = 0
    """Steps that the checkpoint holds."""
    checkpoint: str = ""
    """Folder of model, optimiser and random state; empty before the first."""
    best_step: int = 0
    """0 is the base model."""
    best_reward: float | None = None
    """Mean reward on the validation prompts; None when they were not measured."""
    best: str = ""
    """Folder of the best weights; empty for the base model's."""
    model: str = ""
    """Folder of the finished model; empty until it is."""
    history: tuple[dict[str, Any], ...] = ()
    grader_errors: int = 0


class Journal:
    """The state of one training, kept by its task."""

    def __init__(self, task: Task, run: str, *, is_main: bool = True) -> None:
        """Begin, or go on from what the task has kept; of several processes only the main one writes.

        Raises:
            InputError: what was kept belongs to another training.
        """
        self.is_main = is_main
        self._task = task
        self._saved = _read(task.checkpoint, run)
        self.now = self._saved or Kept(run=run)
        self._remove_others()

    @property
    def folder(self) -> Path:
        """Where the folders that are named lie."""
        return self._task.folder

    @property
    def has_begun(self) -> bool:
        """Tell whether something was kept before."""
        return self._saved is not None

    def note_step(self, metrics: dict[str, Any], total: int) -> None:
        """Add the figures of a step; of very long trainings only every so many."""
        errors = int(metrics.get("grader_errors") or 0)
        is_noted = metrics["step"] % max(1, total // MAX_HISTORY) == 0 or metrics["step"] == total
        is_noted = is_noted or metrics.get("validation_reward") is not None
        history = (*self.now.history, metrics) if is_noted else self.now.history
        self._change(history=history, grader_errors=self.now.grader_errors + errors)

    def note_best(self, step: int, reward: float | None, folder: str) -> None:
        """Note weights that are better than all before."""
        self._change(best_step=step, best_reward=reward, best=folder)

    def note_errors(self, count: int) -> None:
        """Count answers of the validation that could not be graded."""
        self._change(grader_errors=self.now.grader_errors + count)

    def keep_checkpoint(self, step: int, folder: str) -> None:
        """Keep everything, now that a checkpoint is whole."""
        self._change(step=step, checkpoint=folder)
        self.keep()

    def keep_model(self, folder: str) -> None:
        """Keep that the model is finished; its checkpoints are needed no more."""
        self._change(model=folder, checkpoint="", best="")
        self.keep()

    def keep(self) -> None:
        """Store the state, then remove the folders that it does not name."""
        if self.is_main:
            self._task.keep(self.now.model_dump(mode="json"))
        self._remove_others()

    def _change(self, **values: Any) -> None:
        self.now = self.now.model_copy(update=values)

    def _remove_others(self) -> None:
        """Remove what a kill left half done and what is no longer needed."""
        if not self.is_main:
            return
        named = {self.now.checkpoint, self.now.best, self.now.model}
        for pattern in ("checkpoint-*", "best-*", "model*"):
            for path in self.folder.glob(pattern):
                if path.is_dir() and path.name not in named:
                    shutil.rmtree(path, ignore_errors=True)


def _read(stored: Any, run: str) -> Kept | None:
    if stored is None:
        return None
    try:
        kept = Kept.model_validate(stored)
    except ValidationError as error:
        raise InputError(
            f"The checkpoint of this training cannot be read ({error.error_count()} faults); start it anew."
        ) from error
    if kept.run != run:
        raise InputError(
            "The checkpoint belongs to another training; go on with the same base model, records and "
            "parameters, or start anew."
        )
    return kept
