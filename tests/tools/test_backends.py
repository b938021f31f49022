from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lucy.errors import InputError, StoreError
from lucy.tools import local_model
from lucy.tools.backends import RefusedError, Reply, Request, RetrievalBackend, cut_text
from lucy.tools.local_model import TransformersBackend
from lucy.tools.policy.retrieval import RetrievalPolicy, base_policy
from lucy.tools.responses import write_response
from lucy.tools.training.local.policy import Answer
from lucy.tools.vocabulary import Message, Record

TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}


def ask(text: str, **changes: Any) -> Request:
    message: Message = {"role": "user", "content": text}
    return Request((message,), **changes)


@pytest.fixture(scope="module")
def policy() -> RetrievalPolicy:
    words = ["invoice", "parcel", "password", "refund", "address", "contract"]
    return base_policy(
        [
            Record(
                id=f"r{number}",
                prompt=({"role": "user", "content": f"I have a question on my {word}, can you help?"},),
                reply=({"role": "assistant", "content": f"Of course. I will look at your {word} today."},),
            )
            for number, word in enumerate(words * 2)
        ]
    )


def test_conversations_answered_together_get_what_each_would_get_alone(policy: RetrievalPolicy) -> None:
    backend = RetrievalBackend(policy)
    requests = [
        ask(f"My {word} is wrong", seed=seed, temperature=temperature)
        for word in ("invoice", "parcel", "password")
        for seed in range(4)
        for temperature in (None, 0.0, 1.5)
    ]
    together = [reply.text for reply in backend.answer_many(requests) if isinstance(reply, Reply)]
    assert together == [
        policy.respond(one.messages, seed=one.seed or 0, temperature=one.temperature) for one in requests
    ]


def test_a_request_that_cannot_be_answered_fails_alone_among_others(policy: RetrievalPolicy) -> None:
    backend = RetrievalBackend(policy)
    unfit = [ask("My parcel?", response_format={"type": "json_object"}), ask("  ")]
    first, refused, silent, last = backend.answer_many([ask("My parcel?"), *unfit, ask("My refund?")])
    assert (first, last) == (backend.answer(ask("My parcel?")), backend.answer(ask("My refund?")))
    assert isinstance(refused, RefusedError)
    assert isinstance(silent, InputError)


def test_a_retrieval_policy_passes_over_tools(policy: RetrievalPolicy) -> None:
    backend = RetrievalBackend(policy)
    with_tools = backend.answer(ask("My parcel?", temperature=0.0, tools=(TOOL,), tool_choice="required"))
    assert with_tools == backend.answer(ask("My parcel?", temperature=0.0))
    assert with_tools.tool_calls == ()


def test_a_retrieval_policy_refuses_a_response_format(policy: RetrievalPolicy) -> None:
    with pytest.raises(RefusedError, match="plain text only") as caught:
        RetrievalBackend(policy).answer(ask("My parcel?", response_format={"type": "json_object"}))
    assert (caught.value.status, caught.value.param) == (400, "response_format")


def test_a_conversation_without_a_users_text_is_refused(policy: RetrievalPolicy) -> None:
    with pytest.raises(InputError, match="no user message"):
        RetrievalBackend(policy).answer(Request(({"role": "system", "content": "Be kind."},)))


def test_a_local_model_without_its_packages_or_weights_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"extra \[local\]|cannot be loaded"):
        TransformersBackend(tmp_path)


class FakePolicy:
    """Stands for the local trainer's policy, which has its own tests with real weights."""

    def __init__(self, response: str, is_whole: bool = True) -> None:
        self._answer = Answer(response, 12, 7, is_whole)
        self.asked: list[dict[str, Any]] = []

    def respond(self, messages: object, **given: Any) -> Answer:
        self.asked.append(given)
        return self._answer


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[FakePolicy], TransformersBackend]:
    def load_one(policy: FakePolicy) -> TransformersBackend:
        monkeypatch.setattr(local_model, "load_policy", lambda folder: policy)
        return TransformersBackend(tmp_path)

    return load_one


def test_a_local_model_is_asked_and_its_own_tokens_are_counted(
    load: Callable[[FakePolicy], TransformersBackend],
) -> None:
    policy = FakePolicy("Let me look. Bye.")
    reply = load(policy).answer(ask("My parcel?", seed=4, max_tokens=9, tools=(TOOL,), stop=(" Bye",)))
    assert (reply.text, reply.finish_reason) == ("Let me look.", "stop")
    assert (reply.prompt_tokens, reply.completion_tokens, reply.cost) == (12, 7, 0.0)
    (asked,) = policy.asked
    assert asked.pop("watch")("Let me look. Bye")
    assert asked == {"seed": 4, "temperature": None, "max_tokens": 9, "tools": (TOOL,)}


def test_a_local_models_tool_calls_come_in_openais_shape(
    load: Callable[[FakePolicy], TransformersBackend],
) -> None:
    call = {"type": "function", "function": {"name": "look_up", "arguments": "{}"}}
    reply = load(FakePolicy(write_response("", [call]))).answer(ask("My parcel?", tools=(TOOL,)))
    assert (reply.text, reply.tool_calls) == ("", ({"id": "call_0", **call},))
    assert reply.finish_reason == "tool_calls"


def test_a_local_models_answer_that_was_cut_says_so_and_a_format_is_refused(
    load: Callable[[FakePolicy], TransformersBackend],
) -> None:
    backend = load(FakePolicy("And then", is_whole=False))
    assert backend.answer(ask("My parcel?")).finish_reason == "length"
    with pytest.raises(RefusedError, match="follows no format"):
        backend.answer(ask("My parcel?", response_format={"type": "json_object"}))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ("One two three. Four five.", "stop")),
        ({"stop": [".", "two"]}, ("One ", "stop")),
        ({"max_tokens": 1}, ("One", "length")),
        ({"max_tokens": 1000}, ("One two three. Four five.", "stop")),
    ],
)
def test_an_answer_is_cut_at_stop_texts_and_at_its_longest(
    options: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert cut_text("One two three. Four five.", **options) == expected
