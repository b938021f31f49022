"""Settings come from the environment and a file; secrets from the environment alone, and are never shown."""

from pathlib import Path

import pytest

from lucy.errors import SettingsError
from lucy.settings import load_settings

SECRET = "sk-very-secret-0123456789"


def write(home: Path, text: str) -> None:
    home.mkdir()
    (home / "settings.toml").write_text(text, encoding="utf-8")


def test_models_and_their_service_are_read(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    write(home, 'generator_model = "small"\nmodel_concurrency = 2')
    monkeypatch.setenv("LUCY_BASE_URL", "http://127.0.0.1:8000/v1/")
    monkeypatch.setenv("LUCY_API_KEY", f" {SECRET}\n")
    found = load_settings()
    assert (found.generator_model, found.model_concurrency) == ("small", 2)
    assert found.base_url == "http://127.0.0.1:8000/v1"
    assert found.api_key is not None
    assert found.api_key.get_secret_value() == SECRET
    assert SECRET not in repr(found)
    assert SECRET not in found.model_dump_json()


def test_without_settings_every_role_is_offline() -> None:
    found = load_settings()
    assert {found.chat_model, found.generator_model, found.judge_model, found.base_url} == {""}
    assert found.api_key is None


def test_an_empty_key_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUCY_API_KEY", "  ")
    assert load_settings().api_key is None


def test_a_key_in_the_file_is_refused_without_showing_it(home: Path) -> None:
    write(home, f'api_key = "{SECRET}"')
    with pytest.raises(SettingsError, match=r"settings\.toml.*set LUCY_API_KEY") as caught:
        load_settings()
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("name", ["apikey", "openai_api_key"])
def test_an_unknown_name_is_refused_without_its_value(home: Path, name: str) -> None:
    write(home, f'{name} = "{SECRET}"')
    with pytest.raises(SettingsError, match=name) as caught:
        load_settings()
    assert SECRET not in str(caught.value)
    assert SECRET not in str(caught.value.__cause__)


@pytest.mark.parametrize("key", [f"{SECRET} x", f"{SECRET}ü", f"{SECRET}\nx"])
def test_a_key_that_no_header_can_hold_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("LUCY_API_KEY", key)
    with pytest.raises(SettingsError, match="api_key") as caught:
        load_settings()
    assert SECRET not in str(caught.value)
    assert SECRET not in str(caught.value.__cause__)


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8000",
        "ftp://a/v1",
        "http://",
        "http://user:word@host/v1",
        "https://host/v1?key=abc",
        "http://host:99999/v1",
        "nonsense",
    ],
)
def test_an_address_that_cannot_be_used_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("LUCY_BASE_URL", url)
    with pytest.raises(SettingsError, match="base_url"):
        load_settings()


@pytest.mark.parametrize(("name", "value"), [("MODEL_CONCURRENCY", "0"), ("MODEL_TIMEOUT", "0")])
def test_limits_of_calls_are_checked(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"LUCY_{name}", value)
    with pytest.raises(SettingsError, match=name.lower()):
        load_settings()
