"""Answer with deployed models, and count every call."""

import logging
import re
import time
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Literal, NamedTuple

from sqlalchemy.exc import DatabaseError

from lucy.errors import NotFoundError, StoreError
from lucy.tools.policy.retrieval import RetrievalPolicy
from lucy.tools.records.tokens import estimate_text_tokens, estimate_tokens
from lucy.tools.store import deployments, models, usage
from lucy.tools.store.database import Store
from lucy.tools.store.models import Version
from lucy.tools.store.usage import Call
from lucy.tools.vocabulary import Message

logger = logging.getLogger(__name__)

LOADED = 8
"""Number of model versions kept in memory; the one unused for longest makes room."""
WARM_UP: Message = {"role": "user", "content": "Hello, can you help me?"}


class Answer(NamedTuple):
    """What a served model answered; token counts are estimates."""

    text: str
    prompt_tokens: int
    completion_tokens: int
    model_id: str
    version: int
    finish_reason: Literal["stop", "length"] = "stop"
    """`length` when the answer was cut at `max_tokens`."""


class ModelServer:
    """Answers with deployed models; safe to share between threads.

    What it does not do: call tools, keep a conversation between calls, or serve models of a provider
    elsewhere. It reads the deployments on every call, so a new one is served at once.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._loaded: OrderedDict[tuple[str, int], RetrievalPolicy] = OrderedDict()
        self._lock = Lock()

    def respond(
        self,
        name: str,
        messages: Sequence[Message],
        *,
        seed: int = 0,
        temperature: float | None = None,
        max_tokens: int | None = None,
        stop: Sequence[str] = (),
        surface: str = "chat_completions",
    ) -> Answer:
        """Answer a conversation and count the call, also when it fails.

        Args:
            name: What was deployed, or a model's id for its newest version.
            messages: OpenAI messages with at least one user message that has text.
            seed: Chooses the sample; the same messages and seed give the same answer.
            temperature: 0 gives the most probable answer; None the model's own temperature.
            max_tokens: The answer is cut after about so many tokens.
            stop: The answer ends before the first of these texts.
            surface: Where the call came from, for the count.

        Raises:
            NotFoundError: nothing is served under the name.
            InputError: the messages cannot be answered.
        """
        served = self._resolve(name)
        call = Call(served.model_id, served.version, name, surface, estimate_tokens(messages), 0, 0.0, 0.0)
        started = time.perf_counter()
        try:
            text = self._load(served).respond(messages, seed=seed, temperature=temperature)
        except Exception as error:
            self._count(call._replace(error=f"{type(error).__name__}: {error}"), started)
            raise
        text, reason = cut_text(text, max_tokens=max_tokens, stop=stop)
        call = call._replace(completion_tokens=round(estimate_text_tokens(text)))
        self._count(call, started)
        return Answer(
            text, call.prompt_tokens, call.completion_tokens, served.model_id, served.version, reason
        )

    def _resolve(self, name: str) -> Version:
        with self._store.read() as connection:
            deployed = deployments.newest_deployment(connection, name)
            wanted = (deployed.model_id, deployed.version) if deployed else (name, None)
            served = models.find_ready_version(connection, *wanted)
        if served is None:
            raise NotFoundError(
                f"The model {name!r} does not exist or was deleted; /v1/models lists those that are served."
            )
        return served

    def _load(self, served: Version) -> RetrievalPolicy:
        place = (served.model_id, served.version)
        # One lock for all: of fifty first calls one loads, the others wait for it.
        with self._lock:
            if place not in self._loaded:
                self._loaded[place] = _read_policy(self._store.home / served.path)
                while len(self._loaded) > LOADED:
                    self._loaded.popitem(last=False)
            self._loaded.move_to_end(place)
            return self._loaded[place]

    def _count(self, call: Call, started: float) -> None:
        latency_ms = (time.perf_counter() - started) * 1000
        try:
            usage.add_usage(self._store, call._replace(latency_ms=latency_ms))
        except DatabaseError as error:
            # The person gets the answer even if the disk is full or another process keeps the database.
            logger.warning("A call of model %s was not counted: %s", call.model_id, error.orig)


def _read_policy(path: Path) -> RetrievalPolicy:
    try:
        policy = RetrievalPolicy.from_json(path.read_text(encoding="utf-8"))
        # The first answer builds the index: done once here, instead of in each of many waiting threads.
        policy.respond([WARM_UP], temperature=0)
    except (OSError, ValueError) as error:
        raise StoreError(
            f"The weights {str(path)!r} cannot be used ({error}); deploy another version or train it again."
        ) from error
    return policy


def cut_text(
    text: str, *, max_tokens: int | None = None, stop: Sequence[str] = ()
) -> tuple[str, Literal["stop", "length"]]:
    """Cut an answer before a stop text and after about `max_tokens`; say which ended it."""
    ends = [at for at in (text.find(word) for word in stop if word) if at >= 0]
    text = text[: min(ends, default=len(text))]
    if max_tokens is None:
        return text, "stop"
    tokens = 0.0
    kept = 0
    for piece in split_words(text):
        tokens += estimate_text_tokens(piece)
        # The first word always stays: an answer of nothing would help nobody.
        if kept and tokens > max_tokens:
            return text[:kept].rstrip(), "length"
        kept += len(piece)
    return text, "stop"


def split_words(text: str) -> list[str]:
    """Split a text into words with the space after them; joined they are the text."""
    return re.findall(r"\s+|\S+\s*", text)
