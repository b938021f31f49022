"""Targets for topics, from mappings and from words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lucy.errors import InputError
from lucy.tools.coverage_targets import keep_targets, parse_targets, resolve_targets
from lucy.tools.topics.changes import merge_topics, move_topic, remove_topic
from lucy.tools.topics.outline import parse_outline
from lucy.tools.topics.tree import iterate

TREE = parse_outline("Billing\n  Refunds\n  Invoices and Receipts\nOrders\nComplaints\nLevel 2 Support")
IDS = {topic.name: topic.id for topic in iterate(TREE)}
NAMES = {topic.id: topic.name for topic in iterate(TREE)}


def _resolve(**named):
    given_ = {IDS[name]: share for name, share in named.items()}
    return {NAMES[key]: round(share, 4) for key, share in resolve_targets(TREE, given_).items()}


def _parse(words):
    found = parse_targets(words, TREE)
    return None if found is None else {NAMES[key]: round(share, 4) for key, share in found.items()}


def test_nothing_named_is_an_even_split():
    assert set(_resolve().values()) == {0.2}


def test_topics_not_named_share_the_rest_evenly():
    assert _resolve(Orders=0.6) == {
        "Refunds": 0.1,
        "Invoices and Receipts": 0.1,
        "Orders": 0.6,
        "Complaints": 0.1,
        "Level 2 Support": 0.1,
    }


def test_the_share_of_a_group_is_split_evenly_below_it():
    found = _resolve(Billing=0.4)
    assert (found["Refunds"], found["Invoices and Receipts"], found["Orders"]) == (0.2, 0.2, 0.2)


def test_a_topic_named_inside_a_named_group_takes_its_part_of_that():
    found = _resolve(Billing=0.5, Refunds=0.1)
    assert (found["Refunds"], found["Invoices and Receipts"]) == (0.1, 0.4)


def test_percentages_are_taken_as_shares():
    assert _resolve(Orders=60) == _resolve(Orders=0.6)


@given(st.dictionaries(st.sampled_from(sorted(IDS)), st.floats(0, 0.19)))
def test_targets_that_fit_add_up_to_1(named):
    named.pop("Billing", None)
    if len(named) < 5:
        assert sum(resolve_targets(TREE, {IDS[key]: share for key, share in named.items()}).values()) == (
            pytest.approx(1)
        )


@pytest.mark.parametrize(
    ("given_", "sentence"),
    [
        ({"Orders": 0.8, "Complaints": 0.4}, "add up to 120%"),
        ({"Orders": -0.1}, "-10%; expected 0% to 100%"),
        ({"Billing": 0.2, "Refunds": 0.3}, "of 'Billing' add up to 30%; expected at most 20%"),
        ({"Billing": 0.4, "Orders": 0.2, "Complaints": 0.2, "Level 2 Support": 0.1}, "add up to 90%"),
        ({"Orders": float("nan")}, "expected 0% to 100%"),
    ],
)
def test_targets_that_cannot_be_used_are_one_sentence(given_, sentence):
    with pytest.raises(InputError, match=sentence):
        resolve_targets(TREE, {IDS[key]: share for key, share in given_.items()})


def test_an_unknown_topic_is_named():
    with pytest.raises(InputError, match="'nowhere', which is no topic"):
        resolve_targets(TREE, {"nowhere": 1.0})


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("make Refunds 40%", {"Refunds": 0.4}),
        ("set targets: Refunds 40, Orders 30, the rest evenly", {"Refunds": 0.4, "Orders": 0.3}),
        ("I want 40% refunds and 20% complaints", {"Refunds": 0.4, "Complaints": 0.2}),
        ("set the target of Billing to 50 percent", {"Billing": 0.5}),
        (
            "targets: refunds=40, invoices and receipts=30, others evenly",
            {"Refunds": 0.4} | {"Invoices and Receipts": 0.3},
        ),
        ("Set targets Refunds 0.4 and Orders 0.3", {"Refunds": 0.4, "Orders": 0.3}),
        ("raise Level 2 Support to 40%", {"Level 2 Support": 0.4}),
        ("Refunds and Complaints 20% each", {"Refunds": 0.2, "Complaints": 0.2}),
        ("make complaints 30% and leave the rest as it is", {"Complaints": 0.3}),
        ("target refunds 40, the rest 60", {"Refunds": 0.4}),
        ("uniform targets", {}),
        ("spread the targets evenly", {}),
        ("reset the targets", {}),
    ],
)
def test_words_that_set_targets_are_read(words, found):
    assert _parse(words) == found


@pytest.mark.parametrize(
    "words",
    [
        "generate 30 more refunds",
        "why are refunds at 3%?",
        "I agree to 46% synthetic",
        "at 50% I stop",
        "what are the targets",
        "go on",
    ],
)
def test_other_words_set_no_targets(words):
    assert _parse(words) is None


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("Refunds 80%, Orders 70%", "add up to 150%"),
        ("make Refunds 150%", "is 150%; expected 0% to 100%"),
        ("Refunds -5%", "is -5%"),
        ("Refunds 40%, Nonsense 30%", "'Nonsense'"),
        ("target refunds 40, the rest 50", "add up to 90%"),
        ("Refunds 40%, Refunds 30%", "two targets"),
    ],
)
def test_words_that_set_impossible_targets_are_one_sentence(words, sentence):
    with pytest.raises(InputError, match=sentence):
        _parse(words)


def test_targets_of_merged_topics_add_up():
    tree = merge_topics(TREE, [IDS["Orders"], IDS["Complaints"]])
    assert keep_targets(tree, {IDS["Orders"]: 0.3, IDS["Complaints"]: 0.2}) == {IDS["Orders"]: 0.5}


def test_targets_of_topics_that_are_gone_go_and_the_others_are_scaled():
    tree = remove_topic(remove_topic(TREE, IDS["Billing"]), IDS["Level 2 Support"])
    kept = keep_targets(tree, {IDS["Billing"]: 0.6, IDS["Orders"]: 0.3, IDS["Complaints"]: 0.1})
    assert kept == pytest.approx({IDS["Orders"]: 0.75, IDS["Complaints"]: 0.25})


def test_targets_that_contradict_each_other_after_a_move_are_dropped():
    tree = move_topic(TREE, IDS["Orders"], IDS["Billing"])
    assert keep_targets(tree, {IDS["Orders"]: 0.5, IDS["Billing"]: 0.2}) == {}
