"""Prices are listed with a date, or unknown."""

from pathlib import Path

import pytest

from lucy.errors import SettingsError
from lucy.settings import Settings
from lucy.tools.calls.prices import find_price, load_prices
from lucy.tools.workbench import Workbench


def test_every_listed_price_is_usable(tmp_path: Path) -> None:
    prices = load_prices(tmp_path, with_listed=True)
    assert len(prices) >= 5
    assert all(0 < one.input < one.output for one in prices.values())


def test_a_cost_is_reckoned_per_million_tokens(tmp_path: Path) -> None:
    price = find_price(load_prices(tmp_path, with_listed=True), "gpt-4o-mini-2024-07-18")
    assert price is not None
    assert price.charge(1_000_000, 500_000) == pytest.approx(0.15 + 0.30)


def test_an_unlisted_model_has_no_price(tmp_path: Path) -> None:
    assert find_price(load_prices(tmp_path, with_listed=True), "llama3") is None


def test_the_data_folder_adds_and_overrides(tmp_path: Path) -> None:
    day = "as_of = 2026-01-01"
    text = f'[models."gpt-4o"]\ninput = 1\noutput = 2\n{day}\n[models.own]\ninput = 0\noutput = 0\n{day}\n'
    (tmp_path / "prices.toml").write_text(text, encoding="utf-8")
    prices = load_prices(tmp_path, with_listed=True)
    assert (prices["gpt-4o"].input, prices["own"].charge(10, 10)) == (1.0, 0.0)


@pytest.mark.parametrize(
    "text", ["models = 3", "[models.a]\ninput = -1\noutput=1\nas_of=2026-01-01", "[models.a]\ninput=1", "= ="]
)
def test_a_wrong_price_file_is_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "prices.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"prices.*cannot be read.*as_of"):
        load_prices(tmp_path, with_listed=False)


def test_elsewhere_than_at_openai_the_listed_prices_do_not_hold(home: Path) -> None:
    home.mkdir()
    for url, cost in (("", True), ("http://127.0.0.1:1/v1", False)):
        bench = Workbench(Settings(home=home, generator_model="gpt-4o", base_url=url))
        door = bench.open_door("generator", workflow_id="w", step="s")
        assert door is not None
        assert (door.estimate([], completion_tokens=1).cost is not None) is cost
        bench.close()
