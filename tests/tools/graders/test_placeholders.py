from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lucy.errors import InputError
from lucy.tools.graders.inputs import build_request
from lucy.tools.graders.placeholders import (
    MAX_RENDERED,
    RenderError,
    check_placeholders,
    render_placeholders,
)
from lucy.tools.responses import write_response
from lucy.tools.vocabulary import Record

CALL = {"type": "function", "function": {"name": "find", "arguments": '{"id": 4}'}}
REQUEST = build_request(
    Record(
        "r",
        ({"role": "user", "content": "Where?"},),
        item={
            "a": {"b": [1, None, True], "é": "ü"},
            "x y": 2,
            "it's": 3,
            "f": 1.5,
            "nothing": None,
            "trap": "{{item.f}}",
            "empty": "",
        },
    ),
    write_response("Here.", [CALL]),
)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("", ""),
        ("no names", "no names"),
        ("{{sample.output_text}}", "Here."),
        ("<{{ item.f }}>", "<1.5>"),
        ("{{sample.output_tools[0].function.arguments}}", '{"id": 4}'),
        ("{{item.a.b}}", "[1, null, true]"),
        ("{{item.a.b[2]}} {{item.nothing}}", "true null"),
        ("{{item['x y']}}{{item[\"it's\"]}}", "23"),
        ("{{item.a.é}} {{item.a}}", 'ü {"b": [1, null, true], "é": "ü"}'),
        ("{{item.messages[0].content}}", "Where?"),
        ('{"a": {"b": {{item.f}}}}', '{"a": {"b": 1.5}}'),
        ("{{item.empty}}", ""),
    ],
)
def test_a_path_is_replaced_by_its_value(template: str, expected: str):
    check_placeholders(template, "input")
    assert render_placeholders(template, REQUEST) == expected


def test_what_was_filled_in_is_not_rendered_again():
    assert render_placeholders("{{item.trap}}", REQUEST) == "{{item.f}}"


@pytest.mark.parametrize(
    "path",
    [
        "item.missing",
        "item.a.b[3]",
        "item.a.b.0",
        "item.f.real",
        "item.__class__",
        "item.a.keys",
        "sample.output_json",
        "sample.output_text[0]",
    ],
)
def test_a_path_that_is_not_there_is_an_error_and_no_empty_text(path: str):
    with pytest.raises(RenderError, match="this record has no"):
        render_placeholders(f"{{{{{path}}}}}", REQUEST)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{foo.x}}", "the template names 'foo'"),
        ("{{messages}}", "the template names 'messages'"),
        ("one\ntwo {{item.a", "Line 2: a `{{` is never closed"),
        ("{{item.a | upper}}", "is no placeholder"),
        ("{{#item.a}}x{{/item.a}}", "is no placeholder"),
        ("{% if item.a %}{{item.a == 1}}{% endif %}", "is no placeholder"),
        ("{{item.a()}}", "is no placeholder"),
        ("{{item[-1]}}", "is no placeholder"),
        ("{{}}", "is no placeholder"),
        ("{{" * 30_000, "is never closed"),
        ("x" * 64_001, "shorten it to 64000"),
        ("\u00e9" * 32_001, "shorten it to 64000"),
    ],
)
def test_a_wrong_template_is_refused_with_its_place(template: str, message: str):
    with pytest.raises(InputError, match=message) as caught:
        check_placeholders(template, "input.0.content")
    assert "`input.0.content`" in str(caught.value)


def test_a_value_that_is_no_json_is_an_error():
    with pytest.raises(RenderError, match="cannot be written as JSON"):
        render_placeholders("{{item.x}}", {"item": {"x": {1, 2}}})


def test_the_result_has_a_longest_length():
    request = {"item": {"x": "y" * 1000}, "sample": {}}
    with pytest.raises(RenderError, match=f"longer than {MAX_RENDERED}"):
        render_placeholders("{{item.x}}" * 1001, request)


FRAGMENTS = st.one_of(
    st.sampled_from(
        ["{{", "}}", "{", "}", "item", "sample", ".", "['", "']", "[0]", "a", " ", "\n", "\ud800"]
    ),
    st.text(max_size=3),
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(FRAGMENTS, max_size=12).map("".join))
def test_no_template_fails_with_anything_but_a_sentence(template: str):
    data: dict[str, Any] = {"item": {"a": [1]}, "sample": {}}
    with suppress(InputError):
        check_placeholders(template, "input")
        assert isinstance(render_placeholders(template, data), str)
