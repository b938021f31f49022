from typing import Any

import pytest

from lucy.tools.records.validation import ERROR_CODES, Limits, validate

QUESTION = {"role": "user", "content": "Where is my order 1234?"}
ANSWER = {"role": "assistant", "content": "It is on its way."}
CALL = {"role": "assistant", "content": None, "tool_calls": [{"id": "c1", "function": {"name": "find"}}]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "shipped"}


def say(content: object, role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": content}


VALID = {
    "question": [QUESTION],
    "roles": [say("a", "system"), say("b", "developer"), QUESTION, ANSWER],
    "tool chain": [QUESTION, CALL, RESULT, ANSWER],
    "parts": [say([{"type": "text", "text": "Where is my order?"}])],
    "short turns": [say("My order"), ANSWER, say("1234")],
    "empty earlier": [say(""), ANSWER, QUESTION],
    "null tool calls": [QUESTION, {**ANSWER, "tool_calls": None}],
}


@pytest.mark.parametrize("messages", VALID.values(), ids=VALID.keys())
def test_a_usable_conversation_has_no_fault(messages: list[Any]) -> None:
    assert validate(messages) is None


FAULTY = {
    "no list": ([], "empty_messages"),
    "text": (["hello there you"], "invalid_data_structure"),
    "number content": ([say(3)], "invalid_data_structure"),
    "object content": ([say({"text": "a"})], "invalid_data_structure"),
    "part text": ([say([{"type": "text", "text": None}])], "invalid_data_structure"),
    "part string": ([say(["hello there you"])], "invalid_data_structure"),
    "calls": ([QUESTION, {**CALL, "tool_calls": "find"}], "invalid_data_structure"),
    "no role": ([{"content": "hello there you"}], "invalid_role"),
    "role case": ([say("hello there you", "User")], "invalid_role"),
    "human": ([say("hello there you", "human")], "invalid_role"),
    "number role": ([{"role": 1, "content": "a"}], "invalid_role"),
    "list role": ([{"role": ["user"], "content": "a"}], "invalid_role"),
    "nobody": ([ANSWER], "no_user_message"),
    "blank last": ([QUESTION, ANSWER, say(" \n")], "empty_user_message"),
    "null last": ([say(None)], "empty_user_message"),
    "image only": ([say([{"type": "image_url", "image_url": {}}])], "empty_user_message"),
    "short": ([say("Hi there")], "user_message_too_short"),
    "short together": ([say("Hi"), ANSWER, say("there")], "user_message_too_short"),
    "orphan": ([QUESTION, RESULT], "orphan_tool_result"),
    "other id": ([QUESTION, CALL, {**RESULT, "tool_call_id": "c2"}], "orphan_tool_result"),
    "before": ([RESULT, QUESTION, CALL], "orphan_tool_result"),
    "no result id": ([QUESTION, CALL, {"role": "tool", "content": "x"}], "missing_tool_call_id"),
    "no call id": ([QUESTION, {**CALL, "tool_calls": [{"function": {}}]}], "missing_tool_call_id"),
    "long": ([say("word " * 40_000)], "exceeds_max_tokens"),
}


@pytest.mark.parametrize(("messages", "error"), FAULTY.values(), ids=FAULTY.keys())
def test_a_fault_is_named_in_a_sentence(messages: list[Any], error: str) -> None:
    fault = validate(messages)
    assert fault is not None
    assert fault.error == error
    assert fault.message.endswith(".")


def test_every_error_but_duplicate_is_found_here() -> None:
    assert {error for _, error in FAULTY.values()} == set(ERROR_CODES) - {
        "duplicate",
        "missing_input",
        "missing_messages",
    }


def test_there_are_twelve_error_codes() -> None:
    assert len(ERROR_CODES) == 12


def test_user_messages_are_measured_together() -> None:
    assert validate([say("12345"), ANSWER, say("67890")]) is None


def test_an_output_counts_for_the_tool_chain_but_not_for_the_user() -> None:
    assert validate([QUESTION], [CALL, RESULT]) is None
    fault = validate([ANSWER], [QUESTION])
    assert fault is not None
    assert fault.error == "no_user_message"


def test_limits_are_settable() -> None:
    assert validate([say("Hi")], limits=Limits(min_user_chars=2)) is None
    fault = validate([QUESTION], limits=Limits(max_tokens=3))
    assert fault is not None
    assert fault.error == "exceeds_max_tokens"


def test_a_limit_of_tokens_is_exact_around_its_bound() -> None:
    from lucy.tools.records.tokens import estimate_tokens

    messages = [say("Where is my order, please? " * 30), CALL, RESULT]
    tokens = estimate_tokens(messages)
    assert validate(messages, limits=Limits(max_tokens=tokens)) is None
    assert validate(messages, limits=Limits(max_tokens=tokens - 1)) is not None
