"""Let a model at a service answer prompts, as a policy."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any

from lucy.errors import ProviderError
from lucy.tools.responses import write_response
from lucy.tools.store.encoding import hash_content
from lucy.tools.training.hosted.client import Client
from lucy.tools.training.hosted.exchange import TRIES, Exchange, Watch
from lucy.tools.training.hosted.refusals import Refusal, explain
from lucy.tools.training.hosted.rows import clean_message
from lucy.tools.vocabulary import Record

OPTIONAL = ("seed", "temperature")
"""Parameters that some models refuse; what was refused once is not sent again."""
FILTERED = ("content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation")
"""Words of services that will not answer a prompt for its content."""


@dataclass(slots=True)
class HostedPolicy:
    """A model behind chat completions; used by several threads at once.

    A service gives no equal answers to equal seeds; it is the stored rollouts that make a run repeatable.
    What the model or its filter declines is an empty answer, or the words it declines with.
    """

    model: str
    client: Client
    temperature: float = 1.0
    concurrency: int = 8
    """Largest number of calls under way at once."""
    sleep: Callable[[float], object] | None = None
    """Waits some seconds before another try; None is to wait until then or until a sibling failed."""
    _refused: set[str] = field(default_factory=set[str], repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    @property
    def sha(self) -> str:
        """Content address of the model: its name, its service and the temperature."""
        return hash_content("hosted", self.client.address, self.model, self.temperature)

    def sample_many(self, records: Sequence[Record], n: int, *, seed: int) -> list[list[str]]:
        """Answer each record's prompt `n` times, several calls at once; each answer has a seed of its own.

        Raises:
            ProviderError: the service refuses, or does not answer after all tries.
        """
        self.client.open()
        stop = Event()
        wanted = [(record, number) for record in records for number in range(n)]
        if not wanted:
            return [[] for _ in records]
        watch = Watch(lambda _label, _done, _total: _check(stop))
        exchange = Exchange(self.client, self.sleep or stop.wait, watch, is_alone=False)
        with ThreadPoolExecutor(min(self.concurrency, len(wanted)), "lucy-rollouts") as pool:
            futures = [
                pool.submit(self._answer, exchange, record, _derive_seed(seed, number))
                for record, number in wanted
            ]
            try:
                answers = [future.result() for future in futures]
            finally:
                stop.set()
                pool.shutdown(cancel_futures=True)
        return [answers[start : start + n] for start in range(0, len(answers), n)]

    def _answer(self, exchange: Exchange, record: Record, seed: int) -> str:
        what = f"let the model {self.model!r} answer the record {record.id!r}"
        done = 0
        while True:
            sent = self._choose(seed)
            answer = self._call(exchange, self._build(record, sent))
            if isinstance(answer, str):
                return answer
            if any(word in answer.failure.reason for word in FILTERED):
                return ""
            if not self._learn(sent, answer):
                done += 1
                if not answer.failure.is_retryable or done >= TRIES:
                    raise ProviderError(explain(answer, self.client, what, model=self.model))
                exchange.wait_after(answer, done, what)

    def _call(self, exchange: Exchange, body: dict[str, Any]) -> str | Refusal:
        return exchange.try_once(lambda service: _complete(service, body))

    def _choose(self, seed: int) -> dict[str, Any]:
        with self._lock:
            refused = set(self._refused)
        values = {"seed": seed, "temperature": self.temperature}
        return {name: value for name, value in values.items() if name not in refused}

    def _build(self, record: Record, sent: dict[str, Any]) -> dict[str, Any]:
        body = {"model": self.model, "messages": [clean_message(one) for one in record.prompt], **sent}
        return {**body, "tools": list(record.tools)} if record.tools else body

    def _learn(self, sent: dict[str, Any], refusal: Refusal) -> bool:
        """Note a parameter that the service refused by its name; tell whether to ask again without it."""
        if refusal.status not in (400, 422):
            return False
        named = {name for name in OPTIONAL if name in sent and name in refusal.failure.reason}
        with self._lock:
            self._refused |= named
        return bool(named)


class _StoppedError(Exception):
    """Another call of the same sampling failed for good."""


def _check(stop: Event) -> None:
    if stop.is_set():
        raise _StoppedError


def _derive_seed(seed: int, number: int) -> int:
    """Give answer `number` a seed of its own, 31 bits, the most that all services take."""
    return int(hash_content("answer", seed, number)[:8], 16) & 0x7FFFFFFF


def _complete(service: Any, body: dict[str, Any]) -> str:
    """Make one call and read its answer.

    Raises:
        ValueError: it has no choice.
    """
    completion: Any = service.chat.completions.create(**body)
    value: Any = completion.to_dict() if hasattr(completion, "to_dict") else completion
    if not isinstance(value, dict) or not value.get("choices"):
        raise ValueError(f"The service answered without a choice: {value!r:.200}")
    message: Any = value["choices"][0].get("message") or {}
    text = message.get("content") or message.get("refusal") or ""
    return write_response(str(text), message.get("tool_calls") or ())
