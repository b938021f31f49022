"""Say what tokens cost, from a dated list; what is not listed is unknown, never guessed."""

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lucy.errors import SettingsError

T = TypeVar("T")
LISTED = Path(__file__).with_name("prices.toml")
NAME = "prices.toml"
"""The file in the data folder that adds prices and overrides those listed."""
MILLION = 1_000_000
_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")


class Price(BaseModel):
    """US dollars per 1,000,000 tokens, without discounts such as that for cached input."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    as_of: date
    source: str = ""

    def charge(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Give the cost of tokens, US dollars."""
        return (prompt_tokens * self.input + completion_tokens * self.output) / MILLION


class _PriceList(BaseModel):
    model_config = ConfigDict(extra="forbid")

    models: dict[str, Price] = {}


def load_prices(home: Path, *, with_listed: bool) -> dict[str, Price]:
    """Read the prices: those of the data folder, and those that come with Lucy where they apply.

    Args:
        home: The data folder.
        with_listed: The models are OpenAI's own. Elsewhere a model of the same name has another price.

    Raises:
        SettingsError: the file in the data folder cannot be used.
    """
    listed = _read(LISTED) if with_listed else {}
    own = home / NAME
    return listed | (_read(own) if own.is_file() else {})


def find_price(prices: Mapping[str, T], model: str) -> T | None:
    """Find a model's price; a dated snapshot (`name-2025-04-14`) has that of its name.

    A fine-tuned model (`ft:name-2025-04-14:owner::id`) has that of all which were made of its base model
    (`ft:name`).
    """
    family = ":".join(model.split(":")[:2]) if model.startswith("ft:") else model
    return next((prices[one] for one in (model, family, _SNAPSHOT.sub("", family)) if one in prices), None)


def _read(path: Path) -> dict[str, Price]:
    try:
        return _PriceList.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).models
    except (OSError, ValueError) as error:
        reason = str(error)
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            reason = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        raise SettingsError(
            f'The prices in {str(path)!r} cannot be read ({reason}); expected [models."name"] with input, '
            "output (US dollars per 1,000,000 tokens) and as_of (a date)."
        ) from error
