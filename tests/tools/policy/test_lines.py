import pytest

from lucy.tools.policy.exchanges import Exchange
from lucy.tools.policy.lines import STOCK_LINES, classify_line, find_lines


def _exchange(number, reply):
    return Exchange(
        record_id=str(number), family=str(number), user="hi", context="", before="", reply=reply, final=True
    )


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        ("Is there anything else I can do for you?", "next_step"),
        ("You're welcome.", "welcome"),
        ("Have a lovely day!", "farewell"),
        ("I'm sorry about that.", "apology"),
        ("Thank you for your message.", "opening"),
        ("The parcel is blue.", None),
        ("We will call you back.", None),
        ("Your balance is 12.", None),
    ],
)
def test_a_sentence_is_classified_by_what_it_does(sentence, kind):
    assert classify_line(sentence) == kind


def test_a_sentence_of_several_families_becomes_a_line_and_stock_fills_the_rest():
    exchanges = [_exchange(number, f"Item {number}. Have a lovely day!") for number in range(4)]
    lines = {line.kind: line for line in find_lines(exchanges, frozenset())}
    assert (lines["farewell"].text, lines["farewell"].families) == ("Have a lovely day!", 4)
    assert (lines["opening"].text, lines["opening"].families) == (STOCK_LINES["opening"], 0)


def test_a_sentence_of_one_family_is_no_line():
    exchanges = [_exchange(1, "Have a lovely day!")] * 5
    assert all(line.families == 0 for line in find_lines(exchanges, frozenset()))


def test_a_line_with_a_name_is_passed_over():
    exchanges = [_exchange(number, "Have a great day, Anna!") for number in range(4)]
    assert all("Anna" not in line.text for line in find_lines(exchanges, frozenset({"anna"})))
