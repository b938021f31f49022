"""Planning rounds of generation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lucy.tools.coverage import compute_evenness
from lucy.tools.coverage_plan import (
    ENOUGH,
    FIRST_SET,
    GOOD,
    GROWTH,
    MOST_ROUNDS,
    compute_balance,
    find_room,
    plan_rounds,
    suggest_strategies,
)
from lucy.tools.vocabulary import Record

COUNTS = st.lists(st.integers(0, 3000), min_size=1, max_size=12)
SHARES = st.floats(0, 1)


def _name(values):
    return {f"t{place}": value for place, value in enumerate(values)}


def _even(counts):
    return dict.fromkeys(counts, 1 / len(counts))


def _plan(*counts, **given_):
    named = _name(counts)
    return plan_rounds(named, _even(named), total=given_.pop("total", sum(counts)), **given_)


@st.composite
def _situations(draw):
    """Counts, targets, how many records are synthetic or have no topic, and a limit."""
    counts = _name(draw(COUNTS))
    weights = draw(st.lists(st.integers(0, 20), min_size=len(counts), max_size=len(counts)))
    if not any(weights):
        weights = [1] * len(counts)
    targets = {key: weight / sum(weights) for key, weight in zip(counts, weights, strict=True)}
    real = {key: draw(st.integers(0, count)) for key, count in counts.items()}
    return {
        "counts": counts,
        "targets": targets,
        "total": sum(counts.values()) + draw(st.integers(0, 50)),
        "synthetic": sum(counts.values()) - sum(real.values()),
        "real": real,
        "max_synthetic_share": draw(SHARES),
    }


@given(COUNTS)
def test_score_and_evenness_lie_between_0_and_1(values):
    counts = _name(values)
    assert 0 <= compute_balance(counts, _even(counts)) <= 1
    assert 0 <= compute_evenness(counts) <= 1


@given(_situations())
def test_every_round_has_the_score_that_its_counts_give(situation):
    counts = dict(situation["counts"])
    for one in plan_rounds(**situation):
        counts = {key: count + one.counts.get(key, 0) for key, count in counts.items()}
        assert one.expected_score == pytest.approx(compute_balance(counts, situation["targets"]))


@given(_situations())
def test_rounds_for_the_balance_never_lower_it_and_others_leave_it_good(situation):
    score = compute_balance(situation["counts"], situation["targets"])
    for one in plan_rounds(**situation):
        assert one.expected_score >= (score - 1e-12 if one.aim == "balance" else GOOD)
        score = one.expected_score


@given(_situations())
def test_rounds_without_agreement_keep_to_the_limit(situation):
    made, total = situation["synthetic"], situation["total"]
    for one in plan_rounds(**situation):
        made, total = made + sum(one.counts.values()), total + sum(one.counts.values())
        assert one.synthetic_share_after == pytest.approx(made / total)
        assert one.needs_agreement == (made / total > situation["max_synthetic_share"] + 1e-9)


@given(_situations())
def test_a_round_asks_for_whole_records_and_no_topic_grows_beyond_its_real_records(situation):
    for one in plan_rounds(**situation):
        assert all(count > 0 for count in one.counts.values())
        if any(situation["counts"].values()):
            for key, count in one.counts.items():
                assert count <= (GROWTH * situation["real"][key] or FIRST_SET)


@given(_situations())
def test_there_are_never_more_rounds_than_planned_ahead_and_one_for_size(situation):
    assert len(plan_rounds(**situation)) <= MOST_ROUNDS + 1


def test_a_good_balance_in_one_round_is_one_round():
    first, *_ = _plan(100, 30, 90, 90)
    assert (first.aim, first.counts, first.needs_agreement) == ("balance", {"t1": 22}, False)
    assert first.expected_score >= GOOD


def test_small_topics_are_brought_to_100_in_a_round_of_their_own():
    last = _plan(100, 30, 90, 90)[-1]
    assert (last.aim, last.counts) == ("size", {"t1": ENOUGH - 52, "t2": 10, "t3": 10})


def test_topics_grow_only_as_far_as_the_limit_allows_when_the_balance_is_good():
    (only,) = _plan(10, 10, 10, 10)
    assert (only.aim, sum(only.counts.values()), only.needs_agreement) == ("size", 16, False)


def test_enough_records_everywhere_need_no_round():
    assert _plan(100, 120, 110) == ()


def test_a_topic_of_few_real_records_takes_several_rounds():
    scores = [one.expected_score for one in _plan(*[33] * 14, 3, 4, 5, 5) if one.aim == "balance"]
    assert len(scores) == 2
    assert scores[0] < GOOD <= scores[1]


def test_rounds_over_the_limit_come_after_those_within_it():
    assert [one.needs_agreement for one in _plan(180, 23, 45, 47)] == [False, True]


def test_other_topics_are_not_lifted_over_what_the_weakest_can_reach():
    assert {tuple(one.counts) for one in _plan(5000, 1, 200)} == {("t1",)}


def test_an_empty_dataset_gets_a_first_set_that_follows_the_targets():
    (only,) = plan_rounds({"a": 0, "b": 0}, {"a": 0.75, "b": 0.25}, total=0)
    assert (only.counts, only.synthetic_share_after, only.needs_agreement) == ({"a": 30, "b": 10}, 1.0, True)


def test_a_first_set_of_many_topics_stays_small():
    (only,) = _plan(*[0] * 400, total=0)
    assert sum(only.counts.values()) == 800


def test_records_without_a_topic_make_room_for_generated_ones():
    (only,) = _plan(0, 0, 0, total=50)
    assert (only.counts, only.needs_agreement) == (_name([7, 7, 7]), False)


def test_a_topic_without_target_gets_nothing():
    rounds = plan_rounds({"a": 100, "b": 10, "c": 0}, {"a": 0.5, "b": 0.5, "c": 0.0}, total=110)
    assert all("c" not in one.counts for one in rounds)


@pytest.mark.parametrize(("share", "room"), [(0.3, 3), (0.0, 0), (0.5, 6), (1.0, float("inf"))])
def test_room_is_what_fits_under_the_limit(share, room):
    assert find_room(8, 1 if share == 0.5 else 0, share) == room


def _record(name, *roles, calls=False, **given_):
    said = [{"role": role, "content": "Where is my parcel?"} for role in roles]
    if calls:
        said.insert(0, {"role": "assistant", "tool_calls": [{"id": "c"}]})
    return Record(name, tuple(said), **given_)


@pytest.mark.parametrize(
    ("records", "strategy"),
    [
        ([], "topic_description"),
        ([_record("a", "user"), _record("b", "user")], "few_shot"),
        ([_record("a", "user"), _record("b", "user", "assistant", "user")], "message_variation"),
        ([_record("a", "user", calls=True), _record("b", "user", calls=True)], "tool_chain"),
        ([_record("a", "user", "assistant", "user", parents=("x",))], "topic_description"),
    ],
)
def test_the_strategy_suits_the_real_records_of_a_topic(records, strategy):
    topics = {record.id: "t" for record in records}
    assert suggest_strategies(records, topics, ["t"]) == {"t": strategy}
