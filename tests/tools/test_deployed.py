import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypedDict

import pytest
from fake_upstream import CALL, FakeUpstream
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import END, START, StateGraph
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

import lucy
from lucy.errors import InputError, NotFoundError
from lucy.settings import Settings
from lucy.tools.policy.retrieval import base_policy
from lucy.tools.registry import deploy, register_version
from lucy.tools.store.models import find_model
from lucy.tools.store.usage import summarize_usage
from lucy.tools.vocabulary import Record
from lucy.tools.workbench import Workbench

QUESTION = "There is a charge twice on my invoice, why?"


@pytest.fixture
def service() -> Iterator[FakeUpstream]:
    with FakeUpstream() as service:
        yield service


@pytest.fixture
def bench(home: Path, service: FakeUpstream) -> Iterator[Workbench]:
    bench = Workbench(Settings(home=home, base_url=service.url))
    policy = base_policy(
        [
            Record(
                id=f"r{number}",
                prompt=({"role": "user", "content": f"There is a charge {word} on my invoice, why?"},),
                reply=({"role": "assistant", "content": f"The blue desk will correct it, {word} or not."},),
            )
            for number, word in enumerate(["twice", "wrong", "again"] * 2)
        ]
    )
    register(bench, "support", policy.to_json(), "retrieval")
    register(bench, "elsewhere", "ft:small", "upstream")
    yield bench
    bench.close()


def register(bench: Workbench, name: str, weights: str, kind: Any) -> None:
    model_id, version = register_version(
        bench.store, name=f"{name} model", description="", base_model="b", provider="offline", kind=kind,
        weights=weights, job_id=name, workflow_id="w", lineage={}, parameters={}, training_examples=1,
        validation_examples=1, cost=0.0,
    )  # fmt: skip
    deploy(bench.store, model_id, version, name=name, key=name)


def count_surfaces(bench: Workbench) -> list[str]:
    with bench.store.read() as connection:
        return list(connection.exec_driver_sql("SELECT surface FROM usage ORDER BY id").scalars())


def test_a_deployed_model_answers_as_a_chat_model_and_is_counted(bench: Workbench) -> None:
    model = lucy.deployed_model("support", bench=bench, temperature=0)
    answer = model.invoke(QUESTION)
    assert "blue desk" in str(answer.content)
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["output_tokens"] > 3
    assert count_surfaces(bench) == ["langchain"]


def test_it_answers_asynchronously_and_in_batches(bench: Workbench) -> None:
    model = lucy.deployed_model("support", bench=bench, temperature=0)
    alone = model.invoke(QUESTION).content
    assert asyncio.run(model.ainvoke([("system", "Be kind."), ("user", QUESTION)])).content == alone
    assert [one.content for one in model.batch([QUESTION] * 3)] == [alone] * 3
    assert len(count_surfaces(bench)) == 5


def test_its_stream_adds_up_to_its_answer(bench: Workbench) -> None:
    model = lucy.deployed_model("support", bench=bench, temperature=0)
    chunks = list(model.stream(QUESTION))
    assert len(chunks) > 5
    assert "".join(str(chunk.content) for chunk in chunks) == model.invoke(QUESTION).content
    assert chunks[-1].usage_metadata == model.invoke(QUESTION).usage_metadata


def test_it_works_in_another_graph(bench: Workbench) -> None:
    class State(TypedDict):
        question: str
        answer: str

    model = lucy.deployed_model("support", bench=bench, temperature=0)
    builder = StateGraph(State)
    builder.add_node("ask", lambda state: {"answer": model.invoke([HumanMessage(state["question"])]).content})
    builder.add_edge(START, "ask")
    builder.add_edge("ask", END)
    assert "blue" in builder.compile().invoke({"question": QUESTION, "answer": ""})["answer"]


def look_up(invoice: int) -> str:
    """Look an invoice up."""
    return str(invoice)


@pytest.mark.parametrize("streams", [False, True])
def test_bound_tools_reach_a_model_that_knows_them(
    bench: Workbench, service: FakeUpstream, streams: bool
) -> None:
    model = lucy.deployed_model("elsewhere", bench=bench).bind_tools([look_up], tool_choice="auto")
    message: Any = None
    if streams:
        for chunk in model.stream(QUESTION):
            message = chunk if message is None else message + chunk
    else:
        message = model.invoke(QUESTION)
    assert isinstance(message, AIMessage)
    [call] = message.tool_calls
    assert (call["name"], call["args"], call["id"]) == ("look_up", {"invoice": 12}, CALL["id"])
    assert service.requests[0]["tools"][0]["function"]["name"] == "look_up"


def test_a_name_that_is_not_served_is_refused_at_once(bench: Workbench) -> None:
    with pytest.raises(NotFoundError, match="'nobody'"):
        lucy.deployed_model("nobody", bench=bench)


def test_a_new_version_answers_at_once(bench: Workbench) -> None:
    model = lucy.deployed_model("elsewhere", bench=bench)
    support = find_model(bench.store, "support model").id
    deploy(bench.store, support, 1, name="elsewhere", mode="replace_gateway", key="new")
    assert "blue desk" in str(model.invoke(QUESTION).content)


def test_the_word_vectors_embed_by_meaning_and_are_counted(bench: Workbench) -> None:
    embeddings = lucy.deployed_embeddings(bench=bench)
    refund, money, weather = embeddings.embed_documents(
        ["I want a refund", "give me my money back", "it rains in the mountains"]
    )
    near, far = (sum(a * b for a, b in zip(refund, other, strict=True)) for other in (money, weather))
    assert near > far
    assert len(embeddings.embed_query("hello")) == 128
    model_id = find_model(bench.store, "lucy-words").id
    assert summarize_usage(bench.store, model_id).total.calls == 2
    lucy.deployed_embeddings(bench=bench)
    assert find_model(bench.store, "lucy-words").versions == 1


def test_the_word_vectors_serve_another_graph_by_the_name_that_they_are_deployed_under(
    bench: Workbench,
) -> None:
    lucy.deployed_embeddings(bench=bench)
    words = find_model(bench.store, "lucy-words")
    deploy(bench.store, words.id, 1, name="meaning", key="meaning")

    class State(TypedDict):
        question: str
        nearest: str

    def find(state: State, *, store: BaseStore) -> dict[str, str]:
        return {"nearest": store.search(("help",), query=state["question"], limit=1)[0].key}

    memory = InMemoryStore(index={"embed": lucy.deployed_embeddings("meaning", bench=bench), "dims": 128})
    memory.put(("help",), "refund", {"text": "give me my money back"})
    memory.put(("help",), "weather", {"text": "it rains in the mountains"})
    builder = StateGraph(State)
    builder.add_node("find", find)
    builder.add_edge(START, "find")
    builder.add_edge("find", END)
    asked: Any = {"question": "I want a refund", "nearest": ""}
    assert builder.compile(store=memory).invoke(asked)["nearest"] == "refund"
    with bench.store.read() as connection:
        rows = connection.exec_driver_sql("SELECT DISTINCT model_id, deployment, surface FROM usage").all()
    assert [tuple(row) for row in rows] == [(words.id, "meaning", "langchain")]


def test_vectors_that_are_not_lucys_own_are_refused(bench: Workbench) -> None:
    register(bench, "others", "other-vectors", "embedding")
    with pytest.raises(InputError, match=r"'other-vectors'.*use lucy.deployed_embeddings\('lucy-words'\)"):
        lucy.deployed_embeddings("others", bench=bench)


def test_without_a_workbench_the_environments_home_is_used(bench: Workbench, home: Path) -> None:
    program = (
        "import lucy; print(lucy.deployed_model('support', temperature=0).invoke('A charge twice?').text)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={"LUCY_HOME": str(home), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "blue desk" in done.stdout
    assert count_surfaces(bench) == ["langchain"]
