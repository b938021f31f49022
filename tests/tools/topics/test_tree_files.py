import json

import pytest

from lucy.errors import InputError
from lucy.tools.topics.tree import draw_tree, find_by_name, iterate
from lucy.tools.topics.tree_files import parse_tree, read_tree_file

NESTED = [
    {"id": "b", "name": "Billing", "children": [{"name": "Refunds", "keywords": ["refund"]}, "Payments"]},
    {"name": "Support", "description": "Help.", "subtopics": [{"name": "Bugs"}]},
]
DRAWN = "├── Billing\n│   ├── Refunds\n│   └── Payments\n└── Support\n    └── Bugs"


DEEP = {"name": "B", "children": [{"name": "C", "children": ["D"]}]}
CHAIN = [{"id": number, "name": str(number), "parent": number - 1 or None} for number in range(1, 400)]


def _loop():
    topic = {"name": "A"}
    topic["children"] = [topic]
    return [topic]


def test_nested_topics_are_read():
    tree = parse_tree(NESTED)

    assert draw_tree(tree) == DRAWN
    assert tree.roots[0].id == "b"
    assert tree.roots[0].children[0].keywords == ("refund",)
    assert tree.roots[1].description == "Help."


@pytest.mark.parametrize("key", ["parent_id", "parentId", "parent"])
def test_a_flat_list_with_parents_is_read(key):
    flat = [
        {"id": 3, "name": "Refunds", key: 1},
        {"id": 1, "name": "Billing", key: None},
        {"id": 4, "name": "Payments", key: 1},
        {"id": 2, "name": "Support"},
        {"id": 5, "name": "Bugs", key: "support"},
    ]

    assert draw_tree(parse_tree(flat)) == DRAWN


@pytest.mark.parametrize("key", ["roots", "hierarchy", "topics", "tree"])
def test_the_list_may_stand_in_a_mapping(key):
    tree = parse_tree({"name": "Desk", key: NESTED})

    assert draw_tree(tree) == f"Desk\n{DRAWN}"


def test_a_stored_tree_is_read_back_unchanged():
    tree = parse_tree(NESTED)

    assert parse_tree(tree.model_dump(mode="json")) == tree


def test_other_fields_are_ignored():
    assert parse_tree([{"name": "A", "selected": True, "color": {"r": 1}}]).roots[0].name == "A"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([{"name": "A"}, {"name": "a "}], "twice"),
        ([{"name": "A", "children": ["B", "b"]}], "twice below 'A'"),
        ([{"name": " "}], "has no name"),
        ([{"description": "x"}], "has no name"),
        ([{"name": "A", "parent": "B"}, {"name": "B", "parent": "A"}], "stands below itself"),
        ([{"name": "A", "parent": "A"}, {"name": "B"}], "stands below itself"),
        ([{"name": "A", "parent": "C"}, {"name": "B"}], "no topic of the list"),
        (_loop(), "level 4"),
        (
            [{"name": "A", "children": [{"name": "B", "children": [{"name": "C", "children": ["D"]}]}]}],
            "level 4",
        ),
        ([{"name": str(number)} for number in range(10_000)], "more than 500 topics"),
        ([{"name": "A", "children": [str(number) for number in range(1_000_000)]}], "more than 500 topics"),
        ([{"id": "1", "name": "A"}, {"id": "1", "name": "B"}], "used twice"),
        ("A", "is a list of topics"),
        (None, "is a list of topics"),
        (7, "is a list of topics"),
        ([], "is empty"),
        ({}, "has no name"),
        ([3], "is a number"),
        ([["A"]], "is a list"),
        ([{"name": 3}], "is a number"),
        ([{"name": "A" * 500}], "500 characters"),
        ([{"name": "A", "children": "B"}], "sub-topics of 'A' are text"),
        ([{"name": "A", "children": {"name": "B"}}], "are a mapping"),
        ([{"name": "A", "keywords": [1]}], "hold a number"),
        ([{"name": "A", "share": 7}], "from 0 to 1"),
        ([{"name": "A", "share": float("nan")}], "from 0 to 1"),
        ([{"id": {}, "name": "A"}], "a mapping; give short text"),
        (
            [{"id": number, "name": str(number), "parent": number - 1 or None} for number in range(1, 400)],
            "level 4",
        ),
    ],
)
def test_a_tree_that_cannot_be_used_is_refused_in_one_sentence(data, said):
    with pytest.raises(InputError) as caught:
        parse_tree(data)

    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tree.json", json.dumps(NESTED).encode()),
        ("tree.txt", b"Billing\n  Refunds\n  Payments\nSupport\n  Bugs\n"),
        ("tree.md", b"\xef\xbb\xbf- Billing\n  - Refunds\n  - Payments\n- Support\n  - Bugs\n"),
        ("TREE.JSON", json.dumps({"hierarchy": NESTED}).encode()),
    ],
)
def test_a_file_is_read_by_its_kind(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)

    assert draw_tree(read_tree_file(path)) == DRAWN


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("tree.json", b"", "is empty"),
        ("tree.txt", b" \n\n", "is empty"),
        ("tree.json", b"\x89PNG\x00\x00", "is no UTF-8 text"),
        ("tree.txt", bytes(range(256)), "is no UTF-8 text"),
        ("tree.json", b"[{", "is no JSON"),
        ("tree.json", b"[" * 100_000, "nests too deep"),
        ("tree.json", b"[" + b'{"name": "abcdefgh"},' * 400_000 + b"1]", "bytes"),
        ("tree.txt", b"one line\n" * 300_000, "at most 500"),
        ("tree.pdf", b"A", "unknown kind"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_sentence(tmp_path, name, content, said):
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(InputError) as caught:
        read_tree_file(path)

    assert said in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="no file"):
        read_tree_file(tmp_path / "none.json")


def test_topics_without_ids_get_different_ones():
    ids = [topic.id for topic in iterate(parse_tree([{"name": "A", "children": ["B"]}, {"name": "B"}]))]

    assert len(set(ids)) == 3
    assert find_by_name(parse_tree(["A", "B"]), "A") is not None
