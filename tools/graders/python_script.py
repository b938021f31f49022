"""Grade with a Python script, `grade(sample, item)`, in a worker process of its own."""

import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lucy.tools.graders.config import PythonGrader
from lucy.tools.graders.host import Answer, Host, Limits
from lucy.tools.graders.inputs import build_request
from lucy.tools.graders.script import find_imports, is_self_contained
from lucy.tools.vocabulary import Grade, Record, ScoreMany

_BATCH = 64
_LIMITS = Limits()
_LIBRARIES = frozenset(
    ("numpy", "scipy", "pandas", "sklearn", "sympy", "rapidfuzz", "jsonschema", "nltk", "yaml")
)
"""Slow to import and free of side effects: imported before forking where the system allows that."""
_PLAIN_MODULES = frozenset(
    (
        "ast",
        "collections",
        "dataclasses",
        "datetime",
        "decimal",
        "difflib",
        "enum",
        "fractions",
        "functools",
        "itertools",
        "json",
        "math",
        "operator",
        "random",
        "re",
        "statistics",
        "string",
        "textwrap",
        "typing",
        "unicodedata",
    )
)


@contextmanager
def open_python(config: PythonGrader, limits: Limits = _LIMITS) -> Generator[ScoreMany]:
    """Start the script's worker and give the function that grades with it; may be called from threads.

    A script that visibly changes nothing outside itself is evaluated up to 64 times in one process, any
    other once per process. Only run scripts you trust: `worker` says what is not confined.

    Raises:
        GraderError: the script cannot be used here at all, for example because an import is missing.
    """
    lock = threading.Lock()
    worker = str(Path(__file__).with_name("worker.py"))
    # As isolated as `-I`, which would ignore the fixed hash seed as well.
    command = [sys.executable, "-s", "-P", "-B", "-X", "utf8", worker]
    with Host(config.name, command, _describe_script(config.source), limits) as host:

        def score_many(pairs: Sequence[tuple[Record, str]]) -> list[Grade]:
            with lock:
                return [_make_grade(host.ask(build_request(record, text))) for record, text in pairs]

        yield score_many


def _describe_script(source: str) -> dict[str, Any]:
    imports = find_imports(source)
    # Apple's numeric library must not be loaded before a fork.
    known = _PLAIN_MODULES if sys.platform == "darwin" else _PLAIN_MODULES | _LIBRARIES
    return {
        "source": source,
        "modules": [name for name in imports if name in known],
        "required": list(find_imports(source, required=True)),
        "batch": _BATCH if is_self_contained(source) else 1,
    }


def _make_grade(answer: Answer) -> Grade:
    return Grade(score=answer.score, reason=answer.reason, error=answer.error)
