"""Sorting again after the topics or the records changed."""

import pytest

from lucy.errors import InputError
from lucy.tools.categories.again import categorize_again, sort_uncertain_again
from lucy.tools.categories.sorting import categorize
from lucy.tools.topics.changes import (
    add_topic,
    merge_topics,
    move_topic,
    remove_topic,
    rename_topic,
    split_topic,
)
from lucy.tools.topics.tree import TopicTree, leaves
from lucy.tools.vocabulary import Assignment, Topic

SAID = {
    "refunds": ["I want a refund for my kettle", "please refund order 12", "how long does a refund take"],
    "passwords": ["I forgot my password", "please reset my password", "the password link does not work"],
    "parcels": ["where is my parcel", "the parcel was left in the rain", "my parcel went elsewhere"],
}
TEXTS = [text for texts in SAID.values() for text in texts] * 4
IDS = [f"r{place}" for place in range(len(TEXTS))]
TREE = TopicTree(
    roots=(
        Topic(id="refunds", name="Refunds", share=0.4),
        Topic(id="passwords", name="Passwords", share=0.3),
        Topic(id="parcels", name="Parcels", share=0.3),
    )
)
BEFORE = [
    one._replace(topic_id="refunds") if one.topic_id is None else one for one in categorize(IDS, TEXTS, TREE)
]


def sort_again(tree, previous=BEFORE, ids=IDS, texts=TEXTS):
    return categorize_again(ids, texts, tree, previous=previous, previous_tree=TREE)


def set_manual(record_id, topic_id):
    return [
        Assignment(record_id, topic_id, 1.0, "manual") if one.record_id == record_id else one
        for one in BEFORE
    ]


def find(found, record_id):
    return next(one for one in found if one.record_id == record_id)


def forbid_sorting(monkeypatch):
    def refuse(*_args, **_given):
        raise AssertionError("sorted although nothing needs it")

    monkeypatch.setattr("lucy.tools.categories.again.categorize", refuse)


def test_nothing_changes_when_topics_and_records_are_the_same(monkeypatch):
    forbid_sorting(monkeypatch)
    assert sort_again(TREE) == BEFORE


@pytest.mark.parametrize(
    "tree",
    [
        rename_topic(TREE, "refunds", "Money Back"),
        move_topic(add_topic(TREE, "Other", None), "parcels", None),
    ],
)
def test_renames_and_moves_keep_every_topic(tree):
    assert [one.topic_id for one in sort_again(tree)] == [one.topic_id for one in BEFORE]


def test_records_of_merged_topics_belong_to_the_whole(monkeypatch):
    forbid_sorting(monkeypatch)
    found = sort_again(merge_topics(TREE, ["refunds", "parcels"]))
    assert {one.topic_id for one in found} == {"refunds", "passwords"}


def test_what_the_person_assigned_stays_through_a_merge():
    previous = set_manual("r3", "parcels")
    found = find(sort_again(merge_topics(TREE, ["refunds", "parcels"]), previous), "r3")
    assert found == Assignment("r3", "refunds", 1.0, "manual")


def test_what_the_person_assigned_stays_when_a_better_topic_is_added():
    found = sort_again(add_topic(TREE, "Forgotten Password", None), set_manual("r3", "refunds"))
    assert find(found, "r3") == Assignment("r3", "refunds", 1.0, "manual")


def test_that_a_record_fits_no_topic_stays():
    found = sort_again(add_topic(TREE, "Forgotten Password", None), set_manual("r3", None))
    assert find(found, "r3") == Assignment("r3", None, 1.0, "manual")


def test_records_move_to_a_new_topic_that_fits_them_better_and_no_others_move():
    tree = add_topic(TREE, "Rain", None)
    found = sort_again(tree)
    rain = leaves(tree)[-1].id
    moved = {
        text for one, old, text in zip(found, BEFORE, TEXTS, strict=True) if one.topic_id != old.topic_id
    }
    assert moved == {"the parcel was left in the rain"}
    assert {one.topic_id for one in found} == {"refunds", "passwords", "parcels", rain}


def test_what_a_model_sorted_moves_only_when_the_new_topic_is_sure():
    previous = [
        one._replace(method="model") if TEXTS[place] == "the parcel was left in the rain" else one
        for place, one in enumerate(BEFORE)
    ]
    found = categorize_again(
        IDS,
        TEXTS,
        add_topic(TREE, "Rain", None),
        previous=previous,
        previous_tree=TREE,
        threshold=1.0,
    )
    assert found == previous


def test_records_of_a_removed_topic_are_sorted_anew():
    found = sort_again(remove_topic(TREE, "parcels"), set_manual("r0", "parcels"))
    assert find(found, "r0").topic_id == "refunds"
    assert find(found, "r0").method != "manual"
    assert {one.topic_id for one in found} <= {"refunds", "passwords", None}


def test_a_split_topic_gives_its_records_to_its_sub_topics_also_what_the_person_assigned():
    previous = set_manual("r6", "refunds")
    tree = split_topic(TREE, "refunds", ["Kettle", "Order"])
    inside = {leaf.id for leaf in leaves(tree)} - {"passwords", "parcels"}
    found = sort_again(tree, previous)
    assert find(found, "r6").topic_id in {*inside, None}
    assert find(found, "r6").method != "manual"
    assert {one.topic_id for one, old in zip(found, previous, strict=True) if old.topic_id == "refunds"} <= {
        *inside,
        None,
    }


def test_only_new_records_are_sorted_and_among_known_ones(monkeypatch):
    seen = []

    def watch(ids, texts, tree, **given):
        seen.append(list(ids))
        return categorize(ids, texts, tree, **given)

    monkeypatch.setattr("lucy.tools.categories.again.categorize", watch)
    found = sort_again(TREE, ids=[*IDS, "new"], texts=[*TEXTS, "my password is refused"])
    assert found[:-1] == BEFORE
    assert (found[-1].record_id, found[-1].topic_id) == ("new", "passwords")
    assert "new" in seen[0]


def test_generated_records_keep_their_topic_and_method():
    made = Assignment("made", "parcels", 1.0, "generated")
    found = sort_again(
        add_topic(TREE, "Refund Delays", None), [*BEFORE, made], [*IDS, "made"], [*TEXTS, "a refund please"]
    )
    assert found[-1] == made


def test_records_generated_before_there_were_topics_are_sorted():
    made = Assignment("made", None, 0.0, "generated")
    found = sort_again(TREE, [*BEFORE, made], [*IDS, "made"], [*TEXTS, "my password is refused"])
    assert (found[-1].topic_id, found[-1].method != "generated") == ("passwords", True)


def test_records_that_are_gone_are_passed_over_and_the_order_is_that_of_the_records():
    found = sort_again(TREE, ids=["r5", "r2"], texts=[TEXTS[5], TEXTS[2]])
    assert found == [BEFORE[5], BEFORE[2]]


def test_other_topics_altogether_sort_everything_anew():
    tree = TopicTree(roots=(Topic(id="a", name="Refund"), Topic(id="b", name="Password")))
    assert {one.topic_id for one in sort_again(tree)} <= {"a", "b", None}


def test_ids_and_texts_must_match():
    with pytest.raises(InputError, match="as many ids as texts"):
        categorize_again(["a"], [], TREE, previous=[], previous_tree=TREE)


def learn(monkeypatch, assignments, answers):
    """Sort the uncertain again with a sorting that gives these answers, and give the examples it saw."""
    examples = {}

    def answer(ids, texts, tree, **_given):
        examples.update({topic.id: topic.examples for topic in leaves(tree)})
        return [Assignment(record_id, *answers[record_id], "embedding") for record_id in ids]

    monkeypatch.setattr("lucy.tools.categories.again.categorize", answer)
    ids = [one.record_id for one in assignments]
    return sort_uncertain_again(ids, ids, TREE, assignments=assignments, threshold=0.7), examples


def test_uncertain_records_are_sorted_again_with_the_persons_examples(monkeypatch):
    assigned = [
        Assignment("a", "refunds", 1.0, "manual"),
        Assignment("b", "parcels", 0.5, "keyword"),
        Assignment("c", None, 0.1, "keyword"),
    ]
    answers = {"a": ("parcels", 0.9), "b": ("refunds", 0.8), "c": ("refunds", 0.6)}
    found, examples = learn(monkeypatch, assigned, answers)
    assert [one.topic_id for one in found] == ["refunds", "refunds", "refunds"]
    assert examples == {"refunds": ("a",), "passwords": (), "parcels": ()}


def test_what_is_sure_or_settled_or_would_become_less_sure_stays(monkeypatch):
    assigned = [
        Assignment("a", None, 1.0, "manual"),
        Assignment("b", "parcels", 0.8, "keyword"),
        Assignment("c", "parcels", 0.4, "keyword"),
        Assignment("d", "parcels", 0.4, "model"),
        Assignment("e", "parcels", 0.4, "generated"),
    ]
    answers = dict.fromkeys("abde", ("refunds", 0.99)) | {"c": ("refunds", 0.3)}
    assert learn(monkeypatch, assigned, answers)[0] == assigned


def test_the_persons_assignments_teach_where_new_records_belong():
    tree = TopicTree(roots=(Topic(id="alpha", name="Alpha"), Topic(id="parcels", name="Parcels")))
    previous = [
        Assignment(record_id, "alpha", 1.0, "manual") if place % 9 < 6 else BEFORE[place]
        for place, record_id in enumerate(IDS)
    ]
    found = categorize_again(
        [*IDS, "new"], [*TEXTS, "a refund for my kettle"], tree, previous=previous, previous_tree=tree
    )
    assert found[-1].topic_id == "alpha"
