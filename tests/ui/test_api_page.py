"""Hold that the API describes itself completely, and that its examples are what it does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from lucy.settings import Settings
from lucy.tools import registry
from lucy.tools.datasets import open_source
from lucy.tools.policy.retrieval import base_policy
from lucy.tools.records.validation import Limits
from lucy.tools.store import jobs, models, workflows
from lucy.tools.vocabulary import Record
from lucy.tools.workbench import Workbench
from lucy.ui.api_examples import COMPLETION_ID, EXAMPLES, FAULT, JOB_ID, MODEL_ID, WORKFLOW_ID
from lucy.ui.api_page import write_page
from lucy.ui.api_schema import complete_schema, describe_api
from lucy.ui.server import create_app


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """A home with a model under test by another, a workflow, a dataset and a job."""
    bench = Workbench(Settings(home=tmp_path_factory.mktemp("home")))
    first, second = (register(bench, name) for name in ("support-replies", "second"))
    registry.deploy(bench.store, first, 1, name="support-replies", key="k1")
    registry.deploy(bench.store, second, 1, name="support-replies", mode="ab_test", share=0.5, key="k2")
    lines = [
        {"messages": [{"role": "user", "content": f"Where is my parcel number {number}, please?"}]}
        for number in range(3)
    ]
    open_source(bench.store, lines, name="chats", limits=Limits())
    save_workflow(bench)
    yield bench
    bench.close()


def register(bench: Workbench, name: str) -> str:
    record = Record(
        "r1",
        ({"role": "user", "content": "There is a charge twice on my invoice, why?"},),
        ({"role": "assistant", "content": "We will correct it."},),
    )
    return registry.register_version(
        bench.store, name=name, description="", base_model="b", provider="offline",
        policy_json=base_policy([record] * 3).to_json(), job_id=f"job-{name}", workflow_id="w", lineage={},
        parameters={}, training_examples=1, validation_examples=1, cost=0.0,
    ).model_id  # fmt: skip


def save_workflow(bench: Workbench) -> None:
    workflows.save_workflow(bench.store, "w-1", name="support", goal="Be kind", step="training")
    workflows.add_message(bench.store, "w-1", id="m-1", role="lucy", step="training", text="Shall I?")


@pytest.fixture
def client(bench: Workbench) -> Iterator[TestClient]:
    app = create_app(bench)
    describe_api(app)
    with TestClient(app, base_url="http://localhost") as client:
        yield client


@pytest.fixture
def schema(client: TestClient) -> dict[str, Any]:
    return client.get("/openapi.json").json()


def list_operations(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    }


def test_every_operation_is_described_with_an_example_and_its_failures(schema: dict[str, Any]) -> None:
    operations = list_operations(schema)
    assert operations.keys() == EXAMPLES.keys()
    for key, operation in operations.items():
        assert operation["description"], key
        (answer,) = operation["responses"]["200"]["content"].values()
        assert answer["example"] == EXAMPLES[key].answer
        assert operation["responses"]["4XX"]["content"]["application/json"]["example"] == FAULT
        assert "422" not in operation["responses"], key
        assert all(one["description"] for one in operation.get("parameters", ())), key
        if "requestBody" in operation:
            assert operation["requestBody"]["content"]["application/json"]["example"] == EXAMPLES[key].body


def test_the_document_names_the_token_and_is_the_same_when_completed_twice(schema: dict[str, Any]) -> None:
    assert schema["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert "HTTPValidationError" not in schema["components"]["schemas"]
    assert complete_schema(schema) == schema


OPEN = ("lineage", "parameters", "metrics", "status", "tags")
"""Fields whose names depend on what was trained."""


def find_difference(example: Any, actual: Any, place: str = "") -> list[str]:
    """Name the fields that only one of an example and an answer has."""
    if isinstance(example, list) and isinstance(actual, list):
        return find_difference(example[0], actual[0], f"{place}[0]") if example and actual else []
    if not isinstance(example, dict) or not isinstance(actual, dict):
        return []
    found = [f"{place}.{name}" for name in sorted(example.keys() ^ actual.keys())]
    for name in example.keys() & actual.keys() - set(OPEN):
        found += find_difference(example[name], actual[name], f"{place}.{name}")
    return found


def fill_ids(bench: Workbench, text: str) -> str:
    """Put this home's ids in the place of the example's."""
    (job,) = (one.id for one in jobs.list_unfinished(bench.store))
    real = {MODEL_ID: models.find_model(bench.store, "support-replies").id, JOB_ID: job}
    real |= {WORKFLOW_ID: "w-1", WORKFLOW_ID[:8]: "w-1"}
    for known, mine in real.items():
        text = text.replace(known, mine)
    return text


@pytest.mark.parametrize("key", [key for key in EXAMPLES if "events" not in key and "DELETE" not in key])
def test_an_example_is_what_the_api_answers(bench: Workbench, client: TestClient, key: str) -> None:
    submit(bench, key)
    method, path = key.split()
    example = EXAMPLES[key]
    body = dict(example.body) if example.body else None
    if body and "id" in body:
        body["id"] = ask(client)
    answer = client.request(method, fill_ids(bench, example.path or path), json=body)
    end_jobs(bench)
    assert answer.status_code == 200, answer.text
    assert find_difference(example.answer, answer.json()) == []


def submit(bench: Workbench, name: str) -> None:
    jobs.submit_job(bench.store, "w-1", "training", {"name": name})


def end_jobs(bench: Workbench) -> None:
    for job in jobs.list_unfinished(bench.store):
        jobs.end_job(bench.store, job.id, "cancelled")


def ask(client: TestClient) -> str:
    body = EXAMPLES["POST /v1/chat/completions"].body
    return client.post("/v1/chat/completions", json=body).json()["id"]


def test_the_example_of_a_deletion_is_what_the_api_answers(tmp_path: Path) -> None:
    bench = Workbench(Settings(home=tmp_path))
    model_id = register(bench, "support-replies")
    registry.deploy(bench.store, model_id, 1, name="support-replies", key="k")
    with TestClient(create_app(bench), base_url="http://localhost") as client:
        answer = client.delete(f"/api/v1/models/{model_id}").json()
    bench.close()
    assert answer == EXAMPLES["DELETE /api/v1/models/{model_id}"].answer | {"id": model_id}


def test_the_page_has_every_operation_with_its_call_and_loads_nothing(schema: dict[str, Any]) -> None:
    page = write_page(schema)
    for key, example in EXAMPLES.items():
        method, path = key.split()
        assert f"<h2><code>{key}</code></h2>" in page
        verb = "" if method == "GET" else f" -X {method}"
        assert f"curl{verb} &quot;$LUCY{(example.path or path).replace('&', '&amp;')}&quot;" in page
    assert "one of day, week, month" in page
    assert COMPLETION_ID in page
    assert "http" not in page


def test_a_job_is_cancelled_and_one_of_another_workflow_is_not(bench: Workbench, client: TestClient) -> None:
    submit(bench, "cancel")
    (job,) = jobs.list_unfinished(bench.store)
    workflows.save_workflow(bench.store, "w-2", name="other", goal="Be short", step="training")
    path = f"/api/v1/finetune/{job.id}/cancel"
    assert client.post(path, params={"workflow_id": "w-2"}).status_code == 404
    assert not jobs.find_job(bench.store, job.id).cancel_requested
    assert client.post(path, params={"workflow_id": "w-1"}).status_code == 200
    assert jobs.find_job(bench.store, job.id).cancel_requested
    end_jobs(bench)
    assert client.post(path).status_code == 400
