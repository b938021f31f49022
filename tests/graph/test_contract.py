"""Hold what the conversation promises: the situations in which graphs of this kind break."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command
from tests_support import approve, go_to, talk, texts

from lucy.graph.build import build_graph
from lucy.graph.runs import Runs
from lucy.graph.state import STEPS
from lucy.tools.datasets import SAMPLE_GOAL
from lucy.tools.store.artefacts import list_artefacts
from lucy.tools.store.workflows import read_decisions, read_messages


def count_drafts(runs: Runs, workflow: str) -> int:
    return sum(one["kind"] == "topics_draft" for one in list_artefacts(runs.bench.store, workflow))


def test_the_opening_greets_and_asks_to_go_on_with_the_valid_records(runs: Runs, workflow: str) -> None:
    greeting, question = [one["text"] for one in read_messages(runs.bench.store, workflow)]
    assert "**Records:** 120 in total, 115 valid" in greeting
    assert "5 could not be used" in greeting
    assert "shall we go on with the 115 valid records?" in question


def test_approving_carries_the_proposal_out_and_goes_on(runs: Runs, workflow: str) -> None:
    approve(runs, workflow)
    state = runs.read_state(workflow)
    assert state["status"]["topics_config"] == "completed"
    assert state["step"] == "coverage_generation"


def test_an_edit_makes_a_new_proposal_and_approves_nothing(runs: Runs, workflow: str) -> None:
    events = talk(runs, workflow, 'add a "Complaints" topic')
    state = runs.read_state(workflow)
    assert "Complaints ← NEW" in texts(events)
    assert state["status"]["topics_config"] == "in_progress"
    assert count_drafts(runs, workflow) == 2


def test_a_question_is_answered_and_the_proposal_stays(runs: Runs, workflow: str) -> None:
    before = runs.read_state(workflow)["pending"]
    events = talk(runs, workflow, "why these topics?")
    assert texts(events).count("words that set each topic apart") == 1
    assert runs.read_state(workflow)["pending"] == before
    assert count_drafts(runs, workflow) == 1


def test_going_back_keeps_later_work(runs: Runs, workflow: str) -> None:
    approve(runs, workflow)
    talk(runs, workflow, "go back to the topics")
    state = runs.read_state(workflow)
    assert state["step"] == "topics_config"
    assert "categories" in state["artefacts"]


def test_going_back_and_changing_nothing_leads_to_where_one_was(runs: Runs, workflow: str) -> None:
    approve(runs, workflow)
    talk(runs, workflow, "go back to the topics")
    approve(runs, workflow)
    assert runs.read_state(workflow)["step"] == "coverage_generation"


def test_a_plain_message_instead_of_a_resume_is_the_answer(runs: Runs, workflow: str) -> None:
    config: Any = {"configurable": {"thread_id": workflow}}
    runs.graph.invoke({"messages": [HumanMessage("why these topics?")]}, config, durability="sync")
    state = runs.graph.get_state(config)
    assert "words that set each topic apart" in state.values["messages"][-1].text
    assert len(state.interrupts) == 1
    assert count_drafts(runs, workflow) == 1


def test_a_new_process_finds_the_same_question_and_conversation(
    runs: Runs, workflow: str, open_runs: Callable[[], Runs]
) -> None:
    before = runs.read_state(workflow)["pending"], read_messages(runs.bench.store, workflow)
    runs.close()
    again = open_runs()
    events = talk(again, workflow)
    assert [event.kind for event in events] == ["question"]
    assert (again.read_state(workflow)["pending"], read_messages(again.bench.store, workflow)) == before


def test_an_answer_survives_a_crash_in_its_interpretation(
    runs: Runs, workflow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lucy.nodes import interpret

    def crash(*_: object) -> None:
        raise RuntimeError("out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(interpret, "_understand", crash)
        with pytest.raises(RuntimeError):
            approve(runs, workflow)
    talk(runs, workflow)
    assert runs.read_state(workflow)["status"]["topics_config"] == "completed"
    said = [one["text"] for one in read_messages(runs.bench.store, workflow) if one["role"] == "user"]
    assert said == ["Use this hierarchy"]


def test_a_rollback_puts_the_references_back_as_they_were(runs: Runs, workflow: str) -> None:
    approve(runs, workflow)
    before = dict(runs.read_state(workflow)["artefacts"])
    go_to(runs, workflow, "dry_run")
    runs.rollback(workflow, "coverage_generation")
    talk(runs, workflow)
    state = runs.read_state(workflow)
    assert state["step"] == "coverage_generation"
    for kind in ("topics", "categories", "dataset"):
        assert state["artefacts"][kind] == before[kind]
    assert "grader" not in state["artefacts"]
    said = [one["text"] for one in read_messages(runs.bench.store, workflow)][-2:]
    assert "put everything back as it was before **Coverage and generation**" in said[0]
    assert "Coverage analysis" in said[1]


def test_a_rollback_deletes_nothing(runs: Runs, workflow: str) -> None:
    go_to(runs, workflow, "dry_run")
    made = {(one["kind"], one["revision"]) for one in list_artefacts(runs.bench.store, workflow)}
    runs.rollback(workflow, "topics_config")
    talk(runs, workflow)
    kept = {(one["kind"], one["revision"]) for one in list_artefacts(runs.bench.store, workflow)}
    assert made <= kept


def test_an_old_checkpoint_can_be_replayed_and_asks_again(runs: Runs, workflow: str) -> None:
    config: Any = {"configurable": {"thread_id": workflow}}
    old = runs.graph.get_state(config).config
    approve(runs, workflow)
    runs.graph.invoke(None, old, durability="sync")
    state = runs.graph.get_state(config)
    assert state.values["step"] == "topics_config"
    assert len(state.interrupts) == 1


def test_lucy_works_as_a_node_of_another_graph(runs: Runs, small_file: Path) -> None:
    class Host(TypedDict, total=False):
        messages: list[Any]
        source: str
        goal: str
        step: str

    host = StateGraph(Host)
    host.add_node("lucy", build_graph(runs.bench))
    host.add_edge(START, "lucy")
    graph = host.compile(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "host-1"}}
    graph.invoke({"messages": [], "source": str(small_file), "goal": SAMPLE_GOAL}, config, durability="sync")
    payload = graph.get_state(config).interrupts[0].value
    assert payload["lucy"]["step"] == "topics_config"
    graph.invoke(Command(resume={"choice": "approve"}), config, durability="sync")
    assert graph.get_state(config).interrupts[0].value["lucy"]["step"] == "coverage_generation"


def test_what_was_not_understood_is_said_and_the_question_stays(runs: Runs, workflow: str) -> None:
    before = runs.read_state(workflow)["pending"]
    events = talk(runs, workflow, "purple monkey dishwasher")
    assert 'I did not understand "purple monkey dishwasher"' in texts(events)
    assert runs.read_state(workflow)["pending"] == before


def test_stopping_leaves_the_question_open(runs: Runs, workflow: str) -> None:
    talk(runs, workflow, "stop")
    state = runs.read_state(workflow)
    assert state["paused"]
    assert state["pending"] is not None


def test_a_jump_forward_without_the_steps_before_is_refused(runs: Runs, workflow: str) -> None:
    events = talk(runs, workflow, "jump to training")
    assert "it needs **Topics" in texts(events)
    assert runs.read_state(workflow)["step"] == "topics_config"


def test_a_job_is_not_believed_to_be_done_because_somebody_says_so(runs: Runs, workflow: str) -> None:
    talk(runs, workflow, {"kind": "job_done", "job_id": "job-forged"})
    state = runs.read_state(workflow)
    assert state["step"] == "topics_config"
    assert state["status"]["topics_config"] == "in_progress"


def test_decisions_are_kept_in_the_persons_own_words(runs: Runs, workflow: str) -> None:
    talk(runs, workflow, "Yes, let's do it")
    decision = read_decisions(runs.bench.store, workflow)[0]
    assert (decision["step"], decision["decision"], decision["text"]) == (
        "topics_config",
        "approve",
        "Yes, let's do it",
    )


def test_every_target_of_a_node_exists_in_the_graph(runs: Runs) -> None:
    drawn = runs.graph.get_graph()
    assert {*STEPS, "not_started", "completed", "entry", "router", "gate", "interpret"} <= set(drawn.nodes)
    assert {edge.target for edge in drawn.edges} <= set(drawn.nodes)


def test_no_checkpoint_is_larger_than_64_kb(runs: Runs, workflow: str) -> None:
    go_to(runs, workflow, "completed")
    import sqlite3

    with sqlite3.connect(runs.bench.store.home / "checkpoints.db") as connection:
        largest = connection.execute("SELECT max(length(checkpoint)) FROM checkpoints").fetchone()[0]
        written = connection.execute("SELECT max(length(value)) FROM writes").fetchone()[0]
    connection.close()
    assert largest <= 64 * 1024
    assert written <= 64 * 1024


@pytest.mark.parametrize(
    ("step", "changes", "says"),
    [
        ("coverage_generation", {"counts": {"no-such-topic": 5}}, "no topic with the id 'no-such-topic'"),
        ("coverage_generation", {"counts": {}}, "Coverage analysis"),
        ("training", {"epochs": 0}, "must be 1 to 50"),
        ("training", {"epochs": "many"}, "must be numbers"),
        ("training", {"train_split": 1.0}, "must lie between 0 and 1"),
        ("training", {"group_size": 1}, "must be 2 to 64"),
    ],
)
def test_edited_arguments_of_a_host_are_checked_and_a_wrong_one_changes_nothing(
    runs: Runs, workflow: str, step: str, changes: dict[str, Any], says: str
) -> None:
    go_to(runs, workflow, step)
    before = runs.read_state(workflow)["artefacts"]
    events = talk(runs, workflow, {"decisions": [{"type": "edit", "edited_action": {"args": changes}}]})
    state = runs.read_state(workflow)
    assert says in texts(events)
    assert (state["step"], state["artefacts"]) == (step, before)
    assert state["pending"] is not None
