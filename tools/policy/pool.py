"""Hold the replies that the offline model can choose from, and find those that suit a prompt."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence, Set
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from lucy.tools.policy.edits import Edit, EditedReply, Lines, Situation, choose_lines, edit_reply
from lucy.tools.policy.exchanges import Exchange, Query, read_exchanges, read_query
from lucy.tools.policy.index import ExchangeIndex, Similarities
from lucy.tools.policy.lines import Line, find_lines
from lucy.tools.policy.names import count_unknown, find_names, mask_specifics
from lucy.tools.policy.sentences import (
    find_words,
    fold_text,
    is_closing,
    is_thanks,
    is_trouble,
    split_sentences,
)
from lucy.tools.policy.stock import STOCK_FAREWELLS, STOCK_REPLIES, fill_stock
from lucy.tools.vocabulary import Record

MAX_EXCHANGES = 20_000
"""Larger datasets are thinned to this many exchanges, so that an answer takes milliseconds."""
MAX_CANDIDATES = 24
BREADTH = 8
"""Number of different replies that are retrieved before editing."""
NEIGHBOURS = 50
"""Number of similar exchanges that vote on which reply is usual here."""
MIN_CANDIDATES = 4
"""Below this stock replies are added, and nothing is left out for being unfit."""
MIN_SIMILARITY = 0.15
"""When nothing in the pool is more similar than this, stock replies are added."""
_BLOCK = 256


class Candidate(NamedTuple):
    """One reply the policy may give to a prompt."""

    text: str
    edit: Edit
    rank: int
    """Place of its source among the retrieved replies, 0 first."""
    similarity: float
    """Of the source's user turn to the prompt's, 0 to 1; 0 for a stock reply."""
    context_similarity: float
    before_similarity: float
    support: float
    """Share of the similar exchanges' weight that got this kind of reply, 0 to 1."""
    unknown: int
    """Number of names and numbers in it that this conversation does not know."""


class Asker(NamedTuple):
    """Whose prompt it is: its own exchanges and its family's are never candidates."""

    record_ids: frozenset[str] = frozenset()
    families: frozenset[str] = frozenset()


class _Retrieved(NamedTuple):
    """One distinct reply found for a prompt."""

    exchange: int
    rank: int
    support: float
    unknown: int


class ReplyPool(BaseModel):
    """Replies of a dataset with the prompts they answered, and the courtesy lines found in them.

    What it does not do: understand a prompt, know facts, or call tools. It repeats what was said to people
    who said something similar, leaves out names and numbers that this conversation does not know where it
    can, and never reads a record's `metadata`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, ignored_types=(cached_property,))

    exchanges: tuple[Exchange, ...]
    lines: tuple[Line, ...]
    from_data: int
    """Number of replies taken from data, before thinning; 0 means that only stock replies exist."""

    @classmethod
    def build(cls, records: Iterable[Record]) -> "ReplyPool":
        """Collect the replies of records, inside their prompts and after them."""
        found = read_exchanges(records)
        kept = _thin(found)
        return cls(
            exchanges=tuple(kept), lines=tuple(find_lines(kept, find_names(kept))), from_data=len(found)
        )

    @cached_property
    def sha(self) -> str:
        """Hash of the content, hexadecimal."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    @cached_property
    def names(self) -> frozenset[str]:
        """Lower-case words that are only ever written with a capital: names of people, places, products."""
        return find_names(self.exchanges)

    @cached_property
    def _index(self) -> ExchangeIndex:
        return ExchangeIndex(self.exchanges)

    @cached_property
    def _kinds(self) -> NDArray[np.int64]:
        """Number of each exchange's reply with names and numbers masked: replies of one kind are equal."""
        numbers: dict[str, int] = {}
        masked = (mask_specifics(exchange.reply, self.names) for exchange in self.exchanges)
        return np.array([numbers.setdefault(text, len(numbers)) for text in masked], dtype=np.int64)

    @cached_property
    def _places(self) -> dict[str, NDArray[np.int64]]:
        """Where the exchanges of each record id (`r:`) and family (`f:`) stand."""
        places: dict[str, list[int]] = {}
        for at, exchange in enumerate(self.exchanges):
            places.setdefault(f"r:{exchange.record_id}", []).append(at)
            places.setdefault(f"f:{exchange.family}", []).append(at)
        return {key: np.array(found, dtype=np.int64) for key, found in places.items()}

    def find_candidates(self, query: Query, asker: Asker | None = None) -> list[Candidate]:
        """Find the replies that may answer one prompt, at most 24, the same each time."""
        return next(self.find_many([(query, asker or Asker())]))

    def find_for_records(self, records: Sequence[Record]) -> Iterator[list[Candidate]]:
        """Find the candidates of many records, in order, leaving out each one's own family."""
        return self.find_many([(read_query(record.prompt), read_asker(record)) for record in records])

    def find_many(self, asked: Sequence[tuple[Query, Asker]]) -> Iterator[list[Candidate]]:
        """Find the candidates of many prompts, in order, searching in blocks."""
        for start in range(0, len(asked), _BLOCK):
            block = asked[start : start + _BLOCK]
            found = self._index.search([query for query, _ in block]) if self.exchanges else None
            for row, (query, asker) in enumerate(block):
                yield self._assemble(query, asker, found, row)

    def _assemble(self, query: Query, asker: Asker, found: Similarities | None, row: int) -> list[Candidate]:
        situation = read_situation(query)
        known = find_words(query.conversation)
        candidates: list[Candidate] = []
        best = 0.0
        if found is not None:
            similar = found.row(row)
            order, weights = self._find_neighbours(similar, asker)
            best = float(weights[0]) if len(weights) else 0.0
            lines = choose_lines(self.lines, self._weigh_lines(order, weights), known)
            retrieved = self._pick_replies(order, weights, known)
            edited = [self._edit(item, lines, situation, known) for item in retrieved]
            candidates = [
                self._describe(reply, item, similar, known) for item, reply in _take_turns(retrieved, edited)
            ]
        candidates = _drop_unknown(_drop_repeats(candidates))
        if len(candidates) < MIN_CANDIDATES or best < MIN_SIMILARITY:
            candidates = _drop_repeats([*candidates[: MAX_CANDIDATES - 8], *_make_stock(query, situation)])
        return candidates[:MAX_CANDIDATES]

    def _find_neighbours(
        self, row: Similarities, asker: Asker
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        scores = row.combine()
        for place in (*(f"r:{name}" for name in asker.record_ids), *(f"f:{name}" for name in asker.families)):
            if place in self._places:
                scores[self._places[place]] = -1.0
        count = min(4 * NEIGHBOURS, len(scores))
        nearest = np.sort(np.argpartition(-scores, count - 1)[:count])
        order = nearest[np.argsort(-scores[nearest], kind="stable")]
        order = order[scores[order] >= 0]
        return order, scores[order]

    def _pick_replies(
        self, order: NDArray[np.int64], weights: NDArray[np.float64], known: Set[str]
    ) -> list[_Retrieved]:
        """Walk from the most similar on; of each kind of reply keep the one that says least unknown."""
        kinds: list[int] = self._kinds[order].tolist()
        votes: dict[int, float] = {}
        for kind, weight in zip(kinds, weights[:NEIGHBOURS].tolist(), strict=False):
            votes[kind] = votes.get(kind, 0.0) + weight**2
        total = sum(votes.values()) or 1.0
        kept: dict[int, _Retrieved] = {}
        for at, kind in zip(order.tolist(), kinds, strict=True):
            if kind not in kept and len(kept) >= BREADTH:
                continue
            if kind in kept and not kept[kind].unknown:
                continue
            unknown = count_unknown(self.exchanges[at].reply, known, self.names)
            if kind not in kept or unknown < kept[kind].unknown:
                rank = kept[kind].rank if kind in kept else len(kept)
                kept[kind] = _Retrieved(at, rank, votes.get(kind, 0.0) / total, unknown)
        return list(kept.values())

    def _weigh_lines(self, order: NDArray[np.int64], weights: NDArray[np.float64]) -> dict[str, float]:
        nearby: dict[str, float] = {}
        for at, weight in zip(order[:NEIGHBOURS].tolist(), weights.tolist(), strict=False):
            for text in self._used_lines[at]:
                nearby[text] = nearby.get(text, 0.0) + weight
        return nearby

    @cached_property
    def _used_lines(self) -> list[frozenset[str]]:
        """The lines that each exchange's reply uses."""
        texts = {line.text for line in self.lines}
        return [frozenset(texts.intersection(split_sentences(one.reply))) for one in self.exchanges]

    def _edit(
        self, item: _Retrieved, lines: Lines, situation: Situation, known: Set[str]
    ) -> list[EditedReply]:
        reply = self.exchanges[item.exchange].reply
        if not item.unknown:
            return edit_reply(reply, lines, situation)
        kept = [part for part in split_sentences(reply) if not count_unknown(part, known, self.names)]
        plain = [EditedReply(reply, "as_is")]
        return [*plain, *_rename(edit_reply(" ".join(kept), lines, situation))] if kept else plain

    def _describe(
        self, reply: EditedReply, item: _Retrieved, similar: Similarities, known: Set[str]
    ) -> Candidate:
        at = item.exchange
        return Candidate(
            text=reply.text, edit=reply.edit, rank=item.rank, similarity=float(similar.user[at]),
            context_similarity=float(similar.context[at]), before_similarity=float(similar.before[at]),
            support=item.support, unknown=count_unknown(reply.text, known, self.names) if item.unknown else 0,
        )  # fmt: skip


def read_situation(query: Query) -> Situation:
    """See what a prompt's last message calls for."""
    user = query.user
    return Situation(
        is_closing(user, query.context), is_thanks(user), is_trouble(user), first=not query.earlier
    )


def read_asker(record: Record) -> Asker:
    """Say which exchanges a record must not be answered from: its own, its parents', its family's."""
    related = frozenset((record.id, *record.parents, *((record.family,) if record.family else ())))
    return Asker(related, frozenset((record.family,)) if record.family else frozenset())


def _thin(exchanges: Sequence[Exchange]) -> list[Exchange]:
    """Keep at most MAX_EXCHANGES, recorded final replies first, spread evenly over the dataset."""
    if len(exchanges) <= MAX_EXCHANGES:
        return list(exchanges)
    order = sorted(
        range(len(exchanges)), key=lambda at: (not exchanges[at].final, _spread(exchanges[at], at))
    )
    return [exchanges[at] for at in sorted(order[:MAX_EXCHANGES])]


def _spread(exchange: Exchange, at: int) -> bytes:
    return hashlib.sha256(f"{exchange.record_id}\x1f{at}".encode()).digest()


def _rename(edited: Iterable[EditedReply]) -> list[EditedReply]:
    return [reply._replace(edit="known_only") if reply.edit == "as_is" else reply for reply in edited]


def _take_turns(
    retrieved: Sequence[_Retrieved], edited: Sequence[Sequence[EditedReply]]
) -> Iterator[tuple[_Retrieved, EditedReply]]:
    """Give each reply's first version, then each one's second, so that a cut hits all alike."""
    for turn in range(max(map(len, edited), default=0)):
        for item, versions in zip(retrieved, edited, strict=True):
            if turn < len(versions):
                yield item, versions[turn]


def _drop_repeats(candidates: Iterable[Candidate]) -> list[Candidate]:
    seen: dict[str, Candidate] = {}
    for candidate in candidates:
        seen.setdefault(fold_text(candidate.text), candidate)
    return list(seen.values())


def _drop_unknown(candidates: list[Candidate]) -> list[Candidate]:
    """Leave out what names things this conversation does not know, while enough else remains.

    Other people's balances and bookings are not for training to weigh up. Where nothing else is left, the
    model answers as the data does.
    """
    known = [candidate for candidate in candidates if not candidate.unknown]
    return known if len(known) >= MIN_CANDIDATES else candidates


def _make_stock(query: Query, situation: Situation) -> list[Candidate]:
    templates = STOCK_FAREWELLS if situation.closing else STOCK_REPLIES
    texts = [fill_stock(template, query.user) for template in templates]
    return [Candidate(text, "stock", BREADTH, 0.0, 0.0, 0.0, 0.0, 0) for text in texts]
