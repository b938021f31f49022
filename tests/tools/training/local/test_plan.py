from itertools import product

import pytest

from lucy.tools.training.local.options import LocalOptions
from lucy.tools.training.local.plan import Plan, choose_longest, make_plan, order_all
from lucy.tools.training.trainer import Parameters

SIZES = (20_000, 135_000_000, 7_000_000_000)


def plan_for(count: int = 100, size: int = 20_000, devices: int = 1, **parameters: object) -> Plan:
    return make_plan("rft", Parameters(**parameters), LocalOptions(), count=count, size=size, devices=devices)


@pytest.mark.parametrize("group", [2, 5, 8, 64])
@pytest.mark.parametrize("batch", ["auto", 1, 6, 256])
def test_every_plan_has_whole_groups_and_whole_steps(group: int, batch: object):
    for size, devices, count in product(SIZES, (1, 2, 3), (1, 7, 100)):
        plan = plan_for(count, size, devices, group_size=group, batch_size=batch)
        assert plan.rows % group == 0
        assert plan.rows * plan.accumulation * devices == plan.prompts * group
        assert plan.steps >= 1


def test_trl_takes_every_plan(tmp_path):
    from trl import GRPOConfig

    for group, size, batch in product((2, 7, 64), SIZES, ("auto", 1, 30)):
        plan = plan_for(50, size, group_size=group, batch_size=batch)
        config = GRPOConfig(
            output_dir=str(tmp_path), num_generations=group, bf16=False, activation_checkpointing=False,
            per_device_train_batch_size=plan.rows, gradient_accumulation_steps=plan.accumulation,
            report_to="none",
        )  # fmt: skip
        assert config.generation_batch_size == plan.prompts * group


def test_every_record_comes_once_an_epoch():
    plan = plan_for(20, epochs=3, batch_size=5)
    order = order_all(20, plan, seed=0)
    assert [sorted(order[start : start + 20]) for start in (0, 20, 40)] == [list(range(20))] * 3


def test_the_last_step_is_filled():
    plan = plan_for(10, epochs=1, batch_size=4)
    order = order_all(10, plan, seed=0)
    assert len(order) == 12
    assert set(order[:10]) == set(range(10))


def test_a_step_larger_than_the_records_is_filled_with_them():
    plan = plan_for(3, epochs=1, batch_size=8)
    order = order_all(3, plan, seed=0)
    assert len(order) == 8
    assert set(order) == {0, 1, 2}


def test_the_seed_decides_the_order():
    plan = plan_for(20)
    assert order_all(20, plan, seed=0) == order_all(20, plan, seed=0)
    assert order_all(20, plan, seed=0) != order_all(20, plan, seed=1)


@pytest.mark.parametrize(("lora", "size", "expected"), [
    ("auto", 20_000, False), ("auto", 7_000_000_000, True), (True, 20_000, True),
    (False, 7_000_000_000, False),
])  # fmt: skip
def test_an_adapter_is_trained_for_large_models_or_on_request(lora, size, expected):
    plan = make_plan("rft", Parameters(), LocalOptions(lora=lora), count=10, size=size)
    assert plan.lora is expected


def test_a_learning_rate_that_was_set_is_taken():
    assert plan_for(learning_rate=0.5).rate == 0.5


def test_larger_models_learn_more_slowly():
    rates = [plan_for(size=size).rate for size in (20_000, 5_000_000, 50_000_000, 500_000_000)]
    assert rates == sorted(rates, reverse=True)
    assert len(set(rates)) == 4


@pytest.mark.parametrize(("lengths", "longest", "expected"), [
    ([], "auto", 256), ([2, 3], "auto", 16), ([100] * 20, "auto", 150), ([9000], "auto", 1024), ([5], 40, 40),
])  # fmt: skip
def test_the_longest_answer_follows_the_replies(lengths, longest, expected):
    assert choose_longest(lengths, longest) == expected
