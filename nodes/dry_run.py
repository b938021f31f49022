"""Step 5: try the dataset and the grader with the base model, before anything is trained.

Decides: GO, WARNING or NO-GO, on intervals.
Reads: artefacts `dataset`, `categories`, `grader`. Writes: artefact `dry_run`; rollouts and grades.
Asks: before running; at a WARNING whether the person accepts it; at a NO-GO where to go back to.
Costs: nothing with the offline engine; the calls of a judge model or of a service, said before.
"""

import re
from typing import Any

from lucy.errors import LucyError
from lucy.graph.state import Choice, FinetuneWorkflowState, Intent, Update, merge
from lucy.nodes.dry_run_results import describe_report
from lucy.nodes.dry_run_work import (
    Announced,
    announce_work,
    check_answers,
    do_work,
    is_current,
    name_base,
    plan_work,
    trains_here,
)
from lucy.nodes.reading import has_artefact, read_artefact, read_tree
from lucy.nodes.step import Step, approve_choice, ask, finish, get_plan, get_workflow_id, reply, stay
from lucy.nodes.wording import draw_bullets, show_cost, write
from lucy.tools.dry_run.report import DryRunReport
from lucy.tools.store.artefacts import put_artefact
from lucy.tools.workbench import Workbench

NAMED = 3
"""Records without an answer that are named."""


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
    if not is_current(state, bench, body):
        return None
    return DryRunReport.model_validate(body["report"])


def _ask_to_run(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    pending = state.get("pending")
    known = pending["plan"] if pending and pending["step"] == "dry_run" else {}
    changes = (state.get("intent") or Intent(kind="edit", text="")).get("changes") or {}
    work = plan_work(
        state,
        bench,
        count=changes.get("count") or (None if "percentage" in changes else known.get("count")),
        percentage=changes.get("percentage"),
        answers=changes.get("answers") or known.get("answers"),
    )
    try:
        announced = announce_work(bench, work)
    except LucyError as error:
        return _ask_what_else(state, bench, str(error))
    question = write(
        "dry_run",
        "proposal",
        prompts=work.size.prompts,
        total=len(work.records),
        rollouts=work.size.answers,
        answers=announced.answers,
        stored=_say_stored(announced),
        cost=_say_cost(bench, announced),
    )
    return ask(
        state,
        bench,
        step="dry_run",
        question=question,
        choices=[approve_choice("Run the dry run", action="run")],
        plan={
            "action": "run",
            "count": work.size.prompts,
            "answers": work.size.answers,
            "is_free": announced.judging is None and trains_here(bench),
        },
    )


def _ask_what_else(state: FinetuneWorkflowState, bench: Workbench, reason: str) -> Update:
    choices: list[Choice] = [
        {"id": "grader", "label": "Change the grader", "kind": "jump", "step": "grader_config"},
        {"id": "again", "label": "Try again", "kind": "redo"},
    ]
    return ask(state, bench, step="dry_run", question=reason, choices=choices, plan={})


def _say_stored(announced: Announced) -> str:
    if not announced.stored:
        return ""
    if announced.stored == announced.answers:
        return write("dry_run", "all_stored")
    return write("dry_run", "some_stored", stored=announced.stored)


def _say_cost(bench: Workbench, announced: Announced) -> str:
    judging = announced.judging
    if judging is None and trains_here(bench):
        return write("dry_run", "free")
    parts: list[str] = []
    answering = announced.answering
    if answering is not None:
        cost, calls = show_cost(answering.cost), answering.calls
        parts.append(write("dry_run", "answered_by_service", model=name_base(bench), calls=calls, cost=cost))
    if judging is not None:
        parts.append(write("dry_run", "judged", calls=judging.calls, cost=show_cost(judging.cost)))
    return " ".join(parts)


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
    work = plan_work(state, bench, count=int(plan["count"]), answers=plan.get("answers"))
    done = do_work(state, bench, work)
    missing = _say_unanswered(bench, done.unanswered, work.size.prompts)
    said = [describe_report(done.report, read_tree(state, bench)), missing]
    text = "\n\n".join(part for part in said if part)
    return stay(state, bench, step="dry_run", text=text, artefacts={"dry_run": {**done.ref}})


def _say_unanswered(bench: Workbench, unanswered: dict[str, str], prompts: int) -> str:
    if not unanswered:
        return ""
    named = [f"`{record_id}`: {reason}" for record_id, reason in list(unanswered.items())[:NAMED]]
    return write(
        "dry_run",
        "unanswered",
        count=len(unanswered),
        model=name_base(bench),
        reasons=draw_bullets(named),
        prompts=prompts,
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
    """Read "use 300 prompts", "20%", "8 answers each", "run it again"; accepting must be said in words."""
    said = text.casefold()
    changes: dict[str, Any] = {}
    if number := re.search(r"\b(\d{1,5})\s*(prompts?|records?|samples?)\b", said):
        changes["count"] = int(number.group(1))
    if share := re.search(r"\b(\d{1,3}(?:\.\d+)?)\s*(?:%|percent\b)", said):
        changes["percentage"] = float(share.group(1))
    if answers := re.search(r"\b(\d{1,3})\s*(?:answers?|rollouts?)\b", said):
        changes["answers"] = check_answers(int(answers.group(1)))
    if changes:
        return Intent(kind="edit", text=text, changes=changes)
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
    hints=("`use 300 prompts`, `20%`, `8 answers each`", "`run it again`", "`go back to the grader`"),
)
