import pytest

from lucy.tools.graders.kinds import StringCheckGrader
from lucy.tools.graders.string_check import open_string_check
from lucy.tools.responses import write_response
from lucy.tools.vocabulary import Grade, Record

RECORD = Record("r", ({"role": "user", "content": "?"},), item={"answer": "Straße 4", "empty": ""})


def grade(response: str, reference: str, operation: str, given: str = "{{sample.output_text}}") -> Grade:
    config = StringCheckGrader.model_validate(
        {"name": "s", "input": given, "reference": reference, "operation": operation}
    )
    with open_string_check(config) as score_many:
        return score_many([(RECORD, response)])[0]


@pytest.mark.parametrize(
    ("response", "operation", "expected"),
    [
        ("Straße 4", "eq", 1.0),
        ("straße 4", "eq", 0.0),
        ("Straße 4 ", "eq", 0.0),
        ("Straße 4", "ne", 0.0),
        ("Straße 5", "ne", 1.0),
        ("In der Straße 4.", "like", 1.0),
        ("in der straße 4.", "like", 0.0),
        ("IN DER STRASSE 4.", "ilike", 1.0),
        ("Straße", "ilike", 0.0),
        ("", "like", 0.0),
    ],
)
def test_an_operation_holds_or_not(response: str, operation: str, expected: float):
    assert grade(response, "{{item.answer}}", operation).score == expected


def test_the_end_of_a_response_is_checked_with_a_mark_on_both_sides():
    assert grade("A: 40", "A: 4|", "like", "{{sample.output_text}}|").score == 0
    assert grade("so A: 4", "A: 4|", "like", "{{sample.output_text}}|").score == 1


def test_a_name_that_the_record_lacks_is_an_error():
    missing = grade("x", "{{item.reference_answer}}", "eq")
    assert (missing.score, missing.error) == (None, "invalid_variable")
    assert "{{item.reference_answer}}" in missing.reason


@pytest.mark.parametrize("operation", ["like", "ilike"])
def test_an_empty_reference_is_an_error_and_no_full_score(operation: str):
    assert grade("anything", "{{item.empty}}", operation).error == "no_reference"


def test_a_tool_call_is_checked_through_its_path():
    call = {"type": "function", "function": {"name": "find", "arguments": "{}"}}
    path = "{{sample.output_tools[0].function.name}}"
    assert grade(write_response("", [call]), "find", "eq", path).score == 1
    assert grade("find", "find", "eq", path).error == "invalid_variable"


def test_the_reason_names_what_was_looked_for_in_short():
    assert grade("no", "{{item.answer}}", "like").reason == "The input does not contain 'Straße 4'."
    assert len(grade("no", "x" * 1000, "like").reason) < 120
