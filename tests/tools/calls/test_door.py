"""The door to language models, against a server that behaves well."""

import asyncio
import json
import logging
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from fake_openai import FakeOpenAI
from pydantic import BaseModel
from scripted_chat import ScriptedChat
from sqlalchemy import select

from lucy.errors import CancelledByPersonError, StoreError
from lucy.settings import Settings
from lucy.tools.calls.door import Request
from lucy.tools.store.database import Store
from lucy.tools.store.ledger import sum_ledger
from lucy.tools.store.schema import answers, ledger
from lucy.tools.workbench import Workbench

KEY = "sk-very-secret-0123456789"


class Line(BaseModel):
    text: str


class Other(BaseModel):
    text: str = ""
    note: str = ""


def echo(request: dict) -> str:
    return json.dumps({"text": request["messages"][1]["content"]})


def make_requests(count: int) -> list[Request]:
    return [Request(f"question {number}", system="Be brief.") for number in range(count)]


def test_answers_come_in_the_order_of_the_requests(open_door) -> None:
    with FakeOpenAI(echo) as server:
        found = open_door(server).ask_many(make_requests(30), Line)
    assert [one.value.text for one in found] == [f"question {number}" for number in range(30)]
    assert all(one.error is None and not one.is_cached for one in found)


def test_no_requests_are_no_calls(open_door) -> None:
    with FakeOpenAI() as server:
        assert open_door(server).ask_many([], Line) == []
        assert server.calls == 0


def test_an_answer_says_what_it_took(open_door) -> None:
    with FakeOpenAI(echo) as server:
        (found,) = open_door(server).ask_many(make_requests(1), Line)
        assert (found.prompt_tokens, found.completion_tokens) == (
            server.prompt_tokens,
            server.completion_tokens,
        )
    assert found.cost == pytest.approx((found.prompt_tokens + 2 * found.completion_tokens) / 1e6)


def test_a_model_without_a_price_has_an_unknown_cost(open_door, store: Store) -> None:
    with FakeOpenAI(echo) as server:
        (found,) = open_door(server, model="unpriced").ask_many(make_requests(1), Line)
    assert found.cost is None
    (row,) = sum_ledger(store, "w1")
    assert (row["engine"], row["cost"], row["known_cost"]) == ("unpriced", None, 0.0)


def test_the_request_carries_form_seed_and_temperature(open_door) -> None:
    with FakeOpenAI(echo) as server:
        open_door(server).ask_many([Request("q", seed=7, temperature=0.9)], Line)
        (body,) = server.requests
    assert (body["model"], body["seed"], body["temperature"]) == ("fake", 7, 0.9)
    form = body["response_format"]["json_schema"]
    assert (form["strict"], form["schema"]["additionalProperties"]) == (True, False)
    assert '"text"' in body["messages"][0]["content"]
    assert not body.get("stream")


def test_the_same_request_is_paid_once(open_door) -> None:
    with FakeOpenAI(echo) as server:
        door = open_door(server)
        first = door.ask_many(make_requests(5), Line)
        again = door.ask_many(make_requests(5), Line)
        assert server.calls == 5
    assert all(one.is_cached for one in again)
    assert [one.value for one in again] == [one.value for one in first]
    assert [one.cost for one in again] == [one.cost for one in first]


def test_equal_requests_of_one_batch_are_asked_once(open_door) -> None:
    with FakeOpenAI(echo) as server:
        found = open_door(server).ask_many(make_requests(1) * 4, Line)
        assert server.calls == 1
    assert len(found) == 4


@pytest.mark.parametrize(
    "other",
    [
        Request("q", seed=1),
        Request("q", temperature=0.5),
        Request("q", system="s"),
        Request("r"),
    ],
    ids=["seed", "temperature", "system", "prompt"],
)
def test_another_request_is_another_answer(open_door, other: Request) -> None:
    with FakeOpenAI(echo) as server:
        door = open_door(server)
        door.ask_many([Request("q")], Line)
        assert not door.ask_many([other], Line)[0].is_cached


@pytest.mark.parametrize("change", ["schema", "model"])
def test_another_schema_or_model_is_another_answer(open_door, change: str) -> None:
    with FakeOpenAI(echo) as server:
        open_door(server).ask_many([Request("q")], Line)
        door = open_door(server, model="other" if change == "model" else "fake")
        assert not door.ask_many([Request("q")], Other if change == "schema" else Line)[0].is_cached


def test_a_door_that_is_opened_later_pays_nothing_for_what_is_stored(open_door) -> None:
    """A kill leaves what had come, however far the rest was: the first half is stored, the rest is asked."""
    seen: list[int] = []

    def stop_midway(_label: str, done: int, _total: int) -> None:
        seen.append(done)
        if done >= 10:
            raise KeyboardInterrupt

    with FakeOpenAI(echo) as server:
        with pytest.raises(KeyboardInterrupt):
            open_door(server).ask_many(make_requests(40), Line, progress=stop_midway)
        paid = server.calls
        assert 10 <= paid < 40
        found = open_door(server).ask_many(make_requests(40), Line)
        assert server.calls == 40
    assert sum(one.is_cached for one in found) == paid


CHILD = """
import sys
from pathlib import Path
from pydantic import BaseModel
from lucy import Settings, Workbench
from lucy.tools.calls.door import Request

class Line(BaseModel):
    text: str

bench = Workbench(Settings(home=Path(sys.argv[1]), base_url=sys.argv[2], generator_model="fake"))
door = bench.open_door("generator", workflow_id="w1", step="s")
door.ask_many([Request(f"question {number}") for number in range(40)], Line)
"""


@pytest.mark.slow
def test_a_process_that_is_killed_has_paid_for_nothing_in_vain(store: Store) -> None:
    children: list[subprocess.Popen[bytes]] = []

    def kill_at_the_thirtieth() -> None:
        if server.calls >= 30:
            children[0].kill()
            children[0].wait()

    with FakeOpenAI(echo, gate=kill_at_the_thirtieth) as server:
        children.append(subprocess.Popen([sys.executable, "-c", CHILD, str(store.home), server.url]))
        assert children[0].wait() == -signal.SIGKILL
        with store.read() as connection:
            stored = [
                json.loads(body)["text"] for body in connection.execute(select(answers.c.body)).scalars()
            ]
        again = subprocess.run([sys.executable, "-c", CHILD, str(store.home), server.url], check=False)
        assert again.returncode == 0
        asked = Counter(body["messages"][1]["content"] for body in server.requests)
        booked = sum_ledger(store, "w1")[0]["calls"]
        assert server.calls <= booked <= server.calls + 8  # of those under way some had not arrived
    assert len(asked) == 40
    assert 0 < len(stored) < 40
    assert all(asked[json.loads(text)["text"]] == 1 for text in stored)


def test_an_answer_and_its_bill_are_written_together(open_door, store: Store, monkeypatch) -> None:
    from lucy.tools.calls import books as module

    monkeypatch.setattr(module, "_KEEP", "insert into nowhere values (:key)")  # the last of its transaction
    with FakeOpenAI(echo) as server, pytest.raises(StoreError, match="cannot be written"):
        open_door(server).ask_many(make_requests(1), Line)
    with store.read() as connection:
        assert connection.execute(select(answers)).all() == []
        assert connection.execute(select(ledger.c.outcome)).scalars().all() == ["sent"]


def test_a_call_under_way_at_a_kill_stays_in_the_ledger_with_unknown_cost(open_door, store: Store) -> None:
    rows: list[dict] = []

    def look(_request: dict) -> str:
        rows.extend(sum_ledger(store, "w1"))
        return '{"text": "a"}'

    with FakeOpenAI(look) as server:
        open_door(server).ask_many(make_requests(1), Line)
    assert [(row["calls"], row["failed"], row["cost"]) for row in rows] == [(1, 0, None)]


def test_a_stored_answer_that_no_longer_fits_is_asked_again(open_door, store: Store) -> None:
    with FakeOpenAI(echo) as server:
        door = open_door(server)
        door.ask_many(make_requests(1), Line)
        with store.write() as connection:
            body = '{"text":"nonsense","prompt_tokens":1,"completion_tokens":1,"cost":0.0}'
            connection.execute(answers.update().values(body=body))
        assert not door.ask_many(make_requests(1), Line)[0].is_cached
        assert door.ask_many(make_requests(1), Line)[0].is_cached


def test_calls_run_at_once_but_never_more_than_the_limit(open_door) -> None:
    barrier = threading.Barrier(4, timeout=30)  # opens only when four calls are under way together
    with FakeOpenAI(echo, gate=barrier.wait) as server:
        open_door(server, concurrency=4).ask_many(make_requests(40), Line)
        assert server.most_at_once == 4


def test_it_works_inside_a_running_event_loop(open_door) -> None:
    async def ask() -> str:
        return open_door(server).ask_many(make_requests(1), Line)[0].value.text

    with FakeOpenAI(echo) as server:
        assert asyncio.run(ask()) == "question 0"


def test_progress_counts_what_still_had_to_be_asked(open_door) -> None:
    seen: list[tuple[str, int, int]] = []
    with FakeOpenAI(echo) as server:
        door = open_door(server)
        door.ask_many(make_requests(2), Line)
        door.ask_many(make_requests(5), Line, progress=lambda *one: seen.append(one), label="Writing")
    assert seen[0] == ("Writing", 0, 3)
    assert seen[-1] == ("Writing", 3, 3)


def test_a_cancel_stops_asking_and_keeps_what_came(open_door, store: Store) -> None:
    def cancel(_label: str, done: int, _total: int) -> None:
        if done:
            raise CancelledByPersonError("Stopped.")

    with FakeOpenAI(echo) as server:
        with pytest.raises(CancelledByPersonError):
            open_door(server, concurrency=2).ask_many(make_requests(50), Line, progress=cancel)
        assert server.calls < 50
        with store.read() as connection:
            assert len(connection.execute(select(answers)).all()) == server.outcomes["answered"]
    (row,) = sum_ledger(store, "w1")
    assert (row["calls"], row["completion_tokens"]) == (server.calls, server.completion_tokens)


def test_a_cancel_is_noticed_while_no_answer_comes(open_door) -> None:
    is_over = threading.Event()

    def cancel(_label: str, _done: int, _total: int) -> None:
        if server.calls:
            is_over.set()
            raise CancelledByPersonError("Stopped.")

    with FakeOpenAI(echo, gate=lambda: is_over.wait(30)) as server:
        with pytest.raises(CancelledByPersonError):
            open_door(server, concurrency=1).ask_many(make_requests(3), Line, progress=cancel)
        assert server.calls == 1


def test_an_estimate_counts_calls_tokens_and_cost(open_door) -> None:
    door = open_door("http://127.0.0.1:1/v1")
    found = door.estimate([Request("word " * 100)] * 10, completion_tokens=50)
    assert (found.calls, found.completion_tokens) == (10, 500)
    assert 1000 <= found.prompt_tokens <= 2000
    assert found.cost == pytest.approx((found.prompt_tokens + 1000) / 1e6)
    assert door.estimate([Request("q")], completion_tokens=1, schema=Line).prompt_tokens > 20


def test_an_estimate_without_a_price_says_so(open_door) -> None:
    door = open_door("http://127.0.0.1:1/v1", model="unpriced")
    assert door.estimate([Request("q")], completion_tokens=1).cost is None


def test_lone_surrogates_and_nul_do_no_harm(open_door) -> None:
    with FakeOpenAI(lambda _request: '{"text": "a\x00"} \ud83d') as server:
        (found,) = open_door(server).ask_many([Request("broken \ud83d \x00 text")], Line)
        assert server.requests[0]["messages"][1]["content"] == "broken ? \x00 text"
    assert found.error is None or found.error == "malformed"


def test_a_host_can_hand_in_its_own_chat_model(home: Path) -> None:
    chat = ScriptedChat.of(
        lambda prompt: f"```json\n{json.dumps({'text': prompt})}\n```", model="of-the-host"
    )
    bench = Workbench(Settings(home=home, generator_model="of-the-settings"), {"generator": chat})
    door = bench.open_door("generator", workflow_id="w1", step="topics_config")
    assert door is not None
    (found,) = door.ask_many([Request("hello")], Line)
    assert (door.model, found.value, found.cost) == ("of-the-host", Line(text="hello"), None)
    assert [len(call) for call in chat.calls] == [2]
    bench.close()


def test_without_a_model_there_is_no_door(home: Path) -> None:
    bench = Workbench(Settings(home=home, base_model="set-but-not-used"))
    assert bench.open_door("generator", workflow_id="w1", step="s") is None
    assert bench.open_door("base_model", workflow_id="w1", step="s") is None
    assert bench.open_judge("gpt-4.1-mini", workflow_id="w1", step="s") is None
    assert bench.list_engines() == {}
    bench.close()


def test_opening_a_door_sends_nothing_and_imports_no_client(home: Path) -> None:
    script = (
        "import sys; from lucy import Settings, Workbench;"
        "bench = Workbench(Settings(generator_model='m'));"
        "door = bench.open_door('generator', workflow_id='w', step='s');"
        "assert door.model == 'm'; bench.close();"
        "assert not {'langchain_openai', 'openai'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_the_key_is_nowhere(open_door, store: Store, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), FakeOpenAI(echo, rate_limited=0.3) as server:
        door = open_door(server)
        door.ask_many(make_requests(10), Line)
    assert KEY not in caplog.text
    assert KEY not in repr(door._line)
    for path in store.home.iterdir():
        assert KEY.encode() not in path.read_bytes()
