"""Step 5: try the dataset and the grader with the base model, before anything is trained.

Decides: GO, WARNING or NO-GO, on intervals.
Reads: artefacts `dataset`, `categories`, `grader`. Writes: artefact `dry_run`; rollouts and grades.
Asks: before running; at a WARNING whether the person accepts it; at a NO-GO where to go back to.
Costs: nothing with the offline engine.
"""

import re
from typing import Any

from lucy.graph.state import FinetuneWorkflowState, Intent, Update, collect_inputs, merge
from lucy.nodes.progress import open_progress
from lucy.nodes.reading import has_artefact, read_artefact, read_current_records, read_topics, read_tree
from lucy.nodes.step import Step, approve_choice, ask, finish, get_plan, get_workflow_id, reply, stay
from lucy.nodes.wording import draw_bullets, draw_table, show_percent, write
from lucy.tools.dry_run.report import DryRunReport, build_report
from lucy.tools.dry_run.sampling import choose_sample
from lucy.tools.dry_run.signal import measure_noise
from lucy.tools.dry_run.thresholds import THRESHOLDS
from lucy.tools.graders.config import parse_grader
from lucy.tools.graders.scoring import hash_grader, list_weights, open_grader
from lucy.tools.policy.retrieval import base_policy
from lucy.tools.rollouts import count_tokens, grade_rollouts, join_rollouts, remember_grades, roll_out
from lucy.tools.store.artefacts import put_artefact
from lucy.tools.store.datasets import set_statistics
from lucy.tools.store.ledger import add_calls
from lucy.tools.store.rollouts import Rollout
from lucy.tools.topics.tree import TopicTree, iterate
from lucy.tools.vocabulary import Grade, Record, ScoreMany
from lucy.tools.workbench import Workbench

REGRADED = 50
"""Answers that are graded a second time to measure the grader's noise."""


def propose(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Propose to run; with a verdict at hand that is not GO, ask what to do about it."""
    report = _read_fresh_report(state, bench)
    intent = state.get("intent")
    if report is None or (intent and intent["kind"] in ("edit", "redo")):
        return _ask_to_run(state, bench)
    if report.verdict.verdict == "WARNING":
        return _ask_to_accept(state, bench, report)
    if report.verdict.verdict == "NO-GO":
        return _ask_for_a_fix(state, bench, report)
    return _complete(state, bench, report, accepted="")


def _read_fresh_report(state: FinetuneWorkflowState, bench: Workbench) -> DryRunReport | None:
    """Give the report if it was made of what the workflow has now."""
    if not has_artefact(state, "dry_run"):
        return None
    body = read_artefact(state, bench, "dry_run")
    if body["inputs"] != collect_inputs(state.get("artefacts") or {}, "dry_run"):
        return None
    return DryRunReport.model_validate(body["report"])


def _ask_to_run(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    records = read_current_records(state, bench)
    changes = (state.get("intent") or Intent(kind="edit", text="")).get("changes") or {}
    topics = {one.record_id: one.topic_id for one in read_topics(state, bench, records)}
    count = changes.get("count")
    sample = choose_sample([record.id for record in records], topics, count=count, seed=bench.settings.seed)
    rollouts = bench.settings.rollouts_per_prompt
    question = write(
        "dry_run",
        "proposal",
        prompts=len(sample),
        total=len(records),
        rollouts=rollouts,
        answers=len(sample) * rollouts,
    )
    return ask(
        state,
        bench,
        step="dry_run",
        question=question,
        choices=[approve_choice("Run the dry run", action="run")],
        plan={"action": "run", "count": len(sample)},
    )


def _ask_to_accept(state: FinetuneWorkflowState, bench: Workbench, report: DryRunReport) -> Update:
    question = write("dry_run", "accept", reasons=draw_bullets(report.verdict.reasons))
    return ask(
        state,
        bench,
        step="dry_run",
        question=question,
        choices=[
            approve_choice("Accept the warning and go on", action="accept"),
            {"id": "grader", "label": "Change the grader", "kind": "jump", "step": "grader_config"},
            {"id": "data", "label": "Go back to the data", "kind": "jump", "step": "coverage_generation"},
        ],
        plan={"action": "accept", "verdict": "WARNING"},
    )


def _ask_for_a_fix(state: FinetuneWorkflowState, bench: Workbench, report: DryRunReport) -> Update:
    question = write("dry_run", "fix", recommendations=draw_bullets(report.verdict.recommendations))
    update = ask(
        state,
        bench,
        step="dry_run",
        question=question,
        choices=[
            {"id": "grader", "label": "Change the grader", "kind": "jump", "step": "grader_config"},
            {"id": "data", "label": "Go back to the data", "kind": "jump", "step": "coverage_generation"},
            {"id": "again", "label": "Run it again", "kind": "redo"},
        ],
        plan={"verdict": "NO-GO"},
    )
    return update | {"status": {"dry_run": "failed"}}


def answer(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Explain the figures and what the verdict rests on."""
    return reply(state, bench, step="dry_run", text=write("dry_run", "explained"))


def execute(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Run, or complete the step with the person's acceptance of a warning."""
    plan = get_plan(state)
    report = _read_fresh_report(state, bench)
    if plan.get("action") == "accept" and report is not None and report.verdict.verdict == "WARNING":
        words = (state.get("intent") or Intent(kind="approve", text=""))["text"]
        return _complete(state, bench, report, accepted=words or "accepted")
    return _run(state, bench, int(plan["count"]))


def _run(state: FinetuneWorkflowState, bench: Workbench, count: int) -> Update:
    records = read_current_records(state, bench)
    assigned = {one.record_id: one.topic_id for one in read_topics(state, bench, records)}
    seed = bench.settings.seed
    chosen = set(choose_sample([record.id for record in records], assigned, count=count, seed=seed))
    sample = [record for record in records if record.id in chosen]
    policy = base_policy(records)
    progress = open_progress(state, bench, "dry_run")
    rollouts = roll_out(
        bench.store, policy, sample, count=bench.settings.rollouts_per_prompt, seed=seed, progress=progress
    )
    by_id = {record.id: record for record in sample}
    grader = parse_grader(read_artefact(state, bench, "grader")["config"])
    with open_grader(grader) as score_many:
        remembering = remember_grades(bench.store, hash_grader(grader), score_many)
        grades = grade_rollouts(remembering, rollouts, records=by_id, progress=progress)
        noise = _measure_noise(score_many, rollouts, grades, by_id)
    graded = join_rollouts(rollouts, grades, records=by_id, topics=assigned)
    report = build_report(
        graded,
        weights=list_weights(grader),
        noise=noise,
        group_size=bench.settings.group_size,
        base_model=policy.name,
        grader=grader.name,
        seed=seed,
    )
    return _store(state, bench, report, rollouts, hash_grader(grader))


def _measure_noise(
    score_many: ScoreMany, rollouts: list[Rollout], grades: list[Grade], records: dict[str, Record]
) -> float:
    """Grade every n-th answer once more, without the store's memory, in reverse order."""
    stride = max(1, len(rollouts) // REGRADED)
    places = list(range(0, len(rollouts), stride))[::-1]
    again = score_many([(records[rollouts[place].record_id], rollouts[place].response) for place in places])
    return measure_noise([grades[place] for place in places], again)


def _store(
    state: FinetuneWorkflowState,
    bench: Workbench,
    report: DryRunReport,
    rollouts: list[Rollout],
    grader: str,
) -> Update:
    body: dict[str, Any] = {
        "report": report.model_dump(mode="json"),
        "inputs": collect_inputs(state.get("artefacts") or {}, "dry_run"),
        "rollouts": [one.key for one in rollouts],
        "grader": grader,
    }
    ref = put_artefact(bench.store, get_workflow_id(state), "dry_run", body)
    set_statistics(bench.store, state.get("dataset_id") or "", dry_run_stats=body["report"])
    add_calls(
        bench.store,
        get_workflow_id(state),
        "dry_run",
        ref["sha"],
        calls=len(rollouts),
        tokens=count_tokens(rollouts),
    )
    text = _describe(report, read_tree(state, bench))
    return stay(state, bench, step="dry_run", text=text, artefacts={"dry_run": {**ref}})


def _describe(report: DryRunReport, tree: TopicTree) -> str:
    figures, verdict = report.statistics, report.verdict
    signal = figures.signal
    informative = (
        f"{show_percent(signal.informative.value)} "
        f"({show_percent(signal.informative.low90)} to {show_percent(signal.informative.high90)})"
        if signal
        else "unknown"
    )
    icons = {"GO": "✅", "WARNING": "⚠️", "NO-GO": "⛔"}
    return write(
        "dry_run",
        "results",
        prompts=figures.prompts,
        answers=figures.graded,
        table=_draw_figures(report),
        informative=informative,
        topics=_draw_topics(report, tree),
        verdict=verdict.verdict,
        icon=icons[verdict.verdict],
        dataset=verdict.dataset_quality,
        grader=verdict.grader_quality,
        reasons=draw_bullets(verdict.reasons),
        warnings=draw_bullets(f"⚠️ {warning}" for warning in verdict.warnings),
    )


def _draw_figures(report: DryRunReport) -> str:
    figures = report.statistics
    mean, std = figures.mean, figures.std
    limits = THRESHOLDS
    low, high = limits.healthy_mean_low, limits.healthy_mean_high
    rows: list[tuple[Any, ...]] = [
        ("Mean", f"{mean.value:.2f}", f"{mean.low95:.2f} to {mean.high95:.2f}", f"{low} to {high}"),
        (
            "Standard deviation",
            f"{std.value:.2f}",
            f"{std.low95:.2f} to {std.high95:.2f}",
            f"{limits.healthy_std:.2f} and above",
        ),
        (
            "Above 0",
            show_percent(figures.above_zero.value),
            "",
            f"more than {show_percent(limits.healthy_above_zero)}",
        ),
        (
            "At 1.0",
            show_percent(figures.at_one.value),
            "",
            f"fewer than {show_percent(limits.healthy_at_one)}",
        ),
    ]
    return draw_table(("Metric", "Value", "95% interval", "Healthy range"), rows)


def _draw_topics(report: DryRunReport, tree: TopicTree) -> str:
    rows = sorted(report.statistics.by_topic, key=lambda row: row.mean.value)[:6]
    names = {topic.id: topic.name for topic in iterate(tree)}
    return draw_table(
        ("Lowest topics", "Mean", "Answers", "Status"),
        [
            (names.get(row.topic_id, row.topic_id), f"{row.mean.value:.2f}", row.count, row.status)
            for row in rows
        ],
    )


def _complete(
    state: FinetuneWorkflowState, bench: Workbench, report: DryRunReport, *, accepted: str
) -> Update:
    body = read_artefact(state, bench, "dry_run") | {"accepted": accepted}
    ref = put_artefact(bench.store, get_workflow_id(state), "dry_run", body, reason=accepted)
    name = "go" if report.verdict.verdict == "GO" else "accepted"
    refs = merge({}, {"dry_run": {**ref}})
    return finish(state, bench, step="dry_run", text=write("dry_run", name), refs=refs)


def read_words(text: str, state: FinetuneWorkflowState, bench: Workbench) -> Intent | None:
    """Read a number of prompts ("use 300 prompts"), "run it again"; accepting must be said in words."""
    said = text.casefold()
    number = re.search(r"\b(\d{1,5})\s*(prompts?|records?|samples?)\b", said)
    if number:
        return Intent(kind="edit", text=text, changes={"count": int(number.group(1))})
    if re.search(r"\b(again|re-?run)\b", said):
        return Intent(kind="redo", text=text)
    pending = state.get("pending")
    waits = pending is not None and pending["plan"].get("verdict") == "WARNING"
    if waits and re.search(r"\b(accept|train anyway|go ahead anyway|i understand)\b", said):
        return Intent(kind="approve", text=text, changes={"action": "accept"})
    return None


STEP = Step(
    id="dry_run",
    title="Dry run",
    propose=propose,
    answer=answer,
    execute=execute,
    read_words=read_words,
    hints=("`use 300 prompts`", "`run it again`", "`go back to the grader`"),
)
