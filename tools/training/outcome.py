"""Put together what a training job tells in the end: comparison, examples, split, what it took."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from lucy.tools.dry_run.rollouts import GradedRollout
from lucy.tools.store.database import tell_time
from lucy.tools.store.job_costs import add_call_costs
from lucy.tools.store.jobs import Job
from lucy.tools.store.rollouts import Rollout
from lucy.tools.training.budget import Budget
from lucy.tools.training.comparison import Comparison, compare
from lucy.tools.training.examples import choose_examples
from lucy.tools.training.split import Split, set_aside
from lucy.tools.training.trainer import Trained
from lucy.tools.vocabulary import Record


class Evaluation(NamedTuple):
    """The answers of one model to the held-out prompts."""

    rollouts: list[Rollout]
    graded: list[GradedRollout]


class Done(NamedTuple):
    """A training with the answers before and after it."""

    trained: Trained
    before: Evaluation
    after: Evaluation
    comparison: Comparison


def select(records: Sequence[Record], ids: Sequence[str]) -> list[Record]:
    """Give the records of the ids, in the order of the ids."""
    by_id = {record.id: record for record in records}
    return [by_id[one] for one in ids]


def compare_sides(split: Split, before: Evaluation, after: Evaluation, seed: int) -> Comparison:
    """Compare the answers before and after, families of the split resampled whole."""
    alike = {leak.heldout_id for leak in split.leakage}
    return compare(before.graded, after.graded, split.heldout_families, lookalikes=alike, seed=seed)


def describe_done(done: Done, heldout: Sequence[Record]) -> dict[str, Any]:
    """Give what was made and measured, JSON."""
    trained = done.trained
    by_id = {record.id: record for record in heldout}
    examples = choose_examples(done.before.graded, done.after.graded, by_id)
    return {
        "comparison": done.comparison.model_dump(mode="json"),
        "examples": [one.model_dump(mode="json") for one in examples],
        "history": list(trained.history),
        "best_step": trained.best_step,
        "steps": trained.steps,
        "variant": trained.variant,
        "grader_errors": trained.grader_errors,
        "cost": trained.cost,
        "before": [one.key for one in done.before.rollouts],
        "after": [one.key for one in done.after.rollouts],
    }


def describe_split(split: Split, records: Sequence[Record], seed: int) -> dict[str, Any]:
    """Give which records were on which side, JSON."""
    return {
        "train": list(split.train_ids),
        "heldout": list(split.heldout_ids),
        "leakage": [one.model_dump(mode="json") for one in split.leakage],
        "families": split.families,
        "seed": seed,
        "validation": len(set_aside(select(records, split.train_ids), seed)),
    }


def sum_up(job: Job, budget: Budget, trained: Trained) -> dict[str, Any]:
    """Give what the training took: seconds since it was asked for, and US dollars, None where unknown."""
    began, now = datetime.fromisoformat(job.created_at), datetime.fromisoformat(tell_time())
    calls = add_call_costs(budget.list_costs())
    known = (trained.cost or 0.0) + budget.read_spent()
    return {
        "seconds": round((now - began).total_seconds(), 1),
        "is_resumed": job.checkpoint is not None,
        "training": trained.cost,
        "calls": calls,
        "cost": None if trained.cost is None or calls is None else known,
        "known": known,
    }
