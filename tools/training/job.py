"""Train the offline policy as a job: split, reward before, GRPO, reward after, comparison, registration.

Killed and started again it reads what is stored: rollouts and grades by content, the training state from
the job's checkpoint; registration happens once per job.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from lucy.tools.dry_run.rollouts import GradedRollout
from lucy.tools.graders.config import parse_grader
from lucy.tools.graders.scoring import hash_grader, open_grader
from lucy.tools.policy.retrieval import RetrievalPolicy, base_policy
from lucy.tools.registry import register_version
from lucy.tools.rollouts import count_tokens, grade_rollouts, join_rollouts, remember_grades, roll_out
from lucy.tools.store.artefacts import read_assignments
from lucy.tools.store.datasets import read_records
from lucy.tools.store.jobs import Job, update_job
from lucy.tools.store.ledger import add_calls
from lucy.tools.store.rollouts import Rollout
from lucy.tools.training.checkpoints import Checkpoint
from lucy.tools.training.comparison import Comparison, compare
from lucy.tools.training.grpo import TrainingResult, train_policy
from lucy.tools.training.split import Split, split_records
from lucy.tools.vocabulary import Progress, Record, ScoreMany
from lucy.tools.workbench import Workbench

EVALUATION_ANSWERS = 8
"""Answers per held-out prompt, before and after."""


class TrainingRequest(BaseModel):
    """What a training job was asked to do; the job's payload."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset_id: str
    batches: list[str]
    """Generated batches that belong to the records."""
    edits: list[str] = []
    """The person's edits that hold: records changed or left out."""
    categories: int
    """Revision of the assignments, for the stratified split."""
    grader: dict[str, Any]
    """The grader's configuration."""
    name: str
    """Name of the model in the registry."""
    goal: str
    train_split: float
    epochs: int
    group_size: int
    seed: int
    attempt: int
    """Counts the tries of the same request, so that a failed one can be repeated."""
    lineage: dict[str, Any]
    """References of dataset, grader and dry run, kept with the model's version."""


class _Evaluation(NamedTuple):
    rollouts: list[Rollout]
    graded: list[GradedRollout]


def find_topics(
    bench: Workbench, workflow_id: str, revision: int, records: Sequence[Record]
) -> dict[str, str | None]:
    """Give the topic of each record: as categorized, or as it was generated for."""
    found = {one.record_id: one.topic_id for one in read_assignments(bench.store, workflow_id, revision)}
    return {record.id: found.get(record.id, record.origin.get("topic_id")) for record in records}


def train(bench: Workbench, job: Job, progress: Progress) -> dict[str, Any]:
    """Do the training job and give its result, JSON."""
    request = TrainingRequest.model_validate(job.payload)
    records = read_records(bench.store, request.dataset_id, request.batches, request.edits)
    topics = find_topics(bench, job.workflow_id, request.categories, records)
    split = split_records(records, topics, train_share=request.train_split, seed=request.seed)
    by_id = {record.id: record for record in records}
    training = [by_id[one] for one in split.train_ids]
    heldout = [by_id[one] for one in split.heldout_ids]
    policy = base_policy(training)
    grader = parse_grader(request.grader)
    with open_grader(grader) as score_many:
        score = remember_grades(bench.store, hash_grader(grader), score_many)
        before = _evaluate(bench, policy, heldout, score, topics=topics, seed=request.seed, progress=progress)
        result = _train(bench, job, request, policy, training, score, progress)
        after = _evaluate(
            bench, result.policy, heldout, score, topics=topics, seed=request.seed, progress=progress
        )
    comparison = compare(before.graded, after.graded, seed=request.seed)
    made = [*before.rollouts, *after.rollouts]
    tokens = count_tokens(made)
    add_calls(bench.store, job.workflow_id, "training", job.id, calls=len(made), tokens=tokens)
    registered = _register(bench, job, request, result, comparison, split)
    return {
        "job_id": job.id,
        "model_id": registered[0],
        "version": registered[1],
        "name": request.name,
        "comparison": comparison.model_dump(mode="json"),
        "history": [one.model_dump(mode="json") for one in result.history],
        "best_step": result.best_step,
        "steps": result.steps,
        "variant": result.variant,
        "grader_errors": result.grader_errors,
        "split": {
            "train": list(split.train_ids),
            "heldout": list(split.heldout_ids),
            "leakage": [one.model_dump(mode="json") for one in split.leakage],
        },
        "before": [one.key for one in before.rollouts],
        "after": [one.key for one in after.rollouts],
        "grader": hash_grader(grader),
        "cost": 0.0,
    }


def _train(
    bench: Workbench,
    job: Job,
    request: TrainingRequest,
    policy: RetrievalPolicy,
    training: list[Record],
    score: ScoreMany,
    progress: Progress,
) -> TrainingResult:
    return train_policy(
        policy,
        training,
        score,
        epochs=request.epochs,
        group_size=request.group_size,
        seed=request.seed,
        progress=progress,
        checkpoint=lambda state: _keep(bench, job, state),
        start=Checkpoint.model_validate(job.checkpoint) if job.checkpoint else None,
    )


def _keep(bench: Workbench, job: Job, state: Checkpoint) -> None:
    update_job(bench.store, job.id, checkpoint=state.model_dump(mode="json"))


def _evaluate(
    bench: Workbench,
    policy: RetrievalPolicy,
    heldout: list[Record],
    score: ScoreMany,
    *,
    topics: dict[str, str | None],
    seed: int,
    progress: Progress,
) -> _Evaluation:
    rollouts = roll_out(bench.store, policy, heldout, count=EVALUATION_ANSWERS, seed=seed, progress=progress)
    by_id = {record.id: record for record in heldout}
    grades = grade_rollouts(score, rollouts, records=by_id, progress=progress)
    return _Evaluation(rollouts, join_rollouts(rollouts, grades, records=by_id, topics=topics))


def _register(
    bench: Workbench,
    job: Job,
    request: TrainingRequest,
    result: TrainingResult,
    comparison: Comparison,
    split: Split,
) -> tuple[str, int]:
    parameters = {
        "epochs": request.epochs,
        "group_size": request.group_size,
        "train_split": request.train_split,
        "seed": request.seed,
        "method": result.variant,
    }
    return register_version(
        bench.store,
        name=request.name,
        description=request.goal,
        base_model="offline-base",
        provider="offline",
        policy_json=result.policy.to_json(),
        job_id=job.id,
        workflow_id=job.workflow_id,
        lineage=request.lineage,
        parameters=parameters,
        training_examples=len(split.train_ids),
        validation_examples=len(split.heldout_ids),
        cost=0.0,
        notes=comparison.sentence,
    )
