from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fake_upstream import CALL, FakeUpstream
from sqlalchemy import select

from lucy.errors import InputError, NotFoundError
from lucy.settings import Settings
from lucy.tools.backends import RefusedError, Request
from lucy.tools.policy.retrieval import base_policy
from lucy.tools.registry import deploy, promote_arm, register_version
from lucy.tools.serving import Answer, AnswerStream, Asked, Caller, ModelServer, Slow
from lucy.tools.store import models
from lucy.tools.store.database import Store
from lucy.tools.store.schema import usage
from lucy.tools.vocabulary import Record

ASKED = Request(({"role": "user", "content": "My invoice shows a charge twice, why is that?"},))
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}


@pytest.fixture(scope="module")
def policies() -> dict[str, str]:
    return {
        colour: base_policy(
            [
                Record(
                    id=f"{colour}-{number}",
                    prompt=({"role": "user", "content": f"There is a charge {word} on my invoice, why?"},),
                    reply=({"role": "assistant", "content": f"The {colour} desk will correct it, {word}."},),
                )
                for number, word in enumerate(["twice", "wrong", "again"] * 2)
            ]
        ).to_json()
        for colour in ("blue", "red")
    }


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.close()


def register(store: Store, weights: str, job_id: str, **changes: Any) -> tuple[str, int]:
    values: dict[str, Any] = {
        "name": "Support", "description": "", "base_model": "b", "provider": "offline", "weights": weights,
        "workflow_id": job_id, "lineage": {}, "parameters": {}, "training_examples": 1,
        "validation_examples": 1, "cost": 0.0,
    }  # fmt: skip
    return register_version(store, job_id=job_id, **values | changes)


@pytest.fixture
def tested(store: Store, policies: dict[str, str]) -> ModelServer:
    """A server with the blue model under `support`, tested against the red one."""
    blue, _ = register(store, policies["blue"], "blue")
    red, _ = register(store, policies["red"], "red")
    deploy(store, blue, 1, name="support", key="k1")
    deploy(store, red, 1, name="support", mode="ab_test", share=0.5, key="k2")
    return ModelServer(store)


def find_champion(store: Store) -> str:
    return models.find_deployment(store, "support").model_id


def read_rows(store: Store) -> list[dict[str, Any]]:
    with store.read() as connection:
        return [dict(row) for row in connection.execute(select(usage).order_by(usage.c.id)).mappings()]


def finish(stream: AnswerStream) -> str:
    return "".join(piece.text for piece in stream.pieces)


def test_a_user_keeps_the_arm_and_every_row_names_it(store: Store, tested: ModelServer) -> None:
    callers = [Caller(user=f"user {number}") for number in range(12)]
    first = [tested.answer("support", ASKED, caller) for caller in callers]
    again = [tested.answer("support", ASKED, caller) for caller in callers]
    assert [answer.arm for answer in first] == [answer.arm for answer in again]
    assert {answer.arm for answer in first} == {"champion", "challenger"}
    for answer in first:
        assert ("red" in answer.text) == (answer.arm == "challenger")
    rows = read_rows(store)
    assert [row["arm"] for row in rows] == [answer.arm for answer in first + again]
    assert {row["number"] for row in rows} == {2}
    assert len({row["session"] for row in rows}) == 12
    assert not any("user" in row["session"] for row in rows)


def test_calls_of_nobody_are_dealt_one_by_one(store: Store, tested: ModelServer) -> None:
    arms = [tested.answer("support", ASKED).arm for _ in range(40)]
    assert 5 < arms.count("challenger") < 35
    assert {row["session"] for row in read_rows(store)} == {None}


def test_a_deleted_challenger_leaves_all_to_the_champion(store: Store, tested: ModelServer) -> None:
    challenger = models.find_deployment(store, "support").challenger_id
    assert challenger is not None
    models.delete_model(store, challenger)
    assert {tested.answer("support", ASKED).arm for _ in range(12)} == {"champion"}


def test_without_a_champion_nobody_is_answered(store: Store, tested: ModelServer) -> None:
    models.delete_model(store, find_champion(store))
    for number in range(8):
        with pytest.raises(NotFoundError, match="was deleted"):
            tested.answer("support", ASKED, Caller(user=f"u{number}"))


def test_after_a_promotion_all_get_the_same_model_and_no_arm(store: Store, tested: ModelServer) -> None:
    promote_arm(store, "support", "challenger")
    answers = [tested.answer("support", ASKED, Caller(user=f"u{number}")) for number in range(8)]
    assert all("red" in answer.text for answer in answers)
    assert {answer.arm for answer in answers} == {None}


def test_the_id_of_an_answer_is_kept_with_its_row_and_no_text_is(store: Store, tested: ModelServer) -> None:
    answer = tested.answer("support", ASKED, Caller("langchain"))
    [row] = read_rows(store)
    assert (row["completion_id"], row["surface"]) == (answer.id, "langchain")
    assert not any(
        isinstance(value, str) and ("invoice" in value or "desk" in value) for value in row.values()
    )


def test_many_calls_at_once_are_all_counted_once(store: Store, tested: ModelServer) -> None:
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: tested.answer("support", ASKED), range(96)))
    assert sorted(row["completion_id"] for row in read_rows(store)) == sorted(one.id for one in answers)


def test_calls_answered_together_are_each_answered_and_counted_as_alone(
    store: Store, tested: ModelServer
) -> None:
    blue = find_champion(store)
    silent = Request(({"role": "user", "content": " "},))
    asked = [Asked("support", ASKED, Caller(user=f"user {number}")) for number in range(6)]
    found = tested.answer_many([*asked, Asked("nowhere", ASKED), Asked(blue, ASKED), Asked(blue, silent)])
    alone = [tested.answer(one.name, one.request, one.caller) for one in asked]
    assert [one.text for one in found[:6] if isinstance(one, Answer)] == [one.text for one in alone]
    nowhere, by_id, refused = found[6:]
    assert isinstance(nowhere, NotFoundError)
    assert isinstance(by_id, Answer)
    assert (by_id.model_id, by_id.arm) == (blue, None)
    assert isinstance(refused, InputError)
    errors = [row["error"] for row in read_rows(store)[:8]]
    assert errors == [None] * 7 + ["InputError"]


def test_a_whole_answer_is_counted_before_its_words_are_read(store: Store, tested: ModelServer) -> None:
    stream = tested.stream("support", ASKED, Caller(user="u"))
    assert (stream.is_whole, [row["completion_id"] for row in read_rows(store)]) == (True, [stream.id])
    assert finish(stream) == tested.answer("support", ASKED, Caller(user="u")).text


@pytest.fixture
def service() -> Iterator[FakeUpstream]:
    with FakeUpstream() as service:
        yield service


@pytest.fixture
def passing(store: Store, service: FakeUpstream) -> Iterator[ModelServer]:
    """A server of a model that is served elsewhere."""
    model_id, _ = register(store, "ft:small", "job", kind="upstream")
    deploy(store, model_id, 1, name="elsewhere", key="k1")
    server = ModelServer(store, Settings(home=store.home, base_url=service.url))
    yield server
    server.close()


def test_a_model_elsewhere_is_left_for_a_thread_that_may_wait(store: Store, passing: ModelServer) -> None:
    [slow] = passing.answer_many([Asked("elsewhere", ASKED)])
    assert isinstance(slow, Slow)
    assert read_rows(store) == []
    assert passing.finish(slow).text == "Let me look."
    assert len(read_rows(store)) == 1


def test_a_model_elsewhere_answers_with_its_own_counts(store: Store, passing: ModelServer) -> None:
    assert passing.answer("elsewhere", ASKED).text == "Let me look."
    [row] = read_rows(store)
    assert (row["prompt_tokens"], row["completion_tokens"], row["cost"]) == (11, 7, None)


def test_tools_reach_a_model_elsewhere(passing: ModelServer) -> None:
    answer = passing.answer("elsewhere", Request(ASKED.messages, tools=(TOOL,)))
    assert (answer.reply.tool_calls, answer.reply.finish_reason) == ((CALL,), "tool_calls")


def test_a_stream_is_counted_when_it_has_ended(store: Store, passing: ModelServer) -> None:
    stream = passing.stream("elsewhere", ASKED)
    assert (stream.is_whole, read_rows(store)) == (False, [])
    assert finish(stream) == "Let me look."
    [row] = read_rows(store)
    assert (row["completion_id"], row["completion_tokens"], row["error"]) == (stream.id, 7, None)


def test_a_caller_who_leaves_in_the_middle_is_counted(store: Store, passing: ModelServer) -> None:
    stream = passing.stream("elsewhere", ASKED)
    next(stream.pieces)
    stream.pieces.close()
    assert [(row["error"], row["cost"]) for row in read_rows(store)] == [("left", None)]


def test_a_refusal_before_the_stream_is_raised_at_once_and_counted_by_its_status(
    store: Store, passing: ModelServer, service: FakeUpstream
) -> None:
    service.failure = (429, {"error": {"message": "Slow down: My invoice"}}, {})
    with pytest.raises(RefusedError, match="Slow down"):
        passing.stream("elsewhere", ASKED)
    with pytest.raises(RefusedError, match="Slow down"):
        passing.answer("elsewhere", ASKED)
    assert [row["error"] for row in read_rows(store)] == ["RefusedError 429"] * 2


def test_a_model_elsewhere_needs_settings(store: Store, passing: ModelServer) -> None:
    with pytest.raises(RefusedError, match="opened without settings"):
        ModelServer(store).answer("elsewhere", ASKED)


def test_a_model_that_embeds_does_not_answer(store: Store) -> None:
    model_id, _ = register(store, "words", "job", kind="embedding")
    with pytest.raises(InputError, match="turns texts into vectors"):
        ModelServer(store).answer(model_id, ASKED)


def test_nothing_is_counted_for_a_name_that_is_not_served(store: Store) -> None:
    with pytest.raises(NotFoundError, match="'nobody'"):
        ModelServer(store).stream("nobody", ASKED)
    assert read_rows(store) == []
