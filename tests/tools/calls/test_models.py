"""What a service answers is read as OpenAI writes it, and what is no answer is a failure of its kind."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from lucy.tools.calls.failures import classify
from lucy.tools.calls.models import ServedModel
from lucy.tools.calls.wire import Received

Answer = Callable[[dict[str, Any]], Received]


@pytest.fixture
def open_model(monkeypatch) -> Callable[..., ServedModel]:
    """Make models whose service is a function of the request's body."""

    def make(answer: Answer, **given) -> ServedModel:
        model = ServedModel("m", base_url="http://service/v1", key="k", timeout=1.0, **given)
        monkeypatch.setattr(model, "_post", lambda body: answer(json.loads(body)))
        return model

    return make


def send(value: Any, status: int = 200, **headers: str) -> Answer:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return lambda _body: Received(status, headers, body)


def reply(**message) -> Answer:
    return send({"choices": [{"message": {"role": "assistant", **message}, "finish_reason": "stop"}]})


def complete(model: ServedModel):
    return model.complete([{"role": "user", "content": "q"}], {"seed": 1})


def test_the_request_has_model_messages_and_parameters(open_model) -> None:
    seen: list[dict[str, Any]] = []

    def answer(body: dict[str, Any]) -> Received:
        seen.append(body)
        return reply(content="hello")(body)

    assert complete(open_model(answer)).text == "hello"
    assert seen == [{"model": "m", "messages": [{"role": "user", "content": "q"}], "seed": 1}]


def test_only_openais_own_service_is_sent_the_role_developer(open_model) -> None:
    roles: list[str] = []

    def answer(body: dict[str, Any]) -> Received:
        roles.append(body["messages"][0]["role"])
        return reply(content="a")(body)

    for has_role in (False, True):
        model = open_model(answer, has_developer_role=has_role)
        model.complete([{"role": "developer", "content": "q"}], {})
    assert roles == ["system", "developer"]


def test_content_in_parts_is_joined(open_model) -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    assert complete(open_model(reply(content=parts))).text == "one\ntwo"


def test_usage_that_is_not_reported_is_unknown(open_model) -> None:
    assert complete(open_model(reply(content="a"))).tokens is None


@pytest.mark.parametrize(
    ("choice", "is_cut_off", "is_refusal"),
    [
        ({"message": {"content": "half"}, "finish_reason": "length"}, True, False),
        ({"message": {"content": None, "refusal": "No."}, "finish_reason": "stop"}, False, True),
        ({"message": {"content": ""}, "finish_reason": "content_filter"}, False, True),
        ({"message": {"content": "said"}, "finish_reason": "content_filter"}, False, False),
    ],
)
def test_how_an_answer_ended_is_read(open_model, choice: dict, is_cut_off: bool, is_refusal: bool) -> None:
    found = complete(open_model(send({"choices": [choice]})))
    assert (found.is_cut_off, found.is_refusal) == (is_cut_off, is_refusal)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (send(b"<html>"), "dropped"),
        (send({"error": {"message": "busy"}}), "server_error"),
        (send({"choices": []}), "server_error"),
        (send({"choices": [{}]}), "server_error"),
        (send([]), "server_error"),
        (send(b"oh", 500), "server_error"),
        (send({"error": {"message": "slow down"}}, 429), "rate_limited"),
        (send({"error": {"message": "no"}}, 400), "refused"),
        (send(b"", 401), "refused"),
    ],
)
def test_what_is_no_answer_is_a_failure_of_its_kind(open_model, answer: Answer, outcome: str) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011  # of any class: it is classified
        complete(open_model(answer))
    assert classify(caught.value).outcome == outcome


def test_the_providers_own_words_are_kept(open_model) -> None:
    answer = send({"error": {"message": "slow down"}}, 429, **{"retry-after": "3"})
    with pytest.raises(httpx.HTTPStatusError) as caught:
        complete(open_model(answer))
    found = classify(caught.value)
    assert (found.reason, found.wait) == ("429: slow down", 3.0)
