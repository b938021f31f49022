"""Answer with deployed models, and count every call."""

import logging
import time
import uuid
from collections import OrderedDict
from collections.abc import Generator, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from lucy.errors import InputError, NotFoundError, StoreError
from lucy.settings import Settings
from lucy.tools.answers import Answer, AnswerStream, Caller, begin, give_whole
from lucy.tools.backends import (
    Backend,
    Piece,
    RefusedError,
    Reply,
    Request,
    RetrievalBackend,
    StreamingBackend,
)
from lucy.tools.batching import Batcher
from lucy.tools.policy.retrieval import RetrievalPolicy
from lucy.tools.records.tokens import estimate_tokens
from lucy.tools.store import deployments, models, usage
from lucy.tools.store.database import Store
from lucy.tools.store.deployments import Deployment
from lucy.tools.store.models import Version
from lucy.tools.store.usage import Arm, Call
from lucy.tools.traffic import choose_arm, hash_session
from lucy.tools.vocabulary import Message

__all__ = ["Answer", "AnswerStream", "Caller", "ModelServer"]

logger = logging.getLogger(__name__)

LOADED = 8
"""Number of model versions kept in memory; the one unused for longest makes room."""
WARM_UP: Message = {"role": "user", "content": "Hello, can you help me?"}
LEFT = "left"
"""Noted as the error of a stream that its caller did not read to the end."""


class _Place(NamedTuple):
    """What is served under a name now."""

    deployment: Deployment | None
    """None when the name is a model's id."""
    version: Version | None
    """None when nothing answers."""
    challenger: Version | None = None


class _Served(NamedTuple):
    """The version that a call goes to, and all that its row needs."""

    version: Version
    name: str
    number: int | None
    arm: Arm | None
    session: str | None
    completion_id: str
    surface: str
    started: float


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
        self._settings = settings
        self._loaded: OrderedDict[tuple[str, int], Backend] = OrderedDict()
        self._lock = Lock()
        # A transaction costs nearly as much for one row as for many, and most calls are for the same name.
        self._rows: Batcher[Call, None] = Batcher(self._write_rows)
        self._places: Batcher[str, _Place] = Batcher(self._look_up)

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
        return self._answer(self._resolve(name, caller or Caller()), request)

    def stream(self, name: str, request: Request, caller: Caller | None = None) -> AnswerStream:
        """Answer piece by piece; raises as `answer`, before there is a stream.

        An answer that a model gives whole is counted at once; of others a caller who leaves in the middle is
        counted with the error `left`.
        """
        served = self._resolve(name, caller or Caller())
        backend = self._load(served.version)
        streams = isinstance(backend, StreamingBackend)
        pieces = (
            begin(self._follow(served, backend, request))
            if streams
            else give_whole(self._answer(served, request))
        )
        return AnswerStream(served.completion_id, *served.version[:2], pieces, is_whole=not streams)

    def check(self, name: str) -> None:
        """Raise NotFoundError if nothing is served under a name."""
        self._resolve(name, Caller())

    def close(self) -> None:
        """Close the connections to services; nothing of a call is ever left to be written."""
        with self._lock:
            for backend in self._loaded.values():
                _close(backend)
            self._loaded.clear()

    def _answer(self, served: _Served, request: Request) -> Answer:
        try:
            reply = self._load(served.version).answer(request)
        except Exception as error:
            self._count(served, request, None, error=_name_error(error))
            raise
        self._count(served, request, reply)
        return _give(served, reply)

    def _follow(
        self, served: _Served, backend: StreamingBackend, request: Request
    ) -> Generator[Piece, None, Answer]:
        try:
            reply = yield from backend.stream(request)
        except Exception as error:
            self._count(served, request, None, error=_name_error(error))
            raise
        except GeneratorExit:
            self._count(served, request, None, error=LEFT)
            raise
        self._count(served, request, reply)
        return _give(served, reply)

    def _resolve(self, name: str, caller: Caller) -> _Served:
        completion_id = f"chatcmpl-{uuid.uuid4().hex}"
        session = hash_session(name, caller.user) if caller.user else None
        started = time.perf_counter()
        found = self._places.do(name)
        arm: Arm | None = None
        if found.deployment and found.deployment.is_test:
            arm = choose_arm(found.deployment, session or completion_id)
            # A challenger that was deleted in the middle of the test leaves all to the champion.
            arm = arm if found.challenger else "champion"
        version = found.challenger if arm == "challenger" else found.version
        if version is None:
            raise NotFoundError(
                f"The model {name!r} does not exist or was deleted; /v1/models lists those that are served."
            )
        number = found.deployment.number if found.deployment else None
        return _Served(version, name, number, arm, session, completion_id, caller.surface, started)

    def _look_up(self, names: Sequence[str]) -> list[_Place]:
        with self._store.read() as connection:
            found = {name: _find_place(connection, name) for name in set(names)}
        return [found[name] for name in names]

    def _load(self, served: Version) -> Backend:
        place = (served.model_id, served.version)
        # One lock for all: of fifty first calls one loads, the others wait for it.
        with self._lock:
            if place not in self._loaded:
                self._loaded[place] = self._open(served)
                while len(self._loaded) > LOADED:
                    self._loaded.popitem(last=False)
            self._loaded.move_to_end(place)
            return self._loaded[place]

    def _open(self, served: Version) -> Backend:
        if served.kind == "retrieval":
            return RetrievalBackend(_read_policy(self._store.home / served.path))
        if served.kind == "transformers":
            from lucy.tools.local_model import TransformersBackend  # slow to import

            return TransformersBackend(self._store.home / served.path)
        if served.kind == "embedding":
            raise InputError(f"The model {served.model_id!r} turns texts into vectors and cannot answer.")
        if self._settings is None:
            raise RefusedError.make(
                f"The model {served.path!r} is served elsewhere, and this server was opened without settings "
                "that say where; open it with them."
            )
        from lucy.tools.upstream import UpstreamBackend, find_service

        return UpstreamBackend(served.path, find_service(self._settings))

    def _count(
        self, served: _Served, request: Request, reply: Reply | None, error: str | None = None
    ) -> None:
        call = Call(
            model_id=served.version.model_id,
            version=served.version.version,
            deployment=served.name,
            surface=served.surface,
            prompt_tokens=reply.prompt_tokens if reply else estimate_tokens(request.messages),
            completion_tokens=reply.completion_tokens if reply else 0,
            cost=reply.cost if reply else _guess_cost(served.version, error),
            latency_ms=(time.perf_counter() - served.started) * 1000,
            error=error,
            completion_id=served.completion_id,
            number=served.number,
            arm=served.arm,
            session=served.session,
        )
        try:
            self._rows.do(call)
        except DatabaseError as fault:
            # The person gets the answer even if the disk is full or another process keeps the database.
            logger.warning("A call of model %s was not counted: %s", call.model_id, fault.orig)

    def _write_rows(self, calls: Sequence[Call]) -> list[None]:
        usage.add_usages(self._store, calls)
        return [None] * len(calls)


def _find_place(connection: Connection, name: str) -> _Place:
    deployed = deployments.newest_deployment(connection, name)
    if deployed is None:
        return _Place(None, models.find_ready_version(connection, name))
    version = models.find_ready_version(connection, deployed.model_id, deployed.version)
    if deployed.challenger_id is None:
        return _Place(deployed, version)
    other = models.find_ready_version(connection, deployed.challenger_id, deployed.challenger_version)
    return _Place(deployed, version, other)


def _give(served: _Served, reply: Reply) -> Answer:
    version = served.version
    return Answer(reply, version.model_id, version.version, served.arm, served.completion_id)


def _name_error(error: Exception) -> str:
    """Name what went wrong; its sentence may quote the conversation and is not kept."""
    return (
        f"{type(error).__name__} {error.status}" if isinstance(error, RefusedError) else type(error).__name__
    )


def _guess_cost(version: Version, error: str | None) -> float | None:
    """Give what a call without an answer cost: a service may bill what its caller did not wait for."""
    return None if version.kind == "upstream" and error == LEFT else 0.0


def _close(backend: Backend) -> None:
    from lucy.tools.upstream import UpstreamBackend

    if isinstance(backend, UpstreamBackend):
        with suppress(OSError):
            backend.close()


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
