"""Read every setting, in this place only: the environment (`LUCY_...`) and `settings.toml` in the home."""

import json
import os
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from platformdirs import user_data_path
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from lucy.errors import SettingsError

SECRETS = ("token", "api_key")
"""Settings whose value is never shown."""


def find_home() -> Path:
    """Give the data folder: `LUCY_HOME`, else the platform's folder for user data."""
    return Path(os.environ.get("LUCY_HOME") or user_data_path("lucy", appauthor=False)).expanduser()


class Settings(BaseSettings):
    """What can be set; frozen, built once at the edge of the program."""

    model_config = SettingsConfigDict(
        env_prefix="LUCY_", frozen=True, extra="forbid", hide_input_in_errors=True
    )

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
    max_synthetic_share: float = Field(default=0.3, ge=0.0, le=1.0)
    """Largest share of synthetic records, unless the person agrees to more; 1 is no limit."""
    chat_model: str = ""
    """Language model that sorts the records the offline engine is unsure of; empty: the offline engine."""
    judge_model: str = ""
    """Language model that grades answers; empty: the offline judge."""
    generator_model: str = ""
    """Language model that writes new records and names topics; empty: the offline engine."""
    trainer: str = "offline"
    """Who trains: `offline`, `trl` (extra [local]), `openai`, or a trainer of another package."""
    base_model: str = ""
    """Model that is trained, as the trainer knows it; the offline trainer has its own."""
    poll_seconds: float = Field(default=300.0, gt=0, le=3600)
    """Seconds between two looks at a training at a service."""
    embedding_model: str = ""
    """Model that will measure how alike texts are; not used yet."""
    base_url: str = ""
    """OpenAI-compatible service of the models, mostly ending in /v1; empty: OpenAI's own."""
    api_key: SecretStr | None = None
    """Key of that service; read from the environment only, never stored or shown."""
    model_concurrency: int = Field(default=8, ge=1, le=256)
    """Largest number of model calls under way at once."""
    model_timeout: float = Field(default=60.0, gt=0, le=3600)
    """Seconds without a sign of life after which a model call is given up and tried again."""
    trusted_scripts: Annotated[frozenset[str], NoDecode] = frozenset()
    """Names of grader scripts, with commas between, that may run where nothing can confine them."""

    @field_validator("trusted_scripts", mode="before")
    @classmethod
    def split_names(cls, value: object) -> object:
        """Read names with commas between."""
        return (
            [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value
        )

    @field_validator("home")
    @classmethod
    def expand_home(cls, value: Path) -> Path:
        """Take `~` in the data folder's path for the user's home."""
        return value.expanduser()

    @field_validator("base_url")
    @classmethod
    def check_base_url(cls, value: str) -> str:
        """Take an address without its final slash; a key or password must not stand in it, it is shown."""
        value = value.strip().rstrip("/")
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("expected an address such as http://127.0.0.1:8000/v1")
        if value and parts.port == 0:
            raise ValueError("expected a port between 1 and 65535")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("expected an address without user, password or query; the key is LUCY_API_KEY")
        return value

    @field_validator("api_key")
    @classmethod
    def check_api_key(cls, value: SecretStr | None) -> SecretStr | None:
        """Take an empty key for none; a header can only hold printable ASCII."""
        key = value.get_secret_value().strip() if value else ""
        if not all("!" <= character <= "~" for character in key):
            raise ValueError("expected a key of letters, digits and signs, without spaces or line ends")
        return SecretStr(key) if key else None

    def write_all(self) -> str:
        """Write every setting as JSON, secrets included: for a pipe to a process of ours, never a file."""
        values = self.model_dump(mode="json")
        secrets = {name: getattr(self, name) for name in SECRETS}
        return json.dumps(values | {name: one and one.get_secret_value() for name, one in secrets.items()})

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let arguments win over the environment, and the environment over the settings file.

        Raises:
            SettingsError: the key stands in the file.
        """
        file = TomlConfigSettingsSource(settings_cls, find_home() / "settings.toml")
        if "api_key" in file.toml_data:
            raise SettingsError(
                f"The file {find_home() / 'settings.toml'} holds 'api_key', which is read from the "
                "environment only, so that no key lies in a file; take the line out and set LUCY_API_KEY."
            )
        return init_settings, env_settings, file


def load_settings(**given: object) -> Settings:
    """Build the settings, turning a wrong value into one sentence.

    Raises:
        SettingsError: a variable or a line of settings.toml cannot be used.
    """
    try:
        return Settings(**given)  # pyright: ignore[reportArgumentType]  # checked by pydantic, below
    except ValidationError as error:
        raise SettingsError(_explain(error.errors()[0])) from error
    except SettingsError:
        raise
    except ValueError as error:
        raise SettingsError(
            f"The file {find_home() / 'settings.toml'} cannot be read: {error}; expected TOML."
        ) from error


def read_all(text: str) -> Settings:
    """Read settings that `write_all` wrote; nothing else is looked at."""
    return Settings.model_validate(json.loads(text)) if text else load_settings()


def _explain(fault: Any) -> str:
    """Say what is wrong with a setting; of a secret, or of a name nobody knows, without the value."""
    name = ".".join(str(part) for part in fault["loc"])
    is_shown = name not in SECRETS and fault["type"] != "extra_forbidden"
    got = f" (got {fault['input']!r})" if is_shown else ""
    return (
        f"The setting {name!r} cannot be used: {fault['msg']}{got}; "
        f"correct LUCY_{name.upper()} or {find_home() / 'settings.toml'}."
    )
