"""Run a Python script grader, `grade(sample, item)`, in a fresh namespace for each evaluation."""

import contextlib
import math
import sys
from collections.abc import Callable
from types import CodeType, ModuleType
from typing import Any

IMPORTS: tuple[str, ...] = ()
_MAX_REASON = 300
_ROUNDING = 1e-9
_OUT_OF_MEMORY = {"error": "memory", "reason": "The script needed more memory than it is allowed"}

_Json = dict[str, Any]


def prepare(start: _Json) -> Callable[[_Json], _Json] | str:
    """Compile the script, or say in a sentence why it cannot be used; nothing of it is run."""
    try:
        code = compile(start["source"], "grader.py", "exec", dont_inherit=True)
    except SyntaxError as error:
        return f"it does not compile, line {error.lineno}: {error.msg}; correct it"
    except (ValueError, RecursionError, MemoryError) as error:
        return f"it does not compile: {error or type(error).__name__}; simplify it"

    def evaluate(request: _Json) -> _Json:
        return _answer(code, request)

    return evaluate


def _answer(code: CodeType, request: _Json) -> _Json:
    """Evaluate; an exception that cannot even be shown is named by its class."""
    try:
        answer = _evaluate(code, request)
    except MemoryError:
        return _OUT_OF_MEMORY
    except BaseException as error:  # noqa: BLE001 - `__str__` and `__repr__` are the script's code too
        answer = {"error": "runtime_error", "reason": f"The script raised {type(error).__name__}"}
    if "reason" in answer:
        answer["reason"] = answer["reason"][:_MAX_REASON]
    return answer


def _evaluate(code: CodeType, request: _Json) -> _Json:
    """Run the script once in a fresh namespace; whatever it does becomes an answer."""
    # A module that can be found by its name, as dataclasses with deferred annotations expect.
    module = sys.modules["grader"] = ModuleType("grader")
    stage = "compile_error"
    try:
        exec(code, module.__dict__)
        grade = getattr(module, "grade", None)
        if not callable(grade):
            return {"error": stage, "reason": "The script defines no grade(sample, item) when it runs"}
        stage = "runtime_error"
        return _read_score(grade(request["sample"], request["item"]))
    except MemoryError:
        return _OUT_OF_MEMORY
    except BaseException as error:  # noqa: BLE001 - the script may raise anything, also SystemExit
        return {"error": stage, "reason": _explain(error)}


def _explain(error: BaseException) -> str:
    """Say what was raised and on which line of the script."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "grader.py":
            line = trace.tb_lineno
        trace = trace.tb_next
    place = f" at line {line}" if line else ""
    detail = str(error)
    return f"The script raised {type(error).__name__}{place}{': ' if detail else ''}{detail}"


def _read_score(value: Any) -> _Json:
    """Check what `grade` returned: one number from 0 to 1; a boolean counts as 0 or 1."""
    number = math.nan
    if not isinstance(value, str | bytes):
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            number = float(value)
    if math.isfinite(number) and -_ROUNDING <= number <= 1 + _ROUNDING:
        return {"score": min(1.0, max(0.0, number))}
    shown = repr(value[:60] if isinstance(value, str | bytes) else value)[:60]
    reason = f"grade returned {shown} ({type(value).__name__}); it must return one number from 0 to 1"
    return {"error": "invalid_result", "reason": reason}
