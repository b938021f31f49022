from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lucy.errors import InputError
from lucy.tools.graders.inputs import build_variables
from lucy.tools.graders.mustache import MAX_OUTPUT, check_template, render_template
from lucy.tools.graders.placeholders import RenderError
from lucy.tools.responses import write_response
from lucy.tools.vocabulary import Record

CALL = {"type": "function", "function": {"name": "find", "arguments": "{}"}}
VARIABLES = build_variables(
    Record(
        "r",
        (
            {"role": "user", "content": 'a < b & "{{systemPrompt}}"'},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "user", "content": "And now?"},
        ),
        item={
            "list": [1, 2],
            "deep": {"x": [{"y": "z"}]},
            "yes": True,
            "zero": 0,
            "null": None,
            "two words": 2,
        },
    ),
    write_response("Done.", [CALL]),
)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("", ""),
        ("{{messages.0.content}}", 'a < b & "{{systemPrompt}}"'),
        ("{{{response}}}{{&response}}{{ response }}", "Done.Done.Done."),
        ("{{item.deep.x.0.y}}{{item.two words}}", "z2"),
        ("{{item.list}} {{item.deep}} {{item.yes}} {{item.null}}", '[1, 2] {"x": [{"y": "z"}]} true null'),
        ("{{#item.list}}<{{.}}>{{/item.list}}", "<1><2>"),
        ("{{#item.deep.x}}{{y}}{{/item.deep.x}}", "z"),
        ("{{#item.deep}}{{#x}}{{y}} {{response}}{{/x}}{{/item.deep}}", "z Done."),
        ("{{#systemPrompt}}S: {{.}}{{/systemPrompt}}{{^systemPrompt}}none{{/systemPrompt}}", "none"),
        ("{{#response}}R: {{.}}{{/response}}{{^response}}none{{/response}}", "R: Done."),
        ("{{#item.zero}}a{{/item.zero}}{{#item.null}}b{{/item.null}}{{#tools}}c{{/tools}}", ""),
        ("{{#item.missing}}{{item.missing.x}}{{/item.missing}}ok", "ok"),
        ("{{#messages}}{{#tool_calls}}{{function.name}}{{/tool_calls}}{{/messages}}", "find"),
        ("{{#messages}}[{{name}}]{{/messages}}", "[][][]"),
        ("a{{! {{not a tag }}b", "ab"),
        ('{"answer": {{item.list}}}', '{"answer": [1, 2]}'),
    ],
)
def test_a_template_is_filled(template: str, expected: str):
    check_template(template)
    assert render_template(template, VARIABLES) == expected


def test_the_lines_of_lone_section_tags_are_left_out():
    loop = "{{#messages}}\n  {{role}}\n{{/messages}}\n"
    template = f"Before\n{loop}  {{{{! note }}}}\r\nAfter\n{{{{^tools}}}}\nno tools\n{{{{/tools}}}}"
    expected = "Before\n  user\n  assistant\n  user\nAfter\nno tools\n"
    assert render_template(template, VARIABLES) == expected


def test_what_was_filled_in_is_not_rendered_again():
    template = "{{#messages}}{{content}}|{{/messages}}"
    assert "{{systemPrompt}}" in render_template(template, VARIABLES)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("one\n{{foo}}", "Line 2: the template names 'foo'"),
        ("{{sample.output_text}}", "the template names 'sample'"),
        ("{{> secret}}", "a partial"),
        ("{{=<% %>=}}", "a change of delimiters"),
        ("{{< parent}}{{/parent}}", "a parent template"),
        ("{{#messages}}", "'messages' is never closed"),
        ("a\nb {{/messages}}", "Line 2: .*closes nothing here: no section is open"),
        ("{{#messages}}{{#tools}}{{/messages}}{{/tools}}", "`{{/tools}}` comes first"),
        ("{{#messages}}{{contnt}}{{/messages}}", "the template names 'contnt'"),
        ("{{#response}}{{text}}{{/response}}", "the template names 'text'"),
        ("{{^messages}}{{role}}{{/messages}}", "the template names 'role'"),
        ("{{response.__class__.__base__}}", "`response` is a text"),
        ("{{#if response}}x{{/if}}", "closes nothing here"),
        ("{{#each messages}}x{{/each messages}}", "the template names 'each messages'"),
        ("{{.}}", "no section is open"),
        ("{{}}", "is no name"),
        ("{{response | upper}}", "is no name"),
        ("x {{response", "Line 1: a tag is never closed"),
        ("{{{response}}", "a tag is never closed; write `}}}`"),
        ("{{#item}}" * 21 + "{{/item}}" * 21, "more than 20 sections"),
        ("{{#item}}" * 2000, "more than 20 sections"),
        ("x" * 64_001, "shorten it to 64000"),
    ],
)
def test_a_template_that_cannot_be_used_is_refused_with_its_line(template: str, message: str):
    with pytest.raises(InputError, match=message):
        check_template(template)


@pytest.mark.parametrize(
    "path", ["item.missing", "item.deep.x.1", "item.deep.__class__", "messages.9.content", "item.list.append"]
)
def test_a_top_level_path_that_is_not_there_is_an_error(path: str):
    check_template(f"{{{{{path}}}}}")
    with pytest.raises(RenderError, match="this record has no such value"):
        render_template(f"{{{{{path}}}}}", VARIABLES)


def test_attributes_of_an_elements_value_are_out_of_reach():
    assert render_template("{{#item.deep.x}}[{{y.upper}}]{{/item.deep.x}}", VARIABLES) == "[]"


def test_the_result_has_a_longest_length():
    variables = {**VARIABLES, "messages": [{"role": "user"}] * 100}
    nested = "{{#messages}}" * 2 + "x" * 50 + "{{/messages}}" * 2
    with pytest.raises(RenderError, match=f"longer than {MAX_OUTPUT}"):
        render_template(nested, variables)


def test_sections_that_write_nothing_end_as_well():
    variables = {**VARIABLES, "messages": [{"role": "user"}] * 100}
    with pytest.raises(RenderError, match="steps"):
        render_template("{{#messages}}" * 20 + "{{/messages}}" * 20, variables)


FRAGMENTS = st.one_of(
    st.sampled_from(
        [
            "{{",
            "}}",
            "{{{",
            "}}}",
            "{{#",
            "{{^",
            "{{/",
            "{{!",
            "{{&",
            "{{>",
            "{{=",
            "item",
            "messages",
            "response",
        ]
    ),
    st.sampled_from(
        ["{{#item}}", "{{/item}}", "{{#messages}}", "{{/messages}}", "{{role}}", ".", " ", "\n", "\ud800"]
    ),
    st.text(max_size=3),
)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.lists(FRAGMENTS, max_size=14).map("".join))
def test_no_template_fails_with_anything_but_a_sentence(template: str):
    with suppress(InputError):
        check_template(template)
        assert isinstance(render_template(template, VARIABLES), str)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.text())
def test_a_response_stands_in_the_prompt_as_it_is(text: str):
    assert render_template("<{{response}}>", {**VARIABLES, "response": text}) == f"<{text}>"
