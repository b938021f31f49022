"""Step 3: look at the balance of the topics and fill gaps, as often as the person likes.

Decides: whether, how and for which topics records are generated; which generated records stay.
Reads: artefacts `topics`, `categories`, `dataset`, the records.
Writes: artefact `coverage` with the person's targets; per round a batch of records and a new `dataset`
artefact; edits of records (changed, or left out), which leave the earlier version stored.
Asks: before every generation, with the plan and its cost; shows five examples on request; for an agreement
before the synthetic share goes over its limit. Costs: nothing with the offline engine.
"""

from typing import Any

from lucy.graph.state import FinetuneWorkflowState, Intent, Ref, Update
from lucy.nodes.batches import (
    describe_batch,
    describe_history,
    edit_records,
    leave_out_records,
    restore_batch,
    undo_batch,
)
from lucy.nodes.coverage_offers import advise, choose_wish, offer, write_plan
from lucy.nodes.coverage_report import describe_report, expect_share, make_report, read_targets
from lucy.nodes.coverage_results import describe_result
from lucy.nodes.coverage_words import read_words
from lucy.nodes.generating import (
    Wish,
    check_agreement,
    check_wish,
    read_wish,
    run_wish,
    show_preview,
)
from lucy.nodes.reading import read_artefact, read_tree
from lucy.nodes.step import Step, ask, finish, get_plan, get_workflow_id, reply, stay
from lucy.nodes.wording import write
from lucy.tools.coverage import CoverageReport, list_statistics
from lucy.tools.coverage_targets import resolve_targets
from lucy.tools.store.artefacts import put_artefact
from lucy.tools.store.database import tell_time
from lucy.tools.store.datasets import set_statistics
from lucy.tools.workbench import Workbench


def propose(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Show the balance and propose what to generate, or to go on."""
    changes = (state.get("intent") or Intent(kind="edit", text="")).get("changes") or {}
    said, dataset = _change_records(state, bench, changes)
    if dataset:
        state = {**state, "artefacts": {**(state.get("artefacts") or {}), "dataset": dataset}}
    targets = _choose_targets(state, bench, changes)
    coverage, report = _measure(state, bench, targets)
    state = {**state, "artefacts": {**(state.get("artefacts") or {}), "coverage": coverage}}
    wish = choose_wish(state, bench, report, changes)
    if wish.is_named:
        check_wish(state, bench, wish)
    parts = [said, describe_report(report), advise(state, bench, report, wish)]
    if changes.get("preview") and wish.total:
        parts[1] = show_preview(state, bench, wish)
    reviewed: list[str] = []
    if changes.get("review"):
        text, reviewed = describe_batch(state, bench, skip=int(changes.get("skip", 0)))
        parts = [said, text] if reviewed else [text, *parts[1:]]
    proposed = ask(
        state,
        bench,
        step="coverage_generation",
        question="\n\n".join(part for part in parts if part),
        choices=offer(state, bench, report, wish, is_review=bool(reviewed)),
        plan=write_plan(report, wish) | {"reviewed": reviewed, "skip": int(changes.get("skip", 0))},
    )
    return proposed | {"artefacts": {"coverage": coverage, **({"dataset": dataset} if dataset else {})}}


def _change_records(
    state: FinetuneWorkflowState, bench: Workbench, changes: dict[str, Any]
) -> tuple[str, Ref | None]:
    """Carry out what the person wants changed in the records, all of which can be put back."""
    if changes.get("leave_out"):
        return leave_out_records(state, bench, list(changes["leave_out"]))
    if changes.get("edit"):
        return edit_records(state, bench, dict(changes["edit"]))
    if changes.get("undo_batch"):
        return undo_batch(state, bench)
    if changes.get("restore_batch"):
        return restore_batch(state, bench)
    return "", None


def _choose_targets(
    state: FinetuneWorkflowState, bench: Workbench, changes: dict[str, Any]
) -> dict[str, float]:
    """Take the targets that the person gives now, else the ones given before."""
    tree = read_tree(state, bench)
    if changes.get("targets") is None:
        return read_targets(state, bench, tree)
    given: dict[str, float] = dict(changes["targets"])
    resolve_targets(tree, given or None)  # refuses what does not add up before anything is stored
    return given


def _measure(
    state: FinetuneWorkflowState, bench: Workbench, targets: dict[str, float]
) -> tuple[Ref, CoverageReport]:
    """Measure, and keep the figures with the workflow and with the dataset."""
    workflow_id = get_workflow_id(state)
    ref = put_artefact(bench.store, workflow_id, "coverage", {"targets": targets})
    aimed: FinetuneWorkflowState = {
        **state,
        "artefacts": {**(state.get("artefacts") or {}), "coverage": Ref(**ref)},
    }
    report = make_report(aimed, bench)
    body = {"targets": targets, "report": report.model_dump(mode="json")}
    ref = put_artefact(bench.store, workflow_id, "coverage", body)
    statistics = list_statistics(report, calculated_at=tell_time())
    set_statistics(bench.store, state.get("dataset_id") or "", coverage_stats=statistics)
    return Ref(revision=ref["revision"], sha=ref["sha"]), report


def answer(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Explain the balance score and how generation works, or tell what was generated so far."""
    said = (state.get("intent") or Intent(kind="question", text=""))["text"].casefold()
    asks_history = "history" in said or "so far" in said or "rounds" in said
    text = describe_history(state, bench) if asks_history else write("coverage_generation", "explained")
    return reply(state, bench, step="coverage_generation", text=text)


def execute(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Generate what was approved and come back, or complete the step."""
    plan = get_plan(state)
    wish = read_wish(plan)
    if plan.get("action") == "generate" and wish.is_named:
        return _generate(state, bench, wish, agreed=float(plan.get("agreed") or 0.0))
    score = read_artefact(state, bench, "coverage")["report"]["balance_score"]
    text = write("coverage_generation", "done", score=f"{score:.2f}")
    refs = {kind: (state.get("artefacts") or {})[kind] for kind in ("dataset", "coverage")}
    return finish(state, bench, step="coverage_generation", text=text, refs=refs)


def _generate(state: FinetuneWorkflowState, bench: Workbench, wish: Wish, *, agreed: float) -> Update:
    check_wish(state, bench, wish)
    report = make_report(state, bench)
    share = expect_share(report, wish.total)
    check_agreement(share, report.max_synthetic_share, agreed=agreed >= share - 1e-9)
    made = run_wish(state, bench, wish, step="coverage_generation")
    text = describe_result(state, bench, made)
    return stay(state, bench, step="coverage_generation", text=text, artefacts={"dataset": made.ref})


STEP = Step(
    id="coverage_generation",
    title="Coverage and generation",
    propose=propose,
    answer=answer,
    execute=execute,
    read_words=read_words,
    hints=(
        '`generate 30 more for "Refunds"`, `add 10 edge cases for Refunds`, `as complete conversations`',
        "`make Refunds 40%, the rest evenly`, `uniform targets`",
        "`show me examples first`, `look at the new records`, `leave out 2`, `take the last batch back`",
        "`skip`",
    ),
)
