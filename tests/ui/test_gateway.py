import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from served import make_policy, read_events, run_app

from lucy.errors import BusyError, GateError, InputError, StoreError
from lucy.settings import Settings
from lucy.tools import registry
from lucy.tools.datasets import open_source
from lucy.tools.records.validation import Limits
from lucy.tools.store import jobs, models, workflows
from lucy.tools.store.usage import summarize_usage
from lucy.tools.vocabulary import Message
from lucy.tools.workbench import Workbench
from lucy.ui import job_events
from lucy.ui.access import MAX_BODY
from lucy.ui.ports import check_address, is_loopback, open_address, require_token
from lucy.ui.server import create_app, serve

HOST = "127.0.0.1"
QUESTION: list[Message] = [{"role": "user", "content": "My invoice shows a charge twice, why is that?"}]
TOKEN = "a-sécret"
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def policies() -> dict[str, str]:
    return {colour: make_policy(colour) for colour in ("blue", "red")}


def register(bench: Workbench, policy: str, job_id: str = "job-1") -> tuple[str, int]:
    return registry.register_version(
        bench.store, name="Support", description="", base_model="offline-base", provider="offline",
        policy_json=policy, job_id=job_id, workflow_id="w1", lineage={}, parameters={}, training_examples=6,
        validation_examples=0, cost=0.0,
    )  # fmt: skip


@contextmanager
def open_bench(home: Path, **settings: Any) -> Iterator[Workbench]:
    bench = Workbench(Settings(home=home, **settings))
    yield bench
    bench.close()


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, policies: dict[str, str]
) -> Iterator[tuple[Workbench, str]]:
    with open_bench(tmp_path_factory.mktemp("home")) as bench:
        model_id, version = register(bench, policies["blue"])
        registry.deploy(bench.store, model_id, version, name="support", key="k1")
        with run_app(create_app(bench)) as url:
            yield bench, url


@pytest.fixture
def bench(served: tuple[Workbench, str]) -> Workbench:
    return served[0]


@pytest.fixture
def client(served: tuple[Workbench, str]) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{served[1]}/v1", api_key="unused", max_retries=0) as client:
        yield client


@pytest.fixture
def http(served: tuple[Workbench, str]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served[1], timeout=30) as client:
        yield client


def ask(client: openai.OpenAI, **changes: Any) -> Any:
    return client.chat.completions.create(
        **{"model": "support", "messages": QUESTION, "temperature": 0} | changes
    )


def test_the_official_client_gets_an_answer(client: openai.OpenAI) -> None:
    completion = ask(client)
    assert "blue desk" in completion.choices[0].message.content
    assert completion.choices[0].finish_reason == "stop"
    assert (
        completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens
    )
    assert completion.usage.prompt_tokens > 5


def test_a_stream_gives_the_same_text_word_by_word_and_then_the_usage(client: openai.OpenAI) -> None:
    whole = ask(client)
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    words = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
    assert "".join(word or "" for word in words) == whole.choices[0].message.content
    assert len(words) > 5
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert (chunks[-1].choices, chunks[-1].usage) == ([], whole.usage)


def test_a_stream_ends_with_done_and_tells_no_usage_unasked(http: httpx.Client) -> None:
    body = {"model": "support", "messages": QUESTION, "stream": True}
    response = http.post("/v1/chat/completions", json=body)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.text.endswith("data: [DONE]\n\n")
    assert '"usage"' not in response.text


def test_the_served_names_are_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["support"]
    assert client.models.retrieve("support").owned_by == "lucy"


def test_an_unknown_model_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="does not exist") as caught:
        ask(client, model="nobody")
    assert caught.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nobody")


def test_the_same_seed_gives_the_same_answer(client: openai.OpenAI) -> None:
    answers = {ask(client, temperature=2, seed=7).choices[0].message.content for _ in range(3)}
    assert len(answers) == 1


def test_another_seed_may_give_another_answer(client: openai.OpenAI) -> None:
    answers = {ask(client, temperature=2, seed=seed).choices[0].message.content for seed in range(12)}
    assert len(answers) > 1


def test_tools_are_accepted_and_ignored(client: openai.OpenAI) -> None:
    tool = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
    message = ask(client, tools=[tool]).choices[0].message
    assert "blue desk" in message.content
    assert message.tool_calls is None


def test_the_longest_answer_and_stop_texts_are_honoured(client: openai.OpenAI) -> None:
    short = ask(client, max_completion_tokens=2).choices[0]
    assert short.finish_reason == "length"
    assert len(short.message.content.split()) < 4
    assert "desk" not in ask(client, stop="desk").choices[0].message.content


def test_text_parts_and_fields_of_later_versions_are_taken(client: openai.OpenAI) -> None:
    parts = [{"type": "text", "text": QUESTION[0]["content"]}]
    extra = {"top_p": 0.5, "not_invented_yet": {"a": 1}, "stop": None, "n": 1}
    assert (
        "blue"
        in ask(client, messages=[{"role": "user", "content": parts}], extra_body=extra)
        .choices[0]
        .message.content
    )


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": None}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [{"role": "system", "content": "Be kind."}]}, "messages"),
        ({"messages": [{"role": "user", "content": "  "}]}, "messages"),
        ({"messages": [{"role": "boss", "content": "Hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content"),
        ({"messages": ["hello"]}, "messages[0]"),
        ({"model": 5}, "model"),
        ({"model": ""}, "model"),
        ({"n": 2}, "n"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": 3}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"seed": 1.5}, "seed"),
        ({"stream": "yes"}, "stream"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"logprobs": True}, "logprobs"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"tools": "none"}, "tools"),
    ],
)
def test_a_request_that_cannot_be_used_is_refused_in_openais_shape(
    http: httpx.Client, changes: dict[str, Any], param: str
) -> None:
    body = json.dumps({"model": "support", "messages": QUESTION} | changes)
    response = http.post("/v1/chat/completions", content=body, headers=JSON)
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert error["message"].endswith(".")


def test_half_a_surrogate_pair_is_refused(http: httpx.Client) -> None:
    for place in ({"model": "\ud800"}, {"messages": [{"role": "user", "content": "Hi \ud800"}]}):
        body = json.dumps({"model": "support", "messages": QUESTION} | place)
        response = http.post("/v1/chat/completions", content=body, headers=JSON)
        assert response.status_code == 400
        assert "unicode" in response.json()["error"]["message"].lower()
    odd = http.patch("/api/v1/models/x", content='{"\\ud800": 1}', headers=JSON)
    assert odd.status_code == 400


@pytest.mark.parametrize("body", ["{", "", "[]", "5", "[" * 100_000])
def test_a_body_that_is_no_json_object_is_refused(http: httpx.Client, body: str) -> None:
    response = http.post("/v1/chat/completions", content=body, headers=JSON)
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"


def test_an_endless_body_is_refused(http: httpx.Client) -> None:
    body = json.dumps({"model": "support", "messages": [{"role": "user", "content": "x" * MAX_BODY}]})
    response = http.post("/v1/chat/completions", content=body, headers=JSON)
    assert response.status_code == 413
    assert "longer than" in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/v1/nothing", 404), ("PUT", "/v1/models", 405)]
)
def test_an_address_that_is_not_there_is_told_in_the_same_shape(
    http: httpx.Client, method: str, path: str, status: int
) -> None:
    response = http.request(method, path)
    assert response.status_code == status
    assert path in response.json()["error"]["message"]


def test_fifty_people_at_once_are_all_answered_and_counted(bench: Workbench, client: openai.OpenAI) -> None:
    before = summarize_usage(bench.store).total
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda seed: ask(client, seed=seed), range(50)))
    assert all("blue" in answer.choices[0].message.content for answer in answers)
    after = summarize_usage(bench.store).total
    assert (after.calls - before.calls, after.errors - before.errors) == (50, 0)


def test_a_request_shows_the_new_version_and_after_the_rollback_the_old(
    tmp_path: Path, policies: dict[str, str]
) -> None:
    with open_bench(tmp_path) as bench, run_app(create_app(bench)) as url:
        model_id, _ = register(bench, policies["blue"])
        register(bench, policies["red"], "job-2")
        registry.deploy(bench.store, model_id, 1, name="support", key="k1")
        with openai.OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0) as client:
            seen = [ask(client).system_fingerprint]
            registry.deploy(bench.store, model_id, 2, name="support", mode="replace_gateway", key="k2")
            seen.append(ask(client).system_fingerprint)
            registry.undo_deployment(bench.store, "support")
            seen.append(ask(client).system_fingerprint)
    assert seen == [f"{model_id}:1", f"{model_id}:2", f"{model_id}:1"]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with open_bench(tmp_path_factory.mktemp("home"), token=TOKEN) as bench, run_app(create_app(bench)) as url:
        yield url


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"me:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (None, 401),
        ("Bearer wrong", 401),
        (TOKEN, 401),
        ("Bearer", 401),
        ("Basic %%%", 401),
        (basic("wrong"), 401),
        (f"Bearer {TOKEN}", 200),
        (basic(TOKEN), 200),
    ],
)
def test_with_a_token_only_who_has_it_is_let_in(guarded: str, given: str | None, status: int) -> None:
    headers = {"authorization": given.encode()} if given else {}
    for path in ("/v1/models", "/api/v1/models", "/docs", "/openapi.json"):
        assert httpx.get(f"{guarded}{path}", headers=headers).status_code == status


def test_a_wrong_token_is_an_authentication_error_for_the_official_client(guarded: str) -> None:
    with (
        openai.OpenAI(base_url=f"{guarded}/v1", api_key="wrong", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        client.models.list()
    assert caught.value.code == "invalid_api_key"
    assert TOKEN not in str(caught.value)


def test_a_form_of_another_site_cannot_use_a_browsers_password(guarded: str) -> None:
    headers = {"authorization": basic(TOKEN), "sec-fetch-site": "cross-site"}
    assert httpx.delete(f"{guarded}/api/v1/models/x", headers=headers).status_code == 401


def test_a_browser_is_asked_for_the_token(guarded: str) -> None:
    response = httpx.get(f"{guarded}/docs", headers={"accept": "text/html"})
    assert response.headers["www-authenticate"].startswith("Basic")


def test_health_needs_no_token(guarded: str) -> None:
    assert httpx.get(f"{guarded}/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize(
    ("host", "status"), [("localhost:7860", 200), ("[::1]:7860", 200), ("evil.example", 403), ("[", 403)]
)
def test_without_a_token_only_names_of_this_machine_are_served(
    http: httpx.Client, host: str, status: int
) -> None:
    assert http.get("/api/v1/workflows", headers={"host": host}).status_code == status


def test_models_are_listed_shown_changed_and_deleted(tmp_path: Path, policies: dict[str, str]) -> None:
    with open_bench(tmp_path) as bench, run_app(create_app(bench)) as url:
        model_id, _ = register(bench, policies["blue"])
        registry.deploy(bench.store, model_id, 1, name="support", key="k1")
        with httpx.Client(base_url=f"{url}/api/v1") as http:
            listed = http.get("/models", params={"search": "SUPP", "limit": 1}).json()
            assert (listed["total"], listed["data"][0]["id"]) == (1, model_id)
            changed = http.patch(f"/models/{model_id}", json={"description": "Kind", "tags": ["a"]}).json()
            assert (changed["name"], changed["description"], changed["tags"]) == ("Support", "Kind", ["a"])
            assert changed["version_history"][0]["job_id"] == "job-1"
            deleted = http.delete(f"/models/{model_id}").json()
            assert deleted["no_longer_served"] == ["support"]
            assert http.get("/models").json()["data"] == []
            assert http.get("/models", params={"status": "deleted"}).json()["total"] == 1
            assert http.get("/models/nobody").json()["error"]["code"] == "not_found"


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("status=odd", "status"),
        ("offset=x", "offset"),
        ("offset=1e30", "offset"),
        ("offset=9999999999", "offset"),
        ("sort=x", "sort"),
    ],
)
def test_a_wrong_filter_is_refused(http: httpx.Client, query: str, param: str) -> None:
    response = http.get(f"/api/v1/models?{query}")
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize("changes", [{"status": "ready"}, {"name": ""}, {"tags": "a"}, []])
def test_a_wrong_change_of_a_model_is_refused(http: httpx.Client, bench: Workbench, changes: object) -> None:
    before = models.list_models(bench.store)
    assert http.patch(f"/api/v1/models/{before[0].id}", json=changes).status_code == 400
    assert [model.updated_at for model in models.list_models(bench.store)] == [before[0].updated_at]


def test_usage_counts_the_calls_of_a_model(
    bench: Workbench, client: openai.OpenAI, http: httpx.Client
) -> None:
    model_id = models.list_models(bench.store)[0].id
    before = http.get(f"/api/v1/models/{model_id}/usage").json()
    spent = ask(client).usage
    after = http.get(f"/api/v1/models/{model_id}/usage?period=month").json()
    assert after["calls"] - before["calls"] == 1
    assert after["prompt_tokens"] - before["prompt_tokens"] == spent.prompt_tokens
    assert after["periods"][-1]["calls"] == after["calls"]
    assert after["p95_ms"] > 0


def test_workflows_are_listed_and_shown_with_their_messages(bench: Workbench, http: httpx.Client) -> None:
    workflows.save_workflow(bench.store, "wf-abc", name="One", goal="Be kind", status={"topics": "done"})
    workflows.add_message(bench.store, "wf-abc", id="m1", role="assistant", step="not_started", text="Hello")
    assert http.get("/api/v1/workflows").json()["data"][0]["id"] == "wf-abc"
    shown = http.get("/api/v1/workflows/wf-").json()
    assert (shown["goal"], shown["messages"][0]["text"]) == ("Be kind", "Hello")
    assert http.get("/api/v1/workflows/other").status_code == 404


def test_datasets_are_listed_with_their_counts(bench: Workbench, http: httpx.Client) -> None:
    lines = [{"messages": [{"role": "user", "content": f"Where is parcel {number}?"}]} for number in range(2)]
    open_source(bench.store, [*lines, {"messages": []}], name="Chats", limits=Limits())
    [dataset] = http.get("/api/v1/datasets").json()["data"]
    assert (dataset["name"], dataset["records"], dataset["generated"]) == ("Chats", 2, 0)
    assert (dataset["rejects"], dataset["coverage_stats"]) == (1, None)


def submit(bench: Workbench, name: str) -> str:
    job_id = jobs.submit_job(bench.store, "w1", "training", {"name": name})
    assert jobs.take_job(bench.store, job_id)
    jobs.update_job(
        bench.store,
        job_id,
        progress={"label": "Training", "done": 1, "total": 4, "started": 1.0},
        checkpoint={"cost": 0.2},
    )
    return job_id


@pytest.mark.parametrize(
    ("status", "error", "last"),
    [
        ("completed", None, "finetune_job_completed"),
        ("failed", "No disk.", "finetune_job_failed"),
        ("cancelled", None, "finetune_job_failed"),
    ],
)
def test_the_events_of_a_job_end_with_how_it_ended(
    bench: Workbench,
    http: httpx.Client,
    monkeypatch: pytest.MonkeyPatch,
    status: str,
    error: str | None,
    last: str,
) -> None:
    monkeypatch.setattr(job_events, "POLL_SECONDS", 0.01)
    job_id = submit(bench, status)
    with http.stream("GET", f"/api/v1/finetune/{job_id}/events") as response:
        events = read_events(response.iter_lines())
        assert next(events)[0] == "finetune_job_started"
        name, progress = next(events)
        assert (name, progress["percent"], progress["cost"]) == ("finetune_job_progress", 25.0, 0.2)
        assert progress["seconds_left"] > 0
        jobs.end_job(bench.store, job_id, status, result={"model_id": "model-x"}, error=error)
        rest = list(events)
    assert [name for name, _ in rest] == [last]
    assert rest[0][1]["model_id"] == "model-x"
    assert (rest[0][1]["error"] is None) == (status == "completed")


def test_a_paused_job_has_not_ended_for_those_who_follow_it(
    bench: Workbench, http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_events, "POLL_SECONDS", 0.01)
    job_id = submit(bench, "paused")
    with http.stream("GET", f"/api/v1/finetune/{job_id}/events") as response:
        events = read_events(response.iter_lines())
        assert [next(events)[0], next(events)[1]["status"]] == ["finetune_job_started", "running"]
        jobs.end_job(bench.store, job_id, "paused", error="At its limit.")
        name, status = next(events)
        assert (name, status["status"], status["error"]) == (
            "finetune_job_progress",
            "paused",
            "At its limit.",
        )
        jobs.end_job(bench.store, job_id, "completed", result={})
        assert [name for name, _ in events] == ["finetune_job_completed"]


def test_a_waiting_job_keeps_its_connection_alive(
    bench: Workbench, http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_events, "POLL_SECONDS", 0.001)
    job_id = jobs.submit_job(bench.store, "w1", "training", {"name": "waits"})
    with http.stream("GET", f"/api/v1/finetune/{job_id}/events") as response:
        assert next(response.iter_lines()).startswith(":")


def test_the_status_of_a_job_names_the_model_that_it_made(
    bench: Workbench, http: httpx.Client, policies: dict[str, str]
) -> None:
    job_id = submit(bench, "status")
    model_id, _ = register(bench, policies["red"], job_id)
    status = http.get(f"/api/v1/finetune/{job_id}/status").json()
    assert (status["status"], status["label"], status["model_id"]) == ("running", "Training", model_id)
    for path in ("status", "events"):
        assert http.get(f"/api/v1/finetune/nothing/{path}").status_code == 404


def test_the_server_stops_although_a_job_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_events, "POLL_SECONDS", 0.01)
    with open_bench(tmp_path) as bench:
        job_id = submit(bench, "never ends")
        with httpx.Client() as http, run_app(create_app(bench)) as url:
            request = http.build_request("GET", f"{url}/api/v1/finetune/{job_id}/events")
            response = http.send(request, stream=True)
            assert next(response.iter_lines()) == "event: finetune_job_started"
        response.close()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InputError("Wrong."), 400),
        (GateError("Not now."), 403),
        (BusyError("Wait."), 409),
        (StoreError("No disk."), 500),
    ],
)
def test_each_cause_has_its_status_and_keeps_its_sentence(
    tmp_path: Path, error: Exception, status: int
) -> None:
    with open_bench(tmp_path) as bench:
        app = create_app(bench)

        @app.get("/fail")
        def fail() -> None:
            raise error

        with run_app(app) as url:
            response = httpx.get(f"{url}/fail")
    assert response.status_code == status
    assert response.json()["error"]["message"] == str(error)


def test_a_fault_of_lucys_own_shows_no_traceback(tmp_path: Path) -> None:
    with open_bench(tmp_path) as bench:
        app = create_app(bench)

        @app.get("/fail")
        def fail() -> None:
            raise ZeroDivisionError("secret detail")

        with run_app(app) as url:
            response = httpx.get(f"{url}/fail")
    assert response.status_code == 500
    assert "failed inside Lucy" in response.json()["error"]["message"]
    assert "secret detail" not in response.text


def test_the_api_page_works_without_a_network(http: httpx.Client) -> None:
    page = http.get("/docs").text
    assert "POST /v1/chat/completions" in page
    assert "does not call tools" in page
    assert "http" not in page.replace("httponly", "")
    assert "/api/v1/models/{model_id}" in http.get("/openapi.json").json()["paths"]


def test_an_occupied_port_is_refused_in_a_sentence() -> None:
    with open_address(HOST, 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"Port {port} on 127.0.0.1 is used"):
            check_address(HOST, port)
    check_address(HOST, port)


@pytest.mark.parametrize(
    ("host", "port", "sentence"),
    [
        ("192.0.2.1", 0, "not an address of this machine"),
        ("no such host", 0, "not a known name"),
        (HOST, 70000, "70000"),
        (HOST, -1, "-1"),
    ],
)
def test_an_address_that_cannot_be_served_is_refused(host: str, port: int, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        check_address(host, port)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True), ("localhost", True), ("::1", True), ("127.5.5.5", True), ("0.0.0.0", False),
        ("", False), ("::", False), ("192.168.1.2", False), ("example.org", False),
    ],
)  # fmt: skip
def test_only_loopback_counts_as_this_machine(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize("token", [None, ""])
def test_others_are_not_served_without_a_token(tmp_path: Path, token: str | None) -> None:
    settings = Settings(home=tmp_path, host="0.0.0.0", token=token)
    with pytest.raises(InputError, match="LUCY_TOKEN"):
        require_token(settings)
    bench = Workbench(settings)
    with pytest.raises(InputError, match="LUCY_TOKEN"):
        serve(create_app(bench), "0.0.0.0", 0)
    bench.close()


def test_with_a_token_others_may_be_served(tmp_path: Path) -> None:
    assert require_token(Settings(home=tmp_path, host="0.0.0.0", token=TOKEN)) is None


PROGRAM = """
import sys
from pathlib import Path
from lucy.settings import Settings
from lucy.tools.workbench import Workbench
from lucy.ui.server import create_app, serve
bench = Workbench(Settings(home=Path(sys.argv[1])))
serve(create_app(bench), "127.0.0.1", 0, on_ready=lambda url: print(url, flush=True))
bench.close()
print("closed", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_server_and_lets_the_program_clean_up(tmp_path: Path, number: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONWARNINGS": "error::ResourceWarning"},
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert httpx.get(f"{url}/healthz").status_code == 200
        process.send_signal(number)
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, output, errors) == (0, "closed\n", "")
