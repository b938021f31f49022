"""Prompt files are rendered with every variable, and with no other."""

from pathlib import Path

import pytest

from lucy.errors import InputError
from lucy.tools.calls.prompts import render


@pytest.fixture
def prompt(tmp_path: Path) -> Path:
    path = tmp_path / "greet.md"
    path.write_text('Greet $name for $$5.\nAnswer {"text": "..."}.\n', encoding="utf-8")
    return path


def test_variables_are_filled_in_and_braces_stand(prompt: Path) -> None:
    assert render(prompt, name="Ada") == 'Greet Ada for $5.\nAnswer {"text": "..."}.'


def test_a_value_is_not_rendered_again(prompt: Path) -> None:
    assert "Greet $other ${x} for" in render(prompt, name="$other ${x}")


@pytest.mark.parametrize(
    ("values", "sentence"), [({}, "needs name"), ({"name": 1, "goal": 2}, "does not use goal")]
)
def test_a_missing_or_unused_variable_is_refused(prompt: Path, values: dict, sentence: str) -> None:
    with pytest.raises(InputError, match=rf"'greet.md' {sentence}"):
        render(prompt, **values)


def test_a_lone_dollar_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.md").write_text("It costs $ 5", encoding="utf-8")
    with pytest.raises(InputError, match=r"lone '\$'"):
        render(tmp_path / "bad.md")
    with pytest.raises(InputError, match="cannot be read"):
        render(tmp_path / "none.md")
