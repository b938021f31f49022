import pytest

from lucy.tools.topics.edits import UseFewer, UseMore, parse_edit
from lucy.tools.topics.outline import parse_outline

TREE = parse_outline(
    "Billing\n  Refunds\n  Payments\nSupport\n  Access\n  Bugs\nGeneral\n  Questions\n  Feedback"
)


@pytest.mark.parametrize(
    "words",
    [
        "use more topics",
        "More topics, please",
        "more detail",
        "can you make it more detailed?",
        "use finer topics",
        "too few topics",
        "It's too broad",
        "add more topics",
        "I'd like more categories",
        "a bit more detail please",
    ],
)
def test_more_topics_are_asked_for(words):
    assert parse_edit(words, TREE) == UseMore(10)


@pytest.mark.parametrize(
    ("words", "edit"),
    [
        ("use 12 topics", UseMore(12)),
        ("at least nine topics", UseMore(9)),
        ("at least 4 topics", UseMore(4)),
        ("increase the number of topics to 15", UseMore(15)),
        ("use 4 topics", UseFewer(4)),
        ("at most 20 topics", UseFewer(20)),
        ("no more than 5 categories", UseFewer(5)),
        ("it is too detailed", UseFewer(4)),
    ],
)
def test_a_number_of_topics_is_understood(words, edit):
    assert parse_edit(words, TREE) == edit


@pytest.mark.parametrize(
    "words",
    [
        "tell me more about Refunds",
        "give me more details about Feedback",
        "add more examples",
        "more records",
    ],
)
def test_more_of_something_else_is_no_wish_for_topics(words):
    assert not isinstance(parse_edit(words, TREE), UseMore)
