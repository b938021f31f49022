"""What edits do to records' places, shares and groups."""

import pytest

from lucy.errors import InputError
from lucy.tools.topics.changes import join_names
from lucy.tools.topics.edits import (
    AddTopic,
    MergeTopics,
    MoveTopic,
    RemoveTopic,
    RenameTopic,
    Reorganize,
    SplitTopic,
    UseFewer,
    apply_edit,
)
from lucy.tools.topics.tree import TopicTree, find_topic, iterate, leaves, resolve_ids
from lucy.tools.vocabulary import Topic


def leaf(key: str, share: float, *, name: str = "", examples: tuple[str, ...] = ()) -> Topic:
    return Topic(id=key, name=name or key.title(), share=share, examples=examples)


@pytest.fixture
def tree() -> TopicTree:
    info = (leaf("policies", 0.1), leaf("feedback", 0.1))
    social = (leaf("loyalty", 0.1), leaf("feedback2", 0.1, name="Feedback"))
    return TopicTree(
        roots=(
            Topic(id="info", name="Informational", share=0.2, children=info),
            Topic(id="social", name="Relationship", share=0.2, children=social),
            Topic(id="general", name="General", share=0.4, children=(leaf("products", 0.4),)),
            leaf("outages", 0.2, examples=("o1",)),
        )
    )


def child_names(tree: TopicTree, topic_id: str) -> list[str]:
    topic = find_topic(tree, topic_id)
    assert topic is not None
    return [child.name for child in topic.children]


def test_a_leaf_with_records_keeps_them_in_a_leaf_when_it_gets_a_sub_topic(tree: TopicTree) -> None:
    changed = apply_edit(tree, AddTopic("Planned Outages", "outages"))
    assert child_names(changed, "outages") == ["Other Outages", "Planned Outages"]
    assert next(topic for topic in leaves(changed) if topic.name == "Other Outages").examples == ("o1",)


def test_two_added_topics_of_one_name_get_different_ids(tree: TopicTree) -> None:
    changed = apply_edit(apply_edit(tree, AddTopic("Other")), AddTopic("Other", "general"))
    assert len({topic.id for topic in iterate(changed) if topic.name == "Other"}) == 2


def test_merged_groups_unite_their_sub_topics_of_one_name(tree: TopicTree) -> None:
    changed = apply_edit(tree, MergeTopics(("info", "social")))
    assert child_names(changed, "info") == ["Policies", "Feedback", "Loyalty"]
    assert find_topic(changed, "social") is None


def test_a_leaf_merged_with_a_group_stays_a_leaf_in_it(tree: TopicTree) -> None:
    changed = apply_edit(tree, MergeTopics(("outages", "general"), "Rest"))
    assert child_names(changed, "general") == ["Products", "Outages"]


@pytest.mark.parametrize(
    ("parts", "joined"),
    [
        (["Informational", "Relationship"], "Information & Relationship"),
        (["Delivery Issues", "Billing Issues"], "Delivery & Billing Issues"),
        (["A", "B", "C"], "A, B & C"),
        (["Feedback", "Feedback"], "Feedback"),
    ],
)
def test_names_are_joined_as_a_person_would(parts: list[str], joined: str) -> None:
    assert join_names(parts) == joined


def test_a_move_takes_the_share_along(tree: TopicTree) -> None:
    changed = apply_edit(tree, MoveTopic("loyalty", "general"))
    parent = find_topic(changed, "general")
    assert parent is not None
    assert parent.share == pytest.approx(0.5)


def test_a_group_that_a_move_empties_goes(tree: TopicTree) -> None:
    assert find_topic(apply_edit(tree, MoveTopic("products", "info")), "general") is None


def test_a_group_that_a_removal_empties_stays(tree: TopicTree) -> None:
    assert "General" in [topic.name for topic in leaves(apply_edit(tree, RemoveTopic("products")))]


def test_a_move_to_where_the_topic_stands_changes_nothing(tree: TopicTree) -> None:
    assert apply_edit(tree, MoveTopic("loyalty", "social")) == tree


def test_a_move_below_the_third_level_is_refused(tree: TopicTree) -> None:
    with pytest.raises(InputError, match="levels"):
        apply_edit(tree, MoveTopic("info", "loyalty"))


def test_a_split_gives_the_topic_new_sub_topics(tree: TopicTree) -> None:
    changed = apply_edit(tree, SplitTopic("outages", ("Planned", "Unplanned")))
    assert child_names(changed, "outages") == ["Planned", "Unplanned"]


def test_the_last_topic_cannot_be_removed() -> None:
    with pytest.raises(InputError, match="no topic"):
        apply_edit(TopicTree(roots=(leaf("only", 1.0),)), RemoveTopic("only"))


@pytest.mark.parametrize("edit", [UseFewer(4), Reorganize("intent")])
def test_what_needs_the_records_is_left_to_the_caller(tree: TopicTree, edit: UseFewer | Reorganize) -> None:
    with pytest.raises(InputError, match="records"):
        apply_edit(tree, edit)


def test_a_merged_topic_keeps_the_first_id_and_knows_the_others(tree: TopicTree) -> None:
    merged = apply_edit(tree, MergeTopics(("policies", "feedback")))

    assert resolve_ids(merged) == {"feedback": "policies"}


def test_what_was_absorbed_earlier_is_absorbed_along(tree: TopicTree) -> None:
    first = apply_edit(tree, MergeTopics(("loyalty", "feedback2")))
    second = apply_edit(first, MergeTopics(("policies", "loyalty")))

    assert resolve_ids(second) == {"loyalty": "policies", "feedback2": "policies"}


def test_merged_groups_absorb_the_group_and_the_namesake_below_it(tree: TopicTree) -> None:
    merged = apply_edit(tree, MergeTopics(("info", "social")))

    assert resolve_ids(merged) == {"social": "info", "feedback2": "feedback"}


def test_a_leaf_merged_with_a_group_keeps_its_id_below_it(tree: TopicTree) -> None:
    merged = apply_edit(tree, MergeTopics(("outages", "general")))

    assert resolve_ids(merged) == {}
    assert find_topic(merged, "outages") is not None


def test_absorbed_ids_survive_renames_and_moves(tree: TopicTree) -> None:
    merged = apply_edit(tree, MergeTopics(("policies", "feedback")))
    moved = apply_edit(apply_edit(merged, RenameTopic("policies", "Rules")), MoveTopic("policies", "general"))

    assert resolve_ids(moved) == {"feedback": "policies"}


def test_a_new_topic_never_gets_an_absorbed_id(tree: TopicTree) -> None:
    grown = apply_edit(tree, AddTopic("Storms"))
    storms = next(topic.id for topic in iterate(grown) if topic.name == "Storms")
    merged = apply_edit(grown, MergeTopics(("outages", storms), name="Outages"))
    again = apply_edit(merged, AddTopic("Storms"))

    assert resolve_ids(again) == {storms: "outages"}
    assert all(topic.id != storms for topic in iterate(again))
