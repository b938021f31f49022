import pytest

from lucy.errors import InputError
from lucy.tools.topics.edits import LockTopic, apply_edit, parse_edit
from lucy.tools.topics.locks import list_locked, list_locked_ids, merge_locked
from lucy.tools.topics.outline import parse_outline
from lucy.tools.topics.templates import load_template
from lucy.tools.topics.tree import check_tree, draw_tree, find_by_name, find_topic, iterate, path_of


@pytest.fixture
def tree():
    return parse_outline(
        "Billing\n  Refunds\n  Payments\nSupport\n  Access\n  Bugs\nGeneral\n  Questions\n  Feedback"
    )


def _id(tree, name):
    found = find_by_name(tree, name)
    assert found is not None
    return found.id


def _change(tree, words):
    edit = parse_edit(words, tree)
    assert edit is not None
    return apply_edit(tree, edit)


@pytest.mark.parametrize(
    "words",
    [
        "lock Billing",
        "please freeze Billing",
        "keep Billing as it is",
        "don't change Billing",
        "Lock billing!",
    ],
)
def test_a_lock_is_understood(tree, words):
    assert [one.topic.name for one in list_locked(_change(tree, words))] == ["Billing"]


def test_all_topics_can_be_locked_and_unlocked(tree):
    locked = _change(tree, "lock everything")

    assert len(list_locked(locked)) == 3
    assert _change(locked, "unlock all topics") == tree


@pytest.mark.parametrize("words", ["keep it simple", "keep going", "lock it in", "leave me alone"])
def test_other_words_with_keep_are_no_lock(tree, words):
    assert not isinstance(parse_edit(words, tree), LockTopic)


@pytest.mark.parametrize(
    "words",
    [
        "rename Billing to Money",
        "rename Refunds to Money back",
        "remove Billing",
        "remove Payments",
        "add Invoices under Billing",
        "move Bugs under Billing",
        "move Refunds under Support",
        "merge Refunds and Payments",
        "merge Billing and Support",
        "split Refunds into Cash and Card",
    ],
)
def test_a_locked_topic_is_not_changed_by_an_edit(tree, words):
    locked = _change(tree, "lock Billing")

    with pytest.raises(InputError, match=r"'Billing' is locked; unlock it first\.$"):
        _change(locked, words)


def test_an_unlocked_topic_can_be_changed_again(tree):
    locked = _change(tree, "lock Billing")

    assert "Money" in draw_tree(_change(locked, "unlock Billing and rename Billing to Money"))


def test_the_group_of_a_locked_topic_can_be_renamed(tree):
    locked = _change(tree, "lock Refunds")
    changed = _change(locked, "rename Billing to Money")

    assert path_of(changed, _id(locked, "Refunds")) == "Money/Refunds"


def test_a_topic_below_a_locked_one_is_unlocked_with_it_only(tree):
    locked = _change(tree, "lock Billing")

    with pytest.raises(InputError, match="locked with 'Billing'"):
        _change(locked, "unlock Refunds")


def test_locked_ids_hold_what_is_below_and_what_was_absorbed(tree):
    gone = _id(tree, "Payments")
    locked = _change(_change(tree, "merge Refunds and Payments into Money back"), "lock Billing")

    assert {gone, _id(tree, "Refunds"), _id(tree, "Billing")} <= list_locked_ids(locked)


def test_a_template_keeps_a_locked_topic_with_all_below_it(tree):
    locked = _change(tree, "lock Billing")
    merged = merge_locked(locked, load_template("finance"))

    assert find_topic(merged, _id(tree, "Billing")) == locked.roots[0]


def test_a_locked_leaf_keeps_its_group_and_its_groups_id(tree):
    locked = _change(tree, "lock Bugs")
    merged = merge_locked(locked, parse_outline("Alpha\n  One\nBeta\n  Two"))

    assert path_of(merged, _id(tree, "Bugs")) == "Support/Bugs"
    assert find_topic(merged, _id(tree, "Support")) is not None
    assert "Access" not in draw_tree(merged)


def test_a_new_group_with_the_name_of_the_old_one_takes_the_locked_topic_in(tree):
    locked = _change(tree, "lock Bugs")
    merged = merge_locked(locked, parse_outline("support\n  Logins\nBeta"))

    assert path_of(merged, _id(tree, "Bugs")) == "support/Bugs"
    assert len(merged.roots) == 2


def test_a_new_topic_with_a_locked_name_is_called_other(tree):
    locked = _change(tree, "lock Billing")
    merged = merge_locked(locked, parse_outline("Billing\n  Invoices\nBeta"))

    assert [root.name for root in merged.roots] == ["Billing", "Other Billing", "Beta"]


def test_new_topics_never_share_an_id_with_kept_ones(tree):
    locked = _change(tree, "lock Refunds")
    merged = merge_locked(locked, tree)
    ids = [topic.id for topic in iterate(merged)]

    check_tree(merged)
    assert len(set(ids)) == len(ids)


def test_shares_of_new_topics_are_of_all_records(tree):
    new = parse_outline("Alpha\nBeta")
    new = new.model_copy(
        update={"roots": tuple(root.model_copy(update={"share": 0.5}) for root in new.roots)}
    )
    merged = merge_locked(_change(tree, "lock Billing"), new, rest=0.4)

    assert [root.share for root in merged.roots[1:]] == pytest.approx([0.2, 0.2])
