import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from typer.testing import CliRunner, Result

from lucy.graph.runs import Event
from lucy.tools.datasets import SAMPLE_FILE
from lucy.tools.store.activity import read_conditions
from lucy.tools.store.database import Store
from lucy.tools.store.jobs import submit_job
from lucy.tools.store.schema import workflows
from lucy.tools.store.workflows import add_decision, add_message, add_snapshot, save_workflow
from lucy.ui.app import app
from lucy.ui.cli.conversation import PATIENCE, Conversation, read_answer
from lucy.ui.cli.grading import CHUNK
from lucy.ui.cli.output import clean, explain
from lucy.ui.cli.progress import ProgressView, describe_pace

COMMANDS = [
    [],
    ["ui"],
    ["serve"],
    ["run"],
    ["resume"],
    ["validate"],
    ["grade"],
    ["usage"],
    ["doctor"],
    *([name] for name in ("workflows", "models", "jobs")),
    *(["workflows", name] for name in ("list", "show", "history", "rollback", "delete")),
    *(["models", name] for name in ("list", "show", "deploy", "delete")),
    *(["jobs", name] for name in ("list", "show", "cancel")),
]
GOAL = ["--goal", "Answer politely and promise only what we can keep"]
GRADER = "def grade(sample, item):\n    return min(1.0, len(sample['output_text']) / 200)\n"


def lucy(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), prog_name="lucy")


def write_chats(path: Path, count: int = 3) -> Path:
    lines = [
        json.dumps(
            {
                "id": f"chat-{number}",
                "messages": [
                    {"role": "user", "content": f"Where is my parcel number {number}, please?"},
                    {"role": "assistant", "content": f"Parcel {number} left our house yesterday."},
                ],
            }
        )
        for number in range(count)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with one good file and many bad ones."""
    folder = tmp_path / "place"
    folder.mkdir()
    monkeypatch.chdir(folder)
    write_chats(folder / "good.jsonl")
    (folder / "empty.jsonl").write_bytes(b"")
    (folder / "binary.jsonl").write_bytes(b"\x00\x01\x02" * 50)
    (folder / "packed.jsonl").write_bytes(b"\x1f\x8b" + b"x" * 50)
    (folder / "wide.jsonl").write_text("{}", encoding="utf-16")
    (folder / "invalid.jsonl").write_text('{"messages": []}\nno json\n', encoding="utf-8")
    (folder / "long.jsonl").write_text(json.dumps({"messages": "x" * 10_000_000}), encoding="utf-8")
    (folder / "folder").mkdir()
    (folder / "grader.py").write_text(GRADER, encoding="utf-8")
    (folder / "broken.py").write_text("def grade(sample:\n", encoding="utf-8")
    (folder / "other.py").write_text("x = 1\n", encoding="utf-8")
    (folder / "missing_import.py").write_text("import not_there_at_all\n" + GRADER, encoding="utf-8")
    (folder / "grader.json").write_text('{"type": "oracle"}', encoding="utf-8")
    (folder / "taken").mkdir()
    (folder / "taken" / "records.jsonl").write_text("mine\n", encoding="utf-8")
    return folder


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    opened = Store(home)
    yield opened
    opened.close()


def list_files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) if folder.exists() else []


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(command: list[str]) -> None:
    result = lucy(*command, "--help")
    assert result.exit_code == 0
    assert "Usage: lucy" in result.stdout
    assert result.stderr == ""


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from lucy.ui.app import app\n"
        "try:\n    app(['--help'], prog_name='lucy')\nexcept SystemExit:\n    pass\n"
        "heavy = ('langgraph', 'gradio', 'numpy', 'sqlalchemy', 'pydantic', 'sklearn', 'fastapi')\n"
        "print([name for name in heavy if name in sys.modules], file=sys.stderr)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stderr.strip() == "[]"


def test_the_package_can_be_run_as_a_module() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "lucy", "--version"], capture_output=True, text=True, check=True
    )
    assert re.fullmatch(r"lucy \d+\.\d+\.\d+\n", run.stdout)


BAD = {
    "a missing file": (["run", "none.jsonl", *GOAL], "no file"),
    "a folder": (["run", "folder", *GOAL], "folder"),
    "an empty file": (["run", "empty.jsonl", *GOAL], "empty"),
    "a binary file": (["run", "binary.jsonl", *GOAL], "binary"),
    "a compressed file": (["run", "packed.jsonl", *GOAL], "unpack"),
    "another encoding": (["run", "wide.jsonl", *GOAL], "UTF-16"),
    "a line of 10 MB": (["run", "long.jsonl", *GOAL], "10,000,016 bytes long"),
    "no valid record": (["run", "invalid.jsonl", *GOAL], "None of the 2 entries"),
    "no goal": (["run", "good.jsonl"], "--goal"),
    "an empty goal": (["run", "good.jsonl", "--goal", "  "], "goal is empty"),
    "an unknown step": (["run", "good.jsonl", *GOAL, "--until", "lunch"], "categorize"),
    "a missing grader": (["run", "good.jsonl", *GOAL, "--grader", "none.py"], "none.py"),
    "a grader that does not compile": (["run", "good.jsonl", *GOAL, "--grader", "broken.py"], "ine 1"),
    "a grader without grade": (["run", "good.jsonl", *GOAL, "--grader", "other.py"], "grade"),
    "a grader of unknown type": (["run", "good.jsonl", *GOAL, "--grader", "grader.json"], "oracle"),
    "a grader with a missing import": (
        ["run", "good.jsonl", *GOAL, "--grader", "missing_import.py"],
        "not_there_at_all",
    ),
    "a grader with another ending": (["run", "good.jsonl", *GOAL, "--grader", "good.jsonl"], ".py"),
    "a report folder that is a file": (["run", "good.jsonl", *GOAL, "--report", "good.jsonl"], "good.jsonl"),
    "a report folder below a file": (["run", "good.jsonl", *GOAL, "--report", "good.jsonl/x"], "no folder"),
    "a report folder with other files": (["run", "good.jsonl", *GOAL, "--report", "taken"], "records.jsonl"),
    "an unknown option": (["run", "good.jsonl", *GOAL, "--fast"], "--fast"),
    "an unknown command": (["dance"], "dance"),
    "no subcommand": (["workflows"], "Missing command"),
    "an unknown workflow to resume": (["resume", "nobody"], "nobody"),
    "ui with a missing file": (["ui", "none.jsonl"], "no file"),
    "ui with an empty goal": (["ui", "good.jsonl", "--goal", ""], "goal is empty"),
    "a file alone that is missing": (["none.jsonl"], "no file"),
    "ui for others without a token": (["ui", "--host", "0.0.0.0"], "LUCY_TOKEN"),
    "a host that is not here": (["serve", "--host", "nowhere.invalid"], "nowhere.invalid"),
    "an impossible port": (["serve", "--port", "70000"], "70000"),
    "validate without a valid record": (["validate", "empty.jsonl"], "empty"),
    "validate with rejects onto the source": (
        ["validate", "invalid.jsonl", "--rejects", "invalid.jsonl"],
        "file with the records",
    ),
    "validate with rejects into no folder": (["validate", "good.jsonl", "--rejects", "no/x"], "no folder"),
    "grade with a bad grader": (["grade", "good.jsonl", "--grader", "other.py"], "grade"),
    "grade with output onto the source": (
        ["grade", "good.jsonl", "--grader", "grader.py", "--out", "good.jsonl"],
        "file with the records",
    ),
    "grade with neither a file nor a preset": (["grade", "good.jsonl", "--grader", "best"], "conciseness"),
    "grade with a grader that is not there": (["grade", "good.jsonl", "--grader", "none.py"], "none.py"),
    "grade with missing references": (
        ["grade", "good.jsonl", "--grader", "quality", "--reference", "none.jsonl"],
        "none.jsonl",
    ),
    "an unknown period": (["usage", "--period", "century"], "century"),
}


@pytest.mark.parametrize(("arguments", "word"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_sentence_and_changes_nothing(
    place: Path, home: Path, arguments: list[str], word: str
) -> None:
    before = list_files(place)
    result = lucy(*arguments)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("Error: ")
    assert word in result.stderr
    assert "Traceback" not in result.output
    assert list_files(place) == before
    assert not home.exists()


def test_a_home_that_cannot_be_written_is_bad_input(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUCY_HOME", str(place / "good.jsonl" / "home"))
    result = lucy("run", "good.jsonl", *GOAL)
    assert result.exit_code == 2
    assert "LUCY_HOME" in result.stderr


def test_a_wrong_setting_is_bad_input(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUCY_PORT", "many")
    result = lucy("validate", "good.jsonl")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "LUCY_PORT" in result.stderr


def test_a_fault_inside_lucy_is_one_sentence_and_goes_to_the_log(home: Path) -> None:
    code = (
        "import lucy.ui.cli.jobs as jobs\n"
        "def fail(): raise ZeroDivisionError('secret detail')\n"
        "jobs.open_store = fail\n"
        "from lucy.ui.app import main\n"
        "import sys; sys.argv = ['lucy', 'jobs', 'list']\n"
        "main()\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stderr.count("\n") == 1
    assert "ZeroDivisionError" in run.stderr
    assert "secret detail" in (home / "lucy.log").read_text(encoding="utf-8")


def test_validate_shows_what_is_wrong(place: Path, home: Path) -> None:
    with (place / "good.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"messages": []}\n')
    result = lucy("validate", "good.jsonl")
    assert result.exit_code == 0
    assert re.search(r"Rejected\s+1 \(25.0%\)", result.stdout)
    assert re.search(r"empty_messages\s+1", result.stdout)
    assert not home.exists()


def test_validate_prints_json(place: Path) -> None:
    result = lucy("validate", "good.jsonl", "--json")
    report = json.loads(result.stdout)
    assert (result.exit_code, report["valid"], report["rejected"]) == (0, 3, 0)


def test_validate_writes_the_rejected_lines(place: Path) -> None:
    (place / "mixed.jsonl").write_text((place / "good.jsonl").read_text() + "\n{broken\n", encoding="utf-8")
    result = lucy("validate", "mixed.jsonl", "--rejects", "rejects.jsonl")
    lines = [json.loads(line) for line in (place / "rejects.jsonl").read_text().splitlines()]
    assert result.exit_code == 0
    assert [(one["line"], one["error"], one["raw"]) for one in lines] == [
        (5, "invalid_data_structure", "{broken")
    ]
    assert set(lines[0]) == {"line", "error", "message", "raw"}


def test_validate_without_a_valid_record_still_writes_the_rejected_lines(place: Path) -> None:
    result = lucy("validate", "invalid.jsonl", "--json", "--rejects", "rejects.jsonl")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["valid"] == 0
    assert len((place / "rejects.jsonl").read_text().splitlines()) == 2


def test_grade_gives_figures_and_one_line_a_reply(place: Path, home: Path) -> None:
    result = lucy("grade", "good.jsonl", "--grader", "grader.py", "--json", "--out", "grades.jsonl")
    figures = json.loads(result.stdout)
    lines = [json.loads(line) for line in (place / "grades.jsonl").read_text().splitlines()]
    assert result.exit_code == 0
    assert (figures["replies"], figures["graded"], figures["failed"]) == (3, 3, 0)
    assert [one["record_id"] for one in lines] == ["chat-0", "chat-1", "chat-2"]
    assert figures["mean"] == pytest.approx(sum(one["score"] for one in lines) / 3, abs=1e-4)
    assert not home.exists()


def test_a_grader_that_fails_is_never_a_zero(place: Path) -> None:
    (place / "failing.py").write_text("def grade(sample, item):\n    return 1 / 0\n", encoding="utf-8")
    figures = json.loads(lucy("grade", "good.jsonl", "--grader", "failing.py", "--json").stdout)
    assert (figures["failed"], figures["mean"]) == (3, None)
    assert {one["score"] for one in figures["grades"]} == {None}


def test_failures_are_counted_by_class_and_the_rest_has_an_interval(place: Path) -> None:
    body = "def grade(sample, item):\n    return 1 / (int(item['id'][-1]) - 1) ** 2 / 2\n"
    (place / "partly.py").write_text(body, encoding="utf-8")
    figures = json.loads(lucy("grade", "good.jsonl", "--grader", "partly.py", "--json").stdout)
    assert (figures["failures"], figures["mean"]) == ({"runtime_error": 1}, 0.5)
    assert figures["low95"] < 0.5 < figures["high95"]


def test_an_answer_is_not_its_own_reference(place: Path) -> None:
    body = "def grade(sample, item):\n    return float('reference_reply' in item)\n"
    (place / "shown.py").write_text(body, encoding="utf-8")
    other = write_chats(place / "right.jsonl", 2)
    alone = json.loads(lucy("grade", "good.jsonl", "--grader", "shown.py", "--json").stdout)
    beside = json.loads(
        lucy("grade", "good.jsonl", "--grader", "shown.py", "--json", "--reference", other.name).stdout
    )
    assert [one["score"] for one in alone["grades"]] == [0, 0, 0]
    assert [one["score"] for one in beside["grades"]] == [1, 1, 0]
    assert beside["without_reference"] == 1


def test_replies_as_their_own_references_are_a_check_of_the_grader_and_said_to_be(place: Path) -> None:
    result = lucy("grade", "good.jsonl", "--grader", "quality", "--json", "--reference", "good.jsonl")
    assert result.exit_code == 0
    assert "checks the grader, not the replies" in result.stderr


def test_references_are_also_found_by_an_equal_prompt(place: Path) -> None:
    lines = (place / "good.jsonl").read_text(encoding="utf-8").replace("chat-", "other-")
    (place / "right.jsonl").write_text(lines, encoding="utf-8")
    arguments = ["grade", "good.jsonl", "--grader", "correctness", "--json", "--reference", "right.jsonl"]
    figures = json.loads(lucy(*arguments).stdout)
    assert figures["without_reference"] == 0
    assert {one["criteria"]["correctness"] for one in figures["grades"]} == {1}


def test_tool_calls_in_replies_are_graded(place: Path) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "find", "arguments": '{"id": 7}'}}
    tool = {"type": "function", "function": {"name": "find", "parameters": {"properties": {"id": {}}}}}
    line = {
        "messages": [
            {"role": "user", "content": "Where is my parcel, number 7?"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
        ],
        "tools": [tool],
    }
    (place / "calls.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    figures = json.loads(lucy("grade", "calls.jsonl", "--grader", "tool_usage", "--json").stdout)
    assert [one["score"] for one in figures["grades"]] == [1]


def test_probing_adds_what_cheap_tricks_earn(place: Path) -> None:
    figures = json.loads(lucy("grade", "good.jsonl", "--grader", "grader.py", "--json", "--probe").stdout)
    shown = lucy("grade", "good.jsonl", "--grader", "grader.py", "--probe").stdout
    assert "padded" in figures["probe"]["winners"]
    assert "Answers padded with filler" in shown
    assert "add a criterion for conciseness" in shown


def test_ctrl_c_gives_what_is_known(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_chats(place / "many.jsonl", CHUNK + 9)
    seen: list[int] = []

    def interrupt(view: object, label: str, done: int, total: int) -> None:
        seen.append(done)
        raise KeyboardInterrupt

    monkeypatch.setattr("lucy.ui.cli.progress.ProgressView.report", interrupt)
    result = lucy("grade", "many.jsonl", "--grader", "quality", "--json", "--out", "some.jsonl")
    assert result.exit_code == 130
    assert seen == [CHUNK]
    assert json.loads(result.stdout)["replies"] == CHUNK
    assert len((place / "some.jsonl").read_text().splitlines()) == CHUNK
    assert f"{CHUNK} of {CHUNK + 9} replies were graded" in result.stderr


def test_doctor_reports_without_creating_anything(home: Path) -> None:
    result = lucy("doctor", "--json")
    report = json.loads(result.stdout)
    found = {one["name"]: one for one in report["findings"]}
    assert report["ok"] is (result.exit_code == 0)
    detail = found["grader worker"]["detail"]
    assert "cannot read files, write files" in detail or "nothing confines scripts here" in detail
    assert {"chat", "judge", "generator", "base model", "embeddings"} <= set(found)
    assert not home.exists()


def test_doctor_never_shows_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUCY_TOKEN", "very-secret-word")
    result = lucy("doctor")
    assert "very-secret" not in result.output
    assert "token=set" in result.stdout


def test_doctor_fails_when_something_is_wrong(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    monkeypatch.setenv("LUCY_HOME", str(place / "good.jsonl"))
    result = lucy("doctor")
    assert result.exit_code == 1
    assert "!!" in result.stdout


def test_the_list_of_workflows_has_the_specified_fields(store: Store) -> None:
    save_workflow(store, "w-1", name="Chats", goal="g", step="topics_config", question="Agreed?")
    (row,) = json.loads(lucy("workflows", "list", "--json").stdout)
    assert list(row) == ["id", "dataset", "step", "status", "updated_at"]
    assert (row["id"], row["dataset"], row["step"], row["status"]) == (
        "w-1",
        "Chats",
        "topics_config",
        "waiting",
    )


def test_an_empty_list_of_workflows_is_an_empty_array(home: Path) -> None:
    assert json.loads(lucy("workflows", "list", "--json").stdout) == []


CONDITIONS = {
    "waiting": {"step": "dry_run", "question": "Run it?"},
    "completed": {"step": "completed", "question": "What next?"},
    "failed": {"step": "dry_run", "status": {"dry_run": "failed"}, "question": "What now?"},
    "interrupted": {"step": "dry_run", "question": ""},
}


@pytest.mark.parametrize(("word", "values"), CONDITIONS.items(), ids=CONDITIONS.keys())
def test_the_condition_of_a_workflow_is_one_word(store: Store, word: str, values: dict[str, object]) -> None:
    save_workflow(store, "w-1", **values)
    assert read_conditions(store) == {"w-1": word}


def test_a_workflow_whose_job_nobody_runs_is_interrupted(store: Store) -> None:
    save_workflow(store, "w-1", step="training", question="It trains.")
    submit_job(store, "w-1", "training", {})
    assert read_conditions(store) == {"w-1": "interrupted"}


def test_the_history_is_in_order_of_time(store: Store) -> None:
    save_workflow(store, "w-1", name="Chats")
    add_message(store, "w-1", id="0", role="assistant", step="topics_config", text="Agreed?")
    add_message(store, "w-1", id="1", role="user", step="topics_config", text="yes")
    add_decision(
        store, "w-1", id="1", step="topics_config", decision="approve", question="Agreed?", text="yes"
    )
    add_snapshot(store, "w-1", "categorize", {})
    rows = json.loads(lucy("workflows", "history", "w-", "--json").stdout)
    assert [row["kind"] for row in rows] == ["lucy", "you", "decision", "snapshot"]
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)


def test_deleting_a_workflow_needs_a_yes(store: Store) -> None:
    save_workflow(store, "w-1")
    result = lucy("workflows", "delete", "w-1")
    assert (result.exit_code, read_conditions(store)) == (2, {"w-1": "interrupted"})
    assert "--yes" in result.stderr


def test_jobs_are_listed_shown_and_cancelled(store: Store) -> None:
    job_id = submit_job(store, "w-1", "training", {"epochs": 2})
    assert [one["job_id"] for one in json.loads(lucy("jobs", "list", "--json").stdout)] == [job_id]
    assert lucy("jobs", "cancel", job_id[:8]).exit_code == 0
    assert json.loads(lucy("jobs", "show", job_id, "--json").stdout)["status"] == "pending"
    assert lucy("jobs", "show", "job-none").exit_code == 2


def test_empty_registries_print_empty_json(home: Path) -> None:
    assert json.loads(lucy("models", "list", "--json").stdout) == []
    assert json.loads(lucy("jobs", "list", "--json").stdout) == []
    assert json.loads(lucy("usage", "--json").stdout)["calls"] == 0


def test_a_record_cannot_steer_the_terminal() -> None:
    assert clean("a\x1b[31mb\x07\r\nc\td\x9b") == "a\ufffd[31mb\ufffd\nc\td\ufffd"


def test_the_pace_has_a_rate_and_the_time_to_the_end() -> None:
    assert describe_pace(50, 150, 10.0) == "5.0/s, 0:20 left"
    assert describe_pace(10, 80_010, 1.0) == "10/s, 2:13:20 left"
    assert describe_pace(0, 10, 5.0) == ""


def test_without_a_terminal_progress_is_rare_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressView() as view:
        for done in range(1, 101):
            view.report("Grading answers", done, 100)
    assert capsys.readouterr().err == "  Grading answers: 100 of 100\n"


def test_a_full_disk_is_said_in_a_sentence() -> None:
    fault = explain(OSError(28, "No space left on device", "/data/x"))
    assert fault.code == 1
    assert "No space left on device" in fault.sentence


class Script:
    """Stands in for `Runs`: each answer leads to the next state of a list, the last one stays."""

    def __init__(self, *states: dict[str, Any]) -> None:
        self.states = list(states)
        self.replies: list[Any] = []

    def read_state(self, _workflow_id: str) -> dict[str, Any]:
        return self.states[0]

    def count_events(self, _workflow_id: str) -> int:
        return 0

    def start(self, _workflow_id: str, reply: Any) -> None:
        self.replies.append(reply)
        if reply is not None and len(self.states) > 1:
            self.states.pop(0)

    def follow(self, _workflow_id: str, _since: int) -> Iterator[Event]:
        pending = self.states[0].get("pending")
        yield Event("question", pending) if pending else Event("ended", {})


def asks(question: str, *labels: str, step: str = "topics_config", **plan: Any) -> dict[str, Any]:
    choices = [{"id": label.casefold(), "label": label, "kind": "approve"} for label in labels]
    pending = {"step": step, "kind": "confirm", "question": question, "choices": choices, "plan": plan}
    return {"step": step, "status": {}, "pending": pending}


COMPLETED = {"step": "completed", "status": {}, "pending": None}


def hold(script: Script, **options: Any) -> int:
    return Conversation(script, "w-1", **{"yes": True, **options}).hold().code  # type: ignore[arg-type]


def test_yes_takes_the_first_choice_and_says_which(capsys: pytest.CaptureFixture[str]) -> None:
    script = Script(asks("Agreed?", "Use it", "Change it"), COMPLETED)
    assert hold(script) == 0
    assert script.replies == [None, {"choice": "use it"}]
    assert "> Use it" in capsys.readouterr().out


def test_yes_does_not_go_in_circles(capsys: pytest.CaptureFixture[str]) -> None:
    script = Script(asks("Try again?", "Again"))
    assert hold(script) == 4
    assert len(script.replies) == PATIENCE
    assert capsys.readouterr().err.count("without progress") == 1


def test_a_question_that_comes_again_after_progress_is_no_circle() -> None:
    states = [
        asks("Go on?", "Yes") | {"status": dict.fromkeys("abcdefg"[:done], "completed")} for done in range(6)
    ]
    assert hold(Script(*states, COMPLETED)) == 0


def test_yes_stops_where_words_are_wanted() -> None:
    assert hold(Script(asks("What is the goal?"))) == 4


@pytest.mark.parametrize("kind", ["jump", "redo"])
def test_yes_never_goes_back_or_tries_again_by_itself(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    state = asks("The trainer cannot do this.", "Change the grader")
    state["pending"]["choices"][0]["kind"] = kind
    script = Script(state)
    assert hold(script) == 4
    assert script.replies == [None]
    assert "a decision that --yes does not take" in capsys.readouterr().err


def test_a_no_go_stops_also_with_yes() -> None:
    script = Script(asks("Where to?", "Change the grader", step="dry_run", verdict="NO-GO"))
    assert hold(script) == 3
    assert script.replies == [None]


def test_who_comes_back_to_a_no_go_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lucy.ui.cli.conversation._can_ask", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _prompt: "1")
    script = Script(asks("Where to?", "Change the grader", step="dry_run", verdict="NO-GO"), COMPLETED)
    assert hold(script, yes=False) == 0
    assert script.replies == [None, {"choice": "change the grader"}]


@pytest.mark.parametrize("end", [EOFError, KeyboardInterrupt])
def test_leaving_a_question_leaves_it_open(monkeypatch: pytest.MonkeyPatch, end: type[BaseException]) -> None:
    def leave(_prompt: str) -> str:
        raise end

    monkeypatch.setattr("lucy.ui.cli.conversation._can_ask", lambda: True)
    monkeypatch.setattr("builtins.input", leave)
    assert hold(Script(asks("Agreed?", "Use it")), yes=False) == 4


def test_without_a_terminal_a_question_stays_open(capsys: pytest.CaptureFixture[str]) -> None:
    assert hold(Script(asks("Agreed?", "Use it")), yes=False) == 4
    assert "1. Use it" in capsys.readouterr().out


def test_until_stops_once_the_step_is_behind() -> None:
    state = asks("Balance?", "Go on", step="coverage_generation") | {"status": {"categorize": "completed"}}
    assert hold(Script(asks("Agreed?", "Use it"), state), until="categorize") == 0


def test_a_step_that_is_open_again_is_not_behind() -> None:
    state = asks("Agreed?", "Use it") | {"status": {"categorize": "completed"}}
    assert hold(Script(state), until="categorize") == 4


def test_an_answer_is_a_number_of_the_list_or_words() -> None:
    choices = asks("Agreed?", "Use it", "Change it")["pending"]["choices"]
    assert read_answer("2", choices) == {"choice": "change it"}
    assert read_answer("3", choices) == "3"
    assert read_answer("use fewer topics", choices) == "use fewer topics"


def start(home: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = os.environ | {"LUCY_HOME": str(home), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "lucy", *arguments]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture
def chats(tmp_path: Path) -> Path:
    path = tmp_path / "chats.jsonl"
    lines = SAMPLE_FILE.read_text(encoding="utf-8").splitlines()[:80]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_ctrl_c_during_work_loses_nothing(chats: Path, home: Path) -> None:
    process = start(home, "run", str(chats), *GOAL, "--yes")
    assert process.stdout is not None
    workflow_id = process.stdout.readline().split()[1]
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"lucy resume {workflow_id}" in errors
    resumed = start(home, "resume", workflow_id[:8], "--yes", "--until", "topics_config")
    output, _ = resumed.communicate(timeout=120)
    assert (resumed.returncode, "Stopped after topics_config" in output) == (0, True)


@pytest.mark.slow
def test_a_whole_run_ends_with_a_report(chats: Path, home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "report"
    result = lucy("run", str(chats), *GOAL, "--yes", "--report", str(folder))
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    (row,) = json.loads(lucy("workflows", "list", "--json").stdout)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"Workflow {row['id']}\n")
    assert (row["status"], report["workflow_id"], report["missing"]) == ("completed", row["id"], {})
    assert {one["status"] for one in report["steps"].values()} <= {"completed", "skipped"}
    assert lucy("workflows", "delete", row["id"], "--yes").exit_code == 0
    assert json.loads(lucy("workflows", "list", "--json").stdout) == []


@pytest.mark.slow
def test_a_given_grader_is_used_and_a_no_go_stops(chats: Path, tmp_path: Path) -> None:
    grader, folder = tmp_path / "zero.py", tmp_path / "report"
    grader.write_text("def grade(sample, item):\n    return 0.0\n", encoding="utf-8")
    result = lucy("run", str(chats), *GOAL, "--yes", "--grader", str(grader), "--report", str(folder))
    lines = (folder / "rollouts.jsonl").read_text(encoding="utf-8").splitlines()
    assert result.exit_code == 3
    assert "NO-GO" in result.stdout
    assert json.loads((folder / "grader.json").read_text())["name"] == "zero"
    assert {json.loads(line)["score"] for line in lines} == {0.0}
    assert lucy("resume", result.stdout.split()[1], "--yes").exit_code == 3


def test_rollback_goes_back_and_resume_goes_on(chats: Path, home: Path) -> None:
    done = lucy("run", str(chats), *GOAL, "--yes", "--until", "categorize")
    workflow_id = done.stdout.split()[1]
    assert lucy("workflows", "rollback", workflow_id, "topics_config").exit_code == 0
    shown = json.loads(lucy("workflows", "show", workflow_id[:6], "--json").stdout)
    again = lucy("resume", workflow_id[:6])
    assert (done.exit_code, shown["step"], again.exit_code) == (0, "topics_config", 4)
    assert lucy("workflows", "rollback", workflow_id, "training").exit_code == 2


def test_an_occupied_port_is_bad_input(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = lucy("ui", "--port", str(taken.getsockname()[1]))
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "used by another program" in result.stderr
    assert not home.exists()


@pytest.mark.slow
@pytest.mark.parametrize("command", [["serve"], []], ids=["serve", "nothing"])
def test_the_application_says_where_it_is_and_stops_at_ctrl_c(home: Path, command: list[str]) -> None:
    process = start(home, *command, "--port", "0")
    assert process.stdout is not None
    url = process.stdout.readline().split()[-1]
    with urllib.request.urlopen(f"{url}/v1/models", timeout=60) as answer:
        models = json.loads(answer.read())
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert models["data"] == []
    assert (process.returncode, "Traceback" in errors) == (0, False)


def test_a_workflow_that_another_process_works_on_is_left_to_it(store: Store, chats: Path) -> None:
    workflow_id = lucy("run", str(chats), *GOAL).stdout.split()[1]
    owner = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with store.write() as connection:
        connection.execute(
            update(workflows).values(
                run_owner=f"{socket.gethostname()}:{owner.pid}", run_until=time.time() + 60
            )
        )
    busy = lucy("resume", workflow_id)
    listed = json.loads(lucy("workflows", "list", "--json").stdout)
    owner.communicate()
    assert (busy.exit_code, "another process" in busy.stderr) == (1, True)
    assert listed[0]["status"] == "running"
    assert lucy("resume", workflow_id).exit_code == 4
