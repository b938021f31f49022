"""Wire the graph: entry, router, gate, interpret, and one subgraph a step, all of one shape.

START -> entry -> router -> step (propose | answer | execute) -> router -> gate [interrupt] -> interpret
-> router
"""

from collections.abc import Callable
from typing import Any, Protocol

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from lucy.errors import CancelledByPersonError, GateError, GraderError, InputError, ProviderError
from lucy.graph.state import FinetuneWorkflowState, InputState, Update
from lucy.nodes.catalogue import CATALOGUE
from lucy.nodes.entry import enter
from lucy.nodes.gate import wait_at_gate
from lucy.nodes.interpret import interpret
from lucy.nodes.router import pick, route
from lucy.nodes.step import Step, StepFunction, say
from lucy.tools.workbench import Workbench

PHASES = ["propose", "answer", "execute"]


class Node(Protocol):
    """A node of the graph: the state in, a partial update or a command out."""

    def __call__(self, state: FinetuneWorkflowState) -> Any:
        """Do the node's work."""
        ...


def pick_phase(state: FinetuneWorkflowState) -> str:
    """Name the phase of a step: propose without an intent, else what the intent asks for."""
    intent = state.get("intent")
    kind = intent["kind"] if intent else "edit"
    return {"approve": "execute", "question": "answer"}.get(kind, "propose")


def bind_phase(step: Step, phase: StepFunction, bench: Workbench) -> Node:
    """Close a phase over its dependencies; a refusal is said and the question stays open."""

    def run(state: FinetuneWorkflowState) -> Update:
        try:
            return phase(state, bench)
        except (InputError, GateError, GraderError, CancelledByPersonError, ProviderError) as error:
            if not state.get("pending"):
                raise
            message = say(state, bench, step=step.id, slot="refused", text=str(error))
            return {"messages": [message], "intent": None}

    return run


def bind_node(function: Callable[[FinetuneWorkflowState, Workbench], Any], bench: Workbench) -> Node:
    """Close a node of the root graph over its dependencies."""

    def run(state: FinetuneWorkflowState) -> Any:
        return function(state, bench)

    return run


def build_step(step: Step, bench: Workbench) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Build the subgraph of one step."""
    builder = StateGraph(FinetuneWorkflowState)
    for name, phase in zip(PHASES, (step.propose, step.answer, step.execute), strict=True):
        builder.add_node(name, bind_phase(step, phase, bench))
        builder.add_edge(name, END)
    builder.add_conditional_edges(START, pick_phase, PHASES)
    return builder.compile(name=step.id)


def build_graph(
    bench: Workbench | None = None, *, checkpointer: BaseCheckpointSaver[Any] | None = None
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Build Lucy's graph, as an application (with a checkpointer) or as a subgraph of another graph.

    Args:
        bench: Settings and store; by default those of the environment, opened when first needed.
        checkpointer: Where the state is kept; without one the host's is used. Run with `durability="sync"`.
    """
    tools = bench or Workbench()
    builder = StateGraph(FinetuneWorkflowState, input_schema=InputState)
    builder.add_node("entry", enter)
    builder.add_node("router", bind_node(route, tools))
    builder.add_node("gate", wait_at_gate)
    builder.add_node("interpret", bind_node(interpret, tools), destinations=("router",))
    for place, step in CATALOGUE.items():
        builder.add_node(place, build_step(step, tools))
        builder.add_edge(place, "router")
    builder.add_edge(START, "entry")
    builder.add_edge("gate", "interpret")
    builder.add_conditional_edges("router", pick, [*CATALOGUE, "gate"])
    return builder.compile(checkpointer=checkpointer, name="lucy")


graph = build_graph()
