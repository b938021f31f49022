import math

import pytest

from lucy.errors import InputError
from lucy.tools.graders.criterion import MEASURE_NAMES
from lucy.tools.graders.presets import PRESET_NAMES, PRESETS, find_preset, make_preset, read_preset_name
from lucy.tools.graders.rubric import open_rubric
from lucy.tools.vocabulary import Record

RECORD = Record(
    id="r",
    prompt=({"role": "user", "content": "How long does the delivery to Bonn take?"},),
    reply=({"role": "assistant", "content": "The delivery to Bonn usually takes two days."},),
)


@pytest.mark.parametrize("name", PRESET_NAMES)
@pytest.mark.parametrize(
    "has", [(a, b, c) for a in (True, False) for b in (True, False) for c in (True, False)]
)
def test_every_preset_is_a_rubric_of_whole_percents(name: str, has: tuple[bool, bool, bool]):
    grader = make_preset(name, has_reference=has[0], has_replies=has[1], has_tools=has[2])
    assert math.fsum(one.weight for one in grader.criteria) == pytest.approx(1)
    assert all(one.measure in MEASURE_NAMES for one in grader.criteria)
    assert grader.name == PRESETS[read_preset_name(name) or "quality"].title


def test_what_there_is_nothing_to_compare_with_is_left_out():
    bare = make_preset("quality", has_reference=False, has_replies=False, has_tools=False)
    full = make_preset("quality", has_reference=False, has_replies=True, has_tools=False)
    assert {one.id for one in full.criteria} - {one.id for one in bare.criteria} == {"grounding"}


def test_quality_of_replies_that_are_calls_looks_at_the_calls():
    grader = make_preset("quality", has_reference=False, has_replies=False, has_tools=True)
    assert max(grader.criteria, key=lambda one: one.weight).id == "tool_usage"


@pytest.mark.parametrize("name", ["", "best", "tool", "python"])
def test_an_unknown_preset_is_refused_with_the_known_ones(name: str):
    with pytest.raises(InputError, match="quality, correctness, tool_usage, format_compliance, conciseness"):
        make_preset(name, has_reference=False, has_replies=True, has_tools=False)


ASKED = {
    "use the conciseness preset": "conciseness",
    "tool usage preset": "tool_usage",
    "Tool Usage": "tool_usage",
    "tool_usage": "tool_usage",
    "please take the preset for function calling": "tool_usage",
    "preset: quality": "quality",
    "I'd like the format-compliance preset, please": "format_compliance",
    "use the JSON preset": "format_compliance",
    "the correctness preset, not the quality one": "correctness",
    "quality.": "quality",
    "make it shorter": None,
    "add: conciseness": None,
    "which presets are there?": None,
    "yes": None,
}


@pytest.mark.parametrize(("text", "name"), ASKED.items())
def test_a_preset_is_recognised_in_words(text: str, name: str | None):
    assert find_preset(text) == name


@pytest.mark.parametrize("name", ["quality", "correctness", "format_compliance", "conciseness"])
def test_a_good_answer_beats_a_hollow_one_by_every_preset(name: str):
    grader = make_preset(name, has_reference=False, has_replies=True, has_tools=False)
    with open_rubric(grader) as score_many:
        good, hollow = score_many(
            [(RECORD, "It usually takes two days to Bonn."), (RECORD, "Sure, whatever.")]
        )
    assert good.score is not None
    assert hollow.score is not None
    assert good.score > hollow.score + 0.1
