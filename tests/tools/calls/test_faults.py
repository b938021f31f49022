"""The door to language models, against a server that fails in every way it can."""

import json
import logging
import socket
import traceback
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from fake_openai import FakeOpenAI
from pydantic import BaseModel
from sqlalchemy import func, select

from lucy.errors import ProviderError
from lucy.tools.calls.backoff import LONGEST_ASKED, plan_wait, read_retry_after
from lucy.tools.calls.door import Request
from lucy.tools.calls.line import STREAK, TRIES
from lucy.tools.store.database import Store
from lucy.tools.store.ledger import sum_ledger
from lucy.tools.store.schema import answers, ledger

KEY = "sk-very-secret-0123456789"


class Line(BaseModel):
    text: str


def echo(request: dict) -> str:
    return json.dumps({"text": request["messages"][1]["content"]})


def ask(door, count: int = 1):
    return door.ask_many([Request(f"question {number}") for number in range(count)], Line)


def read_outcomes(store: Store) -> dict[str, int]:
    query = select(ledger.c.outcome, func.count()).group_by(ledger.c.outcome)
    with store.read() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


class Turns:
    """Gives one fault after the other, then none."""

    def __init__(self, server: FakeOpenAI, *faults: str) -> None:
        rest = iter(faults)
        begin = server.begin

        def take(body: dict) -> str:
            begin(body)
            return next(rest, "answered")

        server.begin = take  # type: ignore[method-assign]


@pytest.mark.parametrize("fault", ["rate_limited", "server_error", "dropped"])
def test_a_fault_that_passes_is_tried_again(open_door, store: Store, waits: list[float], fault: str) -> None:
    with FakeOpenAI(echo, retry_after="7") as server:
        Turns(server, fault, fault)
        (found,) = ask(open_door(server))
        assert server.calls == 3
    assert found.value == Line(text="question 0")
    assert read_outcomes(store) == {fault: 2, "answered": 1}
    if fault == "rate_limited":
        assert waits == [7.0, 7.0]
    else:
        assert 0.25 <= waits[0] <= 0.5 <= waits[1] <= 1.0


def test_what_the_server_refused_is_free_and_what_broke_off_is_unknown(open_door, store: Store) -> None:
    with FakeOpenAI(echo) as server:
        Turns(server, "rate_limited", "server_error")
        (free,) = ask(open_door(server))
        Turns(server, "dropped")
        (unknown,) = open_door(server).ask_many([Request("another")], Line)
    assert free.cost is not None
    assert unknown.cost is None
    (row,) = sum_ledger(store, "w1")
    assert (row["calls"], row["failed"], row["cost"]) == (5, 3, None)
    assert row["known_cost"] > 0


def test_a_fault_that_stays_is_an_error_of_the_answer(open_door, store: Store, waits: list[float]) -> None:
    with FakeOpenAI(echo, server_error=1.0) as server:
        (found,) = ask(open_door(server))
        assert server.calls == TRIES
    assert (found.value, found.error, found.cost) == (None, "server_error", 0.0)
    assert len(waits) == TRIES - 1
    assert sum(waits) < 90
    assert read_outcomes(store) == {"server_error": TRIES}


def test_a_failed_answer_is_not_stored(open_door, store: Store) -> None:
    with FakeOpenAI(echo, malformed=1.0) as server:
        assert ask(open_door(server))[0].error == "malformed"
        server.shares["malformed"] = 0.0
        assert ask(open_door(server))[0].value == Line(text="question 0")


def test_a_server_that_asks_for_a_long_wait_is_given_up(open_door, waits: list[float]) -> None:
    with FakeOpenAI(echo, rate_limited=1.0, retry_after=str(LONGEST_ASKED + 1)) as server:
        assert ask(open_door(server))[0].error == "rate_limited"
        assert (server.calls, waits) == (1, [])


def test_a_server_that_stays_silent_is_a_timeout(open_door, store: Store) -> None:
    import threading

    is_over = threading.Event()
    with FakeOpenAI(echo, gate=lambda: is_over.wait(30)) as server:
        (found,) = ask(open_door(server, timeout=0.2))
        is_over.set()
    assert (found.error, found.cost) == ("timeout", None)
    assert read_outcomes(store) == {"timeout": 3}


def test_when_one_request_after_the_other_fails_the_rest_is_not_asked(open_door, monkeypatch) -> None:
    monkeypatch.setattr("lucy.tools.calls.line.TRIES", 2)
    with FakeOpenAI(echo, server_error=1.0) as server:
        with pytest.raises(ProviderError, match=r"500.*try again later"):
            ask(open_door(server, concurrency=2), 200)
        assert server.calls <= 2 * (STREAK + 2)


def test_a_malformed_answer_is_repaired_once(open_door, store: Store) -> None:
    with FakeOpenAI(echo) as server:
        Turns(server, "malformed")
        (found,) = ask(open_door(server))
        first, second = server.requests
        assert found.completion_tokens == server.completion_tokens
    assert found.value == Line(text="question 0")
    assert [one["role"] for one in second["messages"]] == ["system", "user", "assistant", "user"]
    assert second["messages"][:2] == first["messages"]
    assert second["messages"][2]["content"].startswith("Sure! {'text'")
    assert "cannot be used" in second["messages"][3]["content"]
    assert read_outcomes(store) == {"malformed": 1, "answered": 1}


def test_an_answer_that_stays_malformed_is_an_error_and_was_paid(open_door, store: Store) -> None:
    with FakeOpenAI(echo, malformed=1.0) as server:
        (found,) = ask(open_door(server))
        assert server.calls == 2
    assert (found.value, found.error) == (None, "malformed")
    assert (found.prompt_tokens, found.completion_tokens) == (server.prompt_tokens, server.completion_tokens)
    (row,) = sum_ledger(store, "w1")
    assert (row["calls"], row["failed"], row["completion_tokens"]) == (2, 2, server.completion_tokens)
    assert row["cost"] == found.cost > 0


def test_an_answer_that_was_cut_off_is_repaired_and_was_paid(open_door, store: Store) -> None:
    with FakeOpenAI(echo) as server:
        Turns(server, "truncated")
        (found,) = ask(open_door(server))
        assert "cut off" in server.requests[1]["messages"][3]["content"]
        assert (found.prompt_tokens, found.completion_tokens) == (
            server.prompt_tokens,
            server.completion_tokens,
        )
    assert found.value == Line(text="question 0")
    assert read_outcomes(store) == {"malformed": 1, "answered": 1}


@pytest.mark.parametrize("name", ["response_format", "seed", "temperature"])
def test_a_parameter_that_a_server_refuses_is_left_out_from_then_on(open_door, name: str) -> None:
    with FakeOpenAI(echo, refuses=(name,)) as server:
        door = open_door(server, concurrency=1)
        found = ask(door, 5)
        assert all(one.value for one in found)
        assert [name in body for body in server.requests] == [True, False, False, False, False, False]


def test_all_calls_under_way_get_over_a_refused_parameter(open_door) -> None:
    with FakeOpenAI(echo, refuses=("response_format", "seed")) as server:
        assert all(one.value for one in ask(open_door(server), 30))


def test_a_request_that_alone_is_refused_is_an_error_of_its_answer(open_door, store: Store) -> None:
    with FakeOpenAI(echo) as server:
        door = open_door(server, concurrency=1)
        ask(door)
        server.refuses = ("messages",)
        (found,) = door.ask_many([Request("forbidden")], Line)
        assert server.calls == 2
    assert (found.error, found.cost) == ("refused", 0.0)
    assert read_outcomes(store) == {"answered": 1, "refused": 1}


def test_a_wrong_key_stops_at_once_and_is_never_shown(open_door, store: Store, caplog) -> None:
    with FakeOpenAI(echo, key="another") as server, caplog.at_level(logging.DEBUG):
        with pytest.raises(ProviderError) as caught:
            ask(open_door(server, concurrency=2), 50)
        assert server.calls <= 4
    text = str(caught.value)
    assert "401: Incorrect API key provided: ***" in text
    assert "correct LUCY_API_KEY" in text
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert KEY not in caplog.text
    assert all(KEY.encode() not in path.read_bytes() for path in store.home.iterdir())


def test_without_a_key_the_remedy_is_to_set_one(open_door) -> None:
    with FakeOpenAI(echo, key="wanted") as server, pytest.raises(ProviderError, match="set LUCY_API_KEY"):
        ask(open_door(server, key=None))


def test_openai_without_a_key_is_refused_before_anything_is_sent(open_door) -> None:
    with pytest.raises(ProviderError, match="needs a key; set LUCY_API_KEY"):
        ask(open_door("https://api.openai.com/v1", key=None))


def test_an_unknown_model_stops_at_once(open_door) -> None:
    sentence = r"404: The model 'fake' does not exist.*correct LUCY_GENERATOR_MODEL\."
    with FakeOpenAI(echo, models=("a", "b")) as server, pytest.raises(ProviderError, match=sentence):
        ask(open_door(server))


def test_a_wrong_path_stops_at_once(open_door) -> None:
    with FakeOpenAI(echo) as server, pytest.raises(ProviderError, match=r"ends in /v1.*LUCY_BASE_URL"):
        ask(open_door(server.url.removesuffix("/v1")))


def test_no_server_at_all_stops_at_once_and_counts_nothing(open_door, store: Store) -> None:
    with socket.socket() as probe:  # a port that nobody listens on
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/v1"
        with pytest.raises(ProviderError, match="start the service or correct LUCY_BASE_URL"):
            ask(open_door(url), 5)
    assert sum_ledger(store, "w1") == []


def test_an_empty_account_stops_at_once(open_door, monkeypatch) -> None:
    import fake_openai

    def refuse(_message: str, _code: str) -> dict:
        return {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}

    monkeypatch.setattr(fake_openai, "_error", refuse)
    with FakeOpenAI(echo, rate_limited=1.0) as server:
        with pytest.raises(ProviderError, match="add credit"):
            ask(open_door(server))
        assert server.calls == 1


def test_the_ledger_is_what_the_server_counted_under_faults(open_door, store: Store) -> None:
    shares = {
        "rate_limited": 0.06,
        "server_error": 0.06,
        "dropped": 0.06,
        "malformed": 0.08,
        "truncated": 0.04,
    }
    with FakeOpenAI(echo, **shares) as server:
        found = ask(open_door(server), 200)
        outcomes = read_outcomes(store)
        (row,) = sum_ledger(store, "w1")
        malformed = server.outcomes["malformed"] + server.outcomes["truncated"]
        for name in ("answered", "rate_limited", "server_error", "dropped"):
            assert outcomes[name] == server.outcomes[name] > 0
        assert outcomes["malformed"] == malformed > 0
        assert row["calls"] == server.calls
        assert (row["prompt_tokens"], row["completion_tokens"]) == (
            server.prompt_tokens,
            server.completion_tokens,
        )
        assert row["failed"] == server.calls - server.outcomes["answered"]
        again = open_door(server).ask_many([Request(f"question {n}") for n in range(200)], Line)
    values = [one.value.text for one in found if one.value]
    assert len(values) >= 195
    assert {one.error for one in found} <= {None, "malformed"}
    assert len(set(values)) == len(values)
    assert sum(one.is_cached for one in again) == len(values)
    with store.read() as connection:
        stored = connection.execute(select(func.count()).select_from(answers)).scalar()
    assert stored == sum(one.value is not None for one in again)


def test_waits_grow_are_spread_and_repeat() -> None:
    waits = [plan_wait("key", tries) for tries in range(1, 9)]
    assert waits == [plan_wait("key", tries) for tries in range(1, 9)]
    assert waits != [plan_wait("other", tries) for tries in range(1, 9)]
    assert all(0.25 <= wait <= 30 for wait in waits)
    assert waits[5] > waits[0]


def test_a_server_that_says_zero_again_and_again_is_not_stormed() -> None:
    assert plan_wait("key", 1, 0.0) == 0.0
    assert plan_wait("key", 5, 0.0) == plan_wait("key", 5)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": format_datetime(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=9))}, 9.0),
        ({"retry-after": "Thu, 01 Jan 2015 00:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({}, None),
    ],
)
def test_the_wish_of_a_server_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert read_retry_after(headers, datetime(2026, 1, 1, tzinfo=UTC)) == seconds
