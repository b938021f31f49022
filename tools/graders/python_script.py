"""Grade with a Python script, `grade(sample, item)`, in confined processes of its own."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from lucy.errors import GraderError
from lucy.tools.graders.config import PythonGrader
from lucy.tools.graders.host import Limits
from lucy.tools.graders.inputs import build_request
from lucy.tools.graders.resources import NO_RESOURCES, Resources
from lucy.tools.graders.script import find_imports, find_modules, is_self_contained
from lucy.tools.graders.script_host import LIMITS, open_script
from lucy.tools.vocabulary import ScoreMany

_BATCH = 64
LIBRARIES = (
    "ast_grep_py",
    "deepdiff",
    "jsonschema",
    "nltk",
    "numpy",
    "pandas",
    "pydantic",
    "rapidfuzz",
    "rdkit",
    "rouge_score",
    "scipy",
    "skbio",
    "sklearn",
    "sqlparse",
    "sympy",
    "yaml",
)
"""What a script may import besides the standard library, where it is installed: OpenAI's image 2025-05-08."""
_NOT_FOR_SCRIPTS = frozenset(
    ("antigravity", "ensurepip", "idlelib", "lib2to3", "this", "tkinter", "turtle", "turtledemo", "venv")
)
"""Modules of the standard library that open windows or browsers, or print, when they are imported."""


@contextmanager
def open_python(
    config: PythonGrader, resources: Resources = NO_RESOURCES, limits: Limits = LIMITS
) -> Generator[ScoreMany]:
    """Start the script's workers and give the function that grades with it; may be called from threads.

    A script that visibly changes nothing outside itself is evaluated up to 64 times in one process, any
    other once per process. What batching does not hold against: a script that hides what it does can change
    later results of its own batch, never those of another.

    Raises:
        GraderError: the script cannot be used here at all, for example because an import is missing.
    """
    with open_script(
        config.name,
        language="python",
        start=_describe_script(config),
        build=build_request,
        resources=resources,
        limits=limits,
    ) as score_many:
        yield score_many


def _describe_script(config: PythonGrader) -> dict[str, Any]:
    required = find_imports(config.source, required=True)
    unknown = [name for name in required if not _may_import(name)]
    if unknown:
        raise GraderError(
            f"The grader {config.name!r} cannot be used: it imports {unknown[0]!r}, and a script finds only "
            f"the standard library and {', '.join(LIBRARIES)}; change the script."
        )
    modules = [name for name in find_modules(config.source) if _may_import(name)]
    if sys.platform == "darwin":
        # Apple's numeric library must not be loaded before a fork.
        modules = [name for name in modules if name.split(".")[0] not in LIBRARIES]
    return {
        "source": config.source,
        "modules": modules,
        "required": list(required),
        "batch": _BATCH if is_self_contained(config.source) else 1,
    }


def _may_import(name: str) -> bool:
    package = name.split(".")[0]
    return package in LIBRARIES or (package in sys.stdlib_module_names and package not in _NOT_FOR_SCRIPTS)
