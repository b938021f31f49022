import json
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_upstream import CALL, USAGE, WORDS, FakeUpstream

from lucy.settings import Settings
from lucy.tools.backends import Piece, RefusedError, Reply, Request
from lucy.tools.upstream import UpstreamBackend, find_service

KEY = "sk-very-secret-key"
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
PLAIN = Request(({"role": "user", "content": "Why twice?"},))
WITH_TOOL = Request(PLAIN.messages, tools=(TOOL,), tool_choice="auto")


@pytest.fixture
def service() -> Iterator[FakeUpstream]:
    with FakeUpstream() as service:
        yield service


@pytest.fixture
def backend(service: FakeUpstream, home: Path) -> Iterator[UpstreamBackend]:
    home.mkdir()
    (home / "prices.toml").write_text('[models."tuned"]\ninput = 1.0\noutput = 10.0\nas_of = 2026-11-01\n')
    backend = UpstreamBackend("tuned", find_service(Settings(home=home, base_url=service.url, api_key=KEY)))
    yield backend
    backend.close()


def read(stream: Generator[Piece, None, Reply]) -> tuple[list[Piece], Reply]:
    pieces: list[Piece] = []
    while True:
        try:
            pieces.append(next(stream))
        except StopIteration as end:
            return pieces, end.value


def test_a_request_is_passed_on_as_it_is(service: FakeUpstream, backend: UpstreamBackend) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}
    backend.answer(
        Request(
            PLAIN.messages, seed=3, temperature=0.5, max_tokens=9, stop=("x",), tools=(TOOL,),
            tool_choice="required", response_format=form, others={"top_p": 0.9},
        )
    )  # fmt: skip
    assert service.requests == [
        {
            "model": "tuned", "messages": list(PLAIN.messages), "seed": 3, "temperature": 0.5,
            "max_completion_tokens": 9, "stop": ["x"], "tools": [TOOL], "tool_choice": "required",
            "response_format": form, "top_p": 0.9,
        }
    ]  # fmt: skip
    assert service.keys == [f"Bearer {KEY}"]


def test_what_is_not_asked_for_is_not_sent(service: FakeUpstream, backend: UpstreamBackend) -> None:
    backend.answer(PLAIN)
    assert sorted(service.requests[0]) == ["messages", "model"]


def test_usage_is_the_services_own_and_its_price_the_listed(backend: UpstreamBackend) -> None:
    reply = backend.answer(PLAIN)
    assert (reply.text, reply.finish_reason) == ("".join(WORDS), "stop")
    assert (reply.prompt_tokens, reply.completion_tokens) == (11, 7)
    assert reply.cost == pytest.approx((11 * 1.0 + 7 * 10.0) / 1_000_000)


def test_tool_calls_come_back_in_openais_shape(backend: UpstreamBackend) -> None:
    reply = backend.answer(WITH_TOOL)
    assert (reply.text, reply.tool_calls, reply.finish_reason) == ("", (CALL,), "tool_calls")


def test_a_stream_is_passed_on_word_by_word_and_put_together(backend: UpstreamBackend) -> None:
    pieces, reply = read(backend.stream(PLAIN))
    assert [piece.text for piece in pieces] == WORDS
    assert reply == backend.answer(PLAIN)


def test_streamed_tool_calls_are_put_together(service: FakeUpstream, backend: UpstreamBackend) -> None:
    pieces, reply = read(backend.stream(WITH_TOOL))
    assert len(pieces) == 2
    assert reply == backend.answer(WITH_TOOL)
    assert service.requests[0]["stream_options"] == {"include_usage": True}


def test_tokens_are_estimated_when_the_service_tells_none(
    service: FakeUpstream, backend: UpstreamBackend
) -> None:
    service.tells_usage = False
    reply = backend.answer(PLAIN)
    assert 0 < reply.prompt_tokens != USAGE["prompt_tokens"]
    assert 0 < reply.completion_tokens != USAGE["completion_tokens"]


def fail(status: int, message: str, code: str = "", **headers: str) -> tuple[int, Any, dict[str, str]]:
    return status, {"error": {"message": message, "code": code}}, headers


@pytest.mark.parametrize(
    ("failure", "status", "sentence"),
    [
        (fail(401, f"Incorrect API key: {KEY}"), 502, r"Incorrect API key: \*\*\*.*correct LUCY_API_KEY"),
        (fail(403, "Not your project"), 502, "Not your project.*LUCY_API_KEY"),
        (fail(404, "The model 'tuned' does not exist"), 502, "does not exist.*the service has"),
        (fail(404, "Not found"), 502, "correct LUCY_BASE_URL"),
        (fail(402, "No money"), 502, "add credit"),
        (fail(429, "Slow down", **{"Retry-After": "7"}), 429, "Slow down.*try again later"),
        (fail(400, "max_tokens is too large"), 400, "max_tokens is too large.*change the request"),
        (fail(500, "Oops"), 502, "Oops.*try again later"),
    ],
)
@pytest.mark.parametrize("streams", [False, True])
def test_a_refusal_keeps_the_services_reason_and_says_what_to_do(
    service: FakeUpstream, backend: UpstreamBackend, failure: Any, status: int, sentence: str, streams: bool
) -> None:
    service.failure = failure
    with pytest.raises(RefusedError, match=sentence) as caught:
        next(backend.stream(PLAIN)) if streams else backend.answer(PLAIN)
    assert caught.value.status == status
    assert KEY not in str(caught.value)
    assert caught.value.wait == (7.0 if status == 429 else None)


def test_an_answer_that_is_none_is_a_fault_of_the_service(
    service: FakeUpstream, backend: UpstreamBackend
) -> None:
    service.failure = (200, {"choices": []}, {})
    with pytest.raises(RefusedError, match="without a choice"):
        backend.answer(PLAIN)


def test_a_stream_that_breaks_off_is_told(service: FakeUpstream, backend: UpstreamBackend) -> None:
    service.breaks_off = True
    with pytest.raises(RefusedError, match="engine fell over"):
        read(backend.stream(PLAIN))


def test_a_service_that_is_not_there_is_one_sentence(home: Path) -> None:
    settings = Settings(home=home, base_url="http://127.0.0.1:9/v1")
    backend = UpstreamBackend("tuned", find_service(settings))
    with pytest.raises(RefusedError, match="start the service, or correct LUCY_BASE_URL"):
        backend.answer(PLAIN)
    backend.close()


def test_openais_own_service_wants_a_key_before_anything_is_sent(home: Path) -> None:
    backend = UpstreamBackend("gpt-x", find_service(Settings(home=home)))
    with pytest.raises(RefusedError, match="needs a key; set LUCY_API_KEY"):
        backend.answer(PLAIN)
    with pytest.raises(RefusedError, match="needs a key"):
        next(backend.stream(PLAIN))
    backend.close()


def test_a_model_without_a_listed_price_has_an_unknown_cost(service: FakeUpstream, home: Path) -> None:
    backend = UpstreamBackend("other", find_service(Settings(home=home, base_url=service.url)))
    assert backend.answer(PLAIN).cost is None
    assert json.dumps(service.requests[0]["model"]) == '"other"'
    backend.close()
