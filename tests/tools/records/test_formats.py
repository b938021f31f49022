from typing import Any

import pytest

from lucy.tools.records.formats import shape_entry
from lucy.tools.records.hygiene import examine, load_records
from lucy.tools.vocabulary import Record

QUESTION = {"role": "user", "content": "Where is my order 1234?"}
ANSWER = {"role": "assistant", "content": "It is on its way."}
CALL = {"role": "assistant", "content": None, "tool_calls": [{"id": "c1", "function": {"name": "find"}}]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "shipped"}
SYSTEM = {"role": "system", "content": "Be brief."}
TOOL = {"type": "function", "function": {"name": "find"}}


def load(*rows: dict[str, Any]) -> list[Record]:
    return load_records(list(rows))


def wrap(messages: list[Any], output: object = None, **fields: object) -> dict[str, Any]:
    return {"data": {"input": {"messages": messages}, "output": output}, **fields}


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [QUESTION, ANSWER]},
        wrap([QUESTION, ANSWER]),
        wrap([QUESTION], {"messages": [ANSWER]}),
        wrap([QUESTION], ANSWER),
        wrap([QUESTION], [ANSWER]),
        wrap([QUESTION], ANSWER["content"]),
        {"prompt": QUESTION["content"], "completion": ANSWER["content"]},
        {"prompt": [QUESTION], "completion": [ANSWER]},
    ],
)
def test_every_format_gives_the_same_prompt_and_reply(row: dict[str, Any]) -> None:
    (record,) = load(row)
    assert (record.prompt, record.reply) == ((QUESTION,), (ANSWER,))


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [QUESTION]},
        wrap([QUESTION], {"messages": []}),
        wrap([QUESTION]),
        {"prompt": "Where is it?"},
    ],
)
def test_a_record_without_answer_has_no_reply(row: dict[str, Any]) -> None:
    (record,) = load(row)
    assert record.reply == ()


def test_the_prompt_ends_at_the_last_user_message() -> None:
    (record,) = load({"messages": [SYSTEM, QUESTION, ANSWER, QUESTION, CALL, RESULT, ANSWER]})
    assert record.prompt == (SYSTEM, QUESTION, ANSWER, QUESTION)
    assert record.reply == (CALL, RESULT, ANSWER)


def test_an_output_continues_the_tool_calls_of_the_input() -> None:
    (record,) = load(wrap([QUESTION, CALL, RESULT], {"messages": [ANSWER]}))
    assert record.reply == (CALL, RESULT, ANSWER)


def test_a_trailing_system_message_is_no_reply() -> None:
    (record,) = load({"messages": [QUESTION, SYSTEM]})
    assert (record.prompt, record.reply) == ((QUESTION,), ())


def test_extra_fields_become_the_item() -> None:
    (record,) = load(
        {
            "id": "a",
            "messages": [QUESTION],
            "tools": [TOOL],
            "metadata": {"label": "x"},
            "topic": None,
            "reference_answer": "yes",
            "weight": 2,
        }
    )
    assert record.item == {"reference_answer": "yes", "weight": 2}
    assert record.metadata == {"label": "x"}
    assert record.tools == (TOOL,)


def test_extra_fields_of_a_completion_become_the_item() -> None:
    (record,) = load({"prompt": "Say something nice", "completion": "Nice", "test": "assert"})
    assert record.item == {"test": "assert"}


def test_tools_of_a_dataset_record_are_read_from_its_input() -> None:
    row = wrap([QUESTION])
    row["data"]["input"]["tools"] = [TOOL]
    assert load(row)[0].tools == (TOOL,)


def test_a_topic_of_the_source_is_kept_as_a_note() -> None:
    (record,) = load({"messages": [QUESTION], "topic": "shipping"})
    assert record.metadata == {"topic": "shipping"}


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ([], "invalid_data_structure"),
        ("text", "invalid_data_structure"),
        (None, "invalid_data_structure"),
        ({}, "missing_messages"),
        ({"messages": None}, "missing_messages"),
        ({"messages": "hello"}, "invalid_data_structure"),
        ({"data": None}, "invalid_data_structure"),
        ({"data": {}}, "missing_input"),
        ({"data": {"input": None}}, "missing_input"),
        ({"data": {"input": {}}}, "missing_messages"),
        ({"data": {"input": {"messages": {}}}}, "invalid_data_structure"),
        ({"data": {"input": {"messages": []}, "output": 3}}, "invalid_data_structure"),
        ({"prompt": None}, "missing_input"),
        ({"prompt": 3}, "invalid_data_structure"),
        ({"messages": [], "tools": "find"}, "invalid_data_structure"),
        ({"messages": [], "tools": ["find"]}, "invalid_data_structure"),
    ],
)
def test_a_shapeless_entry_is_named_with_its_error(value: object, error: str) -> None:
    fault = shape_entry(value)
    assert fault[0] == error


@pytest.mark.parametrize(
    ("habit", "error"),
    [("dataset", "invalid_data_structure"), ("chat", "missing_messages"), ("completion", "missing_input")],
)
def test_a_shapeless_entry_is_judged_by_its_neighbours(habit: Any, error: str) -> None:
    assert shape_entry({"id": "x"}, habit=habit)[0] == error


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{"messages": [QUESTION]}], "chat"),
        ([wrap([QUESTION])], "dataset"),
        ([{"prompt": "Say something"}], "completion"),
        ([{"messages": [QUESTION]}, {"prompt": "Say something"}], "mixed"),
        ([{"other": 1}], "unknown"),
        ([], "unknown"),
    ],
)
def test_the_format_of_a_source_is_reported(rows: list[dict[str, Any]], expected: str) -> None:
    assert examine(rows).report.format == expected


def test_a_mixed_source_is_read_line_by_line() -> None:
    records = load(
        {"messages": [QUESTION]},
        {"prompt": "Say something nice"},
        wrap([{**QUESTION, "content": "How are you?"}]),
    )
    assert len(records) == 3
