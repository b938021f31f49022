"""A workflow on a real SQLite file and 120 records of the sample."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from langchain_core.tools import BaseTool

from lucy.graph.runs import Runs
from lucy.graph.toolbox.tools import make_tools
from lucy.settings import Settings
from lucy.tools.datasets import SAMPLE_FILE, SAMPLE_GOAL
from lucy.tools.workbench import Workbench


@pytest.fixture(scope="session")
def small_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "small_support.jsonl"
    lines = SAMPLE_FILE.read_text(encoding="utf-8").splitlines()[:120]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def open_runs(home: Path) -> Iterator[Callable[[], Runs]]:
    """Open the application on the test's home; each call is a process started anew."""
    opened: list[Runs] = []

    def open_one() -> Runs:
        runs = Runs(Workbench(Settings(home=home)))
        opened.append(runs)
        return runs

    yield open_one
    for runs in opened:
        runs.close()
        runs.bench.close()


@pytest.fixture
def runs(open_runs: Callable[[], Runs]) -> Runs:
    return open_runs()


@pytest.fixture
def workflow(runs: Runs, small_file: Path) -> str:
    """A workflow at its first question: the topics."""
    workflow_id = runs.create(source=str(small_file), goal=SAMPLE_GOAL)
    list(runs.drive(workflow_id))
    return workflow_id


@pytest.fixture
def tools(runs: Runs) -> dict[str, BaseTool]:
    """Lucy's tools by name, bound to the test's workflows."""
    return {tool.name: tool for tool in make_tools(runs)}
