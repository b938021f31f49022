"""What the gateway does with tools, other services, A/B tests and feedback, through the wire."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from fake_upstream import CALL, WORDS, FakeUpstream
from served import make_policy, register_model, run_app
from typer.testing import CliRunner

from lucy.errors import InputError
from lucy.settings import Settings
from lucy.tools import registry
from lucy.tools.store import models
from lucy.tools.store.usage import summarize_usage
from lucy.tools.workbench import Workbench
from lucy.ui.app import app
from lucy.ui.server import create_app

KEY = "sk-very-secret-key"
QUESTION: list[Any] = [{"role": "user", "content": "My invoice shows a charge twice, why is that?"}]
TOOL: Any = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}


@pytest.fixture(scope="module")
def service() -> Iterator[FakeUpstream]:
    with FakeUpstream() as service:
        yield service


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, service: FakeUpstream
) -> Iterator[tuple[Workbench, str]]:
    home = tmp_path_factory.mktemp("home")
    bench = Workbench(Settings(home=home, base_url=service.url, api_key=KEY))
    blue, red = (register_model(bench, colour, make_policy(colour)) for colour in ("blue", "red"))
    registry.deploy(bench.store, blue, 1, name="tested", key="k1")
    registry.deploy(bench.store, red, 1, name="tested", mode="ab_test", share=0.5, key="k2")
    elsewhere = register_model(bench, "elsewhere", "ft:small", "upstream")
    registry.deploy(bench.store, elsewhere, 1, name="elsewhere", key="k3")
    with run_app(create_app(bench)) as url:
        yield bench, f"{url}/v1"
    bench.close()


@pytest.fixture
def bench(served: tuple[Workbench, str]) -> Workbench:
    return served[0]


@pytest.fixture
def client(served: tuple[Workbench, str], service: FakeUpstream) -> Iterator[openai.OpenAI]:
    service.failure, service.breaks_off = None, False
    with openai.OpenAI(base_url=served[1], api_key="unused", max_retries=0) as client:
        yield client


@pytest.fixture
def http(served: tuple[Workbench, str]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served[1].removesuffix("/v1"), timeout=30) as client:
        yield client


def ask(client: openai.OpenAI, **changes: Any) -> Any:
    return client.chat.completions.create(**{"model": "elsewhere", "messages": QUESTION} | changes)


def test_tools_go_to_a_model_elsewhere_and_its_calls_come_back(
    client: openai.OpenAI, service: FakeUpstream
) -> None:
    choice = ask(client, tools=[TOOL], tool_choice="auto", parallel_tool_calls=False).choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    assert [call.to_dict() for call in choice.message.tool_calls] == [CALL]
    sent = service.requests[-1]
    assert (sent["model"], sent["tools"], sent["tool_choice"]) == ("ft:small", [TOOL], "auto")
    assert sent["parallel_tool_calls"] is False


def test_the_result_of_a_tool_is_passed_on(client: openai.OpenAI, service: FakeUpstream) -> None:
    turns: list[Any] = [
        *QUESTION,
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "content": "12 EUR", "tool_call_id": "call_1"},
    ]
    assert ask(client, messages=turns).choices[0].message.content == "".join(WORDS)
    assert service.requests[-1]["messages"][2] == turns[2]
    assert service.requests[-1]["messages"][1]["tool_calls"] == [CALL]


def test_tool_calls_are_streamed_in_openais_shape(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model="elsewhere", messages=QUESTION, tools=[TOOL]) as stream:
        final = stream.get_final_completion().choices[0]
    assert final.finish_reason == "tool_calls"
    assert final.message.tool_calls is not None
    assert json.loads(final.message.tool_calls[0].function.arguments) == {"invoice": 12}


def test_a_stream_from_elsewhere_comes_word_by_word_with_the_services_counts(client: openai.OpenAI) -> None:
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    words = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
    assert [word for word in words if word] == WORDS
    assert chunks[-1].usage.total_tokens == 18
    assert len({chunk.id for chunk in chunks}) == 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("failure", "expected", "sentence"),
    [
        ((401, "Incorrect key"), openai.InternalServerError, "Incorrect key.*LUCY_API_KEY"),
        ((429, "Slow down"), openai.RateLimitError, "Slow down"),
        ((400, "Too many tools"), openai.BadRequestError, "Too many tools"),
        ((503, "Overloaded"), openai.InternalServerError, "Overloaded"),
    ],
)
def test_a_refusal_from_elsewhere_is_an_error_of_the_official_client(
    client: openai.OpenAI, service: FakeUpstream, failure: Any, expected: Any, sentence: str, stream: bool
) -> None:
    service.failure = (failure[0], {"error": {"message": failure[1]}}, {"Retry-After": "7"})
    with pytest.raises(expected, match=sentence) as caught:
        ask(client, stream=stream)
    assert KEY not in str(caught.value)
    if failure[0] == 429:
        assert caught.value.response.headers["retry-after"] == "7"


def test_a_stream_that_breaks_off_is_an_error_of_the_official_client(
    client: openai.OpenAI, service: FakeUpstream
) -> None:
    service.breaks_off = True
    with pytest.raises(openai.APIError, match="engine fell over"):
        list(ask(client, stream=True))


def test_a_response_format_reaches_a_model_elsewhere(client: openai.OpenAI, service: FakeUpstream) -> None:
    ask(client, response_format={"type": "json_object"}, top_p=0.5)
    assert service.requests[-1]["response_format"] == {"type": "json_object"}
    assert service.requests[-1]["top_p"] == 0.5


def read_arms(client: openai.OpenAI, **changes: Any) -> set[str]:
    return {ask(client, model="tested", temperature=0, **changes).system_fingerprint for _ in range(6)}


def test_a_user_always_gets_the_same_arm(client: openai.OpenAI) -> None:
    by_user = [read_arms(client, user=f"user {number}") for number in range(8)]
    assert all(len(seen) == 1 for seen in by_user)
    assert len(set[str]().union(*by_user)) == 2


def test_a_session_header_does_the_same(client: openai.OpenAI) -> None:
    by_session = [read_arms(client, extra_headers={"x-session-id": f"user {n}"}) for n in range(8)]
    assert by_session == [read_arms(client, user=f"user {n}") for n in range(8)]


def test_feedback_is_kept_with_the_arm_of_its_answer(client: openai.OpenAI, http: httpx.Client) -> None:
    before = http.get("/api/v1/deployments/tested/comparison").json()
    answer = ask(client, model="tested")
    for rating in (-1, 0.5):
        sent = http.post("/v1/feedback", json={"id": answer.id, "rating": rating, "comment": "Fine."})
        assert sent.json() == {"object": "feedback", "id": answer.id, "rating": rating}
    after = http.get("/api/v1/deployments/tested/comparison").json()
    rated = [sum(arm["figures"]["ratings"] for arm in found["arms"]) for found in (before, after)]
    assert rated[1] - rated[0] == 1
    assert after["verdict"] == "too_few"


def test_a_streamed_answer_can_be_rated(client: openai.OpenAI, http: httpx.Client) -> None:
    chunks = list(ask(client, stream=True))
    assert http.post("/v1/feedback", json={"id": chunks[0].id, "rating": 1}).status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"id": "chatcmpl-nothing", "rating": 1}, 404, "id"),
        ({"id": "x", "rating": 2}, 400, "rating"),
        ({"id": "x", "rating": "good"}, 400, "rating"),
        ({"id": "x", "rating": True}, 400, "rating"),
        ({"id": "x"}, 400, "rating"),
        ({"rating": 1}, 400, "id"),
        ({"id": "x", "rating": 1, "text": "?"}, 400, "text"),
        ({"id": "x", "rating": 1, "comment": "x" * 2001}, 400, "comment"),
    ],
)
def test_feedback_that_cannot_be_kept_is_refused(
    http: httpx.Client, body: dict[str, Any], status: int, param: str
) -> None:
    response = http.post("/v1/feedback", json=body)
    assert response.status_code == status
    assert response.json()["error"]["param"] == param


def test_the_comparison_of_a_name_without_a_test_is_refused(http: httpx.Client) -> None:
    assert http.get("/api/v1/deployments/elsewhere/comparison").status_code == 400
    assert http.get("/api/v1/deployments/nobody/comparison").status_code == 404
    assert http.get("/api/v1/deployments/tested/comparison?level=2").json()["error"]["param"] == "level"


def test_deployments_and_the_use_of_all_models_are_listed(client: openai.OpenAI, http: httpx.Client) -> None:
    ask(client)
    names = [one["name"] for one in http.get("/api/v1/deployments").json()["data"]]
    assert names == ["elsewhere", "tested"]
    used = http.get("/api/v1/usage?period=week").json()
    assert sum(one["calls"] for one in used["models"]) == used["calls"]
    assert {"p50_ms", "p90_ms", "p95_ms", "p99_ms", "error_rate", "mean_rating"} <= used.keys()
    assert {one["arm"] for one in used["arms"]} <= {"champion", "challenger"}


def run_command(home: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.setenv("LUCY_HOME", str(home))
    done = CliRunner().invoke(app, line.split(), prog_name="lucy")
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("stream", [False, True])
def test_the_official_client_hears_the_old_version_the_new_one_and_after_the_rollback_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    bench = Workbench(Settings(home=tmp_path))
    blue = register_model(bench, "blue", make_policy("blue"))
    red = register_model(bench, "red", make_policy("red"))
    heard: list[str] = []
    with (
        run_app(create_app(bench)) as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0) as client,
    ):
        for line in (
            f"models deploy {blue} --name support --yes",
            f"models deploy {red} --name support --replace --yes",
            "models rollback support --yes",
        ):
            run_command(tmp_path, monkeypatch, line)
            heard.append(listen(client, stream))
    used = [summarize_usage(bench.store, model_id).total.calls for model_id in (blue, red)]
    bench.close()
    first, replaced, back = heard
    assert "The blue desk" in first
    assert "The red desk" in replaced
    assert back == first
    assert used == [2, 1]


def listen(client: openai.OpenAI, stream: bool) -> str:
    """Give the words of an answer, whole or put together from its stream."""
    answer = ask(client, model="support", temperature=0, stream=stream)
    if not stream:
        return str(answer.choices[0].message.content)
    return "".join(chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices)


def test_a_deleted_model_frees_its_name(tmp_path: Path) -> None:
    bench = Workbench(Settings(home=tmp_path))
    blue, red = (register_model(bench, colour, make_policy(colour)) for colour in ("blue", "red"))
    registry.deploy(bench.store, blue, 1, name="support", key="k1")
    models.delete_model(bench.store, blue)
    with pytest.raises(InputError, match=r"Nothing is served as 'support'.*new endpoint"):
        registry.deploy(bench.store, red, 1, name="support", mode="ab_test", key="k2")
    registry.deploy(bench.store, red, 1, name="support", key="k3")
    with (
        run_app(create_app(bench)) as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0) as client,
    ):
        assert "red" in ask(client, model="support").choices[0].message.content
    with pytest.raises(InputError, match="is deleted"):
        registry.undo_deployment(bench.store, "support")
    bench.close()


def test_a_deleted_model_is_not_found_and_listed_no_more(tmp_path: Path) -> None:
    bench = Workbench(Settings(home=tmp_path))
    model_id = register_model(bench, "blue", make_policy("blue"))
    registry.deploy(bench.store, model_id, 1, name="support", key="k1")
    with (
        run_app(create_app(bench)) as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0) as client,
    ):
        assert "blue" in ask(client, model="support").choices[0].message.content
        models.delete_model(bench.store, model_id)
        for name in ("support", model_id):
            with pytest.raises(openai.NotFoundError, match="does not exist or was deleted"):
                ask(client, model=name)
        assert list(client.models.list()) == []
    bench.close()
