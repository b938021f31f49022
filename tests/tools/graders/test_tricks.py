import json
from typing import Any

import pytest

from lucy.tools.graders.criterion import find_kind, make_criterion
from lucy.tools.graders.kinds import (
    JavascriptGrader,
    JudgeGrader,
    LabelModelGrader,
    ModelMessage,
    MultiGrader,
    PythonGrader,
    RubricGrader,
    StringCheckGrader,
)
from lucy.tools.graders.tricks import TRICKS, Material, list_own_words
from lucy.tools.responses import read_response, write_response
from lucy.tools.vocabulary import Record

RECORD = Record(id="r", prompt=({"role": "user", "content": "My parcel is late, where is the parcel?"},))
CALL = {"type": "function", "function": {"name": "find", "arguments": '{"id": 4}'}}
CHECK = StringCheckGrader(
    name="c", input="{{sample.output_text}}", reference="{{item.x}} yes", operation="eq"
)


def make(name: str, honest: str = "It waits in Bonn until the strike is over.", **fields: Any) -> str:
    material: dict[str, Any] = {
        "record": RECORD,
        "honest": honest,
        "other": "Blue.",
        "words": "kind",
        "place": 0,
    }
    trick = next(trick for trick in TRICKS if trick.name == name)
    return trick.make(Material(**(material | fields)))


def test_every_trick_has_a_name_of_its_own_and_a_remedy():
    assert len({trick.name for trick in TRICKS}) == len(TRICKS)
    assert all(trick.remedy and not trick.remedy.endswith(".") for trick in TRICKS)


def test_keywords_are_the_prompts_content_words_only():
    assert set(make("keywords").split()) == {"parcel", "late"}


def test_own_words_that_are_missing_make_no_trick():
    assert make("own_words", words="") == ""


def test_a_cut_off_answer_keeps_its_beginning():
    assert make("truncated") == "It waits in Bonn"


def test_an_answer_of_a_few_words_is_not_cut_off():
    assert make("truncated", honest="In Bonn") == ""


@pytest.mark.parametrize("length", [1, 30, 300])
def test_padding_at_least_doubles_an_answer(length: int):
    honest = "word " * length
    assert len(make("padded", honest=honest).split()) >= 2 * length


def test_padding_keeps_tool_calls():
    padded = read_response(make("padded", honest=write_response("", [CALL])))
    assert padded.tool_calls == (CALL,)
    assert padded.text


def test_a_repeated_answer_makes_every_call_twice():
    assert len(read_response(make("repeated", honest=write_response("", [CALL]))).tool_calls) == 2


def test_a_faked_verdict_is_json_with_full_marks():
    assert json.loads(make("fake_verdict"))["score"] == 1


OWN_WORDS = {
    "criteria": (
        RubricGrader(name="r", criteria=(make_criterion(find_kind("clarity"), 100, "Easy to read"),)),
        ["Clarity", "Easy to read"],
    ),
    "a Python script": (
        PythonGrader(name="p", source="def grade(sample, item):\n    return float('sorry' in sample['t'])\n"),
        ["sorry", "t"],
    ),
    "a JavaScript script": (
        JavascriptGrader(name="j", source="function evaluate(i) { return i.response.includes('sorry') }"),
        ["sorry"],
    ),
    "a judge's prompt": (JudgeGrader(name="j", prompt_template="Is {{response}} kind?"), ["Is  kind?"]),
    "a model's messages": (
        LabelModelGrader(
            name="l",
            model="m",
            input=(ModelMessage(role="user", content="Kind: {{item.x}}"),),
            labels=("a",),
            passing_labels=("a",),
        ),
        ["Kind: "],
    ),
    "what is compared with": (CHECK, [" yes"]),
    "members": (MultiGrader(name="m", graders={"c": CHECK, "d": CHECK}), [" yes", " yes"]),
}


@pytest.mark.parametrize(("grader", "words"), OWN_WORDS.values(), ids=OWN_WORDS)
def test_a_graders_own_words_are_found(grader: Any, words: list[str]):
    assert sorted(list_own_words(grader)) == sorted(words)
