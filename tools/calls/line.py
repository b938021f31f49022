"""Send one request to a model: tries, waits, one repair, and every call in the ledger."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any, Generic, NamedTuple, TypeVar

from lucy.errors import ProviderError
from lucy.tools.calls.backoff import plan_wait
from lucy.tools.calls.books import Books
from lucy.tools.calls.connection import Connection
from lucy.tools.calls.failures import Failure, classify
from lucy.tools.calls.prices import Price
from lucy.tools.calls.request import Answer, Completion, Request, mend
from lucy.tools.calls.structure import LONGEST_TEXT, Form, write_repair
from lucy.tools.store.answers import StoredAnswer
from lucy.tools.store.ledger import Bill
from lucy.tools.vocabulary import Message

V = TypeVar("V")
logger = logging.getLogger(__name__)

TRIES = 8
"""Times a message is sent before it is given up; the waits between add up to about a minute."""
SLOW_TRIES = 3
"""Times it is sent when the server stays silent or sends what nobody can read: each may be paid."""
STREAK = 20
"""Requests failing one after the other, after which the service counts as out of order."""


class Task(NamedTuple, Generic[V]):
    """A request on its way."""

    key: str
    """Content address."""
    request: Request
    form: Form[V]
    stop: Event
    """Set when nobody waits for the answer any more."""


class Reply(NamedTuple):
    """What a call gave."""

    completion: Completion
    bill: Bill
    call: str
    """Key in the ledger, where the outcome is still to be booked."""

    def compose(self, form: Form[Any]) -> "Reply":
        """Give the reply with the text that a form reads."""
        return self._replace(completion=self.completion._replace(text=mend(form.compose(self.completion))))


@dataclass(slots=True)
class Spent:
    """What a request has taken so far, over all tries."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = 0.0

    def add(self, bill: Bill) -> None:
        """Add a call; an unknown cost makes the sum unknown."""
        self.prompt_tokens += bill.prompt_tokens
        self.completion_tokens += bill.completion_tokens
        self.cost = None if self.cost is None or bill.cost is None else self.cost + bill.cost

    def report(self, value: V | None, error: str | None, reason: str = "") -> Answer[V]:
        """Give the answer with what it took."""
        tokens = self.prompt_tokens, self.completion_tokens
        return Answer(value, error, *tokens, self.cost, is_cached=False, reason=reason)


@dataclass(slots=True)
class Line:
    """A line to one model; used by several threads at once."""

    books: Books
    connection: Connection
    price: Price | None = None
    sleep: Callable[[float], object] | None = None
    """Waits some seconds; None waits until the time is over or the work is stopped."""
    _has_answered: bool = False
    _streak: int = 0
    _lock: Lock = field(default_factory=Lock, repr=False)

    def ask(self, task: Task[V]) -> Answer[V]:
        """Get a usable answer, repaired once if need be, and note it and every call in the books.

        Raises:
            ProviderError: no call of this model can succeed.
        """
        spent = Spent()
        messages = task.request.write_messages(task.form.instruction)
        for may_repair in (True, False):
            reply = self._send(task, messages, spent)
            if isinstance(reply, Failure):
                self._count_failure(reply)
                return spent.report(None, reply.outcome, reply.reason)
            spent.add(reply.bill)
            reply = reply.compose(task.form)
            text, is_cut_off = reply.completion.text, reply.completion.is_cut_off
            if reply.completion.is_refusal and not text.strip():
                self.books.end(reply.call, "refused", reply.bill)
                return spent.report(None, "refused")
            reading = task.form.read(text, is_cut_off=is_cut_off)
            if reading.value is not None:
                self._keep(task, reply, spent)
                return spent.report(reading.value, None)
            self.books.end(reply.call, "malformed", reply.bill)
            if may_repair and task.stop.is_set():
                break
            messages = [*messages, *_ask_repair(text, reading.complaint)]
        return spent.report(None, "malformed")

    def _keep(self, task: Task[Any], reply: Reply, spent: Spent) -> None:
        answer = StoredAnswer(reply.completion.text, spent.prompt_tokens, spent.completion_tokens, spent.cost)
        self.books.keep(task.key, self.connection.model, answer, call=reply.call, bill=reply.bill)

    def _send(self, task: Task[Any], messages: Sequence[Message], spent: Spent) -> Reply | Failure:
        """Send messages until they are answered, the tries are used up or nobody waits any more."""
        tries = 0
        while True:
            sent = self._choose_parameters(task)
            reply = self._call(messages, sent)
            if isinstance(reply, Reply):
                self._note_answer()
                return reply
            spent.add(_bill_failure(reply))
            self._check(reply)
            if self.connection.parameters.learn(sent, reply, has_answered=self._has_answered):
                continue
            tries += 1
            wait = _plan(reply, f"{task.key}:{len(messages)}", tries)
            if wait is None or task.stop.is_set():
                return reply
            logger.info("%s: %s; again in %.1f s", self.connection.model, reply.outcome, wait)
            (self.sleep or task.stop.wait)(wait)

    def _choose_parameters(self, task: Task[Any]) -> dict[str, Any]:
        if not self.connection.takes_parameters:
            return {}
        return self.connection.parameters.choose(task.request, task.form)

    def _call(self, messages: Sequence[Message], parameters: dict[str, Any]) -> Reply | Failure:
        """Make one call and book it, except for the outcome of an answer."""
        model = self.connection.open()
        call = self.books.begin()
        try:
            completion = model.complete(messages, parameters)
        except Exception as error:  # noqa: BLE001  # the border to any provider's library
            failure = classify(error, secrets=self.connection.secrets, parameters=tuple(parameters))
            self._book(call, failure)
            return failure
        return Reply(completion, self._bill(completion), call)

    def _bill(self, completion: Completion) -> Bill:
        if completion.tokens is None:
            return Bill()
        cost = self.price.charge(*completion.tokens) if self.price else None
        return Bill(*completion.tokens, cost=cost)

    def _book(self, call: str, failure: Failure) -> None:
        if failure.has_arrived:
            self.books.end(call, failure.outcome, _bill_failure(failure))
        else:
            self.books.cancel(call)

    def _check(self, failure: Failure) -> None:
        """Raise when every other call would fail the same way."""
        if failure.is_fatal or (not failure.has_arrived and not self._has_answered):
            raise ProviderError(self.connection.explain(failure))

    def _note_answer(self) -> None:
        with self._lock:
            self._has_answered = True
            self._streak = 0

    def _count_failure(self, failure: Failure) -> None:
        with self._lock:
            self._streak += 1
            is_out_of_order = self._streak >= STREAK
        if is_out_of_order or not failure.has_arrived:
            raise ProviderError(self.connection.explain(failure))


def _ask_repair(text: str, complaint: str) -> list[Message]:
    return [
        {"role": "assistant", "content": text[:LONGEST_TEXT] or "(empty)"},
        {"role": "user", "content": write_repair(complaint)},
    ]


def _plan(failure: Failure, key: str, tries: int) -> float | None:
    """Give the seconds to wait before the next try; None when there is none."""
    most = TRIES if failure.is_free or failure.outcome == "dropped" else SLOW_TRIES
    if not failure.is_retryable or tries >= most:
        return None
    return plan_wait(key, tries, failure.wait)


def _bill_failure(failure: Failure) -> Bill:
    """Give what a call without an answer took: nothing where the server said no, else unknown."""
    return Bill(cost=0.0 if failure.is_free or not failure.has_arrived else None)
