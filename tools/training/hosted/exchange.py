"""Talk to a training service: try again what may pass, wait with an eye on the person, give up."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from lucy.errors import LucyError, ProviderError
from lucy.tools.calls.backoff import LONGEST_ASKED, plan_wait
from lucy.tools.training.hosted.client import Client
from lucy.tools.training.hosted.refusals import DefiniteRefusalError, Refusal, explain, read_refusal
from lucy.tools.vocabulary import Progress

if TYPE_CHECKING:
    from openai import OpenAI

T = TypeVar("T")

TRIES = 10
"""Tries of one call, over about three minutes, before it is given up."""
TRIES_NOWHERE = 3
"""Tries of the first call where nothing is listening: the address is probably wrong."""
LABEL = "Training at the service"
GLANCE = 5.0
"""Seconds after which a person's wish to stop is looked for; also keeps the job's lease."""
PAGE = 100
"""Things listed with one call."""


class Page(Protocol):
    """One page of a list, as the official client gives it."""

    data: Any

    def has_next_page(self) -> bool:
        """Tell whether another page follows."""
        ...

    def get_next_page(self) -> Any:
        """Ask for the page that follows."""
        ...


@dataclass(slots=True)
class Watch:
    """Reports to the person while a training waits; raises `CancelledByPersonError` when they asked."""

    progress: Progress
    percent: int = 0
    note: str = ""
    """What is going on, in a few words."""
    has_answered: bool = False
    """The service has answered something since this began."""
    trouble: str = ""
    """Why there is no answer at the moment, in a few words."""

    def look(self) -> None:
        """Report how far it is, of 100."""
        note = "; ".join(part for part in (self.note, self.trouble) if part)
        self.progress(f"{LABEL}: {note}" if note else LABEL, self.percent, 100)

    def say(self, note: str, percent: int | None = None) -> None:
        """Change what is reported, and report it."""
        self.note = note
        self.percent = self.percent if percent is None else percent
        self.look()


@dataclass(frozen=True, slots=True)
class Exchange:
    """Calls to one service."""

    client: Client
    sleep: Callable[[float], object]
    """Waits some seconds."""
    watch: Watch
    """Looked at every few seconds while waiting."""
    is_alone: bool = True
    """Calls are made one after the other, and the watch is looked at meanwhile; else several threads call."""
    tries: int | None = TRIES
    """How often a call is tried; None is until it is answered."""

    def try_once(self, action: "Callable[[OpenAI], T]") -> T | Refusal:
        """Make a call once."""
        service = self.client.open()
        try:
            answer = self._watch(action, service) if self.is_alone else action(service)
        except LucyError:
            raise
        except Exception as error:  # noqa: BLE001  # the border to the official client and its transport
            refusal = read_refusal(error, self.client)
            self.watch.has_answered |= refusal.status is not None
            return refusal
        self.watch.has_answered = True
        self.watch.trouble = ""
        return answer

    def _watch(self, action: "Callable[[OpenAI], T]", service: "OpenAI") -> T:
        """Make a call while looking at the watch: an upload may take longer than the job's lease.

        When the person asks to stop meanwhile, the call is still waited for.
        """
        with ThreadPoolExecutor(1, "lucy-service") as pool:
            future = pool.submit(action, service)
            while not wait([future], GLANCE).done:
                self.watch.look()
            return future.result()

    def ask(self, what: str, action: "Callable[[OpenAI], T]") -> T:
        """Make a call until it is answered.

        Args:
            what: What is asked, for people, such as "list the jobs".
            action: The call; it may be made again.

        Raises:
            ProviderError: the service refuses, or does not answer after all tries.
        """
        done = 0
        while True:
            answer = self.try_once(action)
            if not isinstance(answer, Refusal):
                return answer
            done += 1
            self.wait_after(answer, done, what)

    def ask_if_there(self, what: str, action: "Callable[[OpenAI], T]") -> T | None:
        """Make a call as `ask` does; None when the service does not have this part of the API."""
        done = 0
        while True:
            answer = self.try_once(action)
            if not isinstance(answer, Refusal):
                return answer
            if answer.is_not_there:
                return None
            done += 1
            self.wait_after(answer, done, what)

    def wait_after(self, refusal: Refusal, done: int, what: str) -> None:
        """Wait until a call that was tried so often is worth another try.

        Raises:
            ProviderError: it is not, or was tried often enough.
        """
        failure = refusal.failure
        wait = plan_wait(f"{self.client.address}:{what}", min(done, TRIES), failure.wait)
        if self.tries is None and wait is None:
            wait = LONGEST_ASKED
        if not failure.is_retryable or wait is None or self._is_enough(refusal, done):
            kind = DefiniteRefusalError if refusal.is_definite else ProviderError
            raise kind(explain(refusal, self.client, what))
        self.watch.trouble = f"{self.client.place} does not answer, trying again"
        self.wait(wait)

    def _is_enough(self, refusal: Refusal, done: int) -> bool:
        if self.tries is None:
            return False
        is_nowhere = not refusal.failure.has_arrived and not self.watch.has_answered
        return done >= (min(self.tries, TRIES_NOWHERE) if is_nowhere else self.tries)

    def wait(self, seconds: float) -> None:
        """Wait, looking at the person's wishes now and then."""
        rest = seconds
        self.watch.look()
        while rest > 0:
            self.sleep(min(rest, GLANCE))
            rest -= GLANCE
            self.watch.look()

    def list_all(self, what: str, first: "Callable[[OpenAI], Page]") -> Iterator[Page]:
        """Give the pages of a list; a page that fails is asked for again, not the whole list."""
        return self.turn_pages(what, self.ask(what, first))

    def turn_pages(self, what: str, page: Page) -> Iterator[Page]:
        """Give a page and those that follow it."""
        while True:
            yield page
            if not page.has_next_page():
                return
            page = self._turn(what, page)

    def _turn(self, what: str, page: Page) -> Page:
        return self.ask(what, lambda _service: page.get_next_page())


def make_once(
    exchange: Exchange, what: str, *, create: "Callable[[OpenAI], T]", find: Callable[[], T | None]
) -> T:
    """Create something at the service; whenever that is unsure to have failed, look for it first.

    Raises:
        ProviderError: the service refuses, or does not answer after all tries.
    """
    done = 0
    while True:
        made = exchange.try_once(create)
        if not isinstance(made, Refusal):
            return made
        done += 1
        exchange.wait_after(made, done, what)
        found = find()
        if found is not None:
            return found
