"""Define what answers with a model, and answer with a retrieval policy."""

import re
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from lucy.errors import InputError, LucyError
from lucy.tools.policy.exchanges import Query, read_query
from lucy.tools.policy.features import CandidateTable, tabulate
from lucy.tools.policy.pool import Asker
from lucy.tools.policy.retrieval import RetrievalPolicy, draw_uniform, pick
from lucy.tools.records.tokens import estimate_text_tokens, estimate_tokens
from lucy.tools.vocabulary import Message, read_text


class RefusedError(LucyError, RuntimeError):
    """A model cannot do what a request asks, or its service refuses; says why and what to do."""

    status: int = 502
    """What an HTTP server answers with: 400 when the request has to change, 429, 502 or 504 otherwise."""
    param: str | None = None
    """The field of the request that has to change, where it is known."""
    wait: float | None = None
    """Seconds that the service asks to wait."""

    @classmethod
    def make(
        cls, sentence: str, *, status: int = 502, param: str | None = None, wait: float | None = None
    ) -> "RefusedError":
        """Make the exception with what an HTTP server needs to pass it on."""
        error = cls(sentence)
        error.status, error.param, error.wait = status, param, wait
        return error


@dataclass(frozen=True, slots=True)
class Request:
    """One answer that is wanted; what is None is left to the model."""

    messages: tuple[Message, ...]
    """OpenAI messages with at least one user message that has text."""
    seed: int | None = None
    temperature: float | None = None
    """0 gives the most probable answer."""
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    tools: tuple[dict[str, Any], ...] = ()
    tool_choice: str | dict[str, Any] | None = None
    response_format: dict[str, Any] | None = None
    others: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """More parameters by OpenAI's names; a model that does not know them passes over them."""


class Piece(NamedTuple):
    """A part of an answer that comes as a stream."""

    text: str = ""
    tool_calls: tuple[dict[str, Any], ...] = ()
    """As in the deltas of OpenAI's chunks, with `index`."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered."""

    text: str
    prompt_tokens: int
    completion_tokens: int
    finish_reason: str = "stop"
    """As OpenAI names it: `stop`, `length`, `tool_calls`, `content_filter`."""
    tool_calls: tuple[dict[str, Any], ...] = ()
    """As in OpenAI's messages."""
    refusal: str | None = None
    cost: float | None = 0.0
    """In dollars; None is unknown, 0 for this machine."""


class Backend(Protocol):
    """What answers with one model; used by several threads at once."""

    def answer(self, request: Request) -> Reply:
        """Answer in one piece.

        Raises:
            InputError: the conversation cannot be answered.
            RefusedError: the model or its service refuses.
        """
        ...


@runtime_checkable
class StreamingBackend(Backend, Protocol):
    """What can give an answer piece by piece while it is made."""

    def stream(self, request: Request) -> Generator[Piece, None, Reply]:
        """Answer piece by piece, and give the whole at the end; raises as `answer`, first of all."""
        ...


@runtime_checkable
class BatchBackend(Backend, Protocol):
    """What answers many requests in little more time than one, without waiting for anything."""

    def answer_many(self, requests: Sequence[Request]) -> "list[Reply | LucyError]":
        """Answer several requests, each as `answer` would; what that would raise is given in its place."""
        ...


class RetrievalBackend:
    """Answers with a retrieval policy, in this process.

    What it does not do: call tools or follow a response format. Tools are passed over; a format other than
    text is refused. Token counts are estimates.
    """

    def __init__(self, policy: RetrievalPolicy) -> None:
        self._policy = policy

    def answer(self, request: Request) -> Reply:
        """Choose the reply of the conversation and seed: the same in every process."""
        [reply] = self.answer_many([request])
        if isinstance(reply, LucyError):
            raise reply
        return reply

    def answer_many(self, requests: Sequence[Request]) -> list[Reply | LucyError]:
        """Choose the replies of several conversations, searching for all at once."""
        read = [_read(request) for request in requests]
        queries = list(dict.fromkeys(query for query in read if isinstance(query, Query)))
        found = self._policy.pool.find_many([(query, Asker()) for query in queries])
        tables = {
            query: tabulate(query, candidates) for query, candidates in zip(queries, found, strict=True)
        }
        return [
            self._reply(tables[query], request) if isinstance(query, Query) else query
            for query, request in zip(read, requests, strict=True)
        ]

    def _reply(self, table: CandidateTable, request: Request) -> Reply:
        text, reason = cut_text(self._pick(table, request), max_tokens=request.max_tokens, stop=request.stop)
        return Reply(text, estimate_tokens(request.messages), round(estimate_text_tokens(text)), reason)

    def _pick(self, table: CandidateTable, request: Request) -> str:
        if request.temperature == 0:
            return table.texts[int(np.argmax(self._policy.probabilities(table)))]
        draw = np.array([draw_uniform(request.seed or 0, read_text(request.messages), 0)])
        return table.texts[pick(self._policy.probabilities(table, request.temperature), draw)[0]]


def _read(request: Request) -> Query | LucyError:
    if request.response_format and request.response_format.get("type") != "text":
        return RefusedError.make(
            "The request's 'response_format' cannot be used: this model answers in plain text only, "
            "leave it out or give type 'text'.",
            status=400,
            param="response_format",
        )
    query = read_query(request.messages)
    if not query.user:
        return InputError("The conversation has no user message with text; add one to get an answer.")
    return query


def cut_text(text: str, *, max_tokens: int | None = None, stop: Sequence[str] = ()) -> tuple[str, str]:
    """Cut an answer before a stop text and after about `max_tokens`; say which (`stop`, `length`)."""
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
