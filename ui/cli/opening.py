"""Open the data folder for a command, and close it again."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lucy.graph.runs import Runs
    from lucy.tools.store.database import Store
    from lucy.tools.workbench import Workbench


@contextmanager
def open_bench(*, detach_jobs: bool = False, **given: object) -> "Generator[Workbench]":
    """Open settings and store; `given` are settings that go before the environment, None left out."""
    from lucy.settings import load_settings
    from lucy.tools.workbench import Workbench

    settings = load_settings(**{key: value for key, value in given.items() if value is not None})
    bench = Workbench(settings, detach_jobs=detach_jobs)
    try:
        yield bench
    finally:
        bench.close()


@contextmanager
def open_store() -> "Generator[Store]":
    """Open the store."""
    with open_bench() as bench:
        yield bench.store


@contextmanager
def open_runs(*, detach_jobs: bool = False, **given: object) -> "Generator[Runs]":
    """Open the workflows' runs; with `detach_jobs` a training outlives this process."""
    from lucy.graph.runs import Runs

    with open_bench(detach_jobs=detach_jobs, **given) as bench:
        runs = Runs(bench)
        try:
            yield runs
        finally:
            runs.close()
