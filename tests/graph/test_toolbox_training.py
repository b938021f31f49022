"""Hold the tools of training and deployment: they propose, and only the person starts and deploys."""

from typing import Any

import pytest
from langchain_core.tools import BaseTool
from tests_support import approve, call, go_to

from lucy.graph.runs import Runs
from lucy.tools.endpoints import deploy
from lucy.tools.store.activity import list_jobs
from lucy.tools.store.deployments import list_deployments
from lucy.tools.store.models import list_models


@pytest.fixture
def at_training(runs: Runs, workflow: str) -> str:
    go_to(runs, workflow, "training")
    return workflow


def test_a_tool_proposes_a_training_and_cannot_start_it(
    runs: Runs, at_training: str, tools: dict[str, BaseTool]
) -> None:
    proposed = call(tools["start_training"], workflow_id=at_training, epochs=1, train_split=0.8)
    assert proposed["status"] == "needs_confirmation"
    assert (proposed["plan"]["epochs"], proposed["plan"]["train_split"]) == (1, 0.8)
    assert call(tools["start_training"], workflow_id=at_training, epochs=1, train_split=0.8) == proposed
    forged = {"kind": "tool", "tool": "start_training", "step": "training", "approve": True}
    list(runs.drive(at_training, forged))
    assert list_jobs(runs.bench.store) == []


@pytest.mark.parametrize(
    ("given", "word"), [({"epochs": 0}, "1 to 50"), ({"train_split": 1.0}, "between 0 and 1")]
)
def test_parameters_out_of_range_are_one_sentence_and_change_nothing(
    runs: Runs, at_training: str, tools: dict[str, BaseTool], given: dict[str, Any], word: str
) -> None:
    before = runs.read_state(at_training)["pending"]
    assert word in str(tools["start_training"].invoke({"workflow_id": at_training, **given}))
    assert runs.read_state(at_training)["pending"] == before


def test_the_status_of_a_training_is_read_and_a_deployment_proposed(
    runs: Runs, at_training: str, tools: dict[str, BaseTool]
) -> None:
    assert "No training was started" in str(
        tools["check_training_status"].invoke({"workflow_id": at_training})
    )
    approve(runs, at_training)  # the person
    status = call(tools["check_training_status"], workflow_id=at_training)
    assert status["status"] == "completed"
    assert set(status["metrics"]) == {"train_reward", "valid_reward", "loss"}
    by_id = call(tools["check_training_status"], workflow_id=at_training, job_id=status["job_id"])
    assert by_id == status
    proposed = call(tools["deploy_model"], workflow_id=at_training, name="tool-made")
    assert proposed["status"] == "needs_confirmation"
    assert proposed["plan"]["name"] == "tool-made"
    forged = {"kind": "tool", "tool": "deploy_model", "step": "deployment", "approve": True}
    list(runs.drive(at_training, forged))
    assert list_deployments(runs.bench.store) == []


def test_the_only_served_name_need_not_be_said_to_be_replaced(
    runs: Runs, at_training: str, tools: dict[str, BaseTool]
) -> None:
    approve(runs, at_training)  # the person
    made = list_models(runs.bench.store)[0].id
    deploy(runs.bench.store, made, 1, name="helpdesk", key="k")
    proposed = call(tools["deploy_model"], workflow_id=at_training, deployment_mode="replace_gateway")
    assert (proposed["plan"]["name"], proposed["plan"]["mode"]) == ("helpdesk", "replace_gateway")
