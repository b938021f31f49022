"""Hold what people rely on when they look over categories and change topics."""

from pathlib import Path

import pytest
from scripted_chat import ScriptedChat
from tests_support import approve, go_to, talk, texts

from lucy.graph.runs import Runs
from lucy.settings import Settings
from lucy.tools.datasets import SAMPLE_GOAL
from lucy.tools.store.artefacts import read_assignments
from lucy.tools.store.ledger import sum_ledger
from lucy.tools.vocabulary import Assignment
from lucy.tools.workbench import Workbench


def read_categories(runs: Runs, workflow: str) -> dict[str, Assignment]:
    ref = runs.read_state(workflow)["artefacts"]["categories"]
    return {one.record_id: one for one in read_assignments(runs.bench.store, workflow, ref["revision"])}


@pytest.fixture
def reviewed(runs: Runs, workflow: str) -> str:
    """A workflow with the customer support template, at the review of uncertain categories."""
    talk(runs, workflow, "use the customer support template")
    approve(runs, workflow)
    talk(runs, workflow, {"choice": "categories"})
    return workflow


def list_rows(runs: Runs, workflow: str) -> list[str]:
    pending = runs.read_state(workflow)["pending"]
    assert pending is not None
    return pending["plan"]["rows"]


def test_uncertain_records_are_listed_with_the_least_sure_first(runs: Runs, reviewed: str) -> None:
    found = read_categories(runs, reviewed)
    shown = [found[record_id].confidence for record_id in list_rows(runs, reviewed)]
    assert shown == sorted(shown)
    assert len(shown) == 10


def test_records_can_be_moved_one_by_one_and_in_bulk(runs: Runs, reviewed: str) -> None:
    rows = list_rows(runs, reviewed)
    talk(runs, reviewed, "move 1 to Complaints, and 2-3 to Feedback")
    found = read_categories(runs, reviewed)
    assert [found[record_id].method for record_id in rows[:4]] == [
        "manual",
        "manual",
        "manual",
        found[rows[3]].method,
    ]
    assert found[rows[1]].topic_id == found[rows[2]].topic_id != found[rows[0]].topic_id
    assert rows[0] not in list_rows(runs, reviewed)


def test_what_the_person_assigned_stays_through_rename_merge_and_another_sorting(
    runs: Runs, reviewed: str
) -> None:
    first = list_rows(runs, reviewed)[0]
    talk(runs, reviewed, "move 1 to Complaints")
    complaints = read_categories(runs, reviewed)[first].topic_id
    talk(runs, reviewed, "go back to the topics")
    talk(runs, reviewed, "rename Complaints to Grievances")
    talk(runs, reviewed, "merge Feedback and Grievances")
    approve(runs, reviewed)
    kept = read_categories(runs, reviewed)[first]
    assert kept.method == "manual"
    assert kept.confidence == 1.0
    assert kept.topic_id != complaints  # the merged topic goes on under the first one's id


def test_renaming_a_topic_moves_no_record(runs: Runs, workflow: str) -> None:
    talk(runs, workflow, "use the customer support template")
    approve(runs, workflow)
    before = read_categories(runs, workflow)
    talk(runs, workflow, "go back to the topics")
    talk(runs, workflow, "rename Complaints to Grievances")
    approve(runs, workflow)
    assert read_categories(runs, workflow) == before


def test_an_unknown_row_or_topic_is_one_sentence_and_changes_nothing(runs: Runs, reviewed: str) -> None:
    before = read_categories(runs, reviewed)
    assert "There is no row 77" in texts(talk(runs, reviewed, "move 77 to Complaints"))
    assert "Zeppelins" in texts(talk(runs, reviewed, "move 1 to Zeppelins"))
    edit = {"type": "edit", "args": {"assign": {"nobody": None}}}
    assert "No sorted record has the id 'nobody'" in texts(talk(runs, reviewed, edit))
    assert read_categories(runs, reviewed) == before


def test_leaving_the_review_for_another_step_keeps_what_was_assigned(runs: Runs, reviewed: str) -> None:
    first = list_rows(runs, reviewed)[0]
    talk(runs, reviewed, "move 1 to Complaints")
    talk(runs, reviewed, "go back to the topics")
    assert read_categories(runs, reviewed)[first].method == "manual"


def sort_all_as_first(prompt: str) -> str:
    numbers = range(1, 11)
    rows = ", ".join(f'{{"record": {number}, "topic": 1, "confidence": "high"}}' for number in numbers)
    return f'{{"records": [{rows}]}}'


@pytest.fixture
def with_model(home: Path, small_file: Path) -> tuple[Runs, str, ScriptedChat]:
    """A workflow whose uncertain records a scripted model can sort, at the question whether it shall."""
    chat = ScriptedChat.of(sort_all_as_first)
    runs = Runs(Workbench(Settings(home=home), {"chat": chat}))
    workflow = runs.create(source=str(small_file), goal=SAMPLE_GOAL)
    talk(runs, workflow)
    talk(runs, workflow, "use the customer support template")
    approve(runs, workflow)
    return runs, workflow, chat


def test_a_model_sorts_only_the_uncertain_and_only_after_the_person_agreed(
    with_model: tuple[Runs, str, ScriptedChat],
) -> None:
    runs, workflow, chat = with_model
    pending = runs.read_state(workflow)["pending"]
    assert pending is not None
    assert "calls and" in pending["question"]
    assert chat.calls == []
    before = read_categories(runs, workflow)
    approve(runs, workflow)
    after = read_categories(runs, workflow)
    by_model = [one for one in after.values() if one.method == "model"]
    assert by_model
    assert all(before[one.record_id].confidence < 0.7 for one in by_model)
    assert all(after[one] == before[one] for one in before if before[one].confidence >= 0.7)
    assert runs.read_state(workflow)["step"] == "coverage_generation"
    ledger = sum_ledger(runs.bench.store, workflow)
    assert [(row["role"], row["calls"]) for row in ledger] == [("chat", len(chat.calls))]
    runs.close()


def test_declining_the_model_calls_nobody(with_model: tuple[Runs, str, ScriptedChat]) -> None:
    runs, workflow, chat = with_model
    talk(runs, workflow, {"choice": "keep"})
    assert chat.calls == []
    go_to(runs, workflow, "coverage_generation")
    runs.close()
