"""Put a workflow's references back as a snapshot has them."""

from collections.abc import Mapping
from typing import Any

from lucy.graph.state import STEPS, FinetuneWorkflowState, StepName


def restore_references(
    state: FinetuneWorkflowState, body: Mapping[str, Any], step: StepName
) -> dict[str, Any]:
    """Make the update that replaces the references: keys that were not there then are removed."""
    update: dict[str, Any] = {"step": step, "pending": None, "intent": None, "reply": None}
    update["turn"] = state.get("turn", 0) + 1  # what is said from here on is said anew
    for key in ("artefacts", "status", "inputs"):
        now: Mapping[str, Any] = state.get(key) or {}  # pyright: ignore[reportAssignmentType]
        update[key] = {**dict.fromkeys(now), **body[key]}
    update["status"] |= {step: "in_progress"}
    for later in STEPS[STEPS.index(step) + 1 :]:
        update["status"].setdefault(later, None)
    return update
