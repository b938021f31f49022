"""Hold what people rely on when records are generated: plan, limit, review, undo, resume."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests_support import approve, talk, texts

from lucy.errors import CancelledByPersonError
from lucy.graph.runs import Runs
from lucy.nodes.coverage_report import make_report
from lucy.nodes.reading import read_current_records
from lucy.tools.datasets import SAMPLE_GOAL
from lucy.tools.store.datasets import read_batch
from lucy.tools.store.generation import read_generations
from lucy.tools.vocabulary import Record


def count_made(runs: Runs, workflow: str) -> int:
    return sum(record.is_synthetic for record in read_records(runs, workflow))


def read_records(runs: Runs, workflow: str) -> list[Record]:
    return read_current_records(runs.read_state(workflow), runs.bench)


def read_plan(runs: Runs, workflow: str) -> dict[str, Any]:
    pending = runs.read_state(workflow)["pending"]
    assert pending is not None
    return pending["plan"]


def name_largest(runs: Runs, workflow: str) -> str:
    """Name the topic with the most records: it has real ones to vary."""
    rows = make_report(runs.read_state(workflow), runs.bench).topics
    return max(rows, key=lambda row: row.count).name


@pytest.fixture
def covered(runs: Runs, workflow: str) -> str:
    """A workflow with the customer support template, at the coverage."""
    talk(runs, workflow, "use the customer support template")
    approve(runs, workflow)
    return workflow


def test_a_named_topic_and_number_are_generated_at_once_when_free_and_within_the_limit(
    runs: Runs, covered: str
) -> None:
    events = talk(runs, covered, "generate 6 more for Complaints")
    assert "Generation complete" in texts(events)
    assert 1 <= count_made(runs, covered) <= 6
    history = read_generations(runs.bench.store, covered)
    assert [row["valid"] for row in history] == [count_made(runs, covered)]


def test_going_over_the_limit_needs_an_agreement(runs: Runs, covered: str) -> None:
    events = talk(runs, covered, "generate 90 more for Complaints")
    assert "over the limit of 30%" in texts(events)
    assert count_made(runs, covered) == 0
    talk(runs, covered, "I agree")
    assert count_made(runs, covered) > 0


def test_saying_yes_to_an_offer_over_the_limit_goes_on_without_generating(runs: Runs, covered: str) -> None:
    talk(runs, covered, "generate 90 more for Complaints")
    talk(runs, covered, "yes")
    assert runs.read_state(covered)["step"] == "grader_config"
    assert count_made(runs, covered) == 0


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ({"counts": {"nowhere": 5}}, "There is no topic with the id 'nowhere'"),
        ({"record_ids": ["nobody"]}, "There is no record 'nobody'"),
        ({"targets": {"nowhere": 0.5}}, "nowhere"),
        ({"leave_out": ["nobody"]}, "nobody"),
        ({"edit": {"nobody": {"reply": "Hello"}}}, "nobody"),
    ],
)
def test_what_is_not_there_is_refused_in_a_sentence(
    runs: Runs, covered: str, args: dict[str, Any], sentence: str
) -> None:
    before = runs.read_state(covered)["artefacts"]
    events = talk(runs, covered, {"type": "edit", "args": args})
    assert sentence in texts(events)
    assert runs.read_state(covered)["artefacts"] == before
    assert count_made(runs, covered) == 0


@pytest.mark.parametrize("words", ["generate 0 more for Complaints", "generate 1000000 more for Complaints"])
def test_an_impossible_number_is_refused_in_a_sentence(runs: Runs, covered: str, words: str) -> None:
    before = read_plan(runs, covered)
    said = texts(talk(runs, covered, words))
    assert "ask for 1" in said
    assert read_plan(runs, covered) == before


def test_targets_that_do_not_add_up_are_refused_in_a_sentence(runs: Runs, covered: str) -> None:
    before = read_plan(runs, covered)
    assert "add up to 140%" in texts(talk(runs, covered, "make Complaints 70% and Feedback 70%"))
    assert read_plan(runs, covered) == before


def test_targets_are_kept_and_change_what_is_recommended(runs: Runs, covered: str) -> None:
    events = talk(runs, covered, "make Complaints 40%, the rest evenly")
    assert "40%" in texts(events)
    complaints = max(read_plan(runs, covered)["counts"].items(), key=lambda pair: pair[1])
    assert complaints[1] > 0
    assert "| 40% |" in texts(talk(runs, covered, "generate 2 more for Complaints"))


def test_a_preview_shows_examples_and_stores_nothing(runs: Runs, covered: str) -> None:
    talk(runs, covered, "show me 5 examples for Complaints first")
    events = talk(runs, covered, {"type": "edit", "args": {**read_plan(runs, covered), "preview": True}})
    assert "examples of what I would generate" in texts(events)
    assert count_made(runs, covered) == 0


def test_single_records_can_be_left_out_of_a_batch(runs: Runs, covered: str) -> None:
    talk(runs, covered, "generate 6 more for Complaints")
    made = count_made(runs, covered)
    talk(runs, covered, "look at the new records")
    second = read_plan(runs, covered)["reviewed"][1]
    talk(runs, covered, "leave out 2")
    assert count_made(runs, covered) == made - 1
    assert second not in {record.id for record in read_records(runs, covered)}


def test_a_batch_can_be_taken_back_and_put_back(runs: Runs, covered: str) -> None:
    talk(runs, covered, "generate 6 more for Complaints")
    made = [record.id for record in read_records(runs, covered)]
    talk(runs, covered, "take the last batch back")
    assert count_made(runs, covered) == 0
    talk(runs, covered, "put it back in")
    assert [record.id for record in read_records(runs, covered)] == made


def test_the_same_wish_after_taking_a_batch_back_makes_other_records(runs: Runs, covered: str) -> None:
    talk(runs, covered, "generate 6 more for Complaints")
    first = {record.id for record in read_records(runs, covered) if record.is_synthetic}
    talk(runs, covered, "take the last batch back")
    talk(runs, covered, "generate 6 more for Complaints")
    second = {record.id for record in read_records(runs, covered) if record.is_synthetic}
    assert first.isdisjoint(second)


def test_a_generated_record_knows_where_it_comes_from(runs: Runs, covered: str) -> None:
    talk(runs, covered, f"generate 4 more for {name_largest(runs, covered)}")
    made = [record for record in read_records(runs, covered) if record.is_synthetic]
    assert made
    known = {record.id for record in read_records(runs, covered)}
    for record in made:
        assert record.parents
        assert set(record.parents) <= known
        assert {"strategy", "batch", "seed", "model", "prompt_hash", "cost"} <= set(record.origin)


def test_generated_records_keep_their_topic_when_topics_are_merged(runs: Runs, covered: str) -> None:
    talk(runs, covered, "generate 4 more for Complaints")
    made = count_made(runs, covered)
    talk(runs, covered, "go back to the topics")
    talk(runs, covered, "merge Feedback and Complaints")
    approve(runs, covered)
    rows = make_report(runs.read_state(covered), runs.bench).topics
    assert sum(row.synthetic for row in rows) == made


def test_a_cancelled_generation_goes_on_where_it_stopped(
    runs: Runs, covered: str, open_runs: Callable[[], Runs], monkeypatch: pytest.MonkeyPatch
) -> None:
    from lucy.nodes import generating

    seen: list[int] = []

    def stop_at_three(*_: Any) -> Any:
        def report(label: str, done: int, total: int) -> None:
            seen.append(done)
            if done >= 3:
                raise CancelledByPersonError("stopped at 3, as you asked.")

        return report

    with monkeypatch.context() as patch:
        patch.setattr(generating, "open_progress", stop_at_three)
        said = texts(talk(runs, covered, "generate 6 more for Complaints"))
    assert "stopped at 3" in said
    dataset = runs.read_state(covered)["dataset_id"]
    talk(runs, covered, "generate 6 more for Complaints")
    history = read_generations(runs.bench.store, covered)
    assert len(history) == 1
    kept = read_batch(runs.bench.store, dataset, history[0]["batch"])
    assert len(kept) == len({record.id for record in kept}) == history[0]["valid"]


def test_few_records_are_varied_before_topics_are_looked_for(runs: Runs, tmp_path: Path) -> None:
    seeds = tmp_path / "seeds.jsonl"
    lines = [
        "My invoice of March shows 49 euros instead of 39, can you correct it please?",
        "The parcel with order number 5512 has not arrived, where is it now?",
        "I cannot log in to my account since I changed my phone, what shall I do?",
    ]
    body = "\n".join(f'{{"messages": [{{"role": "user", "content": "{line}"}}]}}' for line in lines)
    seeds.write_text(body + "\n", encoding="utf-8")
    workflow = runs.create(source=str(seeds), goal=SAMPLE_GOAL)
    assert "You have only 3 records" in texts(talk(runs, workflow))
    events = approve(runs, workflow)
    assert "Variations made" in texts(events)
    assert count_made(runs, workflow) > 0
    made = [record for record in read_records(runs, workflow) if record.is_synthetic]
    assert {parent for record in made for parent in record.parents} <= {
        record.id for record in read_records(runs, workflow)
    }
    assert runs.read_state(workflow)["step"] == "topics_config"


def test_without_records_a_first_set_is_generated_from_a_template(runs: Runs) -> None:
    workflow = runs.create(source="none", goal="Answer billing questions politely")
    assert "We begin without records" in texts(talk(runs, workflow))
    talk(runs, workflow, "use the customer support template")
    events = approve(runs, workflow)
    assert "first set of" in texts(events)
    assert count_made(runs, workflow) == 0
    talk(runs, workflow, "generate 5 more for Complaints")
    assert count_made(runs, workflow) == 0  # over the limit: all of them would be synthetic
    talk(runs, workflow, "I agree")
    made = read_records(runs, workflow)
    assert made
    assert all(record.is_synthetic for record in made)
