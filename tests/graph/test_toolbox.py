"""Hold the tools' contract: documented names and arguments, results as JSON, and gates that hold."""

from typing import Any

import pytest
from langchain_core.tools import BaseTool
from tests_support import approve, call, go_to

from lucy.graph.runs import Runs

DOCUMENTED = {
    "validate_records",
    "generate_topics",
    "apply_topic_hierarchy",
    "categorize_records",
    "analyze_coverage",
    "get_coverage_recommendations",
    "generate_synthetic_data",
    "get_dataset_records",
    "get_dataset_stats",
    "update_record",
    "configure_grader",
    "test_grader_sample",
    "upload_dataset",
    "sync_evaluator",
    "run_dry_run",
    "start_training",
    "check_training_status",
    "deploy_model",
}


@pytest.fixture
def covered(runs: Runs, workflow: str) -> str:
    go_to(runs, workflow, "coverage_generation")
    return workflow


def test_the_documented_tools_exist(tools: dict[str, BaseTool]) -> None:
    assert set(tools) == DOCUMENTED


def test_generate_synthetic_data_has_the_documented_arguments(tools: dict[str, BaseTool]) -> None:
    assert set(tools["generate_synthetic_data"].args) == {
        "workflow_id",
        "strategy",
        "generation_mode",
        "target_topics",
        "count_per_topic",
        "record_ids",
        "variations_per_record",
    }


def test_records_are_validated_with_counts_by_reason(tools: dict[str, BaseTool], workflow: str) -> None:
    assert call(tools["validate_records"], workflow_id=workflow)["valid"] == 115
    handed = [{"messages": [{"role": "user", "content": "Where is my parcel, please?"}]}, {"messages": []}]
    report = call(tools["validate_records"], records=handed)
    assert (report["valid"], report["errors_by_type"]) == (1, {"empty_messages": 1})


def test_topics_are_proposed_and_applied(tools: dict[str, BaseTool], workflow: str, runs: Runs) -> None:
    proposed = call(
        tools["generate_topics"], workflow_id=workflow, method="template", template_name="customer support"
    )
    assert proposed["status"] == "needs_confirmation"
    applied = call(tools["apply_topic_hierarchy"], workflow_id=workflow, hierarchy=proposed["hierarchy"])
    assert applied["topic_count"] == proposed["topic_count"]
    assert runs.read_state(workflow)["status"]["topics_config"] == "completed"
    sorted_now = call(tools["categorize_records"], workflow_id=workflow)
    assert sorted_now["assigned_count"] + sorted_now["uncategorized_count"] == 115
    assert sum(sorted_now["by_topic"].values()) == sorted_now["assigned_count"]


def test_coverage_is_measured_and_recommended(tools: dict[str, BaseTool], covered: str) -> None:
    coverage = call(tools["analyze_coverage"], workflow_id=covered)
    assert 0 <= coverage["balance_score"] <= 1
    assert set(next(iter(coverage["distribution"].values()))) == {"count", "percentage", "status"}
    wanted = call(tools["get_coverage_recommendations"], workflow_id=covered)
    assert set(wanted) == {"recommendations", "suggested_strategy", "rounds", "expected_score"}


def test_a_tool_cannot_confirm_a_generation(tools: dict[str, BaseTool], covered: str, runs: Runs) -> None:
    topic = next(iter(call(tools["analyze_coverage"], workflow_id=covered)["distribution"]))
    asked = call(
        tools["generate_synthetic_data"], workflow_id=covered, target_topics=[topic], count_per_topic=5
    )
    assert asked["status"] == "needs_confirmation"
    assert call(tools["get_dataset_stats"], workflow_id=covered)["synthetic"] == 0
    reply = {"kind": "tool", "tool": "anything", "step": "coverage_generation", "approve": True}
    list(runs.drive(covered, reply))
    assert call(tools["get_dataset_stats"], workflow_id=covered)["synthetic"] == 0
    approve(runs, covered)  # the person
    stats = call(tools["get_dataset_stats"], workflow_id=covered)
    assert stats["synthetic"] > 0
    assert stats["generations"][0]["valid"] == stats["synthetic"]


def test_records_are_shown_a_page_at_a_time(tools: dict[str, BaseTool], covered: str) -> None:
    page = call(tools["get_dataset_records"], workflow_id=covered, limit=3, offset=2)
    assert page["total"] == 115
    assert len(page["records"]) == 3
    assert {"id", "messages", "topic", "confidence", "method"} <= set(page["records"][0])


def test_a_record_is_corrected_and_moved(tools: dict[str, BaseTool], covered: str) -> None:
    first = call(tools["get_dataset_records"], workflow_id=covered, limit=1)["records"][0]
    other = next(
        name
        for name in call(tools["analyze_coverage"], workflow_id=covered)["distribution"]
        if not (first["topic"] or "").endswith(name)
    )
    changed = call(
        tools["update_record"],
        workflow_id=covered,
        record_id=first["id"],
        changes={"reply": "We will look into it."},
        topic=other,
    )["record"]
    assert changed["reply"] == [{"role": "assistant", "content": "We will look into it."}]
    assert changed["method"] == "manual"
    assert changed["topic"].endswith(other)


@pytest.mark.parametrize(
    ("tool", "given", "sentence"),
    [
        ("analyze_coverage", {"workflow_id": "nobody"}, "There is no workflow 'nobody'"),
        ("update_record", {"record_id": "nobody", "topic": "none"}, "There is no record 'nobody'"),
        ("generate_topics", {"method": "template", "template_name": "zeppelins"}, "There is no template"),
        ("generate_topics", {"max_depth": 9}, "max_depth"),
        ("apply_topic_hierarchy", {"hierarchy": [{"name": "A"}, {"name": "a"}]}, "'a' stands twice"),
        ("apply_topic_hierarchy", {"hierarchy": [{"name": ""}]}, "name"),
        ("apply_topic_hierarchy", {"hierarchy": [{"name": f"T{n}"} for n in range(10_000)]}, "500"),
        (
            "apply_topic_hierarchy",
            {
                "hierarchy": [
                    {"id": "a", "name": "A", "parent_id": "b"},
                    {"id": "b", "name": "B", "parent_id": "a"},
                ]
            },
            "below",
        ),
        ("generate_synthetic_data", {"count_per_topic": 0, "target_topics": ["*"]}, "ask for 1 or more"),
        ("generate_synthetic_data", {"count_per_topic": 10**6, "target_topics": ["*"]}, "ask for 1 to"),
        ("generate_synthetic_data", {"record_ids": ["nobody"]}, "There is no record 'nobody'"),
        ("generate_synthetic_data", {"target_topics": ["Zeppelins"]}, "There is no topic 'Zeppelins'"),
    ],
)
def test_bad_arguments_are_one_sentence_and_change_nothing(
    tools: dict[str, BaseTool],
    covered: str,
    runs: Runs,
    tool: str,
    given: dict[str, Any],
    sentence: str,
) -> None:
    before = runs.read_state(covered)["artefacts"]
    topic = next(iter(call(tools["analyze_coverage"], workflow_id=covered)["distribution"]))
    given = {"workflow_id": covered, **given}
    if given.get("target_topics") == ["*"]:
        given["target_topics"] = [topic]
    said = tools[tool].invoke(given)
    assert isinstance(said, str)
    assert sentence in said
    assert "\n" not in said.strip()
    assert runs.read_state(covered)["artefacts"] == before


def test_a_tool_opens_no_step_before_its_time(tools: dict[str, BaseTool], workflow: str) -> None:
    said = tools["generate_synthetic_data"].invoke({"workflow_id": workflow})
    assert "first complete" in said
