"""Begin a run: a new workflow, a message typed while a question is open, or simply going on."""

import uuid
from typing import Literal

from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.types import Command

from lucy.graph.state import SCHEMA_VERSION, FinetuneWorkflowState, Reply, Update


def enter(state: FinetuneWorkflowState, config: RunnableConfig) -> Command[Literal["interpret", "router"]]:
    """Give a new workflow its id, or hand a typed message to interpret."""
    last = state["messages"][-1] if state.get("messages") else None
    typed = isinstance(last, HumanMessage) and not str(last.id or "").endswith("-human")
    if not state.get("step"):
        return Command(goto="router", update=_begin(state, config))
    if typed and isinstance(last, HumanMessage):
        return Command(goto="interpret", update={"reply": Reply(kind="text", text=last.text.strip())})
    return Command(goto="router")


def _begin(state: FinetuneWorkflowState, config: RunnableConfig) -> Update:
    thread = config.get("configurable", {}).get("thread_id")
    return {
        "workflow_id": state.get("workflow_id") or str(thread or uuid.uuid4()),
        "schema_version": SCHEMA_VERSION,
        "turn": 0,
        "step": "not_started",
    }
