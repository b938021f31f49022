from lucy.tools.graders.inputs import build_request, build_variables
from lucy.tools.responses import write_response
from lucy.tools.vocabulary import Record

CALL = {"type": "function", "function": {"name": "find", "arguments": "{}"}}
RECORD = Record(
    "r",
    ({"role": "system", "content": "Be kind."}, {"role": "user", "content": "Where is it?"}),
    ({"role": "assistant", "content": "Here.", "tool_calls": [CALL]},),
    tools=({"type": "function", "function": {"name": "find"}},),
    item={"reference_answer": "4"},
)


def test_a_request_has_openais_sample_and_the_rows_other_fields() -> None:
    request = build_request(RECORD, '{"a": 1}')
    assert request["sample"]["output_text"] == '{"a": 1}'
    assert request["sample"]["output_json"] == {"a": 1}
    assert request["sample"]["output_tools"] == []
    assert request["item"]["reference_answer"] == "4"
    assert request["item"]["reference_reply"] == "Here."
    assert request["item"]["reference_tool_calls"] == [CALL]


def test_tool_calls_of_a_response_reach_the_sample() -> None:
    sample = build_request(RECORD, write_response("", [CALL]))["sample"]
    assert sample["output_tools"] == [CALL]
    assert sample["choices"][0]["finish_reason"] == "tool_calls"


def test_an_item_field_of_the_row_goes_before_what_is_added() -> None:
    record = Record("r", ({"role": "user", "content": "Hello"},), item={"id": "own"})
    assert build_request(record, "x")["item"]["id"] == "own"


def test_variables_have_the_names_of_the_documents() -> None:
    variables = build_variables(RECORD, write_response("Done.", [CALL]))
    assert variables["response"] == "Done."
    assert variables["toolCalls"] == [CALL]
    assert variables["lastUserMessage"] == "Where is it?"
    assert variables["systemPrompt"] == "Be kind."
