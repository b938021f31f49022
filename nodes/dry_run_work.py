"""Do a dry run: answer a sample of the prompts, grade the answers, measure the grader's noise, report."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from lucy.errors import InputError
from lucy.graph.state import FinetuneWorkflowState, collect_inputs
from lucy.nodes.progress import open_progress
from lucy.nodes.reading import has_artefact, read_artefact, read_current_records, read_topics, read_tree
from lucy.nodes.step import get_workflow_id
from lucy.nodes.uploading import upload_current
from lucy.tools.calls.door import Estimate
from lucy.tools.dry_run.noise import Noise
from lucy.tools.dry_run.report import DryRunReport, build_report
from lucy.tools.dry_run.sampling import choose_sample
from lucy.tools.dry_run.signal import measure_noise
from lucy.tools.dry_run.tricks import TrickResult
from lucy.tools.graders.config import GraderConfig, parse_grader
from lucy.tools.graders.judge_answers import estimate_judge
from lucy.tools.graders.probe_report import ProbeReport
from lucy.tools.graders.resources import Resources
from lucy.tools.graders.scoring import address_grader, hash_grader, list_weights, open_grader
from lucy.tools.policy.retrieval import BASE_NAME
from lucy.tools.responses import read_recorded_response
from lucy.tools.rollouts import (
    PaidPolicy,
    Policy,
    count_missing,
    count_tokens,
    find_unanswered,
    grade_rollouts,
    join_rollouts,
    remember_grades,
    roll_out,
)
from lucy.tools.store.artefacts import Ref, put_artefact
from lucy.tools.store.datasets import set_statistics
from lucy.tools.store.ledger import add_calls
from lucy.tools.store.rollouts import Rollout
from lucy.tools.topics.tree import iterate
from lucy.tools.training.trainers import LOCAL, open_base_policy
from lucy.tools.vocabulary import Grade, Progress, Record
from lucy.tools.workbench import Workbench

REGRADED = 100
"""Answers that are graded a second time to measure the grader's noise."""


class Size(NamedTuple):
    """How large a dry run is."""

    prompts: int
    answers: int
    """Per prompt."""


class Work(NamedTuple):
    """What a dry run works with."""

    records: list[Record]
    sample: list[Record]
    topics: dict[str, str | None]
    size: Size
    grader: GraderConfig
    resources: Resources
    progress: Progress
    workflow_id: str
    """Whom calls that are paid for are booked to."""


class Announced(NamedTuple):
    """What a dry run would take."""

    answers: int
    stored: int
    """Answers that are there already and are not made again."""
    judging: Estimate | None
    """None where no model judges."""
    answering: Estimate | None
    """Of the answers that are not stored; None where they are made on this machine, which costs nothing."""


class Done(NamedTuple):
    """What a dry run made."""

    report: DryRunReport
    ref: Ref
    unanswered: dict[str, str]
    """Ids of records that a service did not answer, with the reason; they are missing from the report."""


def plan_work(
    state: FinetuneWorkflowState,
    bench: Workbench,
    *,
    count: int | None = None,
    percentage: float | None = None,
    answers: int | None = None,
) -> Work:
    """Choose the prompts of a dry run.

    Raises:
        InputError: count, percentage or answers are out of range.
    """
    records = read_current_records(state, bench)
    topics = {one.record_id: one.topic_id for one in read_topics(state, bench, records)}
    ids = [record.id for record in records]
    progress = open_progress(state, bench, "dry_run")
    chosen = set(choose_sample(ids, topics, count=count, percentage=percentage, seed=bench.settings.seed))
    return Work(
        records=records,
        sample=[record for record in records if record.id in chosen],
        topics=topics,
        size=Size(len(chosen), check_answers(answers or bench.settings.rollouts_per_prompt)),
        grader=parse_grader(read_artefact(state, bench, "grader")["config"]),
        resources=bench.make_resources(get_workflow_id(state), "dry_run", progress),
        progress=progress,
        workflow_id=get_workflow_id(state),
    )


def check_answers(answers: int) -> int:
    """Check the number of answers per prompt.

    Raises:
        InputError: it is not 2 to 64.
    """
    if not 2 <= answers <= 64:
        raise InputError(f"The answers per prompt must be 2 to 64, not {answers}; 4 is usual.")
    return answers


def announce_work(bench: Workbench, work: Work) -> Announced:
    """Say what is stored already, and what the base model and a judge model would take."""
    policy = open_policy(bench, work)
    missing = count_missing(
        bench.store, policy, work.sample, count=work.size.answers, seed=bench.settings.seed
    )
    stored = work.size.prompts * work.size.answers - sum(missing.values())
    pairs = [(record, read_recorded_response(record)) for record in work.sample] * work.size.answers
    judging = estimate_judge(work.grader, work.resources, pairs + pairs[:REGRADED])
    wanted = [(record, missing[record.id]) for record in work.sample]
    answering = policy.estimate(wanted) if isinstance(policy, PaidPolicy) else None
    return Announced(len(pairs), stored, judging, answering)


def open_policy(bench: Workbench, work: Work) -> Policy:
    """Give the model that would be trained, untrained."""
    return open_base_policy(
        bench,
        work.records,
        work.grader,
        folder=bench.store.home,
        workflow_id=work.workflow_id,
        progress=work.progress,
    )


def name_base(bench: Workbench) -> str:
    """Name the model that would be trained."""
    settings = bench.settings
    return BASE_NAME if settings.trainer == "offline" else f"{settings.base_model} ({settings.trainer})"


def trains_here(bench: Workbench) -> bool:
    """Tell whether the model answers and is trained on this machine, where that costs no money."""
    return bench.settings.trainer in LOCAL


def is_current(state: FinetuneWorkflowState, bench: Workbench, body: dict[str, Any]) -> bool:
    """Tell whether a dry run was made of the records, the grader and the base model that there are now."""
    now = collect_inputs(state.get("artefacts") or {}, "dry_run")
    return body["inputs"] == now and body["report"]["base_model"] == name_base(bench)


def do_work(state: FinetuneWorkflowState, bench: Workbench, work: Work) -> Done:
    """Answer, grade, measure and store; what is stored already is not done again."""
    uploaded = upload_current(state, bench)
    policy, progress = open_policy(bench, work), work.progress
    count, seed = work.size.answers, bench.settings.seed
    unanswered = find_unanswered(bench.store, policy, work.sample, count=count, seed=seed)
    answered = [record for record in work.sample if record.id not in unanswered]
    rollouts = roll_out(bench.store, policy, answered, count=count, seed=seed, progress=progress)
    by_id = {record.id: record for record in work.sample}
    address = address_grader(work.grader, work.resources)
    with open_grader(work.grader, work.resources) as score_many:
        remembering = remember_grades(bench.store, address, score_many)
        grades = grade_rollouts(remembering, rollouts, records=by_id, progress=progress)
    report = build_report(
        join_rollouts(rollouts, grades, records=by_id, topics=work.topics),
        weights=list_weights(work.grader),
        noise=_measure_noise(work, rollouts, grades, by_id),
        tricks=_read_tricks(state, bench, work.grader),
        topic_names={topic.id: topic.name for topic in iterate(read_tree(state, bench))},
        group_size=bench.settings.group_size,
        planned=len(work.sample) * count,
        base_model=name_base(bench),
        grader=work.grader.name,
    )
    ref = _store(state, bench, report, rollouts, address, uploaded.backend_dataset_id)
    return Done(report, ref, unanswered)


def _measure_noise(
    work: Work, rollouts: list[Rollout], grades: list[Grade], records: dict[str, Record]
) -> Noise:
    """Grade every n-th answer once more, in reverse order; a judge is asked anew, not read from the store."""
    stride = max(1, len(rollouts) // REGRADED)
    places = list(range(0, len(rollouts), stride))[::-1]
    pairs = [(records[rollouts[place].record_id], rollouts[place].response) for place in places]
    with open_grader(work.grader, replace(work.resources, repeat=1)) as score_many:
        return measure_noise([grades[place] for place in places], score_many(pairs))


def _read_tricks(state: FinetuneWorkflowState, bench: Workbench, grader: GraderConfig) -> list[TrickResult]:
    """Read what cheap tricks earned from this grader when it was tried."""
    if not has_artefact(state, "grader_trial"):
        return []
    body = read_artefact(state, bench, "grader_trial")
    if body["sha"] != hash_grader(grader):
        return []
    return list(_list_tricks(ProbeReport.model_validate(body["probe"])))


def _list_tricks(probe: ProbeReport) -> Iterator[TrickResult]:
    for one in probe.tricks:
        if one.score is not None and one.difference is not None:
            yield TrickResult(
                name=one.title,
                score=one.score,
                honest=one.score - one.difference.value,
                low=one.difference.low95,
                high=one.difference.high95,
                wins=one.name in probe.winners,
                undecided=one.outcome == "undecided",
                answers=one.records,
            )


def _store(
    state: FinetuneWorkflowState,
    bench: Workbench,
    report: DryRunReport,
    rollouts: list[Rollout],
    grader: str,
    uploaded: str,
) -> Ref:
    body: dict[str, Any] = {
        "report": report.model_dump(mode="json"),
        "inputs": collect_inputs(state.get("artefacts") or {}, "dry_run"),
        "rollouts": [one.key for one in rollouts],
        "grader": grader,
        "upload": uploaded,
    }
    workflow_id = get_workflow_id(state)
    ref = put_artefact(bench.store, workflow_id, "dry_run", body)
    set_statistics(bench.store, state.get("dataset_id") or "", dry_run_stats=body["report"])
    # Answers of a service are in the ledger already, call by call, with what they cost.
    if trains_here(bench):
        tokens = count_tokens(rollouts)
        add_calls(bench.store, workflow_id, "dry_run", ref["sha"], calls=len(rollouts), tokens=tokens)
    return ref
