import json
import re

import pytest

from lucy.tools.generation.arguments import ArgumentBank, list_arguments
from lucy.tools.generation.draft import Attempt
from lucy.tools.generation.plan import GenerationPlan
from lucy.tools.generation.sources import collect_sources
from lucy.tools.generation.toolchain import ToolChain
from lucy.tools.vocabulary import Record

CITIES = ("Rome", "Oslo", "Chicago", "Detroit")


def make_tool(**enum: list[str]):
    names = ("origin", "goal", "day")
    properties = {name: {"type": "string"} | ({"enum": enum[name]} if name in enum else {}) for name in names}
    return {"type": "function", "function": {"name": "find_flight", "parameters": {"properties": properties}}}


def make_flight(record_id: str, origin: str, goal: str, day: str, tool=None, **more: object) -> Record:
    arguments = json.dumps({"origin": origin, "goal": goal, "day": day} | more)
    call = {
        "id": "c1",
        "type": "function",
        "function": {"name": "find_flight", "arguments": arguments},
    }
    return Record(
        record_id,
        ({"role": "user", "content": f"I need a flight from {origin} to {goal} on {day}, please"},),
        (
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": json.dumps({"goal": goal, "price": 99})},
            {"role": "assistant", "content": f"There is one from {origin} to {goal} for 99."},
        ),
        (tool or make_tool(),),
        family=record_id,
    )


FLIGHTS = (
    make_flight("f0", "Rome", "Oslo", "May 3rd"),
    make_flight("f1", "Chicago", "Detroit", "May 9th"),
    make_flight("f2", "Oslo", "Rome", "June 2nd"),
)


def build(records, mode: str = "sft") -> ToolChain:
    plan = GenerationPlan(batch="b", strategy="tool_chain", counts={"x": 5}, mode=mode)
    return ToolChain(collect_sources(plan, records, {record.id: "x" for record in records}))


def draw(records, count: int = 30, mode: str = "sft"):
    return build(records, mode).draft_many([Attempt("x", number) for number in range(count)])


def test_message_call_result_and_reply_have_the_same_new_values() -> None:
    changed = 0
    for draft in draw(FLIGHTS):
        found = re.search(r"from (\w+) to (\w+) on (\w+ \w+)", draft.message)
        assert found
        arguments = json.loads(draft.reply[0]["tool_calls"][0]["function"]["arguments"])
        assert (arguments["origin"], arguments["goal"]) == (found[1], found[2])
        assert arguments["day"].lower() == found[3].lower()
        assert json.loads(draft.reply[1]["content"])["goal"] == found[2]
        assert f"from {found[1]} to {found[2]}" in draft.reply[2]["content"]
        changed += found[2] not in draft.parent.prompt[0]["content"]
    assert changed > 10


def test_nobody_flies_to_where_they_are() -> None:
    for draft in draw(FLIGHTS, 60):
        arguments = json.loads(draft.reply[0]["tool_calls"][0]["function"]["arguments"])
        assert arguments["origin"] != arguments["goal"]


def test_only_values_that_the_schema_allows_are_taken() -> None:
    tool = make_tool(goal=["Oslo", "Leeds", "Porto"])
    records = [make_flight("f0", "Rome", "Oslo", "May 3rd", tool), FLIGHTS[1]]
    goals = {
        json.loads(draft.reply[0]["tool_calls"][0]["function"]["arguments"])["goal"]
        for draft in draw(records, 40)
        if draft.parent.id == "f0"
    }
    assert goals <= {"Oslo", "Leeds", "Porto"}
    assert len(goals) > 1


def test_a_place_given_by_figures_stays() -> None:
    record = make_flight("f0", "Rome", "Oslo", "May 3rd", latitude=59.9)
    assert all("Rome to Oslo on May 3rd" in draft.message for draft in draw([record, *FLIGHTS[1:]], 1))


def test_what_a_call_passes_on_word_for_word_is_not_rephrased() -> None:
    text = 'Translate "i bought a lamp because i think it is very nice" for me please'
    quoted = "i bought a lamp because i think it is very nice"
    call = {"id": "c", "function": {"name": "translate", "arguments": json.dumps({"text": quoted})}}
    record = Record(
        "t",
        ({"role": "user", "content": text},),
        ({"role": "assistant", "content": None, "tool_calls": [call]},),
        ({"type": "function", "function": {"name": "translate"}},),
    )
    assert all(quoted in draft.message for draft in draw([record], 20))


def test_rft_gives_the_request_alone() -> None:
    assert all(draft.reply == () for draft in draw(FLIGHTS, mode="rft"))


@pytest.mark.parametrize("mode", ["rft", "sft"])
def test_a_topic_without_tools_says_so(mode: str, dataset) -> None:
    bare = Record("b", ({"role": "user", "content": "Where is my refund?"},))
    assert "choose another strategy" in build([bare], mode).explain_lack("x")


def test_calls_whose_arguments_are_no_json_have_no_values() -> None:
    call = {"id": "c", "function": {"name": "f", "arguments": "{broken"}}
    assert list_arguments([{"role": "assistant", "tool_calls": [call]}]) == []


def test_others_look_like_the_value() -> None:
    bank = ArgumentBank(FLIGHTS)
    goal = next(one for one in list_arguments(FLIGHTS[0].reply) if one.name == "goal")
    assert set(bank.list_others(goal)) == {"Detroit", "Rome"}
