"""Ask language models through one door: concurrent, retried, stored as answers come, every call counted."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue
from threading import Event
from typing import NamedTuple, TypeVar

from pydantic import BaseModel

from lucy.tools.calls.connection import Connection
from lucy.tools.calls.line import Line, Task, mend
from lucy.tools.calls.prices import Price, find_price
from lucy.tools.calls.request import Answer, Request
from lucy.tools.calls.structure import Structure
from lucy.tools.records.tokens import estimate_tokens
from lucy.tools.store.answers import StoredAnswer, address_answer, read_answers
from lucy.tools.store.database import Store
from lucy.tools.store.ledger import Account
from lucy.tools.vocabulary import Progress, ignore_progress

__all__ = ["Answer", "Door", "Estimate", "Request"]

T = TypeVar("T", bound=BaseModel)

GLANCE = 0.5
"""Seconds after which a person's wish to stop is looked for, also when no answer comes."""


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
    ) -> None:
        """Make the door; nothing is opened or sent before something is asked.

        Args:
            store: Where answers and the ledger are kept.
            connection: The model and how it is reached.
            account: Whom the calls are booked to.
            concurrency: Largest number of calls under way at once.
            prices: Prices by model; of a model without one the cost is unknown.
            sleep: Waits some seconds before another try; for tests.
        """
        self.model = connection.model
        self._store = store
        self._concurrency = concurrency
        self._price = find_price(prices or {}, connection.model)
        self._line = Line(store, connection, account, self._price, sleep)

    def ask_many(
        self,
        requests: Sequence[Request],
        schema: type[T],
        *,
        progress: Progress = ignore_progress,
        label: str = "Asking the model",
    ) -> list[Answer[T]]:
        """Answer every request, in order; what is stored is not asked again, equal requests are asked once.

        Every answer is stored as it comes. Failed answers are not stored: asked again, they are tried anew.

        Args:
            requests: What to ask.
            schema: What an answer must fit.
            progress: Called as answers come and every half second; when it raises, no further call is made,
                those under way are waited for, and what has come stays stored.
            label: What the progress is called.

        Raises:
            ProviderError: no call can succeed, such as for a wrong key.
        """
        structure = Structure(schema)
        keys = [self._address(request, structure) for request in requests]
        found = self._find(keys, structure)
        stop = Event()
        tasks = {
            key: Task(key, request, structure, stop)
            for key, request in zip(keys, requests, strict=True)
            if key not in found
        }
        if tasks:
            found |= self._ask_all(list(tasks.values()), stop, progress=progress, label=label)
        return [found[key] for key in keys]

    def estimate(
        self, requests: Sequence[Request], *, completion_tokens: int, schema: type[BaseModel] | None = None
    ) -> Estimate:
        """Estimate what requests would take when none is stored yet.

        Args:
            requests: What would be asked.
            completion_tokens: About how many tokens one answer has.
            schema: What an answer must fit; sent along with every request.
        """
        form = [{"content": Structure(schema).instruction}] if schema else []
        prompt = sum(
            estimate_tokens([{"content": one.system}, {"content": one.prompt}, *form]) for one in requests
        )
        completion = completion_tokens * len(requests)
        cost = self._price.charge(prompt, completion) if self._price else None
        return Estimate(len(requests), prompt, completion, cost)

    def _address(self, request: Request, structure: Structure[T]) -> str:
        return address_answer(
            self.model,
            system=mend(request.system),
            prompt=mend(request.prompt),
            schema=structure.json_schema,
            seed=request.seed,
            temperature=request.temperature,
        )

    def _find(self, keys: Sequence[str], structure: Structure[T]) -> dict[str, Answer[T]]:
        """Find the answers that are stored and still fit."""
        found: dict[str, Answer[T]] = {}
        for key, stored in read_answers(self._store, list(dict.fromkeys(keys))).items():
            reading = structure.read(stored.text)
            if reading.value is not None:
                found[key] = _recall(stored, reading.value)
        return found

    def _ask_all(
        self, tasks: Sequence[Task[T]], stop: Event, *, progress: Progress, label: str
    ) -> dict[str, Answer[T]]:
        """Ask several at a time; when one raises or the person stops, the rest is not begun."""
        finished: SimpleQueue[Future[Answer[T]]] = SimpleQueue()
        answers: dict[str, Answer[T]] = {}
        with ThreadPoolExecutor(min(self._concurrency, len(tasks)), "lucy-calls") as pool:
            try:
                progress(label, 0, len(tasks))
                keys = {_submit(pool, self._line, task, finished): task.key for task in tasks}
                while len(answers) < len(tasks):
                    for future in _take(finished):
                        answers[keys[future]] = future.result()
                    progress(label, len(answers), len(tasks))
            finally:
                stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
        return answers


def _submit(
    pool: ThreadPoolExecutor, line: Line, task: Task[T], finished: "SimpleQueue[Future[Answer[T]]]"
) -> Future[Answer[T]]:
    future = pool.submit(line.ask, task)
    future.add_done_callback(finished.put)
    return future


def _take(finished: "SimpleQueue[Future[Answer[T]]]") -> list[Future[Answer[T]]]:
    """Take what has finished, waiting a moment for the first."""
    try:
        taken = [finished.get(timeout=GLANCE)]
    except Empty:
        return []
    while not finished.empty():
        taken.append(finished.get())
    return taken


def _recall(stored: StoredAnswer, value: T) -> Answer[T]:
    return Answer(value, None, stored.prompt_tokens, stored.completion_tokens, stored.cost, is_cached=True)
