"""Answers that must fit a JSON schema are asked for, repaired and stored as all others are."""

import json
from typing import Any

import pytest
from fake_openai import FakeOpenAI
from sqlalchemy import select

from lucy.errors import CancelledByPersonError
from lucy.tools.calls.door import Request
from lucy.tools.calls.structure import LONGEST_COMPLAINT, SchemaForm, is_strict
from lucy.tools.store.database import Store
from lucy.tools.store.schema import answers

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"score": {"type": "number"}},
    "required": ["score"],
    "additionalProperties": False,
}
GOOD = '{"score": 0.5}'


def find_fault(value: object) -> str | None:
    score = value.get("score") if isinstance(value, dict) else None
    return None if isinstance(score, int | float) else "`score` must be a number."


FORM = SchemaForm(SCHEMA, find_fault)


def ask(door, count: int = 1, **given: Any):
    return door.ask_json(
        [Request(f"question {number}") for number in range(count)], SCHEMA, find_fault, **given
    )


def test_an_answer_is_the_object(open_door) -> None:
    with FakeOpenAI(lambda _request: GOOD) as server:
        (found,) = ask(open_door(server))
        (body,) = server.requests
    assert (found.value, found.error, found.is_cached) == ({"score": 0.5}, None, False)
    form = body["response_format"]["json_schema"]
    assert (form["strict"], form["schema"]) == (True, SCHEMA)
    assert json.dumps(SCHEMA, separators=(",", ":")) in body["messages"][0]["content"]


def test_a_stored_answer_is_checked_again_and_not_paid_again(open_door) -> None:
    with FakeOpenAI(lambda _request: GOOD) as server:
        door = open_door(server)
        ask(door)
        assert ask(door)[0].is_cached
        assert server.calls == 1
        stricter = door.ask_json([Request("question 0")], SCHEMA, lambda _value: "never good enough")
        assert (stricter[0].error, server.calls) == ("malformed", 3)


def test_the_fault_is_told_to_the_model(open_door) -> None:
    texts = iter(['{"score": "high"}', GOOD])
    with FakeOpenAI(lambda _request: next(texts)) as server:
        (found,) = ask(open_door(server))
        asked = server.requests[1]["messages"][-1]["content"]
    assert found.value == {"score": 0.5}
    assert asked.startswith("That answer cannot be used: `score` must be a number. Answer again")


def test_a_cancel_keeps_what_came(open_door, store: Store) -> None:
    def cancel(_label: str, done: int, _total: int) -> None:
        if done:
            raise CancelledByPersonError("Stopped.")

    with FakeOpenAI(lambda _request: GOOD) as server:
        door = open_door(server, concurrency=2)
        with pytest.raises(CancelledByPersonError):
            ask(door, 50, progress=cancel)
        paid = server.calls
        with store.read() as connection:
            assert len(connection.execute(select(answers)).all()) == paid < 50
        found = ask(door, 50)
        assert server.calls == 50
    assert sum(one.is_cached for one in found) == paid


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"```json\n{GOOD}\n```",
        f"I weigh it.\n{GOOD}\nThat is all.",
        f"{GOOD}\n\n{GOOD}",
        f'<think>{{"score": 1}}</think>{GOOD}',
        f'{{"note": "no score"}}\n{GOOD}',
        '{"score": 0.5, "quoted": {"score": 1}}',
    ],
)
def test_the_object_is_found(text: str) -> None:
    found = FORM.read(text).value
    assert found is not None
    assert found["score"] == 0.5


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"score": 1}\n{"score": 0.5}', "several objects"),
        ('It says:\n```json\n{"score": 1}\n```\nI say:\n```json\n{"score": 0.5}\n```', "several objects"),
        ('{"score": NaN}', "no valid JSON"),
        ('{"score": -Infinity}', "no valid JSON"),
        ('["score"]', "no JSON object"),
        ('{"score": "1"}', "must be a number"),
        ("{", "no valid JSON"),
        ("[" * 100_000, "no valid JSON"),
        ("0.5", "no JSON object"),
        ("", "it is empty"),
    ],
)
def test_what_is_not_the_only_object_is_a_complaint(text: str, complaint: str) -> None:
    found = FORM.read(text)
    assert found.value is None
    assert complaint in found.complaint
    assert len(found.complaint) <= LONGEST_COMPLAINT


def test_of_a_text_that_was_cut_off_only_the_whole_counts() -> None:
    assert FORM.read(f"{GOOD} and {{", is_cut_off=True).value is None
    assert FORM.read(GOOD, is_cut_off=True).value == {"score": 0.5}


@pytest.mark.parametrize(
    "change",
    [
        {"additionalProperties": True},
        {"required": []},
        {"$defs": {}},
        {"properties": {"score": {"type": "string", "pattern": "a"}}},
        {"properties": {"score": {"type": "object", "properties": {}}}},
        {"properties": {"score": {"type": "array", "items": {"type": "object"}}}},
    ],
)
def test_a_schema_that_openai_would_not_take_as_strict_is_not_called_strict(change: dict[str, Any]) -> None:
    assert is_strict(SCHEMA)
    assert not is_strict(SCHEMA | change)
