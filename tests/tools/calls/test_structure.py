"""Structured output is read from whatever a model wraps it in, and never from a part of it."""

import pytest
from pydantic import BaseModel, Field

from lucy.tools.calls.structure import LONGEST_COMPLAINT, Structure


class Entry(BaseModel):
    name: str
    count: int = Field(default=0, ge=0)


class Answer(BaseModel):
    entries: list[Entry] = Field(default_factory=list)


class Free(BaseModel):
    counts: dict[str, int]


GOOD = '{"entries": [{"name": "a", "count": 1}, {"name": "b"}]}'
VALUE = Answer(entries=[Entry(name="a", count=1), Entry(name="b")])


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"\n  {GOOD}\n",
        f"```json\n{GOOD}\n```",
        f"```\n{GOOD}```",
        f"Here it is:\n\n```JSON\n{GOOD}\n```\nAnything else?",
        f"```json\n{GOOD}",
        f"Sure! {GOOD} I hope this helps {{really}}.",
        f"{GOOD}\n\nThat is all.",
        f"I use {{placeholders}} like this:\n{GOOD}",
        f'<think>Maybe {{"entries": []}}?</think>{GOOD}',
        "```python\nprint('no')\n```\n" + GOOD,
    ],
)
def test_the_object_is_found(text: str) -> None:
    assert Structure(Answer).read(text).value == VALUE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "I cannot do that.",
        GOOD[:-10],
        GOOD[:-1],
        '{"entries": [{"name": "a"}, {"name": ',
        '```json\n{\n  "entries": [\n    {"name": "a"},\n',
        '{"entries": [{"name": "a", "count": -1}]}',
        '{"entries": "a"}',
        "{'entries': []}",
        "[" * 5000,
        "{" * 5000,
        '{"entries": [{"name": "\\ud83d"}]}',
        "null",
        "<think>I think forever",
    ],
)
def test_what_is_not_the_object_is_a_complaint(text: str) -> None:
    value, complaint = Structure(Answer).read(text)
    assert value is None
    assert 0 < len(complaint) <= LONGEST_COMPLAINT


def test_a_part_of_an_object_that_was_cut_off_is_not_taken_for_the_whole() -> None:
    class Optional(BaseModel):
        name: str = ""

    text = '{"children": [{"name": "inner"}, {"name": "sec'
    assert Structure(Optional).read(text).value is None
    assert Structure(Optional).read(f"Well: {text}").value is None
    assert Structure(Optional).read('{"name": "a"} and {"na', is_cut_off=True).value is None


def test_an_answer_at_its_limit_that_is_whole_counts() -> None:
    assert Structure(Answer).read(GOOD, is_cut_off=True).value == VALUE


def test_a_complaint_names_the_fields() -> None:
    text = '{"entries": [{"name": 3, "count": -1}]}'
    complaint = Structure(Answer).read(text).complaint
    assert "entries.0.name" in complaint
    assert "entries.0.count: Input should be greater than or equal to 0" in complaint


def test_a_schema_is_strict_where_it_can_be() -> None:
    form = Structure(Answer).response_format["json_schema"]
    assert form["strict"] is True
    assert form["schema"]["required"] == ["entries"]
    assert form["schema"]["$defs"]["Entry"]["required"] == ["name", "count"]


def test_the_instruction_holds_the_schema() -> None:
    assert '"entries"' in Structure(Answer).instruction
    assert '"additionalProperties":{"type":"integer"}' in Structure(Free).instruction
