"""Train a model as a job: split, reward before, training, reward after, comparison, registration.

Killed and started again it reads what is stored: rollouts and grades by content, the training state from
the job's checkpoint; registration happens once per job.
"""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from lucy.errors import GraderError, InputError
from lucy.tools.graders.config import parse_grader
from lucy.tools.graders.scoring import address_grader, open_grader
from lucy.tools.policy.retrieval import BASE_NAME
from lucy.tools.registry import Registered, register_version
from lucy.tools.rollouts import (
    Policy,
    count_tokens,
    find_unanswered,
    grade_rollouts,
    join_rollouts,
    remember_grades,
    roll_out,
)
from lucy.tools.store.artefacts import read_assignments
from lucy.tools.store.datasets import read_records
from lucy.tools.store.jobs import Job, update_job
from lucy.tools.store.ledger import add_calls
from lucy.tools.store.rollouts import Rollout
from lucy.tools.training.budget import Budget, find_limit_faults
from lucy.tools.training.comparison import Comparison
from lucy.tools.training.outcome import (
    Done,
    Evaluation,
    compare_sides,
    describe_done,
    describe_split,
    select,
    sum_up,
)
from lucy.tools.training.split import Split, set_aside, split_records
from lucy.tools.training.trainer import Method, Parameters, Task, Trained, Trainer
from lucy.tools.training.trainers import LOCAL, open_trainer
from lucy.tools.vocabulary import Grade, Progress, Record, ScoreMany, ignore_progress
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
    trainer: str = "offline"
    method: Method = "rft"
    base_model: str = ""
    batch_size: int | Literal["auto"] = "auto"
    learning_rate: float | Literal["auto"] = "auto"
    reasoning_effort: Literal["default", "low", "medium", "high"] = "default"
    cost_limit: float | None = None
    """US dollars at which the training pauses."""
    forecast: dict[str, Any] | None = None
    """What the person was told before it started, kept beside what it took."""
    lineage: dict[str, Any]
    """References of dataset, grader and dry run, kept with the model's version."""


def find_topics(
    bench: Workbench, workflow_id: str, revision: int, records: Sequence[Record]
) -> dict[str, str | None]:
    """Give the topic of each record: as categorized, or as it was generated for."""
    found = {one.record_id: one.topic_id for one in read_assignments(bench.store, workflow_id, revision)}
    return {record.id: found.get(record.id, record.origin.get("topic_id")) for record in records}


def train(bench: Workbench, job: Job, progress: Progress) -> dict[str, Any]:
    """Do the training job and give its result, JSON.

    Raises:
        InputError: the trainer cannot take this; says in sentences what.
    """
    request = TrainingRequest.model_validate(job.payload)
    records = read_records(bench.store, request.dataset_id, request.batches, request.edits)
    topics = find_topics(bench, job.workflow_id, request.categories, records)
    split = split_records(records, topics, train_share=request.train_split, seed=request.seed)
    grader = parse_grader(request.grader)
    resources = bench.make_resources(job.workflow_id, "training", progress)
    budget = Budget(bench.store, job, grader=grader, resources=resources)
    trainer, address = open_trainer(request.trainer, bench), address_grader(grader, resources)
    heldout = select(records, split.heldout_ids)
    with open_grader(grader, resources) as score_many:
        limited = budget.limit(score_many, request.cost_limit)
        score = remember_grades(bench.store, address, limited)
        task = _make_task(bench, job, request, split, records, score, progress)
        _check(trainer, task, find_limit_faults(grader, resources, request.cost_limit, records[0]))
        before = _evaluate(bench, trainer.open_base(task), task, heldout, topics, "Before the training")
        _require_grades(before)
        trained = trainer.train(task)
        budget.charged = trained.cost or 0.0
        after = _evaluate(bench, trained.policy, task, heldout, topics, "After the training")
    done = Done(trained, before, after, compare_sides(split, before, after, request.seed))
    _book(bench, job, request.trainer, [*before.rollouts, *after.rollouts])
    registered = _register(bench, job, request, trained, done.comparison, split)
    return {
        "job_id": job.id,
        "model_id": registered.model_id,
        "version": registered.version,
        "name": request.name,
        **describe_done(done, heldout),
        "split": describe_split(split, records, request.seed),
        "grader": address,
        "took": sum_up(job, budget, trained),
        "forecast": request.forecast,
    }


def _book(bench: Workbench, job: Job, trainer: str, made: Sequence[Rollout]) -> None:
    """Book the answers before and after; those of a service were booked one by one when they came."""
    if trainer not in LOCAL:
        return
    tokens = count_tokens(made)
    add_calls(bench.store, job.workflow_id, "training", job.id, calls=len(made), tokens=tokens)


def list_faults(
    bench: Workbench, request: TrainingRequest, split: Split, records: Sequence[Record]
) -> list[str]:
    """List in sentences what the trainer cannot take; nothing is begun or sent."""
    job = Job("", "", "training", "", {}, {}, None, None, None, None, False, "", "")
    task = _make_task(bench, job, request, split, records, _grade_nothing, ignore_progress)
    resources = bench.make_resources("", "training")
    return [
        *open_trainer(request.trainer, bench).find_faults(task),
        *find_limit_faults(task.grader, resources, request.cost_limit, records[0]),
    ]


def _grade_nothing(pairs: Sequence[tuple[Record, str]]) -> list[Grade]:
    return []


def _make_task(
    bench: Workbench,
    job: Job,
    request: TrainingRequest,
    split: Split,
    records: Sequence[Record],
    score: ScoreMany,
    progress: Progress,
) -> Task:
    training, heldout = select(records, split.train_ids), select(records, split.heldout_ids)
    if request.trainer not in LOCAL:
        # Ours set prompts aside themselves to find the best checkpoint; any other is given some of the
        # training side in place of the held-out ones, so that none chooses by what is compared in the end.
        aside = set_aside(training, request.seed)
        heldout = [record for record in training if record.id in aside]
        training = [record for record in training if record.id not in aside]
    parameters = Parameters(
        epochs=request.epochs,
        group_size=request.group_size,
        batch_size=request.batch_size,
        learning_rate=request.learning_rate,
        reasoning_effort=request.reasoning_effort,
        seed=request.seed,
        cost_limit=request.cost_limit,
    )
    return Task(
        job_id=job.id,
        workflow_id=job.workflow_id,
        name=request.name,
        method=request.method,
        base_model=request.base_model,
        training=training,
        heldout=heldout,
        grader=parse_grader(request.grader),
        score_many=score,
        parameters=parameters,
        folder=bench.store.home / "jobs" / job.id,
        checkpoint=job.checkpoint,
        keep=lambda state: _keep(bench, job, state),
        progress=progress,
    )


def _keep(bench: Workbench, job: Job, state: Any) -> None:
    update_job(bench.store, job.id, checkpoint=state)


def _check(trainer: Trainer, task: Task, faults_of_limit: Sequence[str]) -> None:
    faults = [*trainer.find_faults(task), *faults_of_limit]
    if faults:
        raise InputError(" ".join(faults))
    task.folder.mkdir(parents=True, exist_ok=True)


def _evaluate(
    bench: Workbench,
    policy: Policy,
    task: Task,
    heldout: Sequence[Record],
    topics: dict[str, str | None],
    when: str,
) -> Evaluation:
    """Let a model answer the held-out prompts, and grade the answers; what is stored is not done again.

    What a service does not answer is left out, which the comparison says.
    """

    def report(label: str, done: int, total: int) -> None:
        task.progress(f"{when}: {label.lower()}", done, total)

    count, seed = EVALUATION_ANSWERS, task.parameters.seed
    unanswered = find_unanswered(bench.store, policy, heldout, count=count, seed=seed)
    by_id = {record.id: record for record in heldout if record.id not in unanswered}
    rollouts = roll_out(bench.store, policy, [*by_id.values()], count=count, seed=seed, progress=report)
    grades = grade_rollouts(task.score_many, rollouts, records=by_id, progress=report)
    return Evaluation(rollouts, join_rollouts(rollouts, grades, records=by_id, topics=topics))


def _require_grades(before: Evaluation) -> None:
    """Refuse to train when nothing could be compared in the end."""
    errors = [one.grade for one in before.graded if one.grade.score is None]
    if before.graded and len(errors) == len(before.graded):
        raise GraderError(
            f"None of the base model's {len(errors)} answers to the held-out prompts could be graded "
            f"({errors[0].reason}): correct the grader and run the dry run again; nothing was trained."
        )


def _register(
    bench: Workbench,
    job: Job,
    request: TrainingRequest,
    trained: Trained,
    comparison: Comparison,
    split: Split,
) -> Registered:
    parameters = {
        "epochs": request.epochs,
        "group_size": request.group_size,
        "train_split": request.train_split,
        "seed": request.seed,
        "method": trained.variant,
    }
    return register_version(
        bench.store,
        name=request.name,
        description=request.goal,
        base_model=request.base_model or BASE_NAME,
        provider=request.trainer,
        kind=trained.kind,
        weights=trained.weights,
        job_id=job.id,
        workflow_id=job.workflow_id,
        lineage=request.lineage,
        parameters=parameters,
        training_examples=len(split.train_ids),
        validation_examples=len(split.heldout_ids),
        cost=trained.cost,
        notes=comparison.sentence,
    )
