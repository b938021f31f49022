"""Answer with deployed models, and count every call."""

import logging
import time
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import DatabaseError

from lucy.settings import Settings
from lucy.tools.answers import Answer, AnswerStream, Caller, begin, give_whole
from lucy.tools.backends import (
    BatchBackend,
    Piece,
    RefusedError,
    Reply,
    Request,
    StreamingBackend,
)
from lucy.tools.loading import LoadedModels
from lucy.tools.records.tokens import estimate_tokens
from lucy.tools.routing import Asked, Routed, route
from lucy.tools.store import usage
from lucy.tools.store.database import Store
from lucy.tools.store.models import Version
from lucy.tools.store.usage import Call
from lucy.tools.vocabulary import Message

__all__ = ["Answer", "AnswerStream", "Asked", "Caller", "ModelServer", "Slow"]

logger = logging.getLogger(__name__)

LEFT = "left"
"""Noted as the error of a stream that its caller did not read to the end."""


@dataclass(frozen=True, slots=True)
class Slow:
    """A call whose model takes its time: for `finish` or `follow`, in a thread that may wait."""

    served: Routed


class ModelServer:
    """Answers with deployed models; safe to share between threads.

    What it does not do: run tools or keep a conversation between calls. It reads the deployments on every
    call, so a new one is served at once. A call is counted before its answer is given away.
    """

    def __init__(self, store: Store, settings: Settings | None = None) -> None:
        """Make a server.

        Args:
            store: Where models and deployments are kept, and calls are counted.
            settings: They name the service of models that are served elsewhere; without them those are
                refused.
        """
        self._store = store
        self._models = LoadedModels(store, settings)

    def respond(
        self,
        name: str,
        messages: Sequence[Message],
        *,
        seed: int = 0,
        temperature: float | None = None,
        max_tokens: int | None = None,
        stop: Sequence[str] = (),
    ) -> Answer:
        """Answer a conversation: `answer` for who has only that."""
        request = Request(
            tuple(messages), seed=seed, temperature=temperature, max_tokens=max_tokens, stop=tuple(stop)
        )
        return self.answer(name, request)

    def answer(self, name: str, request: Request, caller: Caller | None = None) -> Answer:
        """Answer a conversation and count the call, also when it fails.

        Args:
            name: What was deployed, or a model's id for its newest version.
            request: What is wanted.
            caller: Who asks.

        Raises:
            NotFoundError: nothing is served under the name.
            InputError: the messages cannot be answered.
            RefusedError: the model or its service refuses.
        """
        found = self._answer_one(Asked(name, request, caller or Caller()))
        return self.finish(found) if isinstance(found, Slow) else found

    def stream(self, name: str, request: Request, caller: Caller | None = None) -> AnswerStream:
        """Answer piece by piece; raises as `answer`, before there is a stream.

        An answer that a model gives whole is counted at once; of others a caller who leaves in the middle is
        counted with the error `left`.
        """
        found = self._answer_one(Asked(name, request, caller or Caller()))
        return self.follow(found) if isinstance(found, Slow) else stream_whole(found)

    def answer_many(self, asked: Sequence[Asked]) -> list[Answer | Slow | Exception]:
        """Answer what can be answered at once, all together: one look at the store, one search, one write.

        Gives an outcome per call, in order: an answer, what `answer` would raise, or `Slow` for a model that
        takes its time.
        """
        found = route(self._store, asked)
        replies = self._reply_together([one for one in found if isinstance(one, Routed) and _is_quick(one)])
        self._count((served, reply) for served, reply in replies.values())
        outcomes: list[Answer | Slow | Exception] = []
        for one in found:
            if not isinstance(one, Routed):
                outcomes.append(one)
            elif one.completion_id in replies:
                outcomes.append(_give(*replies[one.completion_id]))
            else:
                outcomes.append(Slow(one))
        return outcomes

    def finish(self, slow: Slow) -> Answer:
        """Answer a call that may take its time; raises as `answer`."""
        served = slow.served
        try:
            reply = self._models.load(served.version).answer(served.request)
        except Exception as error:
            self._count([(served, error)])
            raise
        self._count([(served, reply)])
        return _write_answer(served, reply)

    def follow(self, slow: Slow) -> AnswerStream:
        """Answer a call that may take its time, piece by piece; raises as `stream`."""
        served = slow.served
        backend = self._models.load(served.version)
        if not isinstance(backend, StreamingBackend):
            return stream_whole(self.finish(slow))
        pieces = begin(self._follow(served, backend))
        return AnswerStream(served.completion_id, *served.version[:2], pieces, is_whole=False)

    def check(self, name: str) -> None:
        """Raise NotFoundError if nothing is served under a name."""
        [found] = route(self._store, [Asked(name, Request(()))])
        if isinstance(found, Exception):
            raise found

    def close(self) -> None:
        """Close the connections to services; nothing of a call is ever left to be written."""
        self._models.close()

    def _answer_one(self, asked: Asked) -> Answer | Slow:
        [found] = self.answer_many([asked])
        if isinstance(found, Exception):
            raise found
        return found

    def _reply_together(self, calls: Sequence[Routed]) -> dict[str, tuple[Routed, Reply | Exception]]:
        """Let each version answer its calls; by the ids of their completions."""
        groups: dict[tuple[str, int], list[Routed]] = {}
        for served in calls:
            groups.setdefault((served.version.model_id, served.version.version), []).append(served)
        return {
            served.completion_id: (served, reply)
            for group in groups.values()
            for served, reply in zip(group, self._reply(group), strict=True)
        }

    def _reply(self, group: Sequence[Routed]) -> Sequence[Reply | Exception]:
        try:
            backend = self._models.load(group[0].version)
            assert isinstance(backend, BatchBackend)
            return backend.answer_many([served.request for served in group])
        except Exception as error:  # noqa: BLE001  # raised again where each was asked for
            return [error] * len(group)

    def _follow(self, served: Routed, backend: StreamingBackend) -> Generator[Piece, None, Answer]:
        try:
            reply = yield from backend.stream(served.request)
        except Exception as error:
            self._count([(served, error)])
            raise
        except GeneratorExit:
            self._count([(served, None)])
            raise
        self._count([(served, reply)])
        return _write_answer(served, reply)

    def _count(self, calls: Iterable[tuple[Routed, Reply | Exception | None]]) -> None:
        """Write the rows of calls with what came of them; None is a caller who left."""
        rows = [_write_row(served, outcome) for served, outcome in calls]
        if not rows:
            return
        try:
            usage.add_usages(self._store, rows)
        except DatabaseError as fault:
            # The person gets the answer even if the disk is full or another process keeps the database.
            logger.warning("%d calls of models were not counted: %s", len(rows), fault.orig)


def stream_whole(answer: Answer) -> AnswerStream:
    """Give an answer that is there already as a stream."""
    return AnswerStream(answer.id, answer.model_id, answer.version, give_whole(answer), is_whole=True)


def _is_quick(served: Routed) -> bool:
    return served.version.kind == "retrieval"


def _give(served: Routed, outcome: Reply | Exception) -> Answer | Exception:
    return outcome if isinstance(outcome, Exception) else _write_answer(served, outcome)


def _write_answer(served: Routed, reply: Reply) -> Answer:
    version = served.version
    return Answer(reply, version.model_id, version.version, served.arm, served.completion_id)


def _write_row(served: Routed, outcome: Reply | Exception | None) -> Call:
    reply = outcome if isinstance(outcome, Reply) else None
    error = _name_error(outcome) if isinstance(outcome, Exception) else None if reply else LEFT
    return Call(
        model_id=served.version.model_id,
        version=served.version.version,
        deployment=served.name,
        surface=served.surface,
        prompt_tokens=reply.prompt_tokens if reply else estimate_tokens(served.request.messages),
        completion_tokens=reply.completion_tokens if reply else 0,
        cost=reply.cost if reply else _guess_cost(served.version, error),
        latency_ms=(time.perf_counter() - served.started) * 1000,
        error=error,
        completion_id=served.completion_id,
        number=served.number,
        arm=served.arm,
        session=served.session,
    )


def _name_error(error: Exception) -> str:
    """Name what went wrong; its sentence may quote the conversation and is not kept."""
    return (
        f"{type(error).__name__} {error.status}" if isinstance(error, RefusedError) else type(error).__name__
    )


def _guess_cost(version: Version, error: str | None) -> float | None:
    """Give what a call without an answer cost: a service may bill what its caller did not wait for."""
    return None if version.kind == "upstream" and error == LEFT else 0.0
