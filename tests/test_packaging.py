import json
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_package_is_listed() -> None:
    listed = PROJECT["tool"]["setuptools"]["packages"]
    on_disk = {
        ".".join(("lucy", *path.parent.relative_to(ROOT).parts))
        for folder in ("graph", "nodes", "tools", "ui")
        for path in (ROOT / folder).rglob("__init__.py")
    }
    assert set(listed) == {"lucy"} | on_disk


def test_every_data_file_of_a_package_is_shipped() -> None:
    rules = PROJECT["tool"]["setuptools"]["package-data"]
    shipped = {
        path.relative_to(ROOT)
        for package, patterns in rules.items()
        for pattern in patterns
        for path in (ROOT / Path(*package.split(".")[1:])).glob(pattern)
    }
    on_disk = {
        path.relative_to(ROOT)
        for folder in ("graph", "nodes", "tools", "ui")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    assert on_disk <= shipped


def test_importing_lucy_imports_neither_gradio_nor_langgraph_nor_torch() -> None:
    code = (
        "import sys, json, lucy; "
        "print(json.dumps([m for m in ('gradio', 'langgraph', 'torch', 'sklearn') if m in sys.modules]))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert json.loads(run.stdout) == []


def test_the_public_names_are_importable() -> None:
    import lucy

    missing = [name for name in lucy.__all__ if not hasattr(lucy, name)]
    assert missing == []


def test_the_lock_file_pins_every_direct_dependency() -> None:
    pinned = {
        line.split("==")[0].lower().replace("_", "-")
        for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
        if "==" in line
    }
    wanted = [*PROJECT["project"]["dependencies"]]
    for extra in PROJECT["project"]["optional-dependencies"].values():
        wanted += extra
    names = {
        name.split("[")[0].split(">")[0].split("=")[0].strip().lower().replace("_", "-") for name in wanted
    }
    assert names - {"lucy-finetune"} <= pinned
