"""Train the retrieval policy by GRPO (arXiv:2402.03300) against a grader; see `run` for the variant."""

import hashlib
import math
from collections.abc import Callable, Sequence
from typing import Literal

from lucy.errors import InputError
from lucy.tools.policy.retrieval import RetrievalPolicy
from lucy.tools.training.checkpoints import Checkpoint, StepMetrics, TrainingSettings
from lucy.tools.training.run import TrainingResult, TrainingRun
from lucy.tools.vocabulary import Progress, Record, ScoreMany, ignore_progress

__all__ = ["AUTO_LEARNING_RATE", "Checkpoint", "StepMetrics", "TrainingResult", "train_policy"]

AUTO_LEARNING_RATE = 0.1
"""Step of Adam per weight, for features of spread about 1; twice as much gained no more in two epochs."""
MAX_CHECKPOINTS = 200


def train_policy(
    policy: RetrievalPolicy,
    records: Sequence[Record],
    score_many: ScoreMany,
    *,
    epochs: int = 2,
    group_size: int = 8,
    learning_rate: float | Literal["auto"] = "auto",
    seed: int = 0,
    progress: Progress = ignore_progress,
    checkpoint: Callable[[Checkpoint], None] | None = None,
    start: Checkpoint | None = None,
) -> TrainingResult:
    """Train a policy on records; killed and continued it gives the same bits as in one go.

    A tenth of the records (at most 50, whole families, from 40 records on) is set aside to find the best
    step; it never enters a gradient. No answer is graded twice in one process; one that cannot be graded is
    left out of its group, never counted as 0.

    Args:
        policy: The base policy; it is not changed.
        records: Training records only: held-out ones must not be here.
        score_many: The grader. If it is not deterministic, keep its grades outside, or a continued run
            differs.
        epochs: 1 to 50 passes over the records.
        group_size: 2 to 64 answers per prompt and step.
        learning_rate: Step of Adam, above 0, or `auto` (0.1).
        seed: Of all random choices.
        progress: Called after each step, after its checkpoint; may raise to stop.
        checkpoint: Called with the state after each step, in long runs after every so many (200 times).
        start: A checkpoint of an earlier, interrupted run with the same arguments.

    Raises:
        InputError: when an argument is out of range or `start` belongs to another run.
    """
    rate = AUTO_LEARNING_RATE if learning_rate == "auto" else float(learning_rate)
    _check_arguments(records, epochs=epochs, group_size=group_size, rate=rate)
    settings = TrainingSettings(
        policy_sha=policy.sha, records_sha=_hash_records(records), epochs=epochs,
        group_size=group_size, learning_rate=rate, seed=seed,
    )  # fmt: skip
    run = TrainingRun(policy, records, score_many, settings)
    state = run.start() if start is None else _check_start(start, settings)
    rhythm = max(1, state.total_steps // MAX_CHECKPOINTS)
    for step in range(state.step + 1, state.total_steps + 1):
        state = run.advance(state, step)
        if checkpoint is not None and (step % rhythm == 0 or step == state.total_steps):
            checkpoint(state)
        progress("training", step, state.total_steps)
    return run.finish(state)


def _check_arguments(records: Sequence[Record], *, epochs: int, group_size: int, rate: float) -> None:
    if not records:
        raise InputError("There are no records to train on; the training side of the split is empty.")
    if len({record.id for record in records}) != len(records):
        raise InputError("Two training records have the same id; ids must be unique.")
    if not 1 <= epochs <= 50:
        raise InputError(f"epochs is {epochs}, expected 1 to 50.")
    if not 2 <= group_size <= 64:
        raise InputError(f"group_size is {group_size}, expected 2 to 64 answers per prompt.")
    if not 0 < rate < math.inf:
        raise InputError(f"learning_rate is {rate:g}, expected a number above 0 or 'auto'.")


def _check_start(start: Checkpoint, settings: TrainingSettings) -> Checkpoint:
    if start.settings != settings:
        ours, theirs = settings.model_dump(), start.settings.model_dump()
        changed = ", ".join(name for name in ours if ours[name] != theirs[name])
        raise InputError(
            f"The checkpoint belongs to another run (different: {changed}); continue with the same policy, "
            "records and parameters, or start anew."
        )
    return start


def _hash_records(records: Sequence[Record]) -> str:
    return hashlib.sha256("\x1e".join(record.id for record in records).encode()).hexdigest()
