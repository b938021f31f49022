"""Define who asks a deployed model, and what it answers, whole or piece by piece."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field
from typing import NamedTuple

from lucy.tools.backends import Piece, Reply, split_words
from lucy.tools.store.usage import Arm


class Caller(NamedTuple):
    """Who asks, and by which way."""

    surface: str = "chat_completions"
    user: str = ""
    """Name of a user or session, which an A/B test sticks to; only its hash is kept. Empty: nobody."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a served model answered."""

    reply: Reply
    model_id: str
    version: int
    arm: Arm | None = None
    id: str = field(default="", compare=False)
    """What feedback names the answer by."""

    @property
    def text(self) -> str:
        """What was said."""
        return self.reply.text


@dataclass(frozen=True, slots=True)
class AnswerStream:
    """An answer that comes piece by piece."""

    id: str
    model_id: str
    version: int
    pieces: Generator[Piece, None, Answer]
    is_whole: bool
    """Whether all of it is there already, so that no piece has to be waited for."""


def give_whole(answer: Answer) -> Generator[Piece, None, Answer]:
    """Give an answer that is there already word by word, its tool calls last."""
    for word in split_words(answer.text):
        yield Piece(word)
    calls = answer.reply.tool_calls
    if calls:
        yield Piece(tool_calls=tuple({"index": at, **call} for at, call in enumerate(calls)))
    return answer


def begin(pieces: Generator[Piece, None, Answer]) -> Generator[Piece, None, Answer]:
    """Run a stream up to its first piece, so that what goes wrong until then is raised here."""
    try:
        first = next(pieces)
    except StopIteration as end:
        return give_whole(end.value)
    return _go_on(first, pieces)


def _go_on(first: Piece, pieces: Generator[Piece, None, Answer]) -> Generator[Piece, None, Answer]:
    with closing(pieces):
        yield first
        return (yield from pieces)
