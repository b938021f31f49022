"""Edit commands in natural wordings, and what is none."""

import pytest

from lucy.errors import InputError
from lucy.tools.topics.edits import (
    AddTopic,
    EditSeries,
    MergeTopics,
    MoveTopic,
    RemoveTopic,
    RenameTopic,
    Reorganize,
    SplitTopic,
    UseFewer,
    parse_edit,
)
from lucy.tools.topics.tree import TopicTree
from lucy.tools.vocabulary import Topic


def group(key: str, name: str, **children: str) -> Topic:
    return Topic(id=key, name=name, children=tuple(Topic(id=i, name=n) for i, n in children.items()))


@pytest.fixture
def tree() -> TopicTree:
    return TopicTree(
        roots=(
            group("bills", "Billing & Payments", refunds="Refund Requests", payments="Payment Issues"),
            group("info", "Informational", policies="Policies", feedback="Feedback"),
            group("social", "Relationship", loyalty="Loyalty", praise="Praise"),
            group("general", "General Inquiries", products="Product Questions"),
            Topic(id="outages", name="Outages"),
        )
    )


@pytest.mark.parametrize(
    ("words", "edit"),
    [
        ("add Complaints", AddTopic("Complaints")),
        ("please add complaints to general", AddTopic("Complaints", "general")),
        ("How about adding Complaints?", AddTopic("Complaints")),
        ("we also need a category for complaints", AddTopic("Complaints")),
        ("call Loyalty Rewards instead", RenameTopic("loyalty", "Rewards")),
        ("could we rename Outgaes as Downtime, please?", RenameTopic("outages", "Downtime")),
        (
            'Yes! But merge "Informational" and "Relationship" - they\'re similar',
            MergeTopics(("info", "social")),
        ),
        ("merge Loyalty and Policies into Rules", MergeTopics(("loyalty", "policies"), "Rules")),
        ("combine Loyalty with Policies", MergeTopics(("loyalty", "policies"))),
        ("merge Billing & Payments and Outages", MergeTopics(("bills", "outages"))),
        ("merge Outages into Policies", MergeTopics(("policies", "outages"), "Policies")),
        ("move Outages under General", MoveTopic("outages", "general")),
        ("move Loyalty to the top level", MoveTopic("loyalty", None)),
        ("delete Policies, because nobody asks", RemoveTopic("policies")),
        ("split Outages into Planned and Unplanned", SplitTopic("outages", ("Planned", "Unplanned"))),
        ("use fewer topics", UseFewer(5)),
        ("Can we have at most eight topics?", UseFewer(8)),
        ("group by content again", Reorganize("content")),
    ],
)
def test_natural_words_are_read(tree: TopicTree, words: str, edit: object) -> None:
    assert parse_edit(words, tree) == edit


@pytest.mark.parametrize(
    "words",
    [
        "looks good",
        "Yes, let's do it",
        "add some data please",
        "Sure, generate maybe 30 more complaint examples",
        "add something about not making promises we can't keep - like delivery times",
        "Actually, can we add a few more edge cases? Like really complex calculations",
        "why did you merge Policies and Loyalty?",
        "what happens if I remove Outages?",
        "don't remove Outages",
        "remove the duplicates",
        "put more weight on accuracy",
        "call it a day",
    ],
)
def test_what_is_no_edit_is_left_alone(tree: TopicTree, words: str) -> None:
    assert parse_edit(words, tree) is None


def test_several_commands_are_read_in_order(tree: TopicTree) -> None:
    edit = parse_edit("add Complaints under General and rename Outages to Downtime", tree)
    assert edit == EditSeries((AddTopic("Complaints", "general"), RenameTopic("outages", "Downtime")))


@pytest.mark.parametrize("words", ["rename Outsourcing to X", "remove Zebras", "move Zebras under General"])
def test_a_command_on_an_unknown_topic_names_near_ones(tree: TopicTree, words: str) -> None:
    with pytest.raises(InputError, match="nearest"):
        parse_edit(words, tree)


def test_words_around_a_name_do_not_make_it_the_topic(tree: TopicTree) -> None:
    with pytest.raises(InputError, match="nearest"):
        parse_edit("remove the long stories in outages", tree)


def test_fewer_than_two_topics_are_refused(tree: TopicTree) -> None:
    with pytest.raises(InputError, match="at least 2"):
        parse_edit("only 1 topics", tree)
