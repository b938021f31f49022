from typing import Any

import pytest

from lucy.errors import InputError
from lucy.nodes.training_parameters import DEFAULTS, check_parameters, read_changes


@pytest.mark.parametrize(
    ("said", "changes"),
    [
        ("3 epochs please", {"epochs": 3}),
        ("split 0.8", {"train_split": 0.8}),
        ("80/20", {"train_split": 0.8}),
        ("groups of 16", {"group_size": 16}),
        ("batch size 32", {"batch_size": 32}),
        ("batch size auto", {"batch_size": "auto"}),
        ("learning rate 0.05", {"learning_rate": 0.05}),
        ("learning rate of 1e-5", {"learning_rate": 1e-5}),
        ("limit $20", {"cost_limit": 20.0}),
        ("spend at most $7.50", {"cost_limit": 7.5}),
        ("a budget of 1,500 dollars", {"cost_limit": 1500.0}),
        ("no more than 20 dollars", {"cost_limit": 20.0}),
        ("limit it to $5", {"cost_limit": 5.0}),
        ("at most 3 epochs", {"epochs": 3}),
        ("no limit", {"cost_limit": None}),
        ("without a limit", {"cost_limit": None}),
        ("supervised, 2 epochs", {"method": "sft", "epochs": 2}),
        ("reinforcement", {"method": "rft"}),
        ("what does it cost?", {}),
        ("-1 epochs", {"epochs": -1}),
        ("2.5 epochs", {"epochs": 2.5}),
        ("zero epochs", {"epochs": 0}),
        ("split 80%", {"train_split": 0.8}),
        ("100/0", {"train_split": 1.0}),
        ("split 90/10", {"train_split": 0.9}),
        ("90/20", {}),
        ("we answer 24/7", {}),
        ("learning rate -1", {"learning_rate": -1.0}),
    ],
)
def test_parameters_are_read_in_words(said: str, changes: dict[str, Any]) -> None:
    assert read_changes(said) == changes


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"epochs": 0}, "1 to 50"),
        ({"train_split": 1.0}, "between 0 and 1"),
        ({"group_size": 1}, "2 to 64"),
        ({"method": "magic"}, "rft or sft"),
        ({"cost_limit": 0.0}, "cost limit"),
        ({"epochs": "many"}, "must be numbers"),
        ({"epochs": True}, "must be numbers"),
        ({"epochs": 2.5}, "a whole number, not 2.5"),
        ({"epochs": -1}, "1 to 50, not -1"),
        ({"batch_size": 0}, "batch size cannot be 0; expected greater than or equal to 1"),
        ({"learning_rate": 0.0}, "learning rate cannot be 0.0; expected greater than 0"),
        ({"learning_rate": float("nan")}, "learning rate cannot be nan"),
    ],
)
def test_parameters_out_of_range_are_one_sentence(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(InputError, match=word):
        check_parameters(DEFAULTS | {"group_size": 8} | changes)
