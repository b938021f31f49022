"""Read every setting, in this place only: the environment (`LUCY_...`) and `settings.toml` in the home."""

import os
from pathlib import Path

from platformdirs import user_data_path
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from lucy.errors import SettingsError


def find_home() -> Path:
    """Give the data folder: `LUCY_HOME`, else the platform's folder for user data."""
    return Path(os.environ.get("LUCY_HOME") or user_data_path("lucy", appauthor=False)).expanduser()


class Settings(BaseSettings):
    """What can be set; frozen, built once at the edge of the program."""

    model_config = SettingsConfigDict(env_prefix="LUCY_", frozen=True, extra="forbid")

    home: Path = Field(default_factory=find_home)
    """Data folder: database, checkpoints, models. Nothing is written elsewhere."""
    host: str = "127.0.0.1"
    """Address that the application and the gateway listen on."""
    port: int = Field(default=7860, ge=0, le=65535)
    """Port of the application and the gateway; 0 takes a free one."""
    token: SecretStr | None = None
    """Bearer token that the gateway and the REST API ask for; required when `host` is not loopback."""
    seed: int = 0
    """Seed of every random choice; printed in the report."""
    min_user_chars: int = Field(default=10, ge=0)
    """Shortest accepted user text of a record, in characters."""
    max_tokens: int = Field(default=8000, ge=1)
    """Longest accepted record, in (about) tokens."""
    confidence_threshold: float = Field(default=0.7, ge=0.0, le=1.0)
    """Assignments under this confidence are listed for review."""
    rollouts_per_prompt: int = Field(default=4, ge=2, le=64)
    """Answers sampled for each prompt of the dry run."""
    group_size: int = Field(default=8, ge=2, le=64)
    """Rollouts in a group of GRPO."""
    max_synthetic_share: float = Field(default=0.3, ge=0.0, lt=1.0)
    """Largest share of synthetic records, unless the person agrees to more."""

    @field_validator("home")
    @classmethod
    def expand_home(cls, value: Path) -> Path:
        """Take `~` in the data folder's path for the user's home."""
        return value.expanduser()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let arguments win over the environment, and the environment over the settings file."""
        file = TomlConfigSettingsSource(settings_cls, find_home() / "settings.toml")
        return init_settings, env_settings, file


def load_settings(**given: object) -> Settings:
    """Build the settings, turning a wrong value into one sentence.

    Raises:
        SettingsError: a variable or a line of settings.toml cannot be used.
    """
    try:
        return Settings(**given)  # pyright: ignore[reportArgumentType]  # checked by pydantic, below
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise SettingsError(
            f"The setting {name!r} cannot be used: {first['msg']} (got {first['input']!r}); "
            f"correct LUCY_{name.upper()} or {find_home() / 'settings.toml'}."
        ) from error
    except ValueError as error:
        raise SettingsError(
            f"The file {find_home() / 'settings.toml'} cannot be read: {error}; expected TOML."
        ) from error
