"""Find the best checkpoint by reward, on prompts set aside from the training records."""

import math
from typing import Any

from lucy.tools.training.local.journal import Journal
from lucy.tools.training.local.preparation import Setup
from lucy.tools.training.local.prompts import encode, render_prompt
from lucy.tools.training.local.rewards import grade_texts
from lucy.tools.training.trainer import Task
from lucy.tools.vocabulary import Record

ANSWERS = 4
"""Answers to each prompt and measurement."""
MOST = 6
"""Measurements after the base model's at most."""
SHARE = 0.1
"""Part of a training's own answers, and of its steps, that the measurements may take, the base's included."""
SUPERVISED = 3
"""Measurements of a training that writes no answers of its own."""


class Validation:
    """The measurements of one training: always the same prompts, batches and draws."""

    def __init__(self, task: Task, setup: Setup, journal: Journal) -> None:
        self._task = task
        self._setup = setup
        self._journal = journal
        self._every = _choose_rhythm(setup)

    def is_measured(self, step: int) -> bool:
        """Tell whether the model is measured after a step; 0 is the base model."""
        if not self._setup.validation:
            return False
        return step % self._every == 0 or step == self._setup.plan.steps

    def measure(self, model: Any, step: int) -> float | None:
        """Measure a model, and keep its weights when they are the best so far.

        Gives the mean reward of the answers that could be graded, None without any.
        """
        was_training = model.training
        model.eval()
        reward = self._grade(self._write(model))
        if reward is not None and reward > (self._journal.now.best_reward or 0.0):
            folder = f"best-{step}" if step else ""
            if folder and self._journal.is_main:
                model.save_pretrained(str(self._journal.folder / folder))
            self._journal.note_best(step, reward, folder)
        model.train(was_training)
        return reward

    def _write(self, model: Any) -> list[str]:
        from lucy.tools.training.local.sampling import derive_seed, write_many

        tokenizer, seed = self._setup.tokenizer, self._task.parameters.seed
        wanted = [(record, number) for record in self._setup.validation for number in range(ANSWERS)]
        rows = max(self._setup.plan.rows, ANSWERS)
        texts: list[str] = []
        for start in range(0, len(wanted), rows):
            chunk = wanted[start : start + rows]
            written = write_many(
                model,
                tokenizer,
                [encode(tokenizer, render_prompt(tokenizer, record)) for record, _ in chunk],
                seeds=[derive_seed(seed, f"validation\x1f{record.id}", number) for record, number in chunk],
                longest=self._setup.longest,
            )
            texts.extend(tokenizer.decode(one.tokens, skip_special_tokens=True) for one in written)
        return texts

    def _grade(self, texts: list[str]) -> float | None:
        records: list[Record] = [one for one in self._setup.validation for _ in range(ANSWERS)]
        grades = grade_texts(records, texts, self._task.score_many)
        known = [grade.score for grade in grades if grade.score is not None]
        self._journal.note_errors(len(grades) - len(known))
        return sum(known) / len(known) if known else None


def _choose_rhythm(setup: Setup) -> int:
    """Choose how many steps lie between two measurements, so that they take a small part of the time."""
    plan = setup.plan
    if plan.group == 1:
        return math.ceil(plan.steps / SUPERVISED)
    # Writing takes about as long for few answers as for many, so both their number and the times count.
    each = ANSWERS * max(1, len(setup.validation))
    answers = plan.steps * plan.prompts * plan.group
    count = int(SHARE * min(plan.steps, answers / each)) - 1
    return math.ceil(plan.steps / min(MOST, max(1, count)))
