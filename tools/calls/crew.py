"""Ask many requests over one line, several at a time, by threads that begin while more are prepared."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from threading import Event
from time import sleep
from types import TracebackType
from typing import Generic, NamedTuple, TypeVar

from lucy.tools.calls.line import Line, Task
from lucy.tools.calls.request import Answer

V = TypeVar("V")

GLANCE = 0.5
"""Seconds after which a person's wish to stop is looked for, also when no answer comes."""
GATHER = 0.02
"""Seconds for which answers are gathered, while all threads have work, before they are counted."""


class Finished(NamedTuple, Generic[V]):
    """What came of a task: its answer, or what was raised."""

    key: str
    answer: Answer[V] | BaseException


class Crew(Generic[V]):
    """Threads that ask one request after the other; a context manager.

    When it is left, no further request is begun; those under way are waited for, and what came is written.
    """

    def __init__(self, line: Line, size: int, stop: Event) -> None:
        """Make the crew; its threads start as tasks are added.

        Args:
            line: The way to the model.
            size: Largest number of calls under way at once.
            stop: Set when the crew is left: nobody waits for the answers any more.
        """
        self._line = line
        self._size = size
        self._stop = stop
        self._threads = 0
        self._open = 0
        self._waiting = SimpleQueue[Task[V] | None]()
        self._finished = SimpleQueue[Finished[V]]()
        self._pool = ThreadPoolExecutor(size, "lucy-calls")

    def __enter__(self) -> "Crew[V]":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for _ in range(self._threads):
            self._waiting.put(None)
        self._pool.shutdown()
        self._line.books.write()

    @property
    def is_busy(self) -> bool:
        """Tell whether answers are to come."""
        return self._open > 0

    def add(self, tasks: Sequence[Task[V]]) -> None:
        """Have tasks asked."""
        self._open += len(tasks)
        for task in tasks:
            self._waiting.put(task)
        for _ in range(min(self._size, self._threads + len(tasks)) - self._threads):
            self._threads += 1
            self._pool.submit(self._work)

    def take(self) -> dict[str, Answer[V]]:
        """Give what has been answered, by key; wait for the first, at most half a second.

        Raises:
            ProviderError: no call can succeed, such as for a wrong key.
        """
        try:
            taken = [self._finished.get(timeout=GLANCE)]
        except Empty:
            return {}
        if self._open > self._size:  # nobody waits for the count, and waking for each takes time from calls
            sleep(GATHER)
        while not self._finished.empty():
            taken.append(self._finished.get())
        self._line.books.write()
        self._open -= len(taken)
        return {one.key: _unwrap(one.answer) for one in taken}

    def _work(self) -> None:
        while not self._stop.is_set():
            task = self._waiting.get()
            if task is None or self._stop.is_set():
                return
            try:
                self._finished.put(Finished(task.key, self._line.ask(task)))
            except BaseException as error:  # noqa: BLE001  # raised where the answers are waited for
                self._finished.put(Finished(task.key, error))
                return


def _unwrap(answer: Answer[V] | BaseException) -> Answer[V]:
    if isinstance(answer, BaseException):
        raise answer
    return answer
