"""Editing single records by the rules of the import."""

import pytest

from lucy.errors import InputError
from lucy.tools.record_edits import edit_record, leave_out
from lucy.tools.vocabulary import Record

ASK = {"role": "user", "content": "Where is my parcel?"}
SAY = {"role": "assistant", "content": "On its way."}
RECORDS = [
    Record(
        "a",
        (ASK,),
        reply=(SAY,),
        item={"reference_answer": "4", "level": 2},
        metadata={"label": "x"},
        parents=("p",),
        origin={"strategy": "few_shot"},
        family="f",
    ),
    Record("b", ({"role": "user", "content": "When does the shop open?"},)),
]


def edit(**changes):
    return edit_record(RECORDS, "a", changes)


def test_new_messages_keep_the_reply_and_all_that_cannot_be_edited():
    new = {"role": "user", "content": "Where is my order?"}
    edited = edit(messages=[new])
    assert (edited.prompt, edited.reply) == ((new,), (SAY,))
    assert (edited.id, edited.metadata, edited.parents, edited.origin, edited.family) == (
        "a",
        {"label": "x"},
        ("p",),
        {"strategy": "few_shot"},
        "f",
    )


def test_messages_that_end_in_an_answer_bring_their_reply():
    new = {"role": "assistant", "content": "It was lost."}
    edited = edit(messages=[ASK, new])
    assert (edited.prompt, edited.reply) == ((ASK,), (new,))


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("Tomorrow.", ({"role": "assistant", "content": "Tomorrow."},)),
        ([{"role": "assistant", "content": "Soon."}], ({"role": "assistant", "content": "Soon."},)),
        (None, ()),
    ],
)
def test_a_reply_is_a_text_messages_or_none(reply, expected):
    assert edit(reply=reply).reply == expected


def test_item_fields_are_set_and_taken_out_one_by_one():
    assert edit(item={"reference_answer": "5", "level": None}).item == {"reference_answer": "5"}


def test_tools_are_replaced():
    tool = {"type": "function", "function": {"name": "track"}}
    assert edit(tools=[tool]).tools == (tool,)
    assert edit(tools=None).tools == ()


def test_the_records_given_stay_as_they_are():
    before = repr(RECORDS)
    edit(item={"level": 3}, reply=None)
    assert repr(RECORDS) == before


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"messages": []}, "empty_messages"),
        ({"messages": [SAY]}, "no_user_message"),
        ({"messages": [{"role": "user", "content": "Hi"}]}, "user_message_too_short"),
        ({"messages": [{"role": "user", "content": " "}]}, "empty_user_message"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "invalid_role"),
        ({"messages": "Where is it?"}, "invalid_data_structure.*`messages` is a text"),
        ({"messages": ["Where is it?"]}, "invalid_data_structure"),
        ({"messages": [{"role": "user", "content": "word " * 9000}]}, "exceeds_max_tokens"),
        ({"reply": [{"role": "tool", "tool_call_id": "c", "content": "4"}]}, "orphan_tool_result"),
        ({"reply": [{"role": "assistant", "tool_calls": [{"type": "function"}]}]}, "missing_tool_call_id"),
        ({"reply": 7}, "`reply` is a number"),
        ({"tools": ["track"]}, "no list of tool definitions"),
        ({"item": ["reference"]}, "`item` is a list"),
        ({"item": {"value": float("nan")}}, "no JSON"),
        ({"item": {"value": {1, 2}}}, "no JSON"),
        ({"metadata": {"label": "y"}}, "'metadata' of record 'a' cannot be edited"),
        ({"id": "z"}, "'id' of record 'a' cannot be edited"),
        ({}, "Say what to edit"),
    ],
)
def test_what_the_import_would_reject_is_refused_in_one_sentence(changes, sentence):
    with pytest.raises(InputError, match=sentence):
        edit_record(RECORDS, "a", changes)


def test_a_copy_of_another_record_is_refused():
    with pytest.raises(InputError, match=r"duplicate.*'b'"):
        edit(messages=[{"role": "user", "content": "when does  the shop OPEN?"}], reply=None)


def test_an_unknown_record_is_refused():
    with pytest.raises(InputError, match="no record with the id 'z'"):
        edit_record(RECORDS, "z", {"reply": None})


def test_records_are_left_out_by_their_ids():
    assert leave_out(RECORDS, ["b", "b"]) == {"b": None}


def test_leaving_out_an_unknown_record_is_refused():
    with pytest.raises(InputError, match="'z'"):
        leave_out(RECORDS, ["a", "z"])


def test_leaving_out_every_record_is_refused():
    with pytest.raises(InputError, match="every record"):
        leave_out(RECORDS, ["a", "b"])
