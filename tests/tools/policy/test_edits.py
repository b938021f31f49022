from lucy.tools.policy.edits import Situation, choose_lines, edit_reply
from lucy.tools.policy.lines import STOCK_LINES, Line

OPEN = Situation(closing=False, thanks=False, trouble=False, first=True)
LATER = OPEN._replace(first=False)
CLOSING = Situation(closing=True, thanks=True, trouble=False, first=False)


def _edit(reply, situation):
    return {edited.edit: edited.text for edited in edit_reply(reply, STOCK_LINES, situation)}


def test_a_promise_is_left_out_of_every_edit():
    edits = _edit("The parcel is packed. It will be there by Friday.", OPEN)
    assert edits["no_promise"] == "The parcel is packed."
    assert all("Friday" not in text for edit, text in edits.items() if edit != "as_is")


def test_an_opening_is_offered_only_at_the_start_of_a_conversation():
    assert _edit("The parcel is packed.", OPEN)["opening"].startswith(STOCK_LINES["opening"])
    assert "opening" not in _edit("The parcel is packed.", LATER)


def test_a_reply_that_asks_gets_no_second_question():
    assert "next_step" not in _edit("Which parcel is it?", LATER)


def test_a_closed_conversation_gets_good_wishes_and_no_question():
    edits = _edit("Goodbye.", CLOSING)
    assert edits["opening_and_close"] == "You're welcome. Goodbye. Have a great day!"
    assert not any("?" in text for text in edits.values())


def test_a_reply_that_has_its_courtesies_is_left_alone():
    assert _edit("You're welcome. Have a great day!", CLOSING) == {
        "as_is": "You're welcome. Have a great day!"
    }


def test_trouble_is_met_with_an_apology():
    edits = _edit("The parcel is packed.", LATER._replace(trouble=True))
    assert edits["opening"].startswith(STOCK_LINES["apology"])


def test_brief_keeps_the_first_two_sentences():
    assert _edit("One is here. Two is there. Three is gone.", LATER)["brief"] == "One is here. Two is there."


def test_a_line_about_something_else_is_not_used_here():
    lines = [
        Line(kind="farewell", text="Enjoy your ride!", families=9),
        Line(kind="farewell", text="Have a great day!", families=3),
    ]
    assert choose_lines(lines, {}, {"hotel"})["farewell"] == "Have a great day!"
    assert choose_lines(lines, {}, {"ride"})["farewell"] == "Enjoy your ride!"


def test_the_line_of_similar_conversations_comes_first():
    lines = [
        Line(kind="welcome", text="You're welcome.", families=9),
        Line(kind="welcome", text="My pleasure.", families=3),
    ]
    assert choose_lines(lines, {}, set())["welcome"] == "You're welcome."
    assert choose_lines(lines, {"My pleasure.": 1.0}, set())["welcome"] == "My pleasure."
