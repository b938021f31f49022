"""Before the steps: get the records and the goal, look at them, and greet.

Decides: which records and which goal the workflow is about.
Reads: `source`, `dataset_id`, `goal`, `name` as given by the caller. Writes: the dataset in the store.
Asks: for a file, or for the goal, when one is missing. Costs: nothing.
"""

from collections import Counter
from typing import Any

from lucy.errors import InputError
from lucy.graph.state import Choice, FinetuneWorkflowState, Intent, Ref, Update
from lucy.nodes.progress import open_progress
from lucy.nodes.step import Step, ask, get_plan, get_workflow_id, reply, say
from lucy.nodes.wording import draw_bullets, show_percent, write
from lucy.tools.datasets import (
    NOTHING,
    SAMPLE,
    SAMPLE_FILE,
    SAMPLE_GOAL,
    find_source,
    name_source,
    open_empty,
    open_source,
)
from lucy.tools.records.validation import Limits
from lucy.tools.store.artefacts import put_artefact
from lucy.tools.store.datasets import Dataset, get_dataset
from lucy.tools.store.workflows import add_snapshot
from lucy.tools.workbench import Workbench

EMPTY_NAME = "New dataset"
"""Name of a dataset that begins without records."""
SHORTEST_GOAL = 8
"""Characters of a goal that says something."""


def propose(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Ask for what is missing; with records and a goal at hand, begin."""
    if state.get("dataset_id") or state.get("source"):
        if state.get("goal"):
            return _begin(state, bench, None)
        return _ask_goal(state, bench)
    return ask(
        state,
        bench,
        step="not_started",
        question=write("not_started", "ask_source"),
        choices=[
            {"id": "sample", "label": "Use the sample", "kind": "approve", "changes": {"source": SAMPLE}},
            {
                "id": "none",
                "label": "I have no records yet",
                "kind": "approve",
                "changes": {"source": NOTHING},
            },
        ],
        plan={},
        kind="input",
    )


def _ask_goal(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    choices: list[Choice] = []
    if find_source(state.get("source") or "") == SAMPLE_FILE:
        choices = [{"id": "goal", "label": SAMPLE_GOAL, "kind": "approve", "changes": {"goal": SAMPLE_GOAL}}]
    question = write("not_started", "ask_goal")
    return ask(
        state, bench, step="not_started", question=question, choices=choices, plan={"goal": ""}, kind="input"
    )


def answer(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Say what Lucy does and what she needs."""
    return reply(state, bench, step="not_started", text=write("not_started", "what_is_this"))


def execute(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Take the file or the goal that the person named; begin when both are there."""
    plan = get_plan(state)
    given = {key: plan[key] for key in ("source", "goal") if plan.get(key)}
    update: Update = {**given, "pending": None, "intent": None}
    if (given.get("source") or state.get("source") or state.get("dataset_id")) and (
        given.get("goal") or state.get("goal")
    ):
        known: FinetuneWorkflowState = {**state, **given}  # pyright: ignore[reportAssignmentType]
        return update | _begin(known, bench, state)
    return update


def _begin(state: FinetuneWorkflowState, bench: Workbench, asked: FinetuneWorkflowState | None) -> Update:
    try:
        dataset = _open_dataset(state, bench)
    except InputError as error:
        if asked is None and not state.get("source"):
            raise
        text = write("not_started", "unusable", error=error)
        message = say(state, bench, step="not_started", slot="unusable", text=text)
        return {"messages": [message], "source": "", "pending": None, "intent": None}
    return _greet(state, bench, dataset)


def _open_dataset(state: FinetuneWorkflowState, bench: Workbench) -> Dataset:
    if state.get("dataset_id"):
        return get_dataset(bench.store, state.get("dataset_id") or "")
    if _is_empty_start(state):
        return open_empty(bench.store, get_workflow_id(state), name=state.get("name") or EMPTY_NAME)
    source = find_source(state.get("source") or "")
    limits = Limits(min_user_chars=bench.settings.min_user_chars, max_tokens=bench.settings.max_tokens)
    name = state.get("name") or name_source(source)
    progress = open_progress(state, bench, "not_started")
    return open_source(bench.store, source, name=name, limits=limits, progress=progress)


def _is_empty_start(state: FinetuneWorkflowState) -> bool:
    words = (state.get("source") or "").strip().casefold().rstrip(".")
    return words in (
        NOTHING,
        "nothing",
        "no records",
        "no records yet",
        "i have none",
        "i have no records yet",
    )


def _greet(state: FinetuneWorkflowState, bench: Workbench, dataset: Dataset) -> Update:
    name = state.get("name") or dataset.name
    report = dataset.report
    text = (
        _describe_empty(state, name)
        if not report["total"]
        else write(
            "not_started",
            "greeting",
            name=name,
            total=f"{report['total']:,}",
            valid=f"{report['valid']:,}",
            goal=(state.get("goal") or "").strip(),
            health=_describe_health(report),
            shape=_describe_shape(report),
        )
    )
    batches: list[str] = []
    ref: Ref = put_artefact(  # pyright: ignore[reportAssignmentType]  # the same shape, declared in both rooms
        bench.store,
        get_workflow_id(state),
        "dataset",
        {"dataset_id": dataset.id, "batches": batches},
        reason="imported",
    )
    add_snapshot(
        bench.store,
        get_workflow_id(state),
        "topics_config",
        {"artefacts": {**(state.get("artefacts") or {}), "dataset": ref}, "status": {}, "inputs": {}},
    )
    return {
        "messages": [say(state, bench, step="not_started", slot="greeting", text=text)],
        "dataset_id": dataset.id,
        "name": name,
        "artefacts": {"dataset": ref},
        "step": "topics_config",
        "pending": None,
        "intent": None,
    }


def _describe_empty(state: FinetuneWorkflowState, name: str) -> str:
    return write("not_started", "greeting_empty", name=name, goal=(state.get("goal") or "").strip())


def _describe_health(report: dict[str, Any]) -> str:
    """Say in plain words what is wrong with the rejected lines."""
    rejected, counts = report["rejected"], report["errors_by_type"]
    if not rejected:
        return write("not_started", "all_valid")
    ordered = Counter({str(error): int(count) for error, count in counts.items()}).most_common()
    reasons = [f"{count:,} {write('not_started', f'reason_{error}')}" for error, count in ordered if count]
    return write("not_started", "some_invalid", rejected=rejected, reasons=draw_bullets(reasons))


def _describe_shape(report: dict[str, Any]) -> str:
    turns, with_reply = float(report["mean_messages"]), report["with_reply"] / report["valid"]
    name = "multi_turn" if turns >= 2.5 else "single_turn"
    parts = [write("not_started", name, turns=f"{turns:.1f}", replies=show_percent(with_reply))]
    if report["near_duplicates"]:
        parts.append(write("not_started", "near_duplicates", count=report["near_duplicates"]))
    return " ".join(parts)


def read_words(text: str, state: FinetuneWorkflowState, bench: Workbench) -> Intent | None:
    """Take the words as the path or as the goal, whichever was asked for."""
    pending = state.get("pending")
    if not text or text.rstrip().endswith("?") or pending is None:
        return None
    if "goal" in pending["plan"]:
        if len(text.strip()) < SHORTEST_GOAL:
            raise InputError(write("not_started", "goal_too_short"))
        return Intent(kind="approve", text=text, changes={"goal": text.strip()})
    return Intent(kind="approve", text=text, changes={"source": text.strip()})


STEP = Step(
    id="not_started",
    title="Records and goal",
    propose=propose,
    answer=answer,
    execute=execute,
    read_words=read_words,
)
