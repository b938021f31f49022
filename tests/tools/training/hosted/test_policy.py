"""A model at a service answers prompts as a policy."""

import json

import pytest
from fake_training import FakeTraining

from lucy.errors import ProviderError
from lucy.tools.responses import read_response
from lucy.tools.training.hosted.client import Client
from lucy.tools.training.hosted.policy import HostedPolicy
from lucy.tools.vocabulary import Record

TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
RECORDS = [Record(f"r{number}", ({"role": "user", "content": f"say {number}"},)) for number in range(6)]


def echo(body: dict) -> str:
    return f"{body['messages'][-1]['content']}/{body.get('seed')}"


@pytest.fixture
def open_policy(open_trainer, open_bench):
    def make(server: FakeTraining, **given) -> HostedPolicy:
        policy = open_trainer(server).open_base(open_bench(base_model="base").task)
        for name, value in given.items():
            setattr(policy, name, value)
        return policy

    return make


def test_answers_come_in_order_with_seeds_of_their_own(open_policy) -> None:
    with FakeTraining(reply=echo) as server:
        answers = open_policy(server).sample_many(RECORDS, 3, seed=1)
        again = open_policy(server).sample_many(RECORDS, 2, seed=1)
    assert [{one.split("/")[0] for one in some} for some in answers] == [{f"say {n}"} for n in range(6)]
    assert len(set(answers[0])) == 3
    assert [some[:2] for some in answers] == again


def test_the_model_is_asked_as_published(open_policy) -> None:
    record = Record("t", ({"role": "user", "content": "add", "note": 1},), tools=(TOOL,))
    with FakeTraining() as server:
        open_policy(server).sample_many([record], 1, seed=0)
        (body,) = server.chats
    seed = body.pop("seed")
    assert 0 <= seed < 2**31
    assert body == {
        "model": "base",
        "messages": [{"role": "user", "content": "add"}],
        "temperature": 1.0,
        "tools": [TOOL],
    }


def test_tool_calls_are_written_as_a_response(open_policy) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    with FakeTraining(reply=lambda body: message) as server:
        ((answer,),) = open_policy(server).sample_many(RECORDS[:1], 1, seed=0)
    assert read_response(answer).tool_calls == (call,)
    assert json.loads(answer)["content"] is None


def test_faults_that_pass_are_survived(open_policy) -> None:
    shares = {"rate_limited": 0.15, "server_error": 0.15, "dropped": 0.1, "lost": 0.1}
    with FakeTraining(reply=echo, shares=shares, seed=5) as server:
        answers = open_policy(server).sample_many(RECORDS, 4, seed=0)
        assert sum(server.outcomes[one] for one in shares) > 5
    assert all(answer.startswith("say ") for some in answers for answer in some)


def test_a_refused_parameter_is_left_out_from_then_on(open_policy) -> None:
    with FakeTraining(reply=echo, refuses=("temperature", "seed")) as server:
        answers = open_policy(server, concurrency=1).sample_many(RECORDS, 1, seed=0)
        assert len(server.chats) == len(RECORDS) + 2
    assert answers[0] == ["say 0/None"]


def test_a_model_that_is_not_there_is_named(open_policy) -> None:
    error = {"error": {"message": "The model `base` does not exist", "code": "model_not_found"}}
    with FakeTraining(reply=lambda body: (404, error)) as server:
        policy = open_policy(server, concurrency=1)
        with pytest.raises(ProviderError) as raised:
            policy.sample_many(RECORDS, 1, seed=0)
        assert len(server.chats) < len(RECORDS)
    assert "did not let the model 'base' answer the record 'r0'" in str(raised.value)
    assert "deploy 'base' there, or choose another model" in str(raised.value)


def test_what_a_filter_declines_is_an_empty_answer(open_policy) -> None:
    error = {"error": {"message": "The response was filtered", "code": "content_filter"}}
    with FakeTraining(reply=lambda body: (400, error)) as server:
        assert open_policy(server).sample_many(RECORDS[:1], 1, seed=0) == [[""]]


def test_a_refusal_of_the_model_is_its_answer(open_policy) -> None:
    message = {"role": "assistant", "content": None, "refusal": "I cannot help with that."}
    with FakeTraining(reply=lambda body: message) as server:
        assert open_policy(server).sample_many(RECORDS[:1], 1, seed=0) == [["I cannot help with that."]]


def test_no_records_need_no_calls(open_policy) -> None:
    with FakeTraining() as server:
        assert open_policy(server).sample_many([], 4, seed=0) == []
        assert open_policy(server).sample_many(RECORDS[:2], 0, seed=0) == [[], []]
        assert not server.requests


def test_the_address_of_a_policy_is_its_model_and_service() -> None:
    one = HostedPolicy("a", Client("http://x/v1"))
    assert one.sha == HostedPolicy("a", Client("http://x/v1")).sha
    others = [
        HostedPolicy("b", Client("http://x/v1")),
        HostedPolicy("a", Client("http://y/v1")),
        HostedPolicy("a", Client("http://x/v1"), temperature=0.5),
    ]
    assert len({one.sha, *(other.sha for other in others)}) == 4
