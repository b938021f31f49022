import json
from pathlib import Path

import pytest

from lucy.errors import InputError
from lucy.tools.responses import read_response
from lucy.tools.training.local.loading import load_tokenizer
from lucy.tools.training.local.prompts import (
    drop_start,
    encode,
    make_examples,
    read_answer,
    render,
    shows_tools,
    writes_readable_calls,
)
from lucy.tools.vocabulary import Record

ASKED = ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"})
TOOL = {"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}
CALL = {"type": "function", "function": {"name": "find", "arguments": '{"word": "x"}'}}


def test_without_a_template_messages_are_lines_of_role_and_text(base: Path):
    assert render(load_tokenizer(base), ASKED) == "system: Be brief.\nuser: Hello\nassistant:"


def test_with_a_template_it_is_used(tool_base: Path):
    text = render(load_tokenizer(tool_base), ASKED)
    assert text == "<system>Be brief.<eos><user>Hello<eos><assistant>"


def test_a_content_of_parts_is_written_as_its_text(base: Path):
    message = {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}
    assert render(load_tokenizer(base), [message]) == "user: a\nb\nassistant:"


def test_a_developers_message_is_one_of_the_system(tool_base: Path):
    message = {"role": "developer", "content": "Be brief."}
    assert render(load_tokenizer(tool_base), [message]) == "<system>Be brief.<eos><assistant>"


def test_arguments_of_calls_reach_the_template_as_an_object(tool_base: Path):
    said = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    text = render(load_tokenizer(tool_base), [*ASKED, said], asks=False)
    assert '"arguments": {"word": "x"}' in text


def test_a_template_that_refuses_is_one_sentence(make_base):
    base = make_base(template="{{ raise_exception('Roles must alternate.') }}")
    with pytest.raises(InputError, match=r"cannot write this conversation .*Roles must alternate"):
        render(load_tokenizer(base), ASKED)


def test_a_start_token_stands_only_once(make_base):
    tokenizer = load_tokenizer(make_base(template="<bos>{{ messages[0].content }}", adds_start=True))
    text = render(tokenizer, ASKED)
    assert text.startswith("<bos>")
    assert encode(tokenizer, text).count(tokenizer.bos_token_id) == 1


def test_a_start_token_of_the_template_alone_stays(make_base):
    tokenizer = load_tokenizer(make_base(template="<bos>{{ messages[0].content }}"))
    assert drop_start(tokenizer, "<bos>a") == "<bos>a"
    assert encode(tokenizer, "<bos>a").count(tokenizer.bos_token_id) == 1


def test_only_the_reply_and_its_end_are_learned(base: Path):
    tokenizer = load_tokenizer(base)
    record = Record("r", ASKED, ({"role": "assistant", "content": "Hi."},))
    (example,) = make_examples(tokenizer, record)
    assert tokenizer.decode(example.prompt) == "system: Be brief.\nuser: Hello\nassistant:"
    assert tokenizer.decode(example.reply) == " Hi.<eos>"


def test_each_message_of_the_assistant_is_learned_after_what_went_before(tool_base: Path):
    tokenizer = load_tokenizer(tool_base)
    reply = (
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "tool", "content": "42", "tool_call_id": "c"},
        {"role": "assistant", "content": "It is 42."},
    )
    first, second = make_examples(tokenizer, Record("r", ASKED, reply, (TOOL,)))
    assert tokenizer.decode(first.reply).startswith("<tool_call>")
    assert "<tool>42<eos>" in tokenizer.decode(second.prompt)
    assert tokenizer.decode(second.reply) == "It is 42.<eos>"


def test_a_template_that_opens_a_thought_in_the_prompt_still_gives_a_reply(make_base):
    thinking = (
        "{% for m in messages %}<{{ m.role }}>{{ m.content }}<eos>{% endfor %}"
        "{% if add_generation_prompt %}<assistant><think></think>{% endif %}"
    )
    tokenizer = load_tokenizer(make_base(template=thinking))
    (example,) = make_examples(tokenizer, Record("r", ASKED, ({"role": "assistant", "content": "Hi."},)))
    assert tokenizer.decode(example.reply) == "Hi.<eos>"


def test_tool_calls_in_tags_become_a_response_in_openais_form():
    written = 'I look.\n<tool_call>\n{"name": "find", "arguments": {"word": "x"}}\n</tool_call>'
    response = read_response(read_answer(written))
    assert response.text == "I look."
    assert response.tool_calls[0]["function"]["name"] == "find"
    assert json.loads(response.tool_calls[0]["function"]["arguments"]) == {"word": "x"}


@pytest.mark.parametrize("written", [
    '<tool_call>{"name": "find", "arguments": </tool_call>', '<tool_call>{"arguments": {}}</tool_call>',
    "<tool_call>{broken}</tool_call>",
])  # fmt: skip
def test_a_broken_call_stays_the_text_that_it_is(written: str):
    assert read_answer(f" {written} ") == written


def test_it_is_known_whether_a_template_shows_tools(base: Path, tool_base: Path):
    record = Record("r", ASKED, tools=(TOOL,))
    assert shows_tools(load_tokenizer(tool_base), record)
    assert not shows_tools(load_tokenizer(base), record)


def test_it_is_known_whether_calls_can_be_read(tool_base: Path, make_base, chat_template: str):
    record = Record("r", ASKED, tools=(TOOL,))
    other = make_base(template=chat_template.replace("tool_call>", "function>"))
    assert writes_readable_calls(load_tokenizer(tool_base), record)
    assert not writes_readable_calls(load_tokenizer(other), record)
