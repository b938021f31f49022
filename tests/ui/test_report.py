import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lucy.settings import Settings
from lucy.tools.datasets import open_source
from lucy.tools.records.validation import Limits
from lucy.tools.store.artefacts import put_artefact
from lucy.tools.store.datasets import read_records
from lucy.tools.store.rollouts import Rollout, add_grades, add_rollouts, address_grade
from lucy.tools.store.workflows import add_message, save_workflow
from lucy.tools.topics.tree import TopicTree
from lucy.tools.vocabulary import Assignment, Grade, Topic
from lucy.tools.workbench import Workbench
from lucy.ui.folder import FILES, is_report, write_file, write_json, write_lines
from lucy.ui.report import shorten, write_report
from lucy.ui.timing import measure_steps

WORKFLOW = "w-1"
GRADER = {"type": "python", "name": "length", "source": "def grade(sample, item):\n    return 1.0\n"}
TREE = TopicTree(
    roots=(
        Topic(
            id="t1", name="Orders", children=(Topic(id="t2", name="Delivery"), Topic(id="t3", name="Returns"))
        ),
    )
)


class Stage:
    """A workflow whose artefacts a test puts there one by one; stands in for `Runs`."""

    def __init__(self, bench: Workbench, folder: Path) -> None:
        self.bench = bench
        self.folder = folder
        self.state: dict[str, Any] = {"workflow_id": WORKFLOW, "step": "not_started", "messages": []}
        save_workflow(bench.store, WORKFLOW, name="Chats", goal="Answer politely")

    def read_state(self, _workflow_id: str) -> dict[str, Any]:
        return self.state

    def import_records(self) -> list[Any]:
        lines = [
            {"id": f"r{number}", "messages": [{"role": "user", "content": f"Where is my parcel {number}?"}]}
            for number in range(4)
        ]
        dataset = open_source(self.bench.store, [*lines, {"messages": []}], name="Chats", limits=Limits())
        self.state["dataset_id"] = dataset.id
        return read_records(self.bench.store, dataset.id)

    def put(self, kind: str, body: dict[str, Any], found: tuple[Assignment, ...] = ()) -> None:
        ref = put_artefact(self.bench.store, WORKFLOW, kind, body, found=found)
        self.state["artefacts"] = {**self.state.get("artefacts", {}), kind: {**ref}}

    def put_topics(self) -> None:
        self.put("topics", {"tree": TREE.model_dump(mode="json")})
        self.put(
            "categories",
            {"threshold": 0.7},
            (
                Assignment("r0", "t2", 0.9, "embedding"),
                Assignment("r1", "t3", 0.8, "keyword"),
                Assignment("r2", None, 0.1, "embedding"),
                Assignment("r3", "t2", 1.0, "manual"),
            ),
        )

    def put_rollouts(self, records: list[Any], prefix: str) -> list[str]:
        made = [Rollout(f"{prefix}-{one.id}", prefix, one.id, 0, f"{prefix} answer") for one in records]
        add_rollouts(self.bench.store, made)
        grades = [
            (address_grade("sha", record, one.response), record.id, Grade(0.5, {"polite": 0.25}, "fine"))
            for record, one in zip(records, made, strict=True)
            if record.id != "r3"
        ]
        add_grades(self.bench.store, "sha", grades)
        return [one.key for one in made]

    def write(self) -> dict[str, Any]:
        write_report(self, WORKFLOW, self.folder)  # type: ignore[arg-type]
        return json.loads((self.folder / "report.json").read_text(encoding="utf-8"))

    def read_lines(self, name: str) -> list[dict[str, Any]]:
        text = (self.folder / name).read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def stage(home: Path, tmp_path: Path) -> Iterator[Stage]:
    bench = Workbench(Settings(home=home))
    yield Stage(bench, tmp_path / "report")
    bench.close()


@pytest.fixture
def finished(stage: Stage) -> Stage:
    """A workflow that was dry run and trained."""
    records = stage.import_records()
    stage.put_topics()
    stage.put("grader", {"config": GRADER})
    base = stage.put_rollouts(records, "base")
    verdict = {"verdict": "GO"}
    mean = {"value": 0.5, "low95": 0.4, "high95": 0.6}
    report = {"verdict": verdict, "statistics": {"mean": mean}}
    stage.put("dry_run", {"report": report, "rollouts": base, "grader": "sha"})
    after = stage.put_rollouts(records[:1], "trained")
    stage.put(
        "training",
        {
            "job_id": "job-1",
            "model_id": "model-1",
            "version": 1,
            "comparison": {"sentence": "The trained model is better."},
            "split": {"train": ["r1", "r2", "r3"], "heldout": ["r0"], "leakage": []},
            "before": base[:1],
            "after": after,
            "grader": "sha",
        },
    )
    return stage


def list_names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_folder_of_a_whole_workflow_has_exactly_the_specified_files(finished: Stage) -> None:
    report = finished.write()
    assert list_names(finished.folder) == set(FILES)
    assert report["missing"] == {}


def test_what_is_not_there_yet_is_left_out_and_said(stage: Stage) -> None:
    stage.import_records()
    report = stage.write()
    assert list_names(stage.folder) == {"report.json", "report.md", "records.jsonl", "rejects.jsonl"}
    assert list(report["missing"]) == ["rollouts.jsonl", "topics.json", "grader.json"]
    assert "Not there yet" in (stage.folder / "report.md").read_text(encoding="utf-8")


def test_a_workflow_without_records_has_a_report_too(stage: Stage) -> None:
    report = stage.write()
    assert list_names(stage.folder) == {"report.json", "report.md"}
    assert report["dataset"] is None


def test_a_newer_report_takes_away_what_no_longer_holds(finished: Stage) -> None:
    finished.write()
    del finished.state["artefacts"]["grader"]
    finished.write()
    assert "grader.json" not in list_names(finished.folder)


def test_records_have_topic_confidence_lineage_and_side(finished: Stage) -> None:
    finished.write()
    lines = finished.read_lines("records.jsonl")
    assert lines[0] == {
        "id": "r0",
        "topic": "Orders/Delivery",
        "confidence": 0.9,
        "method": "embedding",
        "synthetic": False,
        "parents": [],
        "split": "heldout",
    }
    assert [one["topic"] for one in lines[1:]] == ["Orders/Returns", "uncategorized", "Orders/Delivery"]
    assert [one["split"] for one in lines[1:]] == ["train"] * 3


def test_records_before_categorizing_have_no_topic(stage: Stage) -> None:
    stage.import_records()
    stage.write()
    assert {one["topic"] for one in stage.read_lines("records.jsonl")} == {None}


def test_rejects_keep_the_line_and_the_reason(stage: Stage) -> None:
    stage.import_records()
    stage.write()
    (line,) = stage.read_lines("rejects.jsonl")
    assert (line["line"], line["error"], json.loads(line["raw"])) == (5, "empty_messages", {"messages": []})


def test_rollouts_have_phase_score_and_who_used_them(finished: Stage) -> None:
    finished.write()
    lines = finished.read_lines("rollouts.jsonl")
    assert [(one["record_id"], one["phase"]) for one in lines] == [
        ("r0", "before"),
        ("r1", "before"),
        ("r2", "before"),
        ("r3", "before"),
        ("r0", "after"),
    ]
    assert lines[0]["used_by"] == ["dry_run", "training"]
    assert (lines[0]["score"], lines[0]["criteria"], lines[0]["error"]) == (0.5, {"polite": 0.25}, None)


def test_an_answer_that_could_not_be_graded_has_an_error_and_no_score(finished: Stage) -> None:
    finished.write()
    line = finished.read_lines("rollouts.jsonl")[3]
    assert (line["score"], line["error"]) == (None, "not_graded")


def test_the_report_names_goal_seed_engines_and_steps(finished: Stage) -> None:
    finished.state["status"] = {"topics_config": "completed", "dry_run": "in_progress"}
    report = finished.write()
    assert (report["workflow_id"], report["goal"], report["seed"]) == (WORKFLOW, "Answer politely", 0)
    assert report["engines"]["chat"] == "offline"
    assert report["engines"]["judge"] == "python script"
    assert report["steps"]["topics_config"]["status"] == "completed"
    assert report["steps"]["deployment"] == {
        "status": "pending",
        "started": None,
        "seconds": None,
        "stale": None,
        "result": None,
    }
    assert report["totals"]["cost"] == 0.0


def test_a_step_on_changed_inputs_is_reported_as_stale(finished: Stage) -> None:
    finished.state["status"] = {"categorize": "completed"}
    finished.state["inputs"] = {"categorize": {"topics": "another"}}
    assert finished.write()["steps"]["categorize"]["stale"] == "topics"


def test_equal_work_gives_equal_lines(finished: Stage) -> None:
    finished.write()
    first = {name: (finished.folder / name).read_bytes() for name in FILES if name.endswith("l")}
    finished.write()
    assert first == {name: (finished.folder / name).read_bytes() for name in first}


def test_the_page_holds_the_conversation(finished: Stage) -> None:
    store = finished.bench.store
    add_message(store, WORKFLOW, id="0", role="assistant", step="topics_config", text="Shall we?")
    add_message(store, WORKFLOW, id="1", role="user", step="topics_config", text="By all means")
    finished.write()
    page = (finished.folder / "report.md").read_text(encoding="utf-8")
    assert page.index("Shall we?") < page.index("By all means")
    assert "The trained model is better." in page


def test_the_time_that_the_person_took_is_no_work() -> None:
    messages = [
        {"role": "assistant", "step": "topics_config", "created_at": "2026-01-01T00:00:02+00:00"},
        {"role": "user", "step": "topics_config", "created_at": "2026-01-01T09:00:00+00:00"},
        {"role": "assistant", "step": "topics_config", "created_at": "2026-01-01T09:00:03+00:00"},
        {"role": "assistant", "step": "categorize", "created_at": "2026-01-01T09:00:07+00:00"},
    ]
    times = measure_steps(messages, "2026-01-01T00:00:00+00:00")
    assert times["topics_config"] == ("2026-01-01T00:00:00+00:00", 5.0)
    assert times["categorize"] == ("2026-01-01T09:00:03+00:00", 4.0)


def test_long_lists_and_texts_are_shortened() -> None:
    short = shorten({"many": list(range(100)), "few": [1, 2], "text": "x" * 5000})
    assert short["many"] == {"count": 100}
    assert short["few"] == [1, 2]
    assert len(short["text"]) == 1000


def test_only_a_folder_with_a_report_counts_as_one(tmp_path: Path, finished: Stage) -> None:
    finished.write()
    write_json(tmp_path / "other" / "report.json", {"mine": 1})
    assert is_report(finished.folder)
    assert not is_report(tmp_path / "other")
    assert not is_report(tmp_path / "nothing")


def test_half_a_surrogate_pair_is_written_as_an_escape(tmp_path: Path) -> None:
    write_lines(tmp_path / "lines.jsonl", [{"a": "ü"}, {"a": "\ud800"}])
    text = (tmp_path / "lines.jsonl").read_text(encoding="utf-8")
    assert text.splitlines() == ['{"a": "ü"}', '{"a": "\\ud800"}']


def test_a_file_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.json"
    path.write_text("old", encoding="utf-8")

    def fail(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lucy.ui.folder.os.fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write_file(path, "new")
    assert path.read_text(encoding="utf-8") == "old"
    assert list_names(tmp_path) == {"report.json"}
