"""Hold the grader's and the dry run's promises in whole workflows."""

import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from scripted_chat import ScriptedChat
from tests_support import approve, go_to, talk, texts

from lucy.graph.runs import Runs
from lucy.graph.toolbox.tools import make_tools
from lucy.nodes.reading import read_artefact, read_current_records
from lucy.settings import Settings
from lucy.tools.datasets import SAMPLE_GOAL
from lucy.tools.policy.retrieval import RetrievalPolicy
from lucy.tools.store.artefacts import get_artefact, list_artefacts
from lucy.tools.store.jobs import find_job
from lucy.tools.store.ledger import sum_ledger
from lucy.tools.training.job import TrainingRequest
from lucy.tools.vocabulary import Record
from lucy.tools.workbench import Workbench

POLITE = 'def grade(sample, item):\n    return 0.9 if "thank" in sample["output_text"].lower() else 0.3\n'
CONSTANT = "def grade(sample, item):\n    return 0.5\n"
BROKEN = "def grade(sample, item):\n    raise KeyError('none')\n"


@pytest.fixture
def at_grader(runs: Runs, workflow: str) -> str:
    go_to(runs, workflow, "grader_config")
    return workflow


@pytest.fixture
def at_dry_run(runs: Runs, workflow: str) -> str:
    go_to(runs, workflow, "dry_run")
    return workflow


@pytest.fixture
def write_file(tmp_path: Path) -> Callable[[str, str], str]:
    def write(name: str, text: str) -> str:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return str(tmp_path / name)

    return write


@pytest.fixture
def generated(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts the answers that the base model generates."""
    made: list[int] = []
    sample_many = RetrievalPolicy.sample_many

    def count(self: RetrievalPolicy, records: Sequence[Record], n: int, *, seed: int) -> list[list[str]]:
        made.append(len(records) * n)
        return sample_many(self, records, n, seed=seed)

    monkeypatch.setattr(RetrievalPolicy, "sample_many", count)
    return made


def list_kind(runs: Runs, workflow: str, kind: str) -> list[dict[str, Any]]:
    return [row for row in list_artefacts(runs.bench.store, workflow) if row["kind"] == kind]


def pending(runs: Runs, workflow: str) -> dict[str, Any]:
    found = runs.read_state(workflow)["pending"]
    assert found is not None
    return dict(found)


def test_a_grader_is_tried_on_answers_and_on_tricks_before_it_is_set(runs: Runs, at_grader: str) -> None:
    said = texts(approve(runs, at_grader))
    assert "I tried the grader on recorded answers" in said
    assert "best trick" in said
    assert "The grader is set (version 1)" in said
    trial = list_kind(runs, at_grader, "grader_trial")
    body = get_artefact(runs.bench.store, at_grader, "grader_trial", trial[-1]["revision"])
    assert len(body["trial"]["samples"]) == 5


def test_a_preset_replaces_the_criteria_and_is_kept_with_its_reason(runs: Runs, at_grader: str) -> None:
    said = texts(talk(runs, at_grader, "use the conciseness preset"))
    assert "Conciseness" in said
    approve(runs, at_grader)
    if pending(runs, at_grader)["step"] == "grader_config":  # a trick wins: the person insists
        approve(runs, at_grader)
    assert [row["reason"] for row in list_kind(runs, at_grader, "grader")] == ["use the conciseness preset"]


def test_versions_are_listed_and_an_earlier_one_is_taken_up_again(runs: Runs, at_grader: str) -> None:
    approve(runs, at_grader)
    first = read_artefact(runs.read_state(at_grader), runs.bench, "grader")["config"]
    talk(runs, at_grader, "go back to the grader")
    talk(runs, at_grader, "add: no promises we can't keep")
    approve(runs, at_grader)
    talk(runs, at_grader, "go back to the grader")
    said = texts(talk(runs, at_grader, "show the versions"))
    assert "add: no promises we can't keep" in said
    assert "2 (in use)" in said
    talk(runs, at_grader, "use version 1")
    approve(runs, at_grader)
    assert read_artefact(runs.read_state(at_grader), runs.bench, "grader")["config"] == first


def test_a_version_that_is_not_there_is_refused_in_a_sentence(runs: Runs, at_grader: str) -> None:
    before = pending(runs, at_grader)
    assert "There is no version 7" in texts(talk(runs, at_grader, "use version 7"))
    assert pending(runs, at_grader)["plan"] == before["plan"]


def test_a_grader_that_a_trick_beats_is_used_only_on_the_persons_word(
    runs: Runs, at_grader: str, write_file: Callable[[str, str], str]
) -> None:
    longer = 'def grade(sample, item):\n    return min(1.0, len(sample["output_text"]) / 2000)\n'
    talk(runs, at_grader, write_file("longer.py", longer))
    said = texts(approve(runs, at_grader))
    assert "A cheap trick pays" in said
    assert list_kind(runs, at_grader, "grader") == []
    assert "I have noted" in texts(approve(runs, at_grader))
    assert len(list_kind(runs, at_grader, "grader")) == 1


def test_a_grader_that_fails_on_everything_cannot_be_used(
    runs: Runs, at_grader: str, write_file: Callable[[str, str], str]
) -> None:
    talk(runs, at_grader, write_file("broken.py", BROKEN))
    said = texts(approve(runs, at_grader))
    assert "This grader cannot be used" in said
    assert "runtime_error" in said
    assert list_kind(runs, at_grader, "grader") == []
    assert pending(runs, at_grader)["step"] == "grader_config"


BAD = {
    "syntax.py": ("def grade(sample, item)\n    return 1\n", "line 1"),
    "none.py": ("x = 1\n", "defines no `grade(sample, item)`"),
    "huge.py": ("def grade(sample, item):\n    return 1\n#" + "x" * 300_000, "bytes"),
    "syntax.js": ("function evaluate(input) { return 1", "compile"),
    "weights.json": (
        json.dumps(
            {
                "type": "multi",
                "name": "m",
                "weights": {"a": 0.5, "b": 0.4},
                "graders": {
                    "a": {"type": "python", "name": "a", "source": CONSTANT},
                    "b": {"type": "python", "name": "b", "source": CONSTANT},
                },
            }
        ),
        "0.9",
    ),
    "template.json": (
        json.dumps({"type": "llm_as_judge", "name": "j", "prompt_template": "Judge {{answer}}"}),
        "answer",
    ),
    "placeholder.json": (
        json.dumps(
            {
                "type": "string_check",
                "name": "s",
                "input": "{{output.text}}",
                "reference": "{{item.reference_answer}}",
                "operation": "eq",
            }
        ),
        "output",
    ),
    "recursive.json": (
        json.dumps(
            {
                "type": "llm_as_judge",
                "name": "j",
                "prompt_template": "Judge {{response}}",
                "output_schema": {
                    "type": "object",
                    "properties": {"score": {"type": "number"}, "more": {"$ref": "#"}},
                    "required": ["score"],
                },
            }
        ),
        'refers to itself at "#"',
    ),
}


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory, small_file: Path) -> Iterator[tuple[Runs, str]]:
    """One workflow at the grader for many graders of which none is taken."""
    runs = Runs(Workbench(Settings(home=tmp_path_factory.mktemp("home"))))
    workflow = runs.create(source=str(small_file), goal=SAMPLE_GOAL)
    list(runs.drive(workflow))
    go_to(runs, workflow, "grader_config")
    yield runs, workflow
    runs.close()
    runs.bench.close()


@pytest.mark.parametrize("name", BAD)
def test_a_bad_grader_is_refused_with_its_place_and_nothing_is_saved(
    refusing: tuple[Runs, str], write_file: Callable[[str, str], str], name: str
) -> None:
    runs, workflow = refusing
    before = list_artefacts(runs.bench.store, workflow)
    text, place = BAD[name]
    said = texts(talk(runs, workflow, write_file(name, text)))
    assert place in said
    assert "Traceback" not in said
    assert list_artefacts(runs.bench.store, workflow) == before


@pytest.mark.parametrize("value", ['"high"', 'float("nan")', "7", "None"])
def test_a_script_that_returns_no_reward_is_an_error_and_never_a_zero(
    refusing: tuple[Runs, str], write_file: Callable[[str, str], str], value: str
) -> None:
    runs, workflow = refusing
    talk(runs, workflow, write_file("wrong.py", f"def grade(sample, item):\n    return {value}\n"))
    said = texts(approve(runs, workflow))
    assert "invalid_result" in said
    assert "cannot be used" in said
    assert list_kind(runs, workflow, "grader") == []


def test_a_changed_grader_grades_again_and_generates_nothing(
    runs: Runs, at_dry_run: str, generated: list[int]
) -> None:
    talk(runs, at_dry_run, "use 100 prompts, 3 answers each")
    assert "(300 answers)" in pending(runs, at_dry_run)["question"]
    approve(runs, at_dry_run)
    assert sum(generated) == 300
    first = read_artefact(runs.read_state(at_dry_run), runs.bench, "dry_run")
    generated.clear()
    talk(runs, at_dry_run, "go back to the grader")
    talk(runs, at_dry_run, "make politeness 40%")
    approve(runs, at_dry_run)
    generated.clear()  # what trying a grader may have asked for
    talk(runs, at_dry_run, "use 100 prompts, 3 answers each")
    assert "none is generated" in pending(runs, at_dry_run)["question"]
    approve(runs, at_dry_run)
    assert sum(generated) == 0
    second = read_artefact(runs.read_state(at_dry_run), runs.bench, "dry_run")
    assert second["rollouts"] == first["rollouts"]
    assert second["report"]["statistics"]["mean"] != first["report"]["statistics"]["mean"]


def test_a_percentage_of_the_records_can_be_asked_for(runs: Runs, at_dry_run: str) -> None:
    records = read_current_records(runs.read_state(at_dry_run), runs.bench)
    talk(runs, at_dry_run, "use 50% of the records")
    assert pending(runs, at_dry_run)["plan"]["count"] == math.ceil(len(records) / 2)


def test_more_answers_than_64_are_refused(runs: Runs, at_dry_run: str) -> None:
    before = pending(runs, at_dry_run)["plan"]
    assert "must be 2 to 64" in texts(talk(runs, at_dry_run, "100 answers each"))
    assert pending(runs, at_dry_run)["plan"] == before


def test_a_constant_grader_ends_in_a_no_go_that_names_the_reason(
    runs: Runs, at_grader: str, write_file: Callable[[str, str], str]
) -> None:
    talk(runs, at_grader, write_file("constant.py", CONSTANT))
    for _ in range(3):
        if pending(runs, at_grader)["step"] == "dry_run":
            break
        approve(runs, at_grader)
    said = texts(approve(runs, at_grader))
    assert "NO-GO" in said
    assert runs.read_state(at_grader)["status"]["dry_run"] == "failed"


def test_answers_that_cannot_be_graded_are_kept_with_their_class(
    runs: Runs, at_grader: str, write_file: Callable[[str, str], str]
) -> None:
    flaky = (
        "def grade(sample, item):\n"
        "    if len(sample['output_text']) % 7 == 0:\n        raise ValueError('odd one')\n"
        "    return 0.2 + len(sample['output_text']) % 5 / 10\n"
    )
    talk(runs, at_grader, write_file("flaky.py", flaky))
    for _ in range(3):
        if pending(runs, at_grader)["step"] == "dry_run":
            break
        approve(runs, at_grader)
    approve(runs, at_grader)
    body = read_artefact(runs.read_state(at_grader), runs.bench, "dry_run")
    errors = body["report"]["statistics"]["errors"]
    assert set(errors) == {"runtime_error"}
    assert errors["runtime_error"] > 0


def judge(prompt: str) -> str:
    """Scores every criterion that the prompt's schema asks for by a figure that depends on the text."""
    ids = sorted(set(re.findall(r'"(helpfulness|grounding|politeness|next_step|commitments)"', prompt)))
    value = 0.2 + (sum(map(ord, prompt)) % 7) / 10
    return json.dumps({one: {"reason": "Because it is so.", "score": value} for one in ids})


@pytest.fixture
def judged(home: Path, small_file: Path) -> Iterator[tuple[Runs, str, ScriptedChat]]:
    chat = ScriptedChat.of(judge)
    runs = Runs(Workbench(Settings(home=home), {"judge": chat}))
    workflow = runs.create(source=str(small_file), goal=SAMPLE_GOAL)
    list(runs.drive(workflow))
    go_to(runs, workflow, "grader_config")
    yield runs, workflow, chat
    runs.close()
    runs.bench.close()


def test_a_judge_model_is_announced_with_its_calls_and_asked_only_after_a_yes(
    judged: tuple[Runs, str, ScriptedChat],
) -> None:
    runs, workflow, chat = judged
    question = pending(runs, workflow)["question"]
    assert "**scripted** judges" in question
    assert re.search(r"about \d+ calls \(at a price I do not know\)", question)
    assert chat.calls == []
    approve(runs, workflow)
    assert chat.calls
    assert {row["role"] for row in sum_ledger(runs.bench.store, workflow)} == {"judge"}


def test_a_tool_cannot_confirm_what_a_judge_costs(judged: tuple[Runs, str, ScriptedChat]) -> None:
    runs, workflow, chat = judged
    reply = {"kind": "tool", "tool": "configure_grader", "step": "grader_config", "approve": True}
    said = texts(talk(runs, workflow, reply))
    assert "only the person can" in said
    assert chat.calls == []


def test_the_training_works_with_the_records_as_the_person_edited_them(runs: Runs, workflow: str) -> None:
    go_to(runs, workflow, "coverage_generation")
    first = read_current_records(runs.read_state(workflow), runs.bench)[0]
    messages = [{"role": "user", "content": "A wholly new question about my missing parcel, please?"}]
    tool = next(one for one in make_tools(runs) if one.name == "update_record")
    tool.invoke({"workflow_id": workflow, "record_id": first.id, "changes": {"messages": messages}})
    go_to(runs, workflow, "training")
    approve(runs, workflow)
    trained = read_artefact(runs.read_state(workflow), runs.bench, "training")
    job = find_job(runs.bench.store, trained["job_id"])
    request = TrainingRequest.model_validate(job.payload)
    assert request.edits
