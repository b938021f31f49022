"""A request keeps its content address, and carries what is set and nothing else."""

import json

import pytest
from fake_openai import FakeOpenAI
from pydantic import BaseModel
from scripted_chat import ScriptedChat

from lucy.settings import Settings
from lucy.tools.calls.request import Request, Turn
from lucy.tools.calls.structure import Structure
from lucy.tools.workbench import Workbench


class Line(BaseModel):
    text: str


SCHEMA = Line.model_json_schema()
GOOD = '{"text": "hello"}'


def test_a_request_of_prompt_and_system_has_the_address_it_always_had() -> None:
    request = Request("question \ud83d", system="Be brief.", seed=3, temperature=0.9)
    assert request.address("fake", SCHEMA) == "19185deccaffc62a2243a1263be422f2"


def test_whatever_is_set_is_part_of_the_address() -> None:
    turns = (Turn("user", "q"),)
    requests = [
        Request("q"),
        Request("q", temperature=None),
        Request("q", top_p=0.5),
        Request("q", max_completion_tokens=100),
        Request("q", reasoning_effort="low"),
        Request("q", reasoning_effort="high"),
        Request("q", top_p=0.5, seed=1),
        Request("q", messages=turns),
        Request("q", messages=(Turn("developer", "q"),)),
        Request("q", messages=(*turns, *turns)),
        Request("q", system="s", messages=turns),
    ]
    addresses = [one.address(model, SCHEMA) for one in requests for model in ("fake", "other")]
    addresses += [one.address("fake", {"type": "object"}) for one in requests]
    assert len(set(addresses)) == len(addresses)


def test_messages_stand_between_system_and_prompt() -> None:
    turns = (Turn("user", "one"), Turn("assistant", "two"))
    assert Request("last", system="first", messages=turns).list_turns() == [
        ("system", "first"),
        *turns,
        ("user", "last"),
    ]
    assert Request(messages=turns).list_turns() == list(turns)


def test_the_form_joins_the_first_message_that_directs_the_model(open_door) -> None:
    requests = [
        Request(messages=(Turn("developer", "Be brief."), Turn("user", "q"))),
        Request(messages=(Turn("user", "q"), Turn("system", "Now be long."))),
    ]
    with FakeOpenAI(lambda _request: GOOD) as server:
        open_door(server, concurrency=1).ask_many(requests, Line)
        first, second = (body["messages"] for body in server.requests)
    form = Structure(Line).instruction
    assert first == [{"role": "system", "content": f"Be brief.\n\n{form}"}, {"role": "user", "content": "q"}]
    assert [one["role"] for one in second] == ["system", "user", "system"]
    assert second[0]["content"] == form


def test_a_parameter_that_is_none_is_not_sent(open_door) -> None:
    with FakeOpenAI(lambda _request: GOOD) as server:
        open_door(server).ask_many([Request("q", temperature=None)], Line)
        (body,) = server.requests
    assert set(body) == {"model", "messages", "seed", "response_format"}


@pytest.mark.parametrize("name", ["top_p", "max_completion_tokens", "reasoning_effort"])
def test_a_sampling_parameter_that_a_server_refuses_is_left_out(open_door, name: str) -> None:
    request = Request("q", top_p=0.5, max_completion_tokens=100, reasoning_effort="low")
    with FakeOpenAI(lambda _request: GOOD, refuses=(name,)) as server:
        (found,) = open_door(server).ask_many([request], Line)
        assert [name in body for body in server.requests] == [True, False]
    assert found.value == Line(text="hello")


def test_a_model_that_was_handed_in_gets_the_conversation(home) -> None:
    chat = ScriptedChat.of([GOOD])
    bench = Workbench(Settings(home=home), {"judge": chat})
    door = bench.open_judge("any", workflow_id="w1", step="s")
    assert door is not None
    turns = (Turn("developer", "Be brief."), Turn("user", "one"), Turn("assistant", "two"))
    door.ask_many([Request("three", messages=turns)], Line)
    bench.close()
    assert [message.type for message in chat.calls[0]] == ["system", "human", "ai", "human"]


def test_an_estimate_counts_whole_conversations(open_door) -> None:
    door = open_door("http://127.0.0.1:1/v1")
    turns = tuple(Turn("user", "word " * 100) for _ in range(5))
    one = door.estimate([Request("word " * 100)], completion_tokens=1).prompt_tokens
    five = door.estimate([Request(messages=turns)], completion_tokens=1).prompt_tokens
    assert five >= 4.5 * one


def test_a_judge_of_another_name_uses_the_same_service_and_key(home) -> None:
    def echo(request: dict) -> str:
        return json.dumps({"text": request["model"]})

    with FakeOpenAI(echo, key="secret") as server:
        bench = Workbench(Settings(home=home, base_url=server.url, api_key="secret", judge_model="usual"))
        doors = [bench.open_judge(name, workflow_id="w1", step="s") for name in ("", "other", "usual")]
        texts = [door.ask_many([Request("q")], Line)[0].value.text for door in doors if door]
        bench.close()
        assert server.calls == 2
    assert texts == ["usual", "other", "usual"]
