import re
from pathlib import Path

import pytest

from lucy.nodes.wording import MESSAGES, draw_table, quote, write

NODES = Path(MESSAGES).parent


def test_a_missing_variable_is_an_error() -> None:
    with pytest.raises(KeyError):
        write("interpret", "stopped")


def test_an_unused_variable_is_an_error() -> None:
    with pytest.raises(KeyError, match="no placeholder"):
        write("interpret", "stopped", workflow_id="a", more="b")


def test_every_template_that_the_code_names_exists() -> None:
    named = {
        (page, name)
        for path in NODES.glob("*.py")
        for page, name in re.findall(r'write\(\s*"(\w+)",\s*"(\w+)"', path.read_text(encoding="utf-8"))
    }
    headings = {
        (page.stem, heading)
        for page in MESSAGES.glob("*.md")
        for heading in re.findall(r"^## (\w+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert len(named) > 40
    assert named <= headings


def test_every_step_has_a_page_of_messages() -> None:
    from lucy.nodes.catalogue import CATALOGUE

    assert {page.stem for page in MESSAGES.glob("*.md")} == {*CATALOGUE, "interpret"}


def test_a_table_survives_pipes_and_line_breaks_in_its_cells() -> None:
    table = draw_table(("a", "b"), [("x|y", "1\n2")])
    assert table.splitlines()[-1] == "| x\\|y | 1 2 |"


def test_quoted_data_cannot_become_markup() -> None:
    assert quote("<script>alert(1)</script> `x`\nnew") == "&lt;script&gt;alert(1)&lt;/script&gt; 'x' new"
