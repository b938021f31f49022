"""Grade with a JavaScript script, `evaluate(input)`, in confined worker processes."""

import importlib.util
import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from lucy.errors import GraderError, InputError
from lucy.tools.graders.host import Limits
from lucy.tools.graders.inputs import build_request, build_variables
from lucy.tools.graders.kinds import JavascriptGrader
from lucy.tools.graders.resources import Resources
from lucy.tools.graders.script import MAX_SOURCE_BYTES
from lucy.tools.graders.script_host import LIMITS, open_script
from lucy.tools.vocabulary import Record, ScoreMany

_BATCH = 64
_EVALUATE = re.compile(r"\bevaluate\b")


def check_javascript(source: str) -> None:
    """Check what can be told of a script without the engine: its size, and that it mentions `evaluate`.

    Whether it compiles is found out by the worker that opens it.

    Raises:
        InputError: the script cannot be one.
    """
    try:
        size = len(source.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise InputError("The script holds half a character; save it as UTF-8 text.") from error
    if size >= MAX_SOURCE_BYTES:
        raise InputError(f"The script is {size} bytes long; shorten it to fewer than {MAX_SOURCE_BYTES}.")
    if not source.strip():
        raise InputError("The script is empty; write a function `evaluate(input)`.")
    if not _EVALUATE.search(source):
        raise InputError("The script defines no `evaluate(input)`; add that function at the top level.")


@contextmanager
def open_javascript(
    config: JavascriptGrader, resources: Resources, limits: Limits = LIMITS
) -> Generator[ScoreMany]:
    """Start the script's workers and give the function that grades with it.

    Each evaluation has a fresh JavaScript context, whatever process it happens in; clock and randomness
    stand still, so that the same response has the same score.

    Raises:
        GraderError: the engine is not installed, the script does not compile, or nothing can confine it.
    """
    if importlib.util.find_spec("_quickjs") is None:
        raise GraderError(
            f"The grader {config.name!r} cannot be used: JavaScript needs the package quickjs-ng; install it "
            "with `pip install quickjs-ng`."
        )
    with open_script(
        config.name,
        language="javascript",
        start={"source": config.source, "batch": _BATCH},
        build=build_input,
        resources=resources,
        limits=limits,
    ) as score_many:
        yield score_many


def build_input(record: Record, response: str) -> dict[str, Any]:
    """Give what `evaluate` is called with: the variables of judge templates, and OpenAI's `sample`."""
    variables = build_variables(record, response)
    return {"input": {**variables, "sample": build_request(record, response)["sample"]}}
