"""Keep the model versions that answer in memory."""

from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from threading import Lock

from lucy.errors import InputError, StoreError
from lucy.settings import Settings
from lucy.tools.backends import Backend, RefusedError, RetrievalBackend
from lucy.tools.policy.retrieval import RetrievalPolicy
from lucy.tools.store.database import Store
from lucy.tools.store.models import Version
from lucy.tools.vocabulary import Message

LOADED = 8
"""Number of model versions kept in memory; the one unused for longest makes room."""
WARM_UP: Message = {"role": "user", "content": "Hello, can you help me?"}


class LoadedModels:
    """The versions that answered lately, opened when they are first asked for; safe between threads."""

    def __init__(self, store: Store, settings: Settings | None) -> None:
        self._store = store
        self._settings = settings
        self._loaded: OrderedDict[tuple[str, int], Backend] = OrderedDict()
        self._lock = Lock()

    def load(self, version: Version) -> Backend:
        """Give what answers with a version.

        Raises:
            InputError: it makes vectors and no answers.
            RefusedError: it is served elsewhere, and nobody said where.
            StoreError: its weights cannot be read.
        """
        place = (version.model_id, version.version)
        # One lock for all: of fifty first calls one loads, the others wait for it.
        with self._lock:
            if place not in self._loaded:
                self._loaded[place] = self._open(version)
                while len(self._loaded) > LOADED:
                    self._loaded.popitem(last=False)
            self._loaded.move_to_end(place)
            return self._loaded[place]

    def close(self) -> None:
        """Close the connections to services."""
        with self._lock:
            for backend in self._loaded.values():
                _close(backend)
            self._loaded.clear()

    def _open(self, version: Version) -> Backend:
        if version.kind == "retrieval":
            return RetrievalBackend(_read_policy(self._store.home / version.path))
        if version.kind == "transformers":
            from lucy.tools.local_model import TransformersBackend  # slow to import

            return TransformersBackend(self._store.home / version.path)
        if version.kind == "embedding":
            raise InputError(
                f"The model {version.model_id!r} turns texts into vectors and cannot answer; "
                "use it as lucy.deployed_embeddings."
            )
        if self._settings is None:
            raise RefusedError.make(
                f"The model {version.path!r} is served elsewhere, and this server was opened without "
                "settings that say where; open it with them."
            )
        from lucy.tools.upstream import UpstreamBackend, find_service

        return UpstreamBackend(version.path, find_service(self._settings))


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
