import pytest

from lucy.errors import InputError
from lucy.tools.topics.outline import parse_outline
from lucy.tools.topics.tree import (
    TopicTree,
    check_tree,
    draw_tree,
    find_by_name,
    find_topic,
    iterate,
    leaves,
    make_topic_id,
    path_of,
)
from lucy.tools.vocabulary import Topic

DRAWING = """Customer Support
├── Billing & Payments
│   ├── Refund Requests
│   └── Payment Issues
└── General Inquiries
    ├── Feedback
    └── Complaints"""


@pytest.fixture
def tree():
    return parse_outline(DRAWING)


def _topic(name, *children, topic_id=""):
    return Topic(id=topic_id or f"id-{name}", name=name, children=children)


def test_a_drawn_tree_is_read_and_drawn_the_same(tree):
    assert draw_tree(tree) == DRAWING


def test_marks_stand_behind_their_topics(tree):
    complaints = leaves(tree)[-1]

    assert draw_tree(tree, {complaints.id: "← NEW"}).endswith("└── Complaints ← NEW")


def test_leaves_are_the_topics_without_children(tree):
    assert [topic.name for topic in leaves(tree)] == [
        "Refund Requests",
        "Payment Issues",
        "Feedback",
        "Complaints",
    ]


def test_a_path_holds_the_names_down_to_a_topic(tree):
    assert path_of(tree, leaves(tree)[0].id) == "Billing & Payments/Refund Requests"


def test_the_path_of_an_unknown_id_is_an_input_error(tree):
    with pytest.raises(InputError, match="nowhere"):
        path_of(tree, "nowhere")


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("complaints", "Complaints"),
        ("billing and payments", "Billing & Payments"),
        ("the Feedback topic", "Feedback"),
        ("General", "General Inquiries"),
        ("refnd requests", "Refund Requests"),
        ("General Inquiries/Feedback", "Feedback"),
    ],
)
def test_a_topic_is_found_by_the_words_for_it(tree, words, name):
    found = find_by_name(tree, words)

    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("words", ["", "weather", "zzz"])
def test_words_for_nothing_find_no_topic(tree, words):
    assert find_by_name(tree, words) is None


def test_a_beginning_of_two_names_finds_neither():
    tree = TopicTree(roots=(_topic("Order Status"), _topic("Order Changes")))

    assert find_by_name(tree, "order") is None


def test_every_topic_is_found_by_its_id(tree):
    assert all(find_topic(tree, topic.id) == topic for topic in iterate(tree))


def test_the_same_path_gives_the_same_id_unless_it_is_taken():
    first = make_topic_id("A/B")

    assert make_topic_id("A/B") == first
    assert make_topic_id("A/B", {first}) != first


@pytest.mark.parametrize(
    ("roots", "message"),
    [
        ((), "empty"),
        ((_topic("A", topic_id="1"), _topic("a", topic_id="2")), "twice"),
        ((_topic("  "),), "no name"),
        ((_topic("A", topic_id="1"), _topic("B", topic_id="1")), "'1'"),
        ((_topic("A", _topic("B", _topic("C", _topic("D")))),), "level 4"),
        (tuple(_topic(f"T{number}") for number in range(501)), "501"),
    ],
)
def test_a_tree_that_cannot_be_used_is_refused(roots, message):
    with pytest.raises(InputError, match=message):
        check_tree(TopicTree(roots=roots))


@pytest.mark.parametrize(
    "outline",
    ["- A\n  - B\n  - C\n- D", "A\n\tB\n\tC\nD", "* A\n    * B\n    * C\n* D", "# A\n- B\n- C\n# D"],
)
def test_outlines_of_several_styles_give_the_same_tree(outline):
    assert draw_tree(parse_outline(outline)) == "├── A\n│   ├── B\n│   └── C\n└── D"


def test_an_outline_keeps_what_stands_after_a_colon_as_description():
    assert parse_outline("- Refunds: money back").roots[0].description == "money back"


@pytest.mark.parametrize("outline", ["", "  \n\n", "- A\n- A"])
def test_an_outline_without_a_usable_tree_is_an_input_error(outline):
    with pytest.raises(InputError):
        parse_outline(outline)
