"""Hold the directions of imports: ui -> graph -> nodes -> tools | graph.state -> settings, errors."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("graph", "nodes", "tools", "ui")
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))

FORBIDDEN = {
    "tools": ("lucy.nodes", "lucy.graph", "lucy.ui", "langgraph", "gradio", "fastapi", "typer"),
    "nodes": ("lucy.ui", "lucy.graph.build", "lucy.graph.runs", "gradio", "fastapi", "typer"),
    "graph": ("lucy.ui", "gradio", "fastapi", "typer"),
    "ui": (),
}


def list_imports(path: Path) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names += [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    wrong = [name for name in list_imports(path) if name.startswith(FORBIDDEN[room])]
    assert wrong == []


def test_the_state_imports_nothing_of_ours_but_errors() -> None:
    ours = [name for name in list_imports(ROOT / "graph" / "state.py") if name.startswith("lucy.")]
    assert [name for name in ours if not name.startswith("lucy.errors")] == []


def test_the_store_is_a_leaf_of_the_domain() -> None:
    allowed = ("lucy.errors", "lucy.tools.store", "lucy.tools.vocabulary")
    wrong = [
        (path.name, name)
        for path in (ROOT / "tools" / "store").rglob("*.py")
        for name in list_imports(path)
        if name.startswith("lucy.") and not name.startswith(allowed)
    ]
    assert wrong == []


@pytest.mark.parametrize("path", [path for path in MODULES if path.name == "__init__.py"], ids=str)
def test_a_package_says_what_it_is_and_imports_nothing(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    assert len(tree.body) == 1


def test_the_environment_is_read_in_one_place() -> None:
    readers = [
        str(path.relative_to(ROOT))
        for path in [*MODULES, *ROOT.glob("*.py")]
        if any(
            isinstance(node, ast.Attribute) and node.attr == "environ"
            for node in ast.walk(ast.parse(path.read_text()))
        )
    ]
    assert readers == ["settings.py"]


def test_only_the_gate_interrupts() -> None:
    callers = [
        path.name
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "interrupt"
    ]
    assert callers == ["gate.py"]


def test_the_wiring_stands_in_one_file() -> None:
    wiring = {
        path.name
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("add_node", "add_edge", "add_conditional_edges")
    }
    assert wiring == {"build.py"}
