"""Evaluate a JavaScript grader with quickjs-ng, in the confined worker; imports nothing of ours.

The script defines `evaluate(input)`. Each evaluation has a fresh context, so that nothing it changes is
seen by a later one. The script has the ECMAScript language and no host function. So that the same input
has the same score, the clock stands at 1970-01-01 00:00 UTC and `Math.random` gives the same sequence in
each evaluation. Left out are `Proxy`, `SharedArrayBuffer`, `Atomics`, `WeakRef` and `FinalizationRegistry`,
which graders do not need and engines are attacked through. Jobs of promises never run: `evaluate` must give
its result at once.

The engine's limits on time, memory and stack are the first line: some built-in functions are not
interrupted, and a fault in the engine's C code would give the script the worker, so they do NOT replace the
deadline of the worker's owner nor the confinement of its process. `evaluate` decides its own score,
whatever it says.
"""

import importlib
import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Not `quickjs`, whose import starts a thread: it would live outside the confinement, and across a fork.
IMPORTS: tuple[str, ...] = ("_quickjs",)
"""Modules to import before the worker is locked down."""

_Json = dict[str, Any]

_MEMORY_BYTES = 256 << 20
_MEMORY_SHARE = 0.9
_TIME_SHARE = 0.8
"""Share of the seconds that the script gets: its end is to be told before the owner's patience ends."""
_STACK_BYTES = 1 << 20
_MAX_READY = 64
_MAX_REASON = 300
_ROUNDING = 1e-9
# Read here because the file cannot be reached after the lock-down.
_PRELUDE = re.sub(
    r"^\s*(//.*\n)?", "", Path(__file__).with_name("javascript_prelude.js").read_text("utf-8"), flags=re.M
)
_PLACE = re.compile(r"\bat (?:[^\n]*\()?<input>:(\d+):\d+")
_STRICT = re.compile(r"""(?>\s+|//[^\n]*|/\*.*?\*/)*+(?:"use strict"|'use strict')""", re.DOTALL)
_ASSIGNED = re.compile(r"\bevaluate\s*=(?!=)")
_OUT_OF_MEMORY = "The script needed more memory than it is allowed"


def prepare(start: _Json) -> Callable[[_Json], _Json] | str:
    """Check that the source compiles, without running it, and give the function that evaluates it.

    `start` has `source`, `seconds` of one evaluation, `memory_bytes`, and in `batch` for how many
    evaluations contexts are made ready here. What comes back otherwise is one sentence of fault.
    """
    # Local time would differ between machines, and its files are out of reach.
    os.putenv("TZ", "UTC0")
    time.tzset()
    source = _blank_hashbang(str(start["source"]))
    memory = min(_MEMORY_BYTES, int(start["memory_bytes"]))
    fault = _find_fault(source, memory)
    if fault:
        return fault
    seconds = float(start["seconds"]) * _TIME_SHARE
    # Made before the worker forks, which costs half of what it costs to make them in each child.
    ready = [_Sandbox(seconds, memory) for _ in range(min(_MAX_READY, int(start.get("batch", 0))))]

    def evaluate(request: _Json) -> _Json:
        sandbox = ready.pop() if ready else _Sandbox(seconds, memory)
        return sandbox.evaluate(source, request)

    return evaluate


class _Sandbox:
    """A fresh context for one evaluation."""

    def __init__(self, seconds: float, memory: int) -> None:
        self._context, self._memory = _open_context(memory), memory
        self._run = self._context.eval(_PRELUDE)
        self._context.set_time_limit(seconds)

    def evaluate(self, source: str, request: _Json) -> _Json:
        """Run the script, once and for all; whatever it does becomes an answer."""
        try:
            told: _Json = json.loads(self._run(source, json.dumps(request["input"])))
        except MemoryError:
            return {"error": "memory", "reason": _OUT_OF_MEMORY}
        except Exception as error:  # noqa: BLE001 - the engine's exceptions have no class that can be named here
            return self._explain_end(str(error))
        return _clean(_read_answer(told))

    def _explain_end(self, text: str) -> _Json:
        """Say why the engine stopped the script."""
        if text.startswith("InternalError: interrupted"):
            return {"error": "timeout", "reason": "The script used more processor time than it is allowed"}
        is_full = self._context.memory()["malloc_size"] > self._memory * _MEMORY_SHARE
        if is_full or "out of memory" in text or text.startswith("null"):
            return {"error": "memory", "reason": _OUT_OF_MEMORY}
        return {"error": "crash", "reason": "The engine stopped the script without saying why"}


def _blank_hashbang(source: str) -> str:
    return "//" + source[2:] if source.startswith("#!") else source


def _open_context(memory: int) -> Any:
    engine: Any = importlib.import_module("_quickjs")
    context = engine.Context()
    context.set_memory_limit(memory)
    context.set_max_stack_size(_STACK_BYTES)
    return context


def _find_fault(source: str, memory: int) -> str | None:
    """Compile the source behind a `throw`: its declarations are made, none of its statements runs."""
    context = _open_context(memory)
    strict = '"use strict";' if _STRICT.match(source) else ""
    try:
        context.eval(f"{strict}throw 0;{source}")
    except ValueError:
        return "it holds a character that JavaScript source cannot have; save it as UTF-8 without it"
    except Exception as error:  # noqa: BLE001 - the engine's exceptions have no class that can be named here
        if str(error).partition("\n")[0] != "0":
            return _explain_syntax(str(error))
    if _declares_evaluate(context) or _ASSIGNED.search(source):
        return None
    return "it defines no `evaluate(input)`; add that function at its top level"


def _declares_evaluate(context: Any) -> bool:
    """Tell whether `evaluate` is declared; one made by `let`, `const` or `class` has no value yet."""
    try:
        return bool(context.eval("'evaluate' in globalThis || typeof evaluate === 'function'"))
    except Exception as error:  # noqa: BLE001 - as above
        return "ReferenceError" in str(error)


def _explain_syntax(text: str) -> str:
    message = text.partition("\n")[0].removeprefix("SyntaxError: ")
    return f"it does not compile{_find_line(text, ', line ')}: {message}; correct it"


def _find_line(text: str, before: str) -> str:
    place = _PLACE.search(text)
    return f"{before}{place.group(1)}" if place else ""


def _read_answer(told: _Json) -> _Json:
    if "score" in told:
        return _read_score(told["score"], told["reason"])
    if "refused" in told:
        return _refuse(told["refused"])
    return _explain_thrown(told)


def _read_score(score: float, reason: str) -> _Json:
    if not -_ROUNDING <= score <= 1 + _ROUNDING:
        return _refuse(f"{score:.15g}")
    answer: _Json = {"score": min(1.0, max(0.0, float(score)))}
    return {**answer, "reason": reason} if reason else answer


def _refuse(shown: str) -> _Json:
    reason = f"evaluate returned {shown}; it must return a number from 0 to 1, a boolean or {{score, reason}}"
    return {"error": "invalid_result", "reason": reason}


def _explain_thrown(told: _Json) -> _Json:
    """Say what was thrown, and on which line of the script."""
    stage, message = told["stage"], told.get("message", "")
    if stage == "missing":
        return {"error": "compile_error", "reason": "The script defines no evaluate(input) when it runs"}
    if stage == "input":
        return {"error": "runtime_error", "reason": "The record holds a number that JSON cannot have"}
    # Out of memory, the engine has none left to say so with, and throws null.
    if told["name"] == "null" or message == "out of memory":
        return {"error": "memory", "reason": _OUT_OF_MEMORY}
    place = _find_line(told["stack"], " at line ")
    detail = f": {message}" if message else ""
    return {"error": stage, "reason": f"The script threw {told['name'] or 'an object'}{place}{detail}"}


def _clean(answer: _Json) -> _Json:
    """Make the reason one line of proper text: a script may put in half a character."""
    if "reason" in answer:
        whole = answer["reason"].encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        answer["reason"] = " ".join(whole.split())[:_MAX_REASON]
    return answer
