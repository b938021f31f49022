"""Do work that several threads ask for at the same time in one go."""

from collections.abc import Callable, Sequence
from threading import Event, Lock
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

LARGEST = 64
"""Number of pieces done in one go; the others wait for the next."""


class _Ticket(Generic[Item, Result]):
    """One thread's piece of work."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self.woken = Event()
        self.outcome: tuple[Result] | BaseException | None = None
        """None while it is not done: the thread is then woken to lead the next batch."""


class Batcher(Generic[Item, Result]):
    """Collects what comes while a batch is being done, and does that as the next batch.

    Nobody waits for others to come: a piece that comes alone is done at once and alone. The threads that ask
    do the work themselves, so there is nothing to start or to stop. When a batch fails, each of its pieces
    fails with the same exception; give failures of single pieces as results.
    """

    def __init__(self, work: Callable[[Sequence[Item]], Sequence[Result]], *, largest: int = LARGEST) -> None:
        """Make a batcher; `work` gives one result per item, in order."""
        self._work = work
        self._largest = largest
        self._lock = Lock()
        self._waiting: list[_Ticket[Item, Result]] = []
        self._busy = False

    def do(self, item: Item) -> Result:
        """Do one piece of work, together with those of other threads, and give its result."""
        ticket: _Ticket[Item, Result] = _Ticket(item)
        with self._lock:
            self._waiting.append(ticket)
            leads, self._busy = not self._busy, True
        if not leads:
            ticket.woken.wait()
        if ticket.outcome is None:
            self._lead()
        assert ticket.outcome is not None
        if isinstance(ticket.outcome, BaseException):
            raise ticket.outcome
        return ticket.outcome[0]

    def _lead(self) -> None:
        """Do the pieces that wait, the leader's first among them, and hand the lead on."""
        with self._lock:
            batch, self._waiting = self._waiting[: self._largest], self._waiting[self._largest :]
        try:
            results = self._work([ticket.item for ticket in batch])
            for ticket, result in zip(batch, results, strict=True):
                ticket.outcome = (result,)
        except BaseException as error:
            for ticket in batch:
                ticket.outcome = error
            raise
        finally:
            self._hand_over(batch)

    def _hand_over(self, batch: Sequence[_Ticket[Item, Result]]) -> None:
        with self._lock:
            self._busy = bool(self._waiting)
            following = self._waiting[:1]
        # First whoever does the next batch: the others only have an answer to take away.
        for ticket in (*following, *batch):
            ticket.woken.set()
