"""Talk to a workflow in tests."""

import json
from typing import Any

from langchain_core.tools import BaseTool

from lucy.graph.runs import Event, Runs


def talk(runs: Runs, workflow_id: str, reply: Any = None) -> list[Event]:
    return list(runs.drive(workflow_id, reply))


def approve(runs: Runs, workflow_id: str) -> list[Event]:
    pending = runs.read_state(workflow_id)["pending"]
    assert pending is not None
    return talk(runs, workflow_id, {"choice": pending["choices"][0]["id"]})


def go_to(runs: Runs, workflow_id: str, step: str) -> None:
    """Approve until the workflow stands at a step's question."""
    for _ in range(12):
        state = runs.read_state(workflow_id)
        if state["step"] == step:
            return
        approve(runs, workflow_id)
    raise AssertionError(f"the workflow did not come to {step}")


def texts(events: list[Event]) -> str:
    return "\n".join(event.data["text"] for event in events if event.kind == "message")


def call(tool: BaseTool, **given: Any) -> dict[str, Any]:
    """Call a tool and hold that its result is JSON, not the sentence of an error."""
    result = tool.invoke(given)
    assert isinstance(result, dict), result
    json.dumps(result)
    return result
