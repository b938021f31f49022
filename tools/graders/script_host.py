"""Open any script grader: its workers, and the function that grades with them."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from lucy.tools.graders.host import Answer, Host, Limits
from lucy.tools.graders.resources import NO_RESOURCES, Resources
from lucy.tools.vocabulary import Grade, Record, ScoreMany

LIMITS = Limits()


@contextmanager
def open_script(
    name: str,
    *,
    language: Literal["python", "javascript"],
    start: Mapping[str, Any],
    build: Callable[[Record, str], dict[str, Any]],
    resources: Resources = NO_RESOURCES,
    limits: Limits = LIMITS,
) -> Generator[ScoreMany]:
    """Start a script's workers and give the function that grades with it; may be called from threads.

    `start` is what the language's engine prepares itself from, with `batch`: how many evaluations may share
    a process. `build` gives what the script is called with.

    Raises:
        GraderError: the script cannot be used here at all.
    """
    with _make_host(name, language, start, resources=resources, limits=limits) as host:

        def score_many(pairs: Sequence[tuple[Record, str]]) -> list[Grade]:
            return [_make_grade(answer) for answer in host.evaluate(pairs, lambda pair: build(*pair))]

        yield score_many


def find_layers() -> tuple[str, ...]:
    """Start a worker with an empty script and give the names of the layers that confine it here.

    Raises:
        GraderError: no worker can be started.
    """
    start = {"source": "", "batch": 1}
    trusting = Resources(trusted=frozenset(("layers",)), workers=1)
    with _make_host("layers", "python", start, resources=trusting, limits=LIMITS) as host:
        return host.layers


def _make_host(
    name: str, language: str, start: Mapping[str, Any], *, resources: Resources, limits: Limits
) -> Host:
    return Host(
        name,
        {**start, "language": language},
        limits,
        workers=resources.workers,
        is_trusted=name in resources.trusted,
    )


def _make_grade(answer: Answer) -> Grade:
    return Grade(score=answer.score, reason=answer.reason, error=answer.error)
