from lucy.tools.policy.exchanges import MAX_REPLY_CHARACTERS, read_exchanges, read_query
from lucy.tools.vocabulary import Record


def _say(role, text):
    return {"role": role, "content": text}


def test_exchanges_inside_the_prompt_and_the_final_reply_are_read():
    record = Record(
        "a",
        (_say("user", "Hi"), _say("assistant", "Name?"), _say("user", "Ann")),
        (_say("assistant", "Done."),),
    )
    found = read_exchanges([record])
    assert [(one.user, one.context, one.reply, one.final) for one in found] == [
        ("Hi", "", "Name?", False),
        ("Ann", "Name?", "Done.", True),
    ]


def test_several_messages_of_one_side_are_one_turn():
    query = read_query([_say("user", "Hi"), _say("user", "Where is it?")])
    assert query.user == "Hi\nWhere is it?"


def test_a_reply_of_tool_calls_alone_is_no_reply():
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}
    assert read_exchanges([Record("a", (_say("user", "Hi there"),), (call,))]) == []


def test_a_very_long_reply_is_not_offered():
    record = Record("a", (_say("user", "Hi"),), (_say("assistant", "x" * (MAX_REPLY_CHARACTERS + 1)),))
    assert read_exchanges([record]) == []


def test_what_the_conversation_knows_includes_the_system_message():
    query = read_query([_say("system", "Shop Fernly"), _say("user", "Hi")])
    assert "Fernly" in query.conversation
    assert query.earlier == ()
