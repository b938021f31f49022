"""Say what a service asks for training, from a dated list; what is not listed is unknown, never guessed."""

import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from lucy.errors import SettingsError
from lucy.tools.calls.prices import find_price

LISTED = Path(__file__).with_name("training_prices.toml")
NAME = "training_prices.toml"
"""The file in the data folder that adds prices and overrides those listed."""


class TrainingPrice(BaseModel):
    """What a service asks for training one base model, US dollars."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    per_hour: float | None = Field(default=None, ge=0)
    """For an hour of training, by the wall clock."""
    per_million_tokens: float | None = Field(default=None, ge=0)
    """For 1,000,000 trained tokens; of supervised training all epochs count."""
    as_of: date
    source: str = ""


class _TrainingPrices(BaseModel):
    model_config = ConfigDict(extra="forbid")

    training: dict[str, TrainingPrice] = {}


def load_training_prices(home: Path, *, with_listed: bool) -> dict[str, TrainingPrice]:
    """Read what training costs by base model: the data folder's file, and Lucy's list where it applies.

    Args:
        home: The data folder.
        with_listed: The service is OpenAI's own. Elsewhere a model of the same name has another price.

    Raises:
        SettingsError: the file cannot be used.
    """
    listed = _read(LISTED) if with_listed else {}
    own = home / NAME
    return listed | (_read(own) if own.is_file() else {})


def find_training_price(prices: Mapping[str, TrainingPrice], base_model: str) -> TrainingPrice | None:
    """Find what training a model costs; a dated snapshot has the price of its name."""
    return find_price(prices, base_model)


def _read(path: Path) -> dict[str, TrainingPrice]:
    try:
        return _TrainingPrices.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).training
    except (OSError, ValueError) as error:
        raise SettingsError(
            f'The prices in {str(path)!r} cannot be read ({error}); expected [training."base model"] with '
            "per_hour or per_million_tokens (US dollars) and as_of (a date)."
        ) from error
