"""Turn texts into vectors for other LangChain and LangGraph programs, counted as any call."""

import time

from langchain_core.embeddings import Embeddings

from lucy.errors import InputError, NotFoundError
from lucy.tools.embeddings.static import embed_texts
from lucy.tools.records.tokens import estimate_text_tokens
from lucy.tools.registry import register_version
from lucy.tools.store.database import Store
from lucy.tools.store.deployments import newest_deployment
from lucy.tools.store.models import Version, find_ready_version
from lucy.tools.store.usage import Call, add_usage

SURFACE = "langchain"
WORDS = "lucy-words"
"""Name of the word vectors that come with Lucy, as an embedding model."""


class DeployedEmbeddings(Embeddings):
    """The word vectors that come with Lucy: 128 dimensions, English, length 1 (see `tools/embeddings`).

    A text without a known word becomes a vector of zeros. Every call reads whether the model is still there.
    """

    def __init__(self, store: Store, name: str = WORDS) -> None:
        """Find the model; raises as `deployed_embeddings`."""
        self._store = store
        self._name = name
        self._place = _register_words(store) if name == WORDS else name
        self._find()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Give one vector per text."""
        started = time.perf_counter()
        served = self._find()
        vectors: list[list[float]] = embed_texts(texts).tolist()
        tokens = round(sum(estimate_text_tokens(text) for text in texts))
        latency = (time.perf_counter() - started) * 1000
        call = Call(served.model_id, served.version, self._name, SURFACE, tokens, 0, 0.0, latency)
        add_usage(self._store, call)
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """Give the vector of one text."""
        return self.embed_documents([text])[0]

    def _find(self) -> Version:
        found = find_served_version(self._store, self._place)
        if found is None:
            raise NotFoundError(
                f"The model {self._name!r} does not exist or was deleted; `lucy models list` shows those "
                "that there are."
            )
        if found.kind != "embedding":
            raise InputError(
                f"The model {self._name!r} answers and gives no vectors; use "
                f"lucy.deployed_model({self._name!r})."
            )
        if found.path != WORDS:
            raise InputError(
                f"The vectors {found.path!r} of the model {self._name!r} are not Lucy's own, and she has no "
                f"others; use lucy.deployed_embeddings({WORDS!r})."
            )
        return found


def find_served_version(store: Store, name: str) -> Version | None:
    """Give what is served under a name, or the newest version of a model's id; None when nothing is."""
    with store.read() as connection:
        deployed = newest_deployment(connection, name)
        if deployed is None:
            return find_ready_version(connection, name)
        return find_ready_version(connection, deployed.model_id, deployed.version)


def _register_words(store: Store) -> str:
    """Put the word vectors into the registry, once, and give their model's id."""
    return register_version(
        store, name=WORDS, description="Word vectors that come with Lucy: 128 dimensions, English.",
        base_model="all-MiniLM-L6-v2, distilled", provider="lucy", kind="embedding", weights=WORDS,
        job_id=WORDS, workflow_id=WORDS, lineage={}, parameters={}, training_examples=0,
        validation_examples=0, cost=0.0,
    ).model_id  # fmt: skip
