import subprocess
import sys

import numpy as np
import pytest

from lucy.errors import InputError
from lucy.tools.policy.features import FEATURES, tabulate_records
from lucy.tools.policy.names import mask_specifics
from lucy.tools.policy.retrieval import RetrievalPolicy, base_policy, draw_uniform, pick
from lucy.tools.vocabulary import read_reply_text

ASK = [{"role": "user", "content": "What happens with my red invoice?"}]


def test_a_sample_does_not_depend_on_how_many_are_drawn(records):
    policy = base_policy(records)
    assert policy.sample(records[0], 8, seed=3)[:2] == policy.sample(records[0], 2, seed=3)


def test_samples_depend_on_the_seed(records):
    policy = base_policy(records)
    assert policy.sample(records[0], 20, seed=1) != policy.sample(records[0], 20, seed=2)


def test_many_records_are_sampled_as_one_by_one(records):
    policy = base_policy(records)
    assert policy.sample_many(records[:9], 3) == [policy.sample(record, 3) for record in records[:9]]


def test_a_stored_policy_answers_the_same(records):
    policy = base_policy(records).with_weights(np.linspace(-1, 1, len(FEATURES)).tolist(), name="trained")
    read = RetrievalPolicy.from_json(policy.to_json())
    assert (read.sha, read.name) == (policy.sha, "trained")
    assert read.sample_many(records[:9], 3) == policy.sample_many(records[:9], 3)
    assert read.respond(ASK, seed=5) == policy.respond(ASK, seed=5)


def test_another_process_draws_the_same():
    code = "from lucy.tools.policy.retrieval import draw_uniform; print(draw_uniform(1, 'record', 2))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert float(found) == draw_uniform(1, "record", 2)


def test_temperature_zero_gives_the_most_probable_reply(records):
    policy = base_policy(records)
    assert {policy.respond(ASK, seed=seed, temperature=0) for seed in range(5)} == {
        policy.respond(ASK, temperature=1e-6)
    }


def test_a_high_temperature_varies_the_replies(records):
    policy = base_policy(records)
    assert len({policy.respond(ASK, seed=seed, temperature=50.0) for seed in range(30)}) > 3


def test_weights_change_the_hash_and_the_name_but_share_the_pool(records):
    policy = base_policy(records)
    other = policy.with_weights([1.0] * len(FEATURES), name="other")
    assert other.pool is policy.pool
    assert other.sha != policy.sha


def test_features_are_finite_and_as_many_as_named(records):
    policy = base_policy(records)
    for table in tabulate_records(policy.pool, records[:10]):
        assert table.features.shape == (len(table.texts), len(FEATURES))
        assert np.isfinite(table.features).all()


def test_picking_follows_the_probabilities():
    draws = np.array([0.0, 0.19, 0.21, 0.999999])
    assert pick(np.array([0.2, 0.3, 0.5]), draws) == [0, 0, 1, 2]


def test_no_records_at_all_still_give_a_policy():
    assert '"your red invoice"' in base_policy([]).respond(ASK, temperature=0)


@pytest.mark.parametrize(
    "messages", [[], [{"role": "user", "content": "  "}], [{"role": "system", "content": "x"}]]
)
def test_a_conversation_without_a_user_is_refused(records, messages):
    with pytest.raises(InputError, match="no user message"):
        base_policy(records).respond(messages)


@pytest.mark.parametrize("text", ["", "{}", '{"name": 1}', "not json"])
def test_a_file_that_is_no_policy_is_refused(text):
    with pytest.raises(InputError, match="not a stored retrieval policy"):
        RetrievalPolicy.from_json(text)


def test_wrong_weights_and_temperatures_are_refused(records):
    policy = base_policy(records)
    with pytest.raises(InputError, match="weights"):
        policy.with_weights([1.0])
    with pytest.raises(InputError, match="temperature"):
        RetrievalPolicy(policy.pool, policy.weights, policy.scales, temperature=0)


def test_on_public_dialogues_the_base_answers_better_than_chance(support_records):
    policy = base_policy(support_records)
    names = policy.pool.names
    right = chance = 0.0
    for record, table in zip(support_records, tabulate_records(policy.pool, support_records), strict=True):
        expected = mask_specifics(read_reply_text(record), names)
        same = np.array([mask_specifics(text, names) == expected for text in table.texts])
        right += float(policy.probabilities(table) @ same)
        chance += float(same.mean())
    assert right > 1.3 * chance
