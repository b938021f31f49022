"""Read the exchanges of a dataset: what the person said, what was said before, what was replied."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pydantic import BaseModel, ConfigDict

from lucy.tools.vocabulary import Message, Record, read_text

MAX_REPLY_CHARACTERS = 2000
"""Longer replies (documents, code dumps) are not offered as an answer to somebody else's question."""
MAX_BEFORE_CHARACTERS = 1000
"""So much of the earlier conversation tells what it is about."""


class Exchange(BaseModel):
    """One user turn and the reply that was given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    record_id: str
    family: str
    user: str
    """The user's words, consecutive messages joined."""
    context: str
    """What the assistant had said just before; empty at the beginning."""
    before: str
    """The rest of the conversation up to there, its end if it is long."""
    reply: str
    final: bool
    """Whether this is the record's own reply, not one inside its prompt."""


@dataclass(frozen=True, slots=True)
class Query:
    """A prompt as the pool sees it."""

    user: str
    context: str
    before: str
    """What was said before the last user turn, its end if it is long."""
    conversation: str
    """All text of the prompt: what counts as known in this conversation."""
    earlier: tuple[str, ...]
    """Replies already given in this conversation."""


def read_query(messages: Sequence[Message]) -> Query:
    """Read a prompt: the last user turn, the assistant's words before it, and all that is known."""
    turns = _merge_turns(messages)
    user = next((text for role, text in reversed(turns) if role == "user"), "")
    said = [text for role, text in turns if role == "assistant"]
    before = _join_end([text for _, text in turns[:-1]])
    return Query(user, said[-1] if said else "", before, read_text(messages), tuple(said))


def read_exchanges(records: Iterable[Record]) -> list[Exchange]:
    """Collect every exchange of the records: those inside the prompts, then the recorded reply."""
    return [exchange for record in records for exchange in _read_record(record)]


def _read_record(record: Record) -> list[Exchange]:
    inside = _pair_turns(record, _merge_turns(record.prompt))
    query = read_query(record.prompt)
    texts = [read_text([message]).strip() for message in record.reply if message.get("role") == "assistant"]
    reply = next((text for text in reversed(texts) if text), "")
    if query.user and reply and len(reply) <= MAX_REPLY_CHARACTERS:
        inside.append(_make_exchange(record, query, reply, final=True))
    return inside


def _pair_turns(record: Record, turns: Sequence[tuple[str, str]]) -> list[Exchange]:
    found: list[Exchange] = []
    context = ""
    for at, ((role, said), (next_role, reply)) in enumerate(pairwise(turns)):
        if role == "assistant":
            context = said
        if (role, next_role) == ("user", "assistant") and len(reply) <= MAX_REPLY_CHARACTERS:
            query = Query(said, context, _join_end([text for _, text in turns[:at]]), "", ())
            found.append(_make_exchange(record, query, reply, final=False))
    return found


def _make_exchange(record: Record, query: Query, reply: str, *, final: bool) -> Exchange:
    return Exchange(
        record_id=record.id, family=record.family, user=query.user, context=query.context,
        before=query.before, reply=reply, final=final,
    )  # fmt: skip


def _join_end(texts: Sequence[str]) -> str:
    return "\n".join(texts)[-MAX_BEFORE_CHARACTERS:]


def _merge_turns(messages: Sequence[Message]) -> list[tuple[str, str]]:
    turns: list[tuple[str, str]] = []
    for message in messages:
        role, text = str(message.get("role")), read_text([message]).strip()
        if role not in ("user", "assistant") or not text:
            continue
        if turns and turns[-1][0] == role:
            turns[-1] = (role, f"{turns[-1][1]}\n{text}")
        else:
            turns.append((role, text))
    return turns
