import pytest

from lucy.tools.responses import Response, read_recorded_response, read_response, write_response
from lucy.tools.vocabulary import Record

CALL = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"city": "Köln"}'}}


def test_a_text_is_written_as_it_is() -> None:
    assert write_response("Hello {there}") == "Hello {there}"


def test_tool_calls_survive_writing_and_reading() -> None:
    assert read_response(write_response("Let me look.", [CALL])) == Response("Let me look.", (CALL,))
    assert read_response(write_response("", [CALL])) == Response("", (CALL,))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        '{"tool_calls": []}',
        '{"tool_calls": [1]}',
        '{"tool_calls": [{"function": {}}]}',
        '{"tool_calls": ',
        '["tool_calls"]',
        '{"a": 1}',
    ],
)
def test_any_other_text_is_a_response_without_calls(text: str) -> None:
    assert read_response(text) == Response(text)


def test_a_recorded_reply_gives_its_last_text_and_all_its_calls() -> None:
    reply = (
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
        {"role": "assistant", "content": "It is sunny."},
    )
    record = Record("r", ({"role": "user", "content": "Weather in Köln?"},), reply)
    assert read_response(read_recorded_response(record)) == Response("It is sunny.", (CALL,))


def test_a_record_without_a_reply_gives_an_empty_response() -> None:
    assert read_recorded_response(Record("r", ({"role": "user", "content": "Hello"},))) == ""
