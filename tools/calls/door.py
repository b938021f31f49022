"""Ask language models through one door: concurrent, retried, stored as answers come, every call counted."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from threading import Event
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel

from lucy.tools.calls.books import Books
from lucy.tools.calls.connection import Connection
from lucy.tools.calls.crew import Crew
from lucy.tools.calls.line import Line, Task
from lucy.tools.calls.prices import Price, find_price
from lucy.tools.calls.replies import ReplyForm
from lucy.tools.calls.request import Answer, Request
from lucy.tools.calls.structure import Form, SchemaForm, Structure
from lucy.tools.store.answers import StoredAnswer, read_answers
from lucy.tools.store.database import Store
from lucy.tools.store.ledger import Account
from lucy.tools.vocabulary import Progress, ignore_progress

__all__ = ["Answer", "Door", "Estimate", "Request"]

T = TypeVar("T", bound=BaseModel)
V = TypeVar("V")

LOT = 128
"""Requests that are prepared before the first of them is asked."""


class Estimate(NamedTuple):
    """What requests would take, about; repairs and tries that fail come on top, stored answers off."""

    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    """US dollars; None is unknown."""


class Door:
    """The way to one language model, for one role in one step of a workflow.

    It works with threads and needs no event loop, so that it can be used inside one. It does not limit what
    is spent: ask for an estimate first. Two processes asking the same at the same time both pay.
    """

    def __init__(
        self,
        store: Store,
        connection: Connection,
        account: Account,
        *,
        concurrency: int = 8,
        prices: Mapping[str, Price] | None = None,
        sleep: Callable[[float], object] | None = None,
        progress: Progress = ignore_progress,
    ) -> None:
        """Make the door; nothing is opened or sent before something is asked.

        Args:
            store: Where answers and the ledger are kept.
            connection: The model and how it is reached.
            account: Whom the calls are booked to.
            concurrency: Largest number of calls under way at once.
            prices: Prices by model; of a model without one the cost is unknown.
            sleep: Waits some seconds before another try; for tests.
            progress: Where calls report to that name no other.
        """
        self._progress = progress
        self.model = connection.model
        self._store = store
        self._concurrency = concurrency
        self._price = find_price(prices or {}, connection.model)
        self._line = Line(Books(store, account), connection, self._price, sleep)

    def ask_many(
        self,
        requests: Sequence[Request],
        schema: type[T],
        *,
        progress: Progress | None = None,
        label: str = "Asking the model",
    ) -> list[Answer[T]]:
        """Answer every request, in order; what is stored is not asked again, equal requests are asked once.

        Every answer is stored as it comes. Failed answers are not stored: asked again, they are tried anew.

        Args:
            requests: What to ask.
            schema: What an answer must fit.
            progress: Called as answers come and every half second, else the door's own; the total grows
                while many requests are prepared. When it raises, no further call is made, those under way
                are waited for, and what has come stays stored.
            label: What the progress is called.

        Raises:
            ProviderError: no call can succeed, such as for a wrong key.
        """
        return self._ask(requests, Structure(schema), progress=progress, label=label)

    def ask_json(
        self,
        requests: Iterable[Request],
        schema: dict[str, Any],
        find_fault: Callable[[object], str | None],
        *,
        progress: Progress | None = None,
        label: str = "Asking the model",
    ) -> list[Answer[dict[str, Any]]]:
        """Answer every request with an object that fits a JSON schema; else as `ask_many`.

        Args:
            requests: What to ask; taken as they are needed, so that writing one may take its time.
            schema: What an answer must fit, as the model is told.
            find_fault: Checks an answer: says what is wrong with it, None when it can be used.
            progress: As in `ask_many`.
            label: As in `ask_many`.

        Raises:
            ProviderError: no call can succeed, such as for a wrong key.
        """
        return self._ask(requests, SchemaForm(schema, find_fault), progress=progress, label=label)

    def ask_replies(
        self,
        requests: Iterable[Request],
        *,
        progress: Progress | None = None,
        label: str = "Asking the model",
    ) -> list[Answer[str]]:
        """Answer every request as the model likes: its words, and its tool calls where it makes some.

        Else as `ask_many`. Whatever it says is an answer, an empty text too; a call that failed, and what a
        filter declined, is an error.

        Args:
            requests: What to ask.
            progress: As in `ask_many`.
            label: As in `ask_many`.

        Raises:
            ProviderError: no call can succeed, such as for a wrong key.
        """
        return self._ask(requests, ReplyForm(), progress=progress, label=label)

    def _ask(
        self, requests: Iterable[Request], form: Form[V], *, progress: Progress | None, label: str
    ) -> list[Answer[V]]:
        """Answer requests in order; the next lot of them is prepared while the last is under way."""
        report = progress or self._progress
        keys: list[str] = []
        found: dict[str, Answer[V]] = {}
        total = done = 0
        stop = Event()
        with Crew[V](self._line, self._concurrency, stop) as crew:
            seen: set[str] = set()
            for lot in _split(requests):
                addresses = [request.address(self.model, form.json_schema) for request in lot]
                new = {key: one for key, one in zip(addresses, lot, strict=True) if key not in seen}
                stored = self._find(list(new), form)
                tasks = [Task(key, one, form, stop) for key, one in new.items() if key not in stored]
                keys += addresses
                seen.update(new)
                found |= stored
                total += len(tasks)
                if tasks:
                    report(label, done, total)
                    crew.add(tasks)
            while crew.is_busy:
                taken = crew.take()
                found |= taken
                done += len(taken)
                report(label, done, total)
        return [found[key] for key in keys]

    def estimate(
        self,
        requests: Sequence[Request],
        *,
        completion_tokens: int,
        schema: type[BaseModel] | dict[str, Any] | None = None,
    ) -> Estimate:
        """Estimate what requests would take when none is stored yet.

        Args:
            requests: What would be asked.
            completion_tokens: About how many tokens one answer has.
            schema: What an answer must fit; sent along with every request.
        """
        instruction = _write_instruction(schema) if schema else ""
        prompt = sum(one.count_tokens(instruction) for one in requests)
        completion = completion_tokens * len(requests)
        cost = self._price.charge(prompt, completion) if self._price else None
        return Estimate(len(requests), prompt, completion, cost)

    def _find(self, keys: Sequence[str], form: Form[V]) -> dict[str, Answer[V]]:
        """Find the answers that are stored and still fit."""
        found: dict[str, Answer[V]] = {}
        for key, stored in read_answers(self._store, list(dict.fromkeys(keys))).items():
            reading = form.read(stored.text)
            if reading.value is not None:
                found[key] = _recall(stored, reading.value)
        return found


def _split(requests: Iterable[Request]) -> Iterator[list[Request]]:
    rest = iter(requests)
    while lot := list(islice(rest, LOT)):
        yield lot


def _write_instruction(schema: type[BaseModel] | dict[str, Any]) -> str:
    form = SchemaForm(schema, lambda _value: None) if isinstance(schema, dict) else Structure(schema)
    return form.instruction


def _recall(stored: StoredAnswer, value: V) -> Answer[V]:
    return Answer(value, None, stored.prompt_tokens, stored.completion_tokens, stored.cost, is_cached=True)
