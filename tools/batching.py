"""Do work that many ask for at the same time in one go."""

import asyncio
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

LARGEST = 64
"""Number of pieces done in one go; the others wait for the next."""


class _Ticket(NamedTuple, Generic[Item, Result]):
    """One piece of work, and what its asker waits for."""

    item: Item
    waiting: "Future[Result]"

    @property
    def loop(self) -> AbstractEventLoop:
        return self.waiting.get_loop()


class Batcher(Generic[Item, Result]):
    """Collects what comes while a batch is being done, and does that as the next batch.

    Nobody waits for others to come: a piece that comes alone is done at once and alone. One thread works
    while there is work, and those who ask only wait for their futures: hundreds of them cost no thread. When
    a batch fails, each of its pieces fails with the same exception; give failures of single pieces as
    results. A piece whose asker has gone away is done all the same.
    """

    def __init__(self, work: Callable[[Sequence[Item]], Sequence[Result]], *, largest: int = LARGEST) -> None:
        """Make a batcher; `work` gives one result per item, in order, and runs in a thread."""
        self._work = work
        self._largest = largest
        self._lock = Lock()
        self._tickets: list[_Ticket[Item, Result]] = []
        self._busy = False

    async def do(self, item: Item) -> Result:
        """Do one piece of work, together with those of others, and give its result."""
        loop = asyncio.get_running_loop()
        ticket: _Ticket[Item, Result] = _Ticket(item, loop.create_future())
        with self._lock:
            self._tickets.append(ticket)
            starts, self._busy = not self._busy, True
        if starts:
            loop.run_in_executor(None, self._work_off)
        return await ticket.waiting

    def _work_off(self) -> None:
        while batch := self._take():
            outcomes = self._try([ticket.item for ticket in batch])
            for loop in {ticket.loop for ticket in batch}:
                pairs = zip(batch, outcomes, strict=True)
                mine = [(ticket.waiting, outcome) for ticket, outcome in pairs if ticket.loop is loop]
                with suppress(RuntimeError):  # the loop has ended, and with it whoever asked
                    loop.call_soon_threadsafe(_settle, mine)

    def _take(self) -> list[_Ticket[Item, Result]]:
        with self._lock:
            batch, self._tickets = self._tickets[: self._largest], self._tickets[self._largest :]
            self._busy = bool(batch)
        return batch

    def _try(self, items: Sequence[Item]) -> "list[tuple[Result] | Exception]":
        try:
            results = self._work(items)
            if len(results) != len(items):
                raise RuntimeError(f"The work gave {len(results)} results for {len(items)} pieces.")
        except Exception as error:  # noqa: BLE001  # raised again where the work was asked for
            return [error] * len(items)
        return [(result,) for result in results]


def _settle(outcomes: "Sequence[tuple[Future[Result], tuple[Result] | Exception]]") -> None:
    for waiting, outcome in outcomes:
        if waiting.done():  # its asker has gone away
            continue
        if isinstance(outcome, Exception):
            waiting.set_exception(outcome)
        else:
            waiting.set_result(outcome[0])
