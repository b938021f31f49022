"""Compare a turn of conversation with the same turn of a bare LangGraph graph, in one run.

The bare graph has the same nodes and edges (entry, router, gate, interpret, a step subgraph) with empty
bodies, the same saver on a file and the same durability. The turn is a question, which Lucy answers while
the proposal stays. Bound: Lucy's turn costs at most three times the bare one. Also prints the largest
checkpoint, which must stay under 64 kB.
"""

import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Command, interrupt

from lucy.graph.runs import Runs
from lucy.settings import Settings
from lucy.tools.datasets import SAMPLE_FILE, SAMPLE_GOAL
from lucy.tools.workbench import Workbench

TURNS = 30
BOUND = 3.0
LARGEST = 64 * 1024


class Bare(TypedDict, total=False):
    """The keys that the skeleton needs."""

    messages: Annotated[list[AnyMessage], add_messages]
    step: str
    pending: dict[str, Any] | None
    reply: str | None
    intent: str | None


def build_bare(saver: SqliteSaver) -> Any:
    """Build the skeleton: one step with three phases, a gate, nothing in the nodes."""
    step = StateGraph(Bare)
    step.add_node("propose", lambda state: {"pending": {"question": "Go on?"}, "intent": None})
    step.add_node("answer", lambda state: {"messages": [AIMessage("Because.")], "intent": None})
    step.add_conditional_edges(
        START, lambda state: "answer" if state.get("intent") else "propose", ["answer", "propose"]
    )
    root = StateGraph(Bare)
    root.add_node(
        "entry", lambda state: Command(goto="router", update={"step": "step"}), destinations=("router",)
    )
    root.add_node("router", lambda state: {})
    root.add_node("step", step.compile())
    root.add_node("gate", lambda state: gate(state))
    root.add_node("interpret", lambda state: {"intent": "question", "reply": None})
    root.add_edge(START, "entry")
    root.add_edge("step", "router")
    root.add_edge("gate", "interpret")
    root.add_edge("interpret", "router")
    root.add_conditional_edges(
        "router",
        lambda state: "gate" if state.get("pending") and not state.get("intent") else "step",
        ["gate", "step"],
    )
    return root.compile(checkpointer=saver)


def gate(state: Bare) -> Bare:
    """Wait for the person."""
    text = interrupt(state.get("pending"))
    return {"reply": text, "messages": [HumanMessage(text)]}


def time_bare(folder: Path) -> float:
    """Give the median seconds of a turn of the skeleton."""
    connection = sqlite3.connect(folder / "bare.db", check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    graph = build_bare(SqliteSaver(connection))
    config: Any = {"configurable": {"thread_id": "1"}}
    options: Any = {"stream_mode": ["updates", "custom"], "subgraphs": True, "durability": "sync"}
    list(graph.stream({"messages": []}, config, **options))
    times: list[float] = []
    for _ in range(TURNS):
        began = time.perf_counter()
        list(graph.stream(Command(resume="why?"), config, **options))
        times.append(time.perf_counter() - began)
    connection.close()
    return statistics.median(times)


def time_lucy(folder: Path) -> tuple[float, int]:
    """Give the median seconds of a turn of Lucy, and the size of the largest checkpoint in bytes."""
    bench = Workbench(Settings(home=folder / "home"))
    runs = Runs(bench)
    workflow = runs.create(source=str(SAMPLE_FILE), goal=SAMPLE_GOAL)
    list(runs.drive(workflow))
    times: list[float] = []
    for _ in range(TURNS):
        began = time.perf_counter()
        list(runs.drive(workflow, "why these topics?"))
        times.append(time.perf_counter() - began)
    runs.close()
    bench.close()
    with sqlite3.connect(folder / "home" / "checkpoints.db") as connection:
        largest = connection.execute("SELECT max(length(checkpoint)) FROM checkpoints").fetchone()[0]
    return statistics.median(times), int(largest)


def main() -> int:
    """Measure, print, and fail when a bound is missed."""
    with tempfile.TemporaryDirectory() as name:
        bare = time_bare(Path(name))
        lucy, largest = time_lucy(Path(name))
    ratio = lucy / bare
    print(f"bare turn   {bare * 1000:7.1f} ms (median of {TURNS})")
    print(f"Lucy's turn {lucy * 1000:7.1f} ms (median of {TURNS})")
    print(f"ratio       {ratio:7.2f}    (bound {BOUND})")
    print(f"largest checkpoint {largest:,} bytes (bound {LARGEST:,})")
    return 0 if ratio <= BOUND and largest <= LARGEST else 1


if __name__ == "__main__":
    sys.exit(main())
