"""Carry a tool call into a workflow: open its step, change its proposal, read what came of it.

A tool call is never the person's word: it opens steps and changes proposals, and confirms only what costs
nothing and can be put back. What it may not confirm stays an open question, which the person answers in any
of Lucy's surfaces; the tool's result says so under `status`.
"""

from typing import Any, NamedTuple

from lucy.errors import GateError, InputError
from lucy.graph.runs import Runs
from lucy.graph.state import FinetuneWorkflowState, StepName, find_missing
from lucy.nodes.catalogue import find_step
from lucy.tools.store.workflows import find_workflow
from lucy.tools.topics.tree import TopicTree, find_by_name, find_topic, list_near_names
from lucy.tools.vocabulary import Topic


class Called(NamedTuple):
    """What a tool call led to."""

    said: str
    """What Lucy said meanwhile."""
    state: FinetuneWorkflowState


def find_id(runs: Runs, workflow_id: str) -> str:
    """Give the whole id of a workflow.

    Raises:
        NotFoundError: there is no such workflow.
        InputError: several begin so.
    """
    return find_workflow(runs.bench.store, workflow_id).id


def open_step(runs: Runs, workflow_id: str, step: StepName, tool: str) -> FinetuneWorkflowState:
    """Bring a workflow to a step's open question, as "go back to ..." would.

    Raises:
        GateError: steps before it are not completed.
    """
    state = runs.read_state(workflow_id)
    if not state.get("pending"):
        list(runs.drive(workflow_id))
        state = runs.read_state(workflow_id)
    missing = find_missing(state, step)
    if missing or (state.get("step") or "not_started") == "not_started":
        names = ", ".join(find_step(one).title for one in missing) or find_step("not_started").title
        raise GateError(f"{find_step(step).title} cannot be opened yet: first complete {names}.")
    pending = state.get("pending")
    if not pending or pending["step"] != step:
        list(runs.drive(workflow_id, {"kind": "tool", "tool": tool, "step": step}))
    return runs.read_state(workflow_id)


def change(runs: Runs, workflow_id: str, step: StepName, tool: str, **changes: Any) -> Called:
    """Open a step and change its proposal.

    Raises:
        InputError: the step refuses the change; its sentence says why.
    """
    open_step(runs, workflow_id, step, tool)
    return _send(runs, workflow_id, {"kind": "tool", "tool": tool, "step": step, "changes": changes})


def approve(runs: Runs, workflow_id: str, step: StepName, tool: str) -> Called:
    """Confirm a step's proposal; only what costs nothing and can be put back passes.

    Raises:
        InputError: it is refused.
    """
    return _send(runs, workflow_id, {"kind": "tool", "tool": tool, "step": step, "approve": True})


def _send(runs: Runs, workflow_id: str, reply: dict[str, Any]) -> Called:
    before = runs.read_state(workflow_id).get("pending")
    said = [event.data["text"] for event in runs.drive(workflow_id, reply) if event.kind == "message"]
    state = runs.read_state(workflow_id)
    if state.get("pending") == before:  # nothing was proposed anew: what was said is the reason
        raise InputError(said[-1] if said else "The change was not understood; check its arguments.")
    return Called("\n\n".join(said), state)


def describe_question(called: Called) -> dict[str, Any]:
    """Say what is open now: the person has to answer it."""
    pending = called.state.get("pending")
    if pending is None:
        return {"status": "done"}
    labels = [choice["label"] for choice in pending["choices"]]
    return {"status": "needs_confirmation", "question": pending["question"], "choices": labels}


def find_named(tree: TopicTree, word: str) -> Topic:
    """Give the topic that an id or a name stands for.

    Raises:
        InputError: there is no such topic.
    """
    topic = find_topic(tree, word) or find_by_name(tree, word)
    if topic is None:
        near = ", ".join(list_near_names(tree, word)) or "none yet"
        raise InputError(f"There is no topic {word!r}; the nearest are: {near}.")
    return topic
