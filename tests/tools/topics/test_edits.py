import pytest

from lucy.errors import InputError
from lucy.tools.topics.edits import (
    AddTopic,
    MergeTopics,
    MoveTopic,
    RemoveTopic,
    RenameTopic,
    Reorganize,
    UseFewer,
    apply_edit,
    parse_edit,
)
from lucy.tools.topics.outline import parse_outline
from lucy.tools.topics.tree import draw_tree, find_by_name, iterate, leaves, path_of


@pytest.fixture
def tree():
    return parse_outline(
        "Billing & Payments\n  Refund Requests\n  Payment Issues\n"
        "Technical Support\n  Account Access\n  Bug Reports\n"
        "General Inquiries\n  Product Questions\n  Feedback"
    )


def _id(tree, name):
    found = find_by_name(tree, name)
    assert found is not None
    return found.id


def _change(tree, words):
    edit = parse_edit(words, tree)
    assert edit is not None
    return apply_edit(tree, edit)


def test_the_example_addition_is_understood(tree):
    changed = _change(tree, 'Looks good, but can you add a "Complaints" category under General?')

    assert path_of(changed, _id(changed, "Complaints")) == "General Inquiries/Complaints"


def test_the_example_merge_is_understood(tree):
    edit = parse_edit('Yes! But merge "Feedback" and "Product Questions" - they\'re similar', tree)

    assert isinstance(edit, MergeTopics)
    assert set(edit.topic_ids) == {_id(tree, "Feedback"), _id(tree, "Product Questions")}


def test_the_example_reorganisation_is_understood(tree):
    words = "I don't like this structure. Can we organize by customer intent instead?"

    assert parse_edit(words, tree) == Reorganize(by="intent")


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("rename Feedback to Praise", RenameTopic),
        ("merge feedback and bug reports into Voice of Customer", MergeTopics),
        ("move Feedback under Technical Support", MoveTopic),
        ("remove Bug Reports", RemoveTopic),
        ("drop the feedback topic", RemoveTopic),
        ("add a Legal topic", AddTopic),
        ("use fewer topics", UseFewer),
        ("organise by intent", Reorganize),
    ],
)
def test_each_kind_of_command_is_recognised(tree, words, kind):
    assert isinstance(parse_edit(words, tree), kind)


def test_a_number_of_topics_is_read(tree):
    assert parse_edit("only 4 topics", tree) == UseFewer(4)


@pytest.mark.parametrize("words", ["yes, that is fine", "why did you choose these?", "", "what is a topic?"])
def test_words_without_a_command_are_no_edit(tree, words):
    assert parse_edit(words, tree) is None


def test_a_command_on_an_unknown_topic_lists_near_names(tree):
    with pytest.raises(InputError, match="Refund Requests"):
        parse_edit("remove Refund Request Forms Department", tree)


def test_a_rename_keeps_the_id(tree):
    changed = _change(tree, "rename Feedback to Praise")

    assert _id(changed, "Praise") == _id(tree, "Feedback")


def test_a_merge_keeps_the_first_id_and_unites_keywords_and_examples(tree):
    first, second = leaves(tree)[:2]
    known = {
        first.id: {"keywords": ("refund",), "examples": ("r1",)},
        second.id: {"keywords": ("invoice",), "examples": ("r2",)},
    }
    root = tree.roots[0]
    children = tuple(child.model_copy(update=known.get(child.id, {})) for child in root.children)
    tree = tree.model_copy(
        update={"roots": (root.model_copy(update={"children": children}), *tree.roots[1:])}
    )

    changed = apply_edit(tree, MergeTopics((first.id, second.id), "Money"))
    merged = next(topic for topic in iterate(changed) if topic.id == first.id)

    assert set(merged.keywords) == {"refund", "invoice"}
    assert set(merged.examples) == {"r1", "r2"}
    assert second.id not in {topic.id for topic in iterate(changed)}


def test_merged_groups_have_the_children_of_both(tree):
    changed = _change(tree, "merge Billing & Payments and Technical Support into Service")

    assert {child.name for child in changed.roots[0].children} == {
        "Refund Requests",
        "Payment Issues",
        "Account Access",
        "Bug Reports",
    }


def test_a_move_keeps_the_id_below_the_new_parent(tree):
    changed = _change(tree, "move Feedback under Technical Support")

    assert path_of(changed, _id(tree, "Feedback")) == "Technical Support/Feedback"


def test_a_topic_cannot_be_moved_below_itself(tree):
    edit = MoveTopic(_id(tree, "Billing & Payments"), _id(tree, "Refund Requests"))

    with pytest.raises(InputError):
        apply_edit(tree, edit)


def test_an_edit_that_doubles_a_name_is_refused_and_changes_nothing(tree):
    before = draw_tree(tree)

    with pytest.raises(InputError, match="feedback"):
        apply_edit(tree, AddTopic("feedback", _id(tree, "General Inquiries")))
    assert draw_tree(tree) == before


@pytest.mark.parametrize("edit", [UseFewer(3), Reorganize("intent")])
def test_edits_that_need_the_records_are_left_to_the_caller(tree, edit):
    with pytest.raises(InputError, match="records"):
        apply_edit(tree, edit)
