from collections import Counter

import pytest

from lucy.errors import InputError
from lucy.tools.dry_run.sampling import DEFAULT_COUNT, MIN_COUNT, choose_sample, share_out

IDS = [f"r{number}" for number in range(500)]
TOPICS = {record_id: ("big" if number % 10 else "small") for number, record_id in enumerate(IDS)}


def test_topics_keep_their_shares():
    chosen = choose_sample(IDS, TOPICS, count=100)
    assert Counter(TOPICS[record_id] for record_id in chosen) == {"big": 90, "small": 10}


def test_a_rare_topic_gets_at_least_one_record():
    topics = {record_id: ("rare" if record_id == "r7" else "common") for record_id in IDS}
    assert "r7" in choose_sample(IDS, topics, count=20)


def test_the_sample_is_repeatable_and_depends_on_the_seed():
    assert choose_sample(IDS, TOPICS, count=50, seed=1) == choose_sample(IDS, TOPICS, count=50, seed=1)
    assert choose_sample(IDS, TOPICS, count=50, seed=1) != choose_sample(IDS, TOPICS, count=50, seed=2)


def test_a_larger_sample_contains_the_smaller_one():
    assert set(choose_sample(IDS, TOPICS, count=50)) <= set(choose_sample(IDS, TOPICS, count=200))


def test_a_percentage_is_raised_to_the_least_useful_count():
    assert len(choose_sample(IDS, TOPICS, percentage=1)) == MIN_COUNT
    assert len(choose_sample(IDS, TOPICS, percentage=10)) == 50
    assert len(choose_sample(IDS[:12], TOPICS, percentage=1)) == 12


def test_a_count_is_cut_to_what_there_is():
    assert choose_sample(IDS[:5], {}, count=50) == IDS[:5]


def test_without_a_size_the_default_is_taken():
    assert len(choose_sample(IDS, TOPICS)) == DEFAULT_COUNT


@pytest.mark.parametrize(
    "size", [{"count": 0}, {"percentage": 0}, {"percentage": 101}, {"percentage": 10, "count": 5}]
)
def test_impossible_sizes_are_refused(size):
    with pytest.raises(InputError):
        choose_sample(IDS, TOPICS, **size)


def test_no_records_are_refused():
    with pytest.raises(InputError, match="no records"):
        choose_sample([], {})


def test_quotas_sum_to_the_size_and_never_exceed_a_stratum():
    quotas = share_out(7, {"a": 1, "b": 1, "c": 8})
    assert quotas == {"a": 1, "b": 1, "c": 5}


def test_fewer_places_than_strata_go_to_the_largest():
    assert share_out(1, {"a": 1, "b": 3, "c": 1}) == {"a": 0, "b": 1, "c": 0}
