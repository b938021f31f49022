"""Keep the answers of language models by content: the same request is paid once."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert as upsert

from lucy.tools.store.database import Store, tell_time
from lucy.tools.store.encoding import decode, encode, hash_content
from lucy.tools.store.ledger import Bill, book_outcome
from lucy.tools.store.schema import answers

CHUNK = 500
"""Keys in one query; SQLite takes a limited number of parameters."""


class StoredAnswer(NamedTuple):
    """A model's text, and what it took to get it, repairs and failed tries included."""

    text: str
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    """US dollars; None is unknown."""


def address_answer(
    model: str, *, system: str, prompt: str, schema: dict[str, Any], seed: int, temperature: float
) -> str:
    """Give the content address of a request to a language model."""
    return hash_content("answer", model, system, prompt, schema, seed, temperature)


def read_answers(store: Store, keys: Sequence[str]) -> dict[str, StoredAnswer]:
    """Read the answers that are already stored, by key."""
    found: dict[str, StoredAnswer] = {}
    with store.read() as connection:
        for start in range(0, len(keys), CHUNK):
            query = select(answers.c.key, answers.c.body).where(
                answers.c.key.in_(keys[start : start + CHUNK])
            )
            found.update({row.key: StoredAnswer(**decode(row.body)) for row in connection.execute(query)})
    return found


def add_answer(store: Store, key: str, model: str, answer: StoredAnswer, *, call: str, bill: Bill) -> None:
    """Store an answer and book the call that gave it, in one transaction.

    An answer that is already there is replaced: it is asked for again only when it no longer fits.

    Args:
        store: The store.
        key: Content address of the request.
        model: The model's name.
        answer: Its text and what the request took, all tries together.
        call: Key of the call in the ledger.
        bill: What this call alone took.
    """
    row = {"key": key, "model": model, "body": encode(answer._asdict()), "created_at": tell_time()}
    with store.write() as connection:
        connection.execute(upsert(answers).on_conflict_do_update(index_elements=["key"], set_=row), row)
        book_outcome(connection, call, "answered", bill)
