"""A model at a service answers prompts as a policy: through the door, stored and in the ledger."""

import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from threading import Event

import pytest
from fake_openai import FakeOpenAI
from fake_training import FakeTraining

from lucy.errors import CancelledByPersonError, ProviderError
from lucy.tools.calls.prices import Price
from lucy.tools.responses import read_response
from lucy.tools.store.database import Store
from lucy.tools.store.ledger import sum_ledger
from lucy.tools.training.hosted.policy import ANSWER_TOKENS, HostedPolicy
from lucy.tools.vocabulary import Record

TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
RECORDS = [Record(f"r{number}", ({"role": "user", "content": f"say {number}"},)) for number in range(6)]


def echo(body: dict) -> str:
    return f"{body['messages'][-1]['content']}/{body.get('seed')}"


SCRIPT = Path(__file__).with_name("killed_sampling.py")
PRICES = {"base": Price(input=1.0, output=2.0, as_of=date(2026, 11, 21))}


@pytest.fixture
def open_policy(open_trainer, open_bench):
    def make(server: FakeTraining, on_report=None, **given) -> HostedPolicy:
        bench = open_bench(base_model=given.pop("base_model", "base"))
        if on_report is not None:
            bench.on_report = lambda: on_report(bench)
        return open_trainer(server, **given).open_base(bench.task)

    return make


def read_ledger(store: Store) -> dict:
    (row,) = sum_ledger(store, "w1")
    return row


def test_answers_come_in_order_with_seeds_of_their_own(open_policy) -> None:
    with FakeTraining(reply=echo) as server:
        answers = open_policy(server).sample_many(RECORDS, 3, seed=1)
        again = open_policy(server).sample_many(RECORDS, 2, seed=1)
    assert [{one.split("/")[0] for one in some} for some in answers] == [{f"say {n}"} for n in range(6)]
    assert len(set(answers[0])) == 3
    assert [some[:2] for some in answers] == again


def test_the_model_is_asked_as_published_and_nothing_is_added(open_policy) -> None:
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


def test_faults_that_pass_are_survived(open_policy, store: Store) -> None:
    shares = {"rate_limited": 0.15, "server_error": 0.15, "dropped": 0.1, "lost": 0.1}
    with FakeTraining(reply=echo, shares=shares, seed=5) as server:
        answers = open_policy(server).sample_many(RECORDS, 4, seed=0)
        assert sum(server.outcomes[one] for one in shares) > 5
        calls = len([one for one in server.requests if one.endswith("/chat/completions")])
    assert all(answer.startswith("say ") for some in answers for answer in some)
    row = read_ledger(store)
    assert row["calls"] == calls
    assert row["failed"] == calls - 24


def test_every_call_is_in_the_ledger_with_tokens_and_cost(open_policy, store: Store) -> None:
    with FakeTraining(reply=echo, has_usage=True) as server:
        open_policy(server, door_prices=PRICES).sample_many(RECORDS, 2, seed=0)
    row = read_ledger(store)
    assert (row["role"], row["engine"], row["calls"]) == ("base_model", "base", 12)
    assert (row["prompt_tokens"], row["completion_tokens"]) == (120, 60)
    assert row["cost"] == pytest.approx((120 + 2 * 60) / 1e6)


def test_the_ledger_has_the_tokens_that_the_service_counted_whatever_went_wrong(
    open_policy, store: Store
) -> None:
    faults = {"rate_limited": 0.15, "server_error": 0.1, "dropped": 0.1, "truncated": 0.1}
    with FakeOpenAI(lambda body: echo(body), **faults, seed=2) as server:
        answers = open_policy(server.url).sample_many(RECORDS, 10, seed=0)
        assert all(server.outcomes[one] for one in faults)
    assert all(answer for some in answers for answer in some)
    row = read_ledger(store)
    assert (row["prompt_tokens"], row["completion_tokens"]) == (
        server.prompt_tokens,
        server.completion_tokens,
    )
    assert row["calls"] == server.calls


def test_a_killed_process_leaves_answers_that_are_not_paid_again(tmp_path: Path) -> None:
    with FakeOpenAI(lambda body: echo(body)) as server:
        for last, status in (("10", 9), ("5", 9), ("0", 0)):
            command = [sys.executable, "-W", "error", str(SCRIPT), server.url, str(tmp_path), last]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
            assert (done.returncode, done.stderr) == (status, "")
        # At each kill the calls under way are lost, and what came since the last look at the answers.
        asked = {json.dumps(one, sort_keys=True) for one in server.requests}
        assert len(asked) == 24
        assert server.calls <= 24 + 2 * 6


def test_what_a_call_cost_stays_unknown_without_tokens_or_price(open_policy, store: Store) -> None:
    with FakeTraining(reply=echo, has_usage=True) as server:
        open_policy(server).sample_many(RECORDS[:1], 1, seed=0)
    assert read_ledger(store)["cost"] is None


def test_a_sampling_that_was_broken_off_pays_nothing_twice(open_policy, store: Store) -> None:
    released = Event()

    def stop(bench) -> None:
        if bench.reports[-1][1] > 0:
            released.set()
            raise CancelledByPersonError("Cancelled, as you asked.")

    with FakeTraining(reply=echo) as server:
        server.gate = lambda: len(server.chats) < 10 or released.wait(10)
        policy = open_policy(server, stop)
        with pytest.raises(CancelledByPersonError):
            policy.sample_many(RECORDS, 20, seed=0)
        paid = len(server.chats)
        assert 0 < paid < 120
        answers = open_policy(server).sample_many(RECORDS, 20, seed=0)
        assert len(server.chats) == 120
    assert [len(some) for some in answers] == [20] * 6
    assert read_ledger(store)["calls"] == 120


def test_an_equal_model_of_another_service_is_asked_anew(open_policy) -> None:
    with FakeTraining(reply=lambda _body: "one") as server:
        assert open_policy(server).sample_many(RECORDS[:1], 1, seed=0) == [["one"]]
    with FakeTraining(reply=lambda _body: "two", prefix="/openai/v1") as server:
        assert open_policy(server).sample_many(RECORDS[:1], 1, seed=0) == [["two"]]


def test_a_refused_parameter_is_left_out_from_then_on(open_policy) -> None:
    with FakeTraining(reply=echo, refuses=("temperature", "seed")) as server:
        answers = open_policy(server).sample_many(RECORDS, 1, seed=0)
        assert set(server.chats[-1]) == {"model", "messages"}
    assert answers[0] == ["say 0/None"]


def test_tools_are_never_left_out(open_policy) -> None:
    record = Record("t", ({"role": "user", "content": "add"},), tools=(TOOL,))
    with FakeTraining(reply=echo, refuses=("tools",)) as server:
        policy = open_policy(server)
        with pytest.raises(ProviderError, match="Unsupported parameter: 'tools'"):
            policy.sample_many([record], 1, seed=0)
        assert all("tools" in one for one in server.chats)


def test_a_model_that_is_not_there_is_named(open_policy) -> None:
    error = {"error": {"message": "The model `base` does not exist", "code": "model_not_found"}}
    with FakeTraining(reply=lambda body: (404, error)) as server:
        policy = open_policy(server)
        with pytest.raises(ProviderError, match=r"The model 'base' at 127.* does not exist"):
            policy.sample_many(RECORDS * 10, 4, seed=0)
        assert len(server.chats) < 60


@pytest.mark.parametrize("status", [400, 500])
def test_a_call_that_failed_is_no_answer(open_policy, status: int) -> None:
    error = {"error": {"message": "The response was filtered", "code": "content_filter"}}
    with FakeTraining(
        reply=lambda body: (status, error) if "3" in str(body["messages"]) else "yes"
    ) as server:
        policy = open_policy(server)
        with pytest.raises(ProviderError, match=r"no answer to the record 'r3' .*filtered") as raised:
            policy.sample_many(RECORDS, 1, seed=0)
    assert "is stored, not paid again" in str(raised.value)


def test_records_without_an_answer_are_found_and_the_others_are_not_paid_again(open_policy) -> None:
    error = {"error": {"message": "The response was filtered", "code": "content_filter"}}
    with FakeTraining(reply=lambda body: (400, error) if "3" in str(body["messages"]) else "yes") as server:
        policy = open_policy(server)
        found = policy.find_unanswered(RECORDS, 2, seed=0)
        paid = len(server.chats)
        others = [record for record in RECORDS if record.id not in found]
        assert policy.sample_many(others, 2, seed=0) == [["yes", "yes"]] * 5
        assert len(server.chats) == paid
    assert found == {"r3": "refused: 400: The response was filtered (content_filter)"}


def test_a_service_that_answers_no_record_is_no_dry_run(open_policy) -> None:
    error = {"error": {"message": "The response was filtered", "code": "content_filter"}}
    with FakeTraining(reply=lambda body: (400, error)) as server:
        policy = open_policy(server)
        with pytest.raises(ProviderError, match="no answer to the record 'r0'"):
            policy.find_unanswered(RECORDS, 1, seed=0)


def test_a_refusal_of_the_model_is_its_answer(open_policy) -> None:
    message = {"role": "assistant", "content": None, "refusal": "I cannot help with that."}
    with FakeTraining(reply=lambda body: message) as server:
        assert open_policy(server).sample_many(RECORDS[:1], 1, seed=0) == [["I cannot help with that."]]


def test_what_a_filter_stopped_is_no_answer(open_policy) -> None:
    stopped = {"role": "assistant", "content": None}
    with FakeTraining(reply=lambda body: stopped, finish="content_filter") as server:
        policy = open_policy(server)
        with pytest.raises(ProviderError, match=r"the record 'r0' \(refused\)"):
            policy.sample_many(RECORDS[:1], 1, seed=0)


def test_an_empty_answer_of_the_model_is_an_answer(open_policy) -> None:
    with FakeTraining(reply=lambda body: "") as server:
        assert open_policy(server).sample_many(RECORDS[:1], 1, seed=0) == [[""]]


def test_characters_that_json_cannot_carry_are_replaced(open_policy) -> None:
    record = Record("r", ({"role": "user", "content": "say \ud800"},))
    with FakeTraining(reply=echo) as server:
        ((answer,),) = open_policy(server).sample_many([record], 1, seed=0)
    assert answer.startswith("say ?/")


def test_no_records_need_no_calls(open_policy) -> None:
    with FakeTraining() as server:
        assert open_policy(server).sample_many([], 4, seed=0) == []
        assert open_policy(server).sample_many(RECORDS[:2], 0, seed=0) == [[], []]
        assert not server.requests


def test_answers_are_estimated_with_tools_and_the_length_of_recorded_replies(open_policy) -> None:
    with FakeTraining() as server:
        policy = open_policy(server, door_prices=PRICES)
        plain = policy.estimate([(RECORDS[0], 3)])
        offered = policy.estimate([(Record("r0", RECORDS[0].prompt, tools=(TOOL,)), 3)])
        short = Record("r0", RECORDS[0].prompt, ({"role": "assistant", "content": "yes"},))
        assert policy.estimate([(short, 3)]).completion_tokens < plain.completion_tokens
        assert not server.requests
    assert (plain.calls, plain.completion_tokens) == (3, 3 * ANSWER_TOKENS)
    assert offered.prompt_tokens > plain.prompt_tokens
    assert plain.cost == pytest.approx((plain.prompt_tokens + 2 * plain.completion_tokens) / 1e6)


def test_the_address_of_a_policy_is_its_model_and_service(open_policy) -> None:
    with FakeTraining() as server, FakeTraining() as other:
        one = open_policy(server)
        assert one.sha == open_policy(server).sha
        others = [open_policy(server, base_model="b").sha, open_policy(other).sha]
    warmer = HostedPolicy(one.model, one.address, one.door, temperature=0.5)
    assert len({one.sha, warmer.sha, *others}) == 4
