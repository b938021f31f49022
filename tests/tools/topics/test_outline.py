"""Outlines in the forms that people write them."""

import pytest

from lucy.errors import InputError
from lucy.tools.topics.outline import parse_outline
from lucy.tools.topics.tree import TopicTree, draw_tree, iterate_paths

PATHS = ["Billing", "Billing/Refunds", "Billing/Invoices", "Technical"]


def paths(tree: TopicTree) -> list[str]:
    return [placed.path for placed in iterate_paths(tree)]


@pytest.mark.parametrize(
    "text",
    [
        "Billing\n  Refunds\n  Invoices\nTechnical",
        "Billing\n\tRefunds\n\tInvoices\nTechnical\n",
        "- Billing\n  - Refunds\n  - Invoices\n- Technical",
        "* Billing\n    * Refunds\n    * Invoices\n\n* Technical",
        "1. Billing\n   1. Refunds\n   2. Invoices\n2. Technical",
        "1. Billing\n1.1 Refunds\n1.2 Invoices\n2. Technical",
        "# Billing\n## Refunds\n## Invoices\n# Technical",
        "├── Billing\n│   ├── Refunds\n│   └── Invoices\n└── Technical",
        "Billing/Refunds\nBilling/Invoices\nTechnical",
        "Billing > Refunds\nBilling > Invoices\nTechnical",
        "```\nBilling\n  Refunds\n  Invoices\nTechnical\n```",
    ],
)
def test_every_usual_form_is_read(text: str) -> None:
    assert paths(parse_outline(text)) == PATHS


def test_a_description_follows_a_colon() -> None:
    tree = parse_outline("Billing: all about money\n  Refunds")
    assert (tree.roots[0].name, tree.roots[0].description) == ("Billing", "all about money")


def test_the_first_line_of_a_drawn_tree_is_its_name() -> None:
    tree = parse_outline("Support\n├── Billing\n│   └── Refunds\n└── Technical")
    assert tree.name == "Support"
    assert paths(tree) == ["Billing", "Billing/Refunds", "Technical"]


def test_a_given_name_wins_over_the_drawn_one() -> None:
    tree = parse_outline("Support\n├── Billing\n└── Technical", name="My data")
    assert (tree.name, paths(tree)) == ("My data", ["Billing", "Technical"])


def test_a_drawn_tree_is_read_back_as_it_was() -> None:
    tree = parse_outline("A\n  B\n  C\nD", name="All")
    assert parse_outline(draw_tree(tree)) == tree


def test_a_slash_in_an_indented_outline_belongs_to_the_name() -> None:
    assert [topic.name for topic in parse_outline("Money\n  Refunds/Returns\n  Other").roots[0].children] == [
        "Refunds/Returns",
        "Other",
    ]


def test_the_same_outline_gives_the_same_ids() -> None:
    assert parse_outline("A\n  B") == parse_outline("- A\n    - B")


def test_one_name_may_stand_below_two_parents() -> None:
    assert paths(parse_outline("A\n  Other\nB\n  Other")) == ["A", "A/Other", "B", "B/Other"]


@pytest.mark.parametrize("text", ["", "  \n\n", "---\n"])
def test_an_empty_outline_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="no topics"):
        parse_outline(text)


def test_a_fourth_level_is_refused_with_its_line_number() -> None:
    with pytest.raises(InputError, match=r"Line 4 .*level 4"):
        parse_outline("A\n  B\n    C\n      D")


def test_a_name_twice_is_refused_with_its_line_number() -> None:
    with pytest.raises(InputError, match=r"Line 4 .*'refunds' again, as line 2"):
        parse_outline("Billing\n  Refunds\n  Invoices\n  refunds")


def test_a_path_twice_is_refused_with_its_line_number() -> None:
    with pytest.raises(InputError, match="Line 2"):
        parse_outline("A/B\nA/B")
