"""The list for review, and putting records where the person says."""

import pytest

from lucy.errors import InputError
from lucy.tools.categories.review import ReviewRow, list_for_review, parse_reassignment, reassign
from lucy.tools.topics.outline import parse_outline
from lucy.tools.topics.tree import iterate
from lucy.tools.vocabulary import Assignment, Record

TREE = parse_outline("Billing\n  Refunds\n  Invoices and Receipts\nOrders\nComplaints\n24/7 Support")
IDS = {topic.name: topic.id for topic in iterate(TREE)}
NAMES: dict[str | None, str | None] = {topic.id: topic.name for topic in iterate(TREE)} | {None: None}

FOUND = [
    Assignment("a", IDS["Refunds"], 0.6, "keyword"),
    Assignment("b", IDS["Orders"], 0.9, "keyword"),
    Assignment("c", None, 0.1, "embedding"),
    Assignment("d", IDS["Orders"], 0.3, "model"),
    Assignment("e", IDS["Orders"], 0.2, "generated"),
    Assignment("f", None, 1.0, "manual"),
    Assignment("gone", IDS["Orders"], 0.3, "keyword"),
]
RECORDS = [Record(name, ({"role": "user", "content": f"{name} wants\na refund"},)) for name in "abcdef"]


def list_ids(**given):
    rows = list_for_review(FOUND, RECORDS, TREE, **({"threshold": 0.7, "limit": 10} | given))
    return [row.record_id for row in rows]


def test_uncertain_and_uncategorized_records_are_listed_least_sure_first():
    assert list_ids() == ["c", "d", "a"]


def test_the_list_can_be_cut():
    assert list_ids(limit=2) == ["c", "d"]


def test_the_list_can_be_of_one_topic_with_those_below_it():
    assert list_ids(topic=IDS["Billing"]) == ["a"]


def test_a_row_shows_text_topic_and_another_guess():
    (row,) = list_for_review(FOUND, RECORDS, TREE, threshold=0.7, limit=1)
    assert (row.text, row.path, row.confidence, row.guess) == ("c wants a refund", "", 0.1, IDS["Refunds"])


def test_a_long_text_is_cut():
    long = [Record("a", ({"role": "user", "content": "word " * 500},))]
    (row,) = list_for_review(FOUND, long, TREE, threshold=0.7, limit=1)
    assert (len(row.text), row.text[-1], row.guess) == (300, "…", None)


def test_a_list_of_no_rows_is_refused():
    with pytest.raises(InputError, match="1 or more"):
        list_ids(limit=0)


def test_a_list_of_an_unknown_topic_is_refused():
    with pytest.raises(InputError, match="'nowhere'"):
        list_ids(topic="nowhere")


def test_what_the_person_says_is_manual_and_sure():
    changed = reassign(FOUND, {"a": IDS["Orders"], "c": None}, TREE)
    assert changed[0] == Assignment("a", IDS["Orders"], 1.0, "manual")
    assert changed[2] == Assignment("c", None, 1.0, "manual")
    assert changed[1] == FOUND[1]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"z": IDS["Orders"]}, "id 'z'"),
        ({"a": "nowhere"}, "topic with the id 'nowhere'"),
        ({"a": IDS["Billing"]}, "sub-topics.*choose one of: Refunds, Invoices and Receipts"),
    ],
)
def test_what_cannot_be_assigned_is_one_sentence(changes, sentence):
    with pytest.raises(InputError, match=sentence):
        reassign(FOUND, changes, TREE)


ROWS = [
    ReviewRow(str(number), "text", IDS["Orders"] if number != 5 else None, "", 0.4, "keyword", None)
    for number in range(1, 9)
]


def read(words):
    found = parse_reassignment(words, ROWS, TREE)
    return None if found is None else {int(key): NAMES[topic_id] for key, topic_id in found.items()}


def all_to(name, *numbers):
    return dict.fromkeys(numbers or range(1, 9), name)


AS_SHOWN = all_to("Orders") | {5: None}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("move 3 to Refunds", all_to("Refunds", 3)),
        ("1, 4 and 7 are complaints", all_to("Complaints", 1, 4, 7)),
        ("put all of these under Orders", all_to("Orders")),
        ("rows 2-5 to Refunds", all_to("Refunds", 2, 3, 4, 5)),
        ("rows 2 to 4 to Refunds", all_to("Refunds", 2, 3, 4)),
        ("5 fits no topic", {5: None}),
        ("#4 is uncategorized", {4: None}),
        ("5 is none of these", {5: None}),
        ("accept the rest", AS_SHOWN),
        ("these are right", AS_SHOWN),
        ("Yes, these are all correct.", AS_SHOWN),
        ("accept 1-3", all_to("Orders", 1, 2, 3)),
        ("1 and 2 are right", all_to("Orders", 1, 2)),
        ("move 3 to refunds and 5 to orders", {3: "Refunds", 5: "Orders"}),
        ("3 to Refunds, the rest are right", AS_SHOWN | {3: "Refunds"}),
        ("1: Complaints, 2: Refunds", {1: "Complaints", 2: "Refunds"}),
        ("row 1 is a complaint; 2-4 are refunds", {1: "Complaints"} | all_to("Refunds", 2, 3, 4)),
        ("put 2 and 4 in Invoices and Receipts", all_to("Invoices and Receipts", 2, 4)),
        ("record 2 belongs to 24/7 support", all_to("24/7 Support", 2)),
        ('Move rows 1, 2, and 3 to "Orders".', all_to("Orders", 1, 2, 3)),
        ("no, 3 is a refund", all_to("Refunds", 3)),
    ],
)
def test_words_that_place_records_are_read(words, found):
    assert read(words) == found


@pytest.mark.parametrize(
    "words",
    [
        "why is 3 in Refunds?",
        "move Refunds under Orders",
        "generate 30 more refunds",
        "3 is too few",
        "use 5 topics",
        "they are fine except 3, which is a refund",
        "ok",
        "go on",
    ],
)
def test_other_words_place_nothing(words):
    assert read(words) is None


def test_without_rows_nothing_is_placed():
    assert parse_reassignment("move 3 to Refunds", [], TREE) is None


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("move 9 to Refunds", "no row 9; the rows shown are 1 to 8"),
        ("move 0 to Refunds", "no row 0"),
        ("move 5-2 to Orders", "no row 5-2"),
        ("move 3 to Billing", "sub-topics"),
        ("move 3 to Nonsense", "'Nonsense'"),
    ],
)
def test_words_that_cannot_be_followed_are_one_sentence(words, sentence):
    with pytest.raises(InputError, match=sentence):
        read(words)
