import pytest

from lucy.tools.topics.discovery import discover
from lucy.tools.topics.edits import LockTopic, apply_edit
from lucy.tools.topics.regeneration import regenerate
from lucy.tools.topics.tree import find_topic, leaves

REQUESTS = {
    "flight": "I want to book a flight to Rome with {0} bags",
    "refund": "please refund my order of the blue kettle number {0}",
    "password": "I cannot log in and my password reset mail never came, try {0}",
    "weather": "what will the weather be in the mountains, is rain expected {0}",
}
TEXTS = [pattern.format(number) for number in range(15) for pattern in REQUESTS.values()]
IDS = [f"r{number}" for number in range(len(TEXTS))]


@pytest.fixture(scope="module")
def found():
    return discover(IDS, TEXTS, name="Mixed")


def _lock_leaf_of(tree, kind):
    """Lock the leaf whose typical records are of one kind."""
    place = list(REQUESTS).index(kind)
    leaf = next(leaf for leaf in leaves(tree) if int(leaf.examples[0][1:]) % 4 == place)
    return apply_edit(tree, LockTopic(leaf.id)), leaf.id


def test_without_a_lock_topics_are_found_as_before(found):
    assert regenerate(IDS, TEXTS, found.tree).tree == found.tree


@pytest.mark.parametrize("how", [{}, {"max_leaves": 2}, {"min_leaves": 6}, {"lens": "intent"}])
def test_a_locked_topic_is_never_changed(found, how):
    locked, topic_id = _lock_leaf_of(found.tree, "refund")
    again = regenerate(IDS, TEXTS, locked, **how).tree

    assert find_topic(again, topic_id) == find_topic(locked, topic_id)


@pytest.mark.parametrize("is_assigned", [True, False])
def test_records_of_a_locked_topic_take_no_part(found, is_assigned):
    locked, topic_id = _lock_leaf_of(found.tree, "refund")
    assigned = {one: topic_id if int(one[1:]) % 4 == 1 else None for one in IDS} if is_assigned else None
    again = regenerate(IDS, TEXTS, locked, assigned=assigned).tree
    others = {int(one[1:]) % 4 for leaf in leaves(again) if leaf.id != topic_id for one in leaf.examples}

    assert others == {0, 2, 3}
    assert sum(leaf.share for leaf in leaves(again)) == pytest.approx(1, abs=0.02)


def test_a_tree_that_is_all_locked_stays(found):
    locked = found.tree
    for root in found.tree.roots:
        locked = apply_edit(locked, LockTopic(root.id))
    owner = leaves(locked)[0].id

    assert regenerate(IDS, TEXTS, locked, assigned=dict.fromkeys(IDS, owner)).tree == locked


def test_the_limit_counts_the_locked_leaves_too(found):
    locked, _ = _lock_leaf_of(found.tree, "refund")

    assert len(leaves(regenerate(IDS, TEXTS, locked, max_leaves=3).tree)) <= 3
