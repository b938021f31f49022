from pathlib import Path

import pytest

from lucy.errors import SettingsError
from lucy.tools.calls.prices import find_price, load_prices
from lucy.tools.training.hosted.prices import NAME, find_training_price, load_training_prices


def test_openais_own_prices_are_listed_with_their_day_and_hold_nowhere_else(tmp_path: Path) -> None:
    listed = load_training_prices(tmp_path, with_listed=True)
    price = find_training_price(listed, "o4-mini-2025-04-16")
    assert price is not None
    assert (price.per_hour, price.as_of.isoformat()) == (100.0, "2025-05-08")
    assert find_training_price(listed, "o9-mini") is None
    assert load_training_prices(tmp_path, with_listed=False) == {}


def test_the_data_folder_overrides_what_is_listed(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text('[training."o4-mini"]\nper_hour = 7.0\nas_of = 2026-10-01\n')
    price = find_training_price(load_training_prices(tmp_path, with_listed=True), "o4-mini")
    assert price is not None
    assert price.per_hour == 7.0


def test_a_file_that_cannot_be_read_says_what_is_expected(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text('[training."o4-mini"]\nper_hour = -1\nas_of = 2026-10-01\n')
    with pytest.raises(SettingsError, match=r"expected .* per_hour or per_million_tokens"):
        load_training_prices(tmp_path, with_listed=False)


def test_a_fine_tuned_model_has_the_price_of_all_that_were_made_of_its_base(tmp_path: Path) -> None:
    prices = load_prices(tmp_path, with_listed=True)
    tuned = find_price(prices, "ft:gpt-4.1-mini-2025-04-14:acme:support:abc123")
    assert tuned is not None
    assert tuned == prices["ft:gpt-4.1-mini"]
    assert tuned != prices["gpt-4.1-mini"]
    assert find_price(prices, "ft:unheard-of:acme::x") is None
