"""Decide where to go, from the state alone, and keep the workflow's row in the store up to date."""

from lucy.graph.state import STEPS, FinetuneWorkflowState, Update
from lucy.nodes.step import get_workflow_id
from lucy.tools.store.workflows import save_workflow
from lucy.tools.workbench import Workbench


def route(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Write where the workflow is; changes nothing of the state."""
    pending = state.get("pending")
    save_workflow(
        bench.store,
        get_workflow_id(state),
        dataset_id=state.get("dataset_id"),
        name=state.get("name") or "",
        goal=state.get("goal") or "",
        step=state.get("step") or "not_started",
        status={step: (state.get("status") or {}).get(step, "pending") for step in STEPS},
        question=pending["question"] if pending else "",
    )
    return {}


def pick(state: FinetuneWorkflowState) -> str:
    """Name the next node: the gate while a question is open and unanswered, else the step."""
    if state.get("pending") and not state.get("intent"):
        return "gate"
    return state.get("step") or "not_started"
