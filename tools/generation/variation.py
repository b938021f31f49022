"""Vary the last user message of real conversations, from parts of the data itself.

A draft keeps the messages before a user's message of a real record and puts another message there: the
record's own or one of the same topic that answered a similar question, crossed with a neighbour's, with other
values (amounts, dates, names), said by another persona. Usually that is the record's last message; where it
only says thanks or goodbye, and on later visits of a record, it may be an earlier one.

What it does not do: invent. It says nothing that the data does not say in some form, so a topic of three
records stays a topic of three kinds of question. Personas and other beginnings of a request are English;
in other languages only values, crossings and the data's own openings are used.
"""

import hashlib
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lucy.tools.generation.courtesies import Courtesies, learn_courtesies, take_apart
from lucy.tools.generation.crossover import cross
from lucy.tools.generation.draft import Draft
from lucy.tools.generation.language import find_words, is_english, is_trouble, split_sentences
from lucy.tools.generation.neighbours import Neighbours
from lucy.tools.generation.personas import Voice, choose_persona, frame, speak
from lucy.tools.generation.phrasebook import Persona
from lucy.tools.generation.plan import GenerationPlan
from lucy.tools.generation.turns import Turn, choose_seed_turns, has_answer_key, list_turns
from lucy.tools.generation.values import Swapped, ValueBank, borrow, build_bank, swap_values
from lucy.tools.records.duplicates import THRESHOLD
from lucy.tools.vocabulary import Message, Record, read_text

_TRIES = 8
"""Tries within one draft to get a message that differs from those it is made from."""
_MAX_CONTEXT_RATIO = 14
"""A message is varied only where the context has at most so many times its words; beyond that, nearly the
whole prompt stays and it would be a near-duplicate."""
_LAST_TURN_SHARE = 0.6
_MOST_STYLE = 3000
"""Records that openings, closings and style are learned from."""
_MOST_IN_TOPIC = 1000
"""Records of one topic that are varied and borrowed from, unless more are wanted; of more, an even sample."""
_FRAMING_PERSONAS: tuple[Persona, ...] = ("polite", "business", "non_native")
_OWN_SHARE_AT_START = 0.5
_OWN_SHARE_INSIDE = 0.15


@dataclass(frozen=True, slots=True)
class _Wording:
    """A message on its way, and where its parts are from."""

    text: str
    source: Turn
    """Turn whose reply would answer it."""
    donors: tuple[Turn, ...] = ()
    changes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Ground:
    """What one topic offers."""

    seeds: tuple[tuple[Turn, ...], ...]
    """Per seed record the turns worth varying, last first."""
    neighbours: Neighbours
    bank: ValueBank
    is_english: bool


class MessageVariation:
    """Makes drafts by recombination; built once per run."""

    def __init__(self, plan: GenerationPlan, records: Sequence[Record], topics: Mapping[str, str]) -> None:
        self._plan = plan
        real = [record for record in records if not record.is_synthetic]
        self._courtesies: Courtesies = learn_courtesies(
            [turn for record in _thin(real, _MOST_STYLE) for turn in list_turns(record)]
        )
        self._records: dict[str, list[Record]] = {}
        for record in real:
            if record.id in topics:
                self._records.setdefault(topics[record.id], []).append(record)
        self._grounds: dict[str, _Ground] = {}

    def draft(self, topic_id: str, attempt: int) -> Draft | None:
        """Make a draft from the topic's seed record number `attempt`, counted round and round."""
        ground = self._prepare(topic_id)
        if not ground.seeds:
            return None
        rng = make_rng(self._plan.seed, topic_id, attempt)
        turns = ground.seeds[attempt % len(ground.seeds)]
        seed = (
            turns[0] if attempt < len(ground.seeds) or rng.random() < _LAST_TURN_SHARE else rng.choice(turns)
        )
        if has_answer_key(seed.record):
            return self._frame(seed, rng)
        draft = self._vary(seed, ground, rng)
        for _ in range(_TRIES):
            if _is_apart(draft, seed):
                break
            seed = rng.choice(turns)
            draft = self._vary(seed, ground, rng)
        return draft

    def _prepare(self, topic_id: str) -> _Ground:
        """Read a topic when it is first needed."""
        if topic_id not in self._grounds:
            most = max(_MOST_IN_TOPIC, self._plan.counts.get(topic_id, 0))
            records = _thin(self._records.get(topic_id, []), most)
            self._grounds[topic_id] = _build_ground(records, self._plan)
        return self._grounds[topic_id]

    def _vary(self, seed: Turn, ground: _Ground, rng: random.Random) -> Draft:
        wording = _choose_wording(seed, ground, rng, may_mix=self._plan.mode == "rft")
        swapped = swap_values(wording.text, history=seed.history, bank=ground.bank, rng=rng)
        persona = choose_persona(swapped.text, at_start=not seed.asked, courtesies=self._courtesies, rng=rng)
        message = speak(swapped.text, Voice(persona, not seed.asked, self._courtesies), rng)
        changes = (*wording.changes, *swapped.changes)
        return Draft(
            parent=seed.record,
            context=seed.context,
            message=message,
            reply=_replace_values(wording.source.reply, changes) if self._plan.mode == "sft" else (),
            donors=tuple(dict.fromkeys(turn.record.id for turn in wording.donors)),
            persona=persona,
            source="\n".join((seed.history, *(turn.text for turn in (seed, *wording.donors)))),
        )

    def _frame(self, seed: Turn, rng: random.Random) -> Draft:
        """Vary only what stands around a question, so that its answer key still holds."""
        voice = Voice(rng.choice(_FRAMING_PERSONAS), not seed.asked, self._courtesies)
        return Draft(
            parent=seed.record,
            context=seed.context,
            message=frame(seed.text, voice, rng),
            reply=seed.reply if self._plan.mode == "sft" else (),
            persona=voice.persona,
            keeps_question=True,
            source=f"{seed.history}\n{seed.text}",
        )


def make_rng(seed: int, topic_id: str, attempt: int) -> random.Random:
    """Give the random numbers of one attempt, equal in every process."""
    digest = hashlib.sha256(f"{seed}\x00{topic_id}\x00{attempt}".encode()).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))


def _thin(records: Sequence[Record], most: int) -> Sequence[Record]:
    """Keep an even sample of at most `most` records."""
    return records[:: max(1, -(-len(records) // most))]


def _build_ground(records: Sequence[Record], plan: GenerationPlan) -> _Ground:
    needs_reply = plan.mode == "sft"
    found = [(record, choose_seed_turns(record, needs_reply=needs_reply)) for record in records]
    free = [tuple(turns) for record, turns in found if turns and not has_answer_key(record)]
    keyed = [tuple(turns) for record, turns in found if turns and has_answer_key(record)]
    # Records with an answer key can only be varied around their question: others go first.
    seeds = [_keep_roomy(turns) for turns in free or keyed]
    random.Random(plan.seed).shuffle(seeds)
    turns = [turn for record in records for turn in list_turns(record)]
    donors = [turn for chosen in free for turn in chosen]
    return _Ground(
        tuple(seeds), Neighbours(donors, turns), build_bank(turns), is_english([turn.text for turn in turns])
    )


def _keep_roomy(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """Drop turns whose message is a small part of what was said before, unless all are."""
    roomy = tuple(
        turn
        for turn in turns
        if len(find_words(turn.history)) <= _MAX_CONTEXT_RATIO * max(3, len(find_words(turn.text)))
    )
    return roomy or turns


def _choose_wording(seed: Turn, ground: _Ground, rng: random.Random, *, may_mix: bool) -> _Wording:
    """Choose what the new message says, before its values and its voice are changed."""
    own = _Wording(seed.text, seed)
    moves: list[Callable[[Turn, _Ground, random.Random], _Wording | None]] = []
    if seed.asked:
        moves += [_take_answer, _take_followup]
    if may_mix:
        moves.append(_cross_neighbours)
        moves += [_take_tail] if not seed.asked and ground.is_english else []
    # A message at the start is its own best variation: values and voice change it. Inside a conversation
    # too much of the prompt would stay as it is.
    if rng.random() < (_OWN_SHARE_INSIDE if seed.asked else _OWN_SHARE_AT_START):
        return own
    rng.shuffle(moves)
    found = (move(seed, ground, rng) for move in moves)
    return next((wording for wording in found if wording is not None), own)


def _take_answer(seed: Turn, ground: _Ground, rng: random.Random) -> _Wording | None:
    """Take the message by which another conversation went on after a similar question."""
    for donor in ground.neighbours.find_answers(seed, rng):
        fitted = borrow(donor, seed, ground.bank)
        if fitted is not None and ground.neighbours.is_coherent(_read_all(fitted, donor), donor, seed):
            return _Wording(fitted.text, donor, (donor,), fitted.changes)
    return None


def _read_all(fitted: Swapped, donor: Turn) -> str:
    """Give a borrowed message with its reply: both must make sense in the new place."""
    return f"{fitted.text}\n{read_text(_replace_values(donor.reply, fitted.changes))}"


def _take_followup(seed: Turn, ground: _Ground, rng: random.Random) -> _Wording | None:
    """Take a message from elsewhere that this conversation, too, could go on with."""
    for donor in ground.neighbours.find_followups(seed, rng):
        fitted = borrow(donor, seed, ground.bank)
        if fitted is not None:
            return _Wording(fitted.text, donor, (donor,), fitted.changes)
    return None


def _cross_neighbours(seed: Turn, ground: _Ground, rng: random.Random) -> _Wording | None:
    """Begin like one message and end like a neighbouring one."""
    if len(split_sentences(seed.text)) > 1:
        return None
    for donor in ground.neighbours.find_similar(seed, rng):
        if len(split_sentences(donor.text)) > 1:
            continue
        first, second = (seed, donor) if rng.random() < 0.5 else (donor, seed)
        crossed = cross(first.text, second.text, rng, least=2 if ground.is_english else 3)
        if crossed is not None and ground.neighbours.is_coherent(crossed, donor, seed):
            return _Wording(crossed, seed, (donor,))
    return None


def _take_tail(seed: Turn, ground: _Ground, rng: random.Random) -> _Wording | None:
    """End a complaint with a question by which others of the topic end theirs."""
    parts = take_apart(seed.text)
    if "?" in parts.body or not is_trouble(parts.body) or len(find_words(parts.body)) < 4:
        return None
    if parts.body.islower() and parts.body[-1].isalnum():
        return None
    tail = ground.neighbours.draw_tail(seed, rng)
    mark = "." if parts.body[-1].isalnum() else ""
    body = f"{parts.body}{mark} {tail.text}"
    return _Wording(f"{parts.opening} {body}".strip(), seed, (tail.turn,) if tail.turn else ())


def _is_apart(draft: Draft, seed: Turn) -> bool:
    """Tell whether a draft is far enough from its seed to be no near-duplicate, by an estimate.

    Word triples of the message are compared; those of the context count as shared.
    """
    new, old = _list_triples(draft.message), _list_triples(seed.text)
    context = max(0, len(find_words(seed.history)) - 2)
    return (context + len(new & old)) <= THRESHOLD * (context + len(new | old))


def _list_triples(text: str) -> set[tuple[str, ...]]:
    words = find_words(text)
    return {tuple(words[place : place + 3]) for place in range(max(1, len(words) - 2))}


def _replace_values(messages: Sequence[Message], changes: Sequence[tuple[str, str]]) -> tuple[Message, ...]:
    """Put the new values into a reply that names the old ones, tool calls included."""
    return tuple(_replace_in(message, changes) for message in messages)


def _replace_in(value: Any, changes: Sequence[tuple[str, str]]) -> Any:
    if isinstance(value, str):
        for old, new in changes:
            value = re.sub(rf"(?<!\w){re.escape(old)}(?!\w)", lambda _, new=new: new, value)
        return value
    if isinstance(value, list):
        return [_replace_in(part, changes) for part in value]
    if isinstance(value, dict):
        return {key: _replace_in(part, changes) for key, part in value.items()}
    return value
