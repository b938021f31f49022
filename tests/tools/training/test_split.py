from collections import Counter
from dataclasses import replace

import pytest

from lucy.errors import InputError
from lucy.tools.training.lookalikes import MIN_WORDS, measure_likeness, read_words
from lucy.tools.training.split import NEAR, SIMILAR, find_leaks, set_aside, split_records
from lucy.tools.vocabulary import Record


def _record(name, text=None, **fields):
    return Record(
        name, ({"role": "user", "content": text or f"Question number {name} about things"},), **fields
    )


RECORDS = [_record(f"r{number}", family=f"r{number}") for number in range(200)]
TOPICS = {record.id: ("big" if number % 10 else "small") for number, record in enumerate(RECORDS)}


def test_every_record_is_on_exactly_one_side_in_order():
    split = split_records(RECORDS, TOPICS)
    assert set(split.train_ids) | set(split.heldout_ids) == {record.id for record in RECORDS}
    assert not set(split.train_ids) & set(split.heldout_ids)
    assert list(split.train_ids) == sorted(split.train_ids, key=lambda name: int(name[1:]))


def test_topics_keep_their_shares():
    split = split_records(RECORDS, TOPICS)
    assert Counter(TOPICS[name] for name in split.heldout_ids) == {"big": 18, "small": 2}


def test_the_split_is_repeatable_and_depends_on_the_seed():
    assert split_records(RECORDS, TOPICS, seed=1) == split_records(RECORDS, TOPICS, seed=1)
    assert split_records(RECORDS, TOPICS, seed=1) != split_records(RECORDS, TOPICS, seed=2)


def test_a_family_stays_together():
    records = [_record(f"r{number}", family=f"f{number % 40}") for number in range(200)]
    split = split_records(records, {}, train_share=0.8)
    sides = {record.family: record.id in split.heldout_ids for record in records}
    assert all(sides[record.family] == (record.id in split.heldout_ids) for record in records)
    assert len(split.heldout_ids) == 40
    assert split.families == 40


def test_synthetic_children_stay_with_their_parents():
    children = [_record(f"s{number}", parents=(f"r{number}",)) for number in range(100)]
    split = split_records([*RECORDS, *children], TOPICS)
    held = set(split.heldout_ids)
    assert all((child.id in held) == (child.parents[0] in held) for child in children)


def test_equal_prompts_stay_together_without_a_family():
    twins = [_record(f"t{number}", f"The very  same Question {number // 2}") for number in range(40)]
    held = set(split_records(twins, {}, train_share=0.5).heldout_ids)
    assert all((f"t{2 * at}" in held) == (f"t{2 * at + 1}" in held) for at in range(20))


def test_look_alikes_across_the_sides_are_listed():
    records = [_record(f"r{at}", f"please change the booking of my room {at} today") for at in range(20)]
    split = split_records(records, {})
    assert {leak.heldout_id for leak in split.leakage} == set(split.heldout_ids)
    assert all(leak.train_id in split.train_ids for leak in split.leakage)


def test_unlike_records_have_no_leaks():
    texts = (
        "tell me where my parcel is right now",
        "the invoice of last month shows a wrong sum",
        "I forgot which password was set for this login",
        "can we change the booking to another room",
        "when will you pay out what I returned",
        "please close my account and delete its data",
    )
    records = [_record(f"r{at}", text) for at, text in enumerate(texts)]
    assert split_records(records, {}).leakage == ()


WORDS = [f"{first}{second}" for first in "bcdfghklmnprst" for second in ("ado", "eri", "ilo", "oma", "uni")]
"""Seventy words of their own."""


def _write_text(start, count=10):
    """Give a text of neighbouring words: shifted by one it shares 9 of 11."""
    return " ".join(WORDS[(start + place) % len(WORDS)] for place in range(count))


def _find_across(split, records):
    """Find near-duplicates on different sides by comparing every pair."""
    words = {record.id: read_words(record) for record in records}
    return [
        (one, other)
        for one in split.heldout_ids
        for other in split.train_ids
        if measure_likeness(words[one], words[other]) >= NEAR
    ]


@pytest.mark.parametrize("seed", range(5))
def test_planted_near_duplicates_stay_together_also_in_chains(seed):
    plain = [_record(f"p{at}", _write_text(at * 12)) for at in range(5)]
    other = [
        _record(f"o{at}", f"{WORDS[at]} {WORDS[-at]} asks {at} other thing{at} about {WORDS[2 * at]}")
        for at in range(30)
    ]
    chain = [_record(f"c{at}", _write_text(30 + at)) for at in range(6)]
    records = [*plain, *other, *chain]
    split = split_records(records, {}, train_share=0.7, seed=seed)
    assert _find_across(split, records) == []
    assert len({record.id in split.heldout_ids for record in chain}) == 1
    assert measure_likeness(read_words(chain[0]), read_words(chain[-1])) < 0.4


def test_numbers_order_case_and_punctuation_make_no_difference():
    texts = ("Please send invoice 4711 to my new address!", "please send invoice 12 to my NEW address")
    records = [*RECORDS[:1], *(_record(f"x{at}", text) for at, text in enumerate(texts))]
    more = [_record(f"y{at}", _write_text(at * 11)) for at in range(6)]
    held = set(split_records([*records, *more], {}, train_share=0.5).heldout_ids)
    assert ("x0" in held) == ("x1" in held)


def test_data_of_one_template_is_split_all_the_same_and_says_so():
    records = [_record(f"r{at}", f"please change the booking of my room {at} today") for at in range(20)]
    split = split_records(records, {})
    assert split.is_one_template
    assert len(split.heldout_ids) == 2
    assert all(leak.similarity == 1 for leak in split.leakage)


def test_a_family_larger_than_the_held_out_share_trains():
    records = [*RECORDS[:50], *(_record(f"s{at}", parents=("r0",)) for at in range(40))]
    split = split_records(records, {})
    assert "r0" in split.train_ids
    assert 1 <= len(split.heldout_ids) <= 9


def test_leaks_are_the_most_similar_first_and_say_how_similar():
    pairs = [(_write_text(0), _write_text(0, 9) + " else more"), (_write_text(20), _write_text(22))]
    records = [
        _record(f"{side}{at}", text)
        for at, pair in enumerate(pairs)
        for side, text in zip("ab", pair, strict=True)
    ]
    leaks = find_leaks(records, {"a0", "a1"})
    assert [(leak.heldout_id, leak.train_id) for leak in leaks] == [("a0", "b0"), ("a1", "b1")]
    assert leaks[0].similarity == 0.75
    assert "75% of the words" in leaks[0].reason


def test_the_families_of_held_out_records_are_named_for_the_intervals():
    related = [replace(record, family=f"f{number // 4}") for number, record in enumerate(RECORDS)]
    split = split_records(related, {})
    assert set(split.heldout_families) == set(split.heldout_ids)
    assert len(set(split.heldout_families.values())) == len(split.heldout_ids) // 4


def test_on_real_dialogues_no_near_duplicate_is_on_the_other_side(support_records):
    split = split_records(support_records, {})
    assert _find_across(split, support_records) == []
    words = {record.id: read_words(record) for record in support_records}
    closest = {
        one: max(measure_likeness(words[one], words[other]) for other in split.train_ids)
        for one in split.heldout_ids
    }
    assert {leak.heldout_id for leak in split.leakage} == {
        one for one, likeness in closest.items() if likeness >= SIMILAR and len(words[one]) >= MIN_WORDS
    }


def test_two_records_give_one_to_each_side():
    split = split_records(RECORDS[:2], {})
    assert (len(split.train_ids), len(split.heldout_ids)) == (1, 1)


def test_a_record_per_topic_still_holds_one_out():
    split = split_records(RECORDS[:5], {record.id: record.id for record in RECORDS})
    assert len(split.heldout_ids) == 1


def test_adding_another_topic_moves_nobody():
    more = [_record(f"n{number}") for number in range(50)]
    topics = TOPICS | {record.id: "new" for record in more}
    before, after = split_records(RECORDS, TOPICS), split_records([*RECORDS, *more], topics)
    assert set(before.heldout_ids) == set(after.heldout_ids) - {record.id for record in more}


@pytest.mark.parametrize("share", [0, 1, -0.5, 1.5])
def test_impossible_shares_are_refused(share):
    with pytest.raises(InputError, match="train_share"):
        split_records(RECORDS, TOPICS, train_share=share)


def test_one_family_cannot_be_split():
    with pytest.raises(InputError, match="at least 2 unrelated"):
        split_records([replace(record, family="f") for record in RECORDS], TOPICS)


def test_validation_records_are_whole_families_and_none_of_small_data():
    related = [replace(record, family=f"f{number // 4}") for number, record in enumerate(RECORDS)]
    aside = set_aside(related, seed=0)
    assert len(aside) == 20
    assert all((record.id in aside) == (f"r{4 * (int(record.id[1:]) // 4)}" in aside) for record in related)
    assert set_aside(RECORDS[:20], seed=0) == set()


def test_near_duplicates_are_set_aside_together():
    plain = [
        _record(f"p{at}", f"{WORDS[at]} {WORDS[-at]} asks other thing{WORDS[at]} of {WORDS[2 * at % 70]}")
        for at in range(60)
    ]
    twins = [_record(f"t{at}", _write_text(at // 2 * 7)) for at in range(20)]
    aside = set_aside([*plain, *twins], seed=3)
    assert aside
    assert all((f"t{2 * at}" in aside) == (f"t{2 * at + 1}" in aside) for at in range(10))
