from collections import Counter
from dataclasses import replace

import pytest

from lucy.errors import InputError
from lucy.tools.training.split import set_aside, split_records
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
    words = ("parcel", "invoice", "password", "booking", "refund", "account")
    records = [_record(word, f"tell me something more about the {word} please") for word in words]
    assert split_records(records, {}).leakage == ()


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
