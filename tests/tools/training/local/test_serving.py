"""Serve real weights by the backend of the gateway: what is answered, how it ends, what stays in memory."""

import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lucy.errors import InputError
from lucy.tools.backends import Piece, RefusedError, Reply, Request
from lucy.tools.local_model import TransformersBackend
from lucy.tools.training.local import residents
from lucy.tools.training.local.memory import Memory
from lucy.tools.training.local.policy import LocalPolicy, load_policy
from lucy.tools.training.local.residents import RESIDENTS, Residents

TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
HELLO = ({"role": "user", "content": "Hello"},)


def ask(**given: Any) -> Request:
    return Request(HELLO, **{"seed": 3, "max_tokens": 24} | given)


def read_stream(backend: TransformersBackend, request: Request) -> tuple[list[Piece], Reply]:
    pieces: list[Piece] = []
    stream = backend.stream(request)
    while True:
        try:
            pieces.append(next(stream))
        except StopIteration as end:
            return pieces, end.value


@pytest.fixture
def backend(base: Path) -> TransformersBackend:
    return TransformersBackend(base)


@pytest.fixture
def speak(monkeypatch: pytest.MonkeyPatch, tool_base: Path) -> Callable[[str], TransformersBackend]:
    """Makes the model write a text, one byte a token, and end."""

    def make(text: str) -> TransformersBackend:
        from lucy.tools.training.local import sampling

        backend = TransformersBackend(tool_base)
        tokenizer = load_policy(tool_base)._tokenizer
        wanted = [*tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]

        class Script:
            def __init__(self, *given: object) -> None:
                self._at = 0

            def __call__(self, input_ids: Any, scores: Any) -> Any:
                scores = scores.clone().fill_(-1e9)
                scores[:, wanted[min(self._at, len(wanted) - 1)]] = 0.0
                self._at += 1
                return scores

        monkeypatch.setattr(sampling, "_Draw", Script)
        return backend

    return make


def test_the_answer_is_that_of_the_policy_that_was_measured(backend, base):
    expected = load_policy(base).respond(HELLO, seed=3, max_tokens=24)
    reply = backend.answer(ask())
    assert reply.text == expected.response
    assert (reply.prompt_tokens, reply.completion_tokens) == (expected.prompt_tokens, 24)
    assert reply.finish_reason == "length"


def test_the_seed_repeats_an_answer_and_temperature_zero_needs_none(backend):
    first, second, other = (backend.answer(ask(seed=seed)).text for seed in (1, 1, 2))
    assert first == second != other
    assert len({backend.answer(ask(seed=seed, temperature=0)).text for seed in range(3)}) == 1


@pytest.mark.parametrize("temperature", [0, None])
def test_a_stream_gives_the_same_answer_piece_by_piece(backend, temperature):
    request = ask(temperature=temperature)
    pieces, reply = read_stream(backend, request)
    assert reply == backend.answer(request)
    assert "".join(piece.text for piece in pieces) == reply.text
    assert len(pieces) > 1


def test_letters_of_several_bytes_come_whole(speak):
    pieces, reply = read_stream(speak("größer 漢字 🎉!"), ask(max_tokens=40))
    assert reply.text == "".join(piece.text for piece in pieces) == "größer 漢字 🎉!"
    assert all("\ufffd" not in piece.text for piece in pieces)
    assert reply.finish_reason == "stop"


def test_a_stop_text_ends_the_writing(speak):
    backend = speak("One two three. Four five six.")
    request = ask(stop=(" Four", "never"), max_tokens=100)
    reply = backend.answer(request)
    assert (reply.text, reply.finish_reason) == ("One two three.", "stop")
    assert reply.completion_tokens == len("One two three. Four")
    pieces, streamed = read_stream(speak("One two three. Four five six."), request)
    assert streamed == reply
    assert "".join(piece.text for piece in pieces) == reply.text


def test_what_begins_like_a_stop_text_and_is_none_is_given(speak):
    pieces, reply = read_stream(speak("One Four"), ask(stop=(" Fourteen",), max_tokens=40))
    assert "".join(piece.text for piece in pieces) == reply.text == "One Four"


def test_a_text_that_is_cut_at_the_longest_says_length(speak):
    reply = speak("One two three.").answer(ask(max_tokens=5, stop=("three",)))
    assert (reply.text, reply.finish_reason, reply.completion_tokens) == ("One t", "length", 5)


CALLS = 'I look. <tool_call>{"name": "look_up", "arguments": {"word": "x. y"}}</tool_call>'


def test_tool_calls_come_whole_after_the_text(speak):
    request = ask(tools=(TOOL,), max_tokens=200, stop=("y",))
    pieces, reply = read_stream(speak(CALLS), request)
    assert reply == speak(CALLS).answer(request)
    assert (reply.text, reply.finish_reason) == ("I look.", "tool_calls")
    function = {"name": "look_up", "arguments": '{"word": "x. y"}'}
    assert reply.tool_calls == ({"id": "call_0", "type": "function", "function": function},)
    assert "".join(piece.text for piece in pieces) == "I look."
    assert pieces[-1].tool_calls == ({"index": 0, **reply.tool_calls[0]},)


def test_calls_as_openais_message_come_whole(speak):
    text = '{"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "look_up"}}]}'
    pieces, reply = read_stream(speak(text), ask(tools=(TOOL,), max_tokens=200))
    assert [piece.text for piece in pieces] == [""]
    assert reply.finish_reason == "tool_calls"


@pytest.mark.parametrize("given", [{}, {"tools": (TOOL,), "tool_choice": "none"}])
def test_without_tools_nothing_is_called(speak, given):
    pieces, reply = read_stream(speak(CALLS), ask(max_tokens=200, **given))
    assert (reply.text, reply.finish_reason, reply.tool_calls) == (CALLS, "stop", ())
    assert "".join(piece.text for piece in pieces) == CALLS


def test_calls_of_one_conversation_have_ids_of_their_own(speak):
    said = {"role": "assistant", "content": "", "tool_calls": [{"id": "call_0", **TOOL}]}
    messages = (*HELLO, said, {"role": "tool", "tool_call_id": "call_0", "content": "y"})
    reply = speak(CALLS).answer(Request(messages, tools=(TOOL,), max_tokens=200))
    assert [call["id"] for call in reply.tool_calls] == ["call_1"]


def test_a_format_is_refused_before_anything_is_written(backend):
    with pytest.raises(RefusedError, match="follows no format"):
        next(backend.stream(ask(response_format={"type": "json_object"})))


def test_what_goes_wrong_is_raised_by_the_stream(backend):
    with pytest.raises(InputError, match="shorten it"):
        next(backend.stream(Request(({"role": "user", "content": "a" * 600},))))


def test_who_leaves_in_the_middle_ends_the_writing(speak):
    backend = speak("word " * 80)
    stream = backend.stream(ask(max_tokens=400))
    assert next(stream).text
    stream.close()
    writers = [one for one in threading.enumerate() if one.name == "local-model"]
    for writer in writers:
        writer.join(30)
    assert not any(writer.is_alive() for writer in writers)


def test_a_stream_may_be_read_by_a_thread_after_another(backend):
    expected = backend.answer(ask()).text
    stream, found = backend.stream(ask()), []
    with ThreadPoolExecutor(2) as pool:
        while (piece := pool.submit(next, stream, None).result()) is not None:
            found.append(piece.text)
    assert "".join(found) == expected


def test_many_at_once_each_get_their_own_answer(backend):
    requests = [ask(seed=seed, max_tokens=8) for seed in range(12)]
    alone = [backend.answer(request).text for request in requests]
    with ThreadPoolExecutor(12) as pool:
        whole = list(pool.map(lambda request: backend.answer(request).text, requests))
        streamed = list(pool.map(lambda request: read_stream(backend, request)[1].text, requests))
    assert whole == streamed == alone


def test_a_folder_served_twice_is_in_memory_once(base):
    backends = [TransformersBackend(base), TransformersBackend(base)]
    assert len({backend.answer(ask()).text for backend in backends}) == 1
    assert RESIDENTS.list_folders().count(base.resolve()) == 1


def test_a_model_replaced_and_rolled_back_makes_room(base, tmp_path, monkeypatch):
    other = shutil.copytree(base, tmp_path / "other")
    monkeypatch.setattr(residents, "ASK_FROM", 0)
    monkeypatch.setattr(residents, "find_memory", lambda: Memory(1, False))
    backends = [TransformersBackend(base), TransformersBackend(other)]
    answers = [backend.answer(ask()).text for backend in (*backends, backends[0])]
    assert RESIDENTS.list_folders() == [base.resolve()]
    assert len(set(answers)) == 1


def test_as_many_models_stay_as_fit_into_half_of_the_memory(monkeypatch):
    monkeypatch.setattr(residents, "count_parameters", lambda folder: 1_000_000_000)
    monkeypatch.setattr(residents, "find_memory", lambda: Memory(16_000_000_000, False))
    kept, loaded = Residents(), []

    def load(folder: Path) -> LocalPolicy:
        loaded.append(folder.name)
        return LocalPolicy(folder)

    for name in ("a", "b", "a", "c", "a", "b"):
        kept.take(Path(name), load)
    assert loaded == ["a", "b", "c", "b"]
    assert kept.list_folders() == [Path("a"), Path("b")]
