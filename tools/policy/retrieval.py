"""Answer by choosing among retrieved replies: the offline model, which can be sampled and trained."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from lucy.errors import InputError
from lucy.tools.policy.exchanges import read_query
from lucy.tools.policy.features import FEATURES, CandidateTable, tabulate_prompt, tabulate_records
from lucy.tools.policy.pool import ReplyPool
from lucy.tools.vocabulary import Message, Record, read_text

BASE_NAME = "offline-base"
PRIOR_WEIGHTS: Mapping[str, float] = {
    "similarity": 0.3, "context_similarity": 0.2, "unknown": -0.3, "edit_as_is": 1.0,
}  # fmt: skip
"""Weights before training, per standard deviation of a feature: repeat what similar people were told."""
SCALE_RECORDS = 500
"""Number of records that the features' scales are measured on."""
MIN_SCALE = 0.05


class _PolicyFile(BaseModel):
    """A policy as stored."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: str = "lucy-retrieval-policy-1"
    name: str
    temperature: float
    features: tuple[str, ...]
    weights: tuple[float, ...]
    scales: tuple[float, ...]
    pool: ReplyPool


@dataclass(frozen=True)
class RetrievalPolicy:
    """A softmax over candidate replies with linear features.

    The probability of candidate c is proportional to exp(w . f(c) / temperature), where f is divided by
    the features' scales. Every sample is a function of (policy, record, seed, index) alone.

    What it does not do: compose a sentence of its own, follow instructions, use tools, or know facts that are
    not in the conversation. A language model does; this one shows on any computer what training changes.
    """

    pool: ReplyPool
    weights: tuple[float, ...]
    """One per name in FEATURES, for features divided by `scales`."""
    scales: tuple[float, ...]
    """Typical spread of each feature among the candidates of one prompt."""
    temperature: float = 1.0
    """Above 0; larger is more varied."""
    name: str = BASE_NAME

    def __post_init__(self) -> None:
        if len(self.weights) != len(FEATURES) or len(self.scales) != len(FEATURES):
            raise InputError(
                f"The policy has {len(self.weights)} weights, expected {len(FEATURES)}; "
                "it was made by another version, train it again."
            )
        if not self.temperature > 0:
            raise InputError(f"temperature is {self.temperature!r}, expected a number above 0.")

    @property
    def sha(self) -> str:
        """Hash of weights, scales, temperature and pool: equal hashes answer the same."""
        return self._sha

    @cached_property
    def _sha(self) -> str:
        content = f"{self.weights!r}{self.scales!r}{self.temperature!r}{self.pool.sha}"
        return hashlib.sha256(content.encode()).hexdigest()

    def with_weights(self, weights: Sequence[float], *, name: str | None = None) -> "RetrievalPolicy":
        """Give the same policy with other weights; the pool and its index are shared."""
        values = tuple(float(weight) for weight in weights)
        return replace(self, weights=values, name=self.name if name is None else name)

    def sample(self, record: Record, n: int, *, seed: int = 0) -> list[str]:
        """Give `n` answers to a record's prompt, none from its own family; answer i does not depend on n."""
        return self.sample_many([record], n, seed=seed)[0]

    def sample_many(self, records: Sequence[Record], n: int, *, seed: int = 0) -> list[list[str]]:
        """Give `n` answers to each record's prompt; the same as `sample` one by one, faster."""
        if n < 1:
            raise InputError(f"n is {n}, expected at least 1 answer per record.")
        tables = tabulate_records(self.pool, records)
        return [
            self.sample_table(table, n, key=record.id, seed=seed)
            for record, table in zip(records, tables, strict=True)
        ]

    def sample_table(self, table: CandidateTable, n: int, *, key: str, seed: int = 0) -> list[str]:
        """Give `n` answers from candidates that were found before."""
        draws = np.array([draw_uniform(seed, key, index) for index in range(n)])
        return [table.texts[at] for at in pick(self.probabilities(table), draws)]

    def probabilities(self, table: CandidateTable, temperature: float | None = None) -> NDArray[np.float64]:
        """Give the probability of each candidate."""
        features = table.features / np.asarray(self.scales)
        return softmax(features @ np.asarray(self.weights) / (temperature or self.temperature))

    def respond(self, messages: Sequence[Message], *, seed: int = 0, temperature: float | None = None) -> str:
        """Answer a conversation, as a deployed model does.

        Args:
            messages: OpenAI messages with at least one user message that has text.
            seed: Chooses the sample; the same messages and seed give the same answer.
            temperature: 0 gives the most probable reply; None the policy's own temperature.
        """
        query = read_query(messages)
        if not query.user:
            raise InputError("The conversation has no user message with text; add one to get an answer.")
        table = tabulate_prompt(self.pool, query)
        if temperature == 0:
            return table.texts[int(np.argmax(self.probabilities(table)))]
        draw = np.array([draw_uniform(seed, read_text(messages), 0)])
        return table.texts[pick(self.probabilities(table, temperature), draw)[0]]

    def to_json(self) -> str:
        """Write the policy as one self-contained JSON text: replies, lines and weights, no code."""
        file = _PolicyFile(
            name=self.name, temperature=self.temperature, features=FEATURES,
            weights=self.weights, scales=self.scales, pool=self.pool,
        )  # fmt: skip
        return file.model_dump_json()

    @classmethod
    def from_json(cls, text: str) -> "RetrievalPolicy":
        """Read a policy written by `to_json`; it answers the same as the one written."""
        try:
            file = _PolicyFile.model_validate_json(text)
        except ValidationError as error:
            raise InputError(
                f"This is not a stored retrieval policy ({error.error_count()} faults); expected the JSON "
                "that training writes."
            ) from error
        if file.features != FEATURES:
            raise InputError("The stored policy has other features than this version; train it again.")
        return cls(file.pool, file.weights, file.scales, file.temperature, file.name)


def base_policy(records: Sequence[Record], *, temperature: float = 1.0) -> RetrievalPolicy:
    """Make the untrained policy of a dataset: replies from its records, prior weights on similarity.

    Records without replies are welcome; they only help to scale the features.
    """
    pool = ReplyPool.build(records)
    weights = tuple(PRIOR_WEIGHTS.get(name, 0.0) for name in FEATURES)
    return RetrievalPolicy(pool, weights, _measure_scales(pool, records), temperature)


def _measure_scales(pool: ReplyPool, records: Sequence[Record]) -> tuple[float, ...]:
    """Take the root mean square of each feature's spread inside prompts; only that moves a softmax."""
    step = max(1, len(records) // SCALE_RECORDS)
    spreads = [table.features.var(axis=0) for table in tabulate_records(pool, records[::step])]
    if not spreads:
        return (1.0,) * len(FEATURES)
    typical = np.sqrt(np.mean(spreads, axis=0))
    # Rounded: the last bits depend on the computer, and the policy's hash must not.
    return tuple(round(float(value), 6) if value > MIN_SCALE else 1.0 for value in typical)


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn logits into probabilities, safe from overflow."""
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def pick(probabilities: NDArray[np.float64], draws: NDArray[np.float64]) -> list[int]:
    """Choose candidates by inverse transform: equal draws from close policies give mostly equal choices."""
    places = np.searchsorted(np.cumsum(probabilities), draws, side="right")
    return np.minimum(places, len(probabilities) - 1).tolist()


def draw_uniform(seed: int, key: str, index: int) -> float:
    """Draw a number in [0, 1) that depends on nothing but its three arguments, in any process."""
    digest = hashlib.blake2b(f"{seed}\x1f{key}\x1f{index}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
