"""Give every step the same shape, and the few moves that all of them make."""

from dataclasses import dataclass
from typing import Any, Protocol

from langchain_core.messages import AIMessage

from lucy.graph.state import (
    STEPS,
    Choice,
    FinetuneWorkflowState,
    Intent,
    Place,
    Ref,
    StepName,
    Update,
    collect_inputs,
    find_next,
    merge,
)
from lucy.tools.store.workflows import add_message, add_snapshot
from lucy.tools.workbench import Workbench


class StepFunction(Protocol):
    """Propose, answer or execute: reads the state, returns a partial update."""

    def __call__(self, state: FinetuneWorkflowState, bench: Workbench, /) -> Update:
        """Do one phase of a step."""
        ...


class ReplyReader(Protocol):
    """A step's own commands: gives an intent for words that it knows, else None."""

    def __call__(self, text: str, state: FinetuneWorkflowState, bench: Workbench, /) -> Intent | None:
        """Read the person's words."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its id is the node's name and the name of its files."""

    id: Place
    title: str
    propose: StepFunction
    """Makes the proposal, or revises it when the intent is an edit."""
    answer: StepFunction
    """Replies to a question; the proposal stays."""
    execute: StepFunction
    """Does what was approved; idempotent; the only phase that spends, trains or deploys."""
    read_words: ReplyReader
    hints: tuple[str, ...] = ()
    """What else can be said here, as examples for a person who was not understood."""


def get_workflow_id(state: FinetuneWorkflowState) -> str:
    """Give the workflow's id, which entry has set."""
    return state.get("workflow_id") or ""


def get_plan(state: FinetuneWorkflowState) -> dict[str, Any]:
    """Give what was approved: the open proposal's plan with the changes of the intent laid over it."""
    pending, intent = state.get("pending"), state.get("intent")
    plan = dict(pending["plan"]) if pending else {}
    return plan | dict((intent or {}).get("changes") or {})


def say(state: FinetuneWorkflowState, bench: Workbench, *, step: Place, slot: str, text: str) -> AIMessage:
    """Add a message of Lucy's to the conversation in the store and give it for the state.

    The id is repeatable, so that a phase that runs again after a crash says nothing twice.
    """
    message_id = f"{state.get('turn', 0)}-{step}-{slot}"
    add_message(bench.store, get_workflow_id(state), id=message_id, role="assistant", step=step, text=text)
    return AIMessage(text, id=message_id)


def ask(
    state: FinetuneWorkflowState,
    bench: Workbench,
    *,
    step: Place,
    question: str,
    choices: list[Choice],
    plan: dict[str, Any],
    kind: str = "confirm",
    job_id: str | None = None,
    slot: str = "propose",
) -> Update:
    """Say the question and leave it open at the gate."""
    message = say(state, bench, step=step, slot=slot, text=question)
    pending: dict[str, Any] = {
        "step": step,
        "kind": kind,
        "question": question,
        "choices": choices,
        "plan": plan,
    }
    if job_id is not None:
        pending["job_id"] = job_id
    update: Update = {"messages": [message], "pending": pending, "intent": None}
    if step in STEPS:
        update["status"] = {step: "in_progress"}
    return update


def reply(state: FinetuneWorkflowState, bench: Workbench, *, step: Place, text: str) -> Update:
    """Answer the person and leave the proposal as it is."""
    return {"messages": [say(state, bench, step=step, slot="answer", text=text)], "intent": None}


def stay(state: FinetuneWorkflowState, bench: Workbench, *, step: Place, text: str, **update: Any) -> Update:
    """Report what was done and come back to the same step for a new proposal."""
    message = say(state, bench, step=step, slot="execute", text=text)
    return {"messages": [message], "pending": None, "intent": None, **update}


def finish(
    state: FinetuneWorkflowState,
    bench: Workbench,
    *,
    step: StepName,
    text: str,
    refs: dict[str, Ref] | None = None,
    status: str = "completed",
) -> Update:
    """Complete a step: keep the references, note what was read, take a snapshot, go on to the next."""
    artefacts = merge(state.get("artefacts"), refs)
    done: dict[str, Any] = {
        "artefacts": refs or {},
        "status": {step: status},
        "inputs": {step: collect_inputs(artefacts, step)},
    }
    after: dict[str, Any] = {
        **state,
        **{key: merge(state.get(key), value) for key, value in done.items()},  # pyright: ignore[reportArgumentType]
    }
    place = find_next(after, step)  # pyright: ignore[reportArgumentType]  # a state with the update laid over
    body = {key: after[key] for key in ("artefacts", "status", "inputs")}
    add_snapshot(bench.store, get_workflow_id(state), place, body)
    message = say(state, bench, step=step, slot="finish", text=text)
    return {"messages": [message], "pending": None, "intent": None, "step": place, **done}


def approve_choice(label: str, **changes: Any) -> Choice:
    """Make the choice that carries the proposal out as it stands, or with changes."""
    return Choice(id="approve", label=label, kind="approve", changes=changes)
