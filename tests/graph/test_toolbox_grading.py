"""Hold the tools of the grader and the dry run: documented results, and what only the person may confirm."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.tools import BaseTool
from scripted_chat import ScriptedChat
from tests_support import approve, call, go_to, talk

from lucy.graph.runs import Runs
from lucy.graph.toolbox.tools import make_tools
from lucy.settings import Settings
from lucy.tools.datasets import SAMPLE_GOAL
from lucy.tools.store.artefacts import list_artefacts
from lucy.tools.workbench import Workbench

TEMPLATE = {"prompt_template": "Judge this reply: {{response}}", "temperature": 0}
SCRIPT = "function evaluate(input) { return input.response.length > 80 ? 0.7 : 0.4; }"


@pytest.fixture
def covered(runs: Runs, workflow: str) -> str:
    go_to(runs, workflow, "grader_config")
    return workflow


def test_a_preset_is_configured_and_tried_at_once(
    tools: dict[str, BaseTool], covered: str, runs: Runs
) -> None:
    made = call(
        tools["configure_grader"], workflow_id=covered, grader_type="preset", config={"name": "quality"}
    )
    assert made["grader_type"] == "preset"
    assert made["is_in_use"] is True
    tried = call(tools["test_grader_sample"], workflow_id=covered, sample_size=4)
    assert len(tried["samples"]) == 4
    assert set(tried["samples"][0]) == {"prompt", "response", "score", "reasoning", "error"}


def test_a_script_of_an_agent_waits_for_the_person_who_sees_it(
    tools: dict[str, BaseTool], covered: str, runs: Runs
) -> None:
    made = call(
        tools["configure_grader"],
        workflow_id=covered,
        grader_type="script",
        config={"language": "javascript", "script_code": SCRIPT},
    )
    assert made["status"] == "needs_confirmation"
    assert made["is_in_use"] is False
    assert SCRIPT in made["question"]
    assert "only the person confirms" in str(tools["test_grader_sample"].invoke({"workflow_id": covered}))
    approve(runs, covered)
    kinds = [row["kind"] for row in list_artefacts(runs.bench.store, covered)]
    assert "grader_trial" in kinds


def test_a_judge_without_a_model_is_refused_with_what_to_set(
    tools: dict[str, BaseTool], covered: str
) -> None:
    said = tools["configure_grader"].invoke(
        {"workflow_id": covered, "grader_type": "llm_as_judge", "config": TEMPLATE}
    )
    assert "LUCY_JUDGE_MODEL" in str(said)


def test_uploading_freezes_and_syncing_replaces_only_the_grader(
    tools: dict[str, BaseTool], covered: str, runs: Runs
) -> None:
    assert "no grader yet" in str(tools["upload_dataset"].invoke({"workflow_id": covered}))
    approve(runs, covered)
    assert "not uploaded" in str(tools["sync_evaluator"].invoke({"workflow_id": covered}))
    first = call(tools["upload_dataset"], workflow_id=covered)
    assert first["record_count"] == call(tools["get_dataset_stats"], workflow_id=covered)["records"]
    assert (first["has_evaluator"], first["has_topic_hierarchy"]) == (True, True)
    assert call(tools["upload_dataset"], workflow_id=covered) == first
    talk(runs, covered, "go back to the grader")
    talk(runs, covered, "make politeness 40%")
    approve(runs, covered)
    synced = call(tools["sync_evaluator"], workflow_id=covered)
    assert synced == {"backend_dataset_id": first["backend_dataset_id"], "evaluator_type": "rubric"}
    again = call(tools["upload_dataset"], workflow_id=covered, force_reupload=True)
    assert again["backend_dataset_id"] != first["backend_dataset_id"]


def test_a_dry_run_gives_the_documented_diagnostics(
    tools: dict[str, BaseTool], covered: str, runs: Runs
) -> None:
    approve(runs, covered)
    result = call(tools["run_dry_run"], workflow_id=covered, sample_percentage=40)
    records = call(tools["get_dataset_stats"], workflow_id=covered)["records"]
    assert result["sample_size"] == math.ceil(0.4 * records)
    assert result["verdict"] in ("GO", "WARNING", "NO-GO")
    assert set(result["percentiles"]) == {"p10", "p25", "p50", "p75", "p90"}
    assert sum(result["distribution"].values()) == pytest.approx(100)
    assert set(next(iter(result["by_topic"].values()))) == {"mean", "std", "count", "status"}
    assert result["backend_dataset_id"].startswith("ds-")


def test_a_dry_run_without_a_grader_is_refused(tools: dict[str, BaseTool], covered: str) -> None:
    assert "first complete Grader" in str(tools["run_dry_run"].invoke({"workflow_id": covered}))


@pytest.fixture
def judged(home: Path, small_file: Path) -> Iterator[tuple[Runs, str, ScriptedChat]]:
    chat = ScriptedChat.of(lambda prompt: '{"score": 0.5, "reason": "Fair."}')
    runs = Runs(Workbench(Settings(home=home), {"judge": chat}))
    workflow = runs.create(source=str(small_file), goal=SAMPLE_GOAL)
    list(runs.drive(workflow))
    go_to(runs, workflow, "grader_config")
    yield runs, workflow, chat
    runs.close()
    runs.bench.close()


def test_a_paid_judge_waits_for_the_person(judged: tuple[Runs, str, ScriptedChat]) -> None:
    runs, workflow, chat = judged
    tools = {tool.name: tool for tool in make_tools(runs)}
    made = call(tools["configure_grader"], workflow_id=workflow, grader_type="llm_as_judge", config=TEMPLATE)
    assert made["status"] == "needs_confirmation"
    assert "pays for calls" in str(tools["test_grader_sample"].invoke({"workflow_id": workflow}))
    assert chat.calls == []
