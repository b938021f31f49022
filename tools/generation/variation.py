"""Vary the last user message of real conversations, from parts of the data itself.

A draft keeps the messages before a user's message of a real record and puts another message there: the
record's own or one of the same topic that answered a similar question, crossed with a neighbour's, with other
values (amounts, dates, names), said by another persona. Usually that is the record's last message; where it
only says thanks or goodbye, and on later visits of a record, it may be an earlier one.

What it does not do: invent. It says nothing that the data does not say in some form, so a topic of three
records stays a topic of three kinds of question. Personas and other beginnings of a request are English;
in other languages only values, crossings and the data's own openings are used.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from lucy.tools.generation.courtesies import Courtesies, take_apart
from lucy.tools.generation.crossover import cross
from lucy.tools.generation.draft import Draft, OfflineStrategy
from lucy.tools.generation.ground import (
    Ground,
    build_ground,
    is_apart,
    learn_manners,
    make_rng,
    replace_values,
)
from lucy.tools.generation.language import find_words, is_trouble, split_sentences
from lucy.tools.generation.personas import Voice, choose_persona, frame, speak
from lucy.tools.generation.phrasebook import Persona
from lucy.tools.generation.sources import Sources
from lucy.tools.generation.turns import Turn, has_answer_key
from lucy.tools.generation.values import Swapped, borrow, swap_values
from lucy.tools.vocabulary import read_text

_TRIES = 8
"""Tries within one draft to get a message that differs from those it is made from."""
_LAST_TURN_SHARE = 0.6
_FRAMING_PERSONAS: tuple[Persona, ...] = ("polite", "business", "non_native")
_OWN_SHARE_AT_START = 0.5
_OWN_SHARE_INSIDE = 0.15


@dataclass(frozen=True, slots=True)
class Wording:
    """A message on its way, and where its parts are from."""

    text: str
    source: Turn
    """Turn whose reply would answer it."""
    donors: tuple[Turn, ...] = ()
    changes: tuple[tuple[str, str], ...] = ()


class MessageVariation(OfflineStrategy):
    """Makes drafts by recombination; built once per run."""

    def __init__(self, sources: Sources) -> None:
        """Learn the manners of the dataset; a topic is read when it is first needed."""
        self._sources = sources
        self._courtesies: Courtesies = learn_manners(sources)
        self._grounds: dict[str, Ground] = {}

    def draft(self, topic_id: str, attempt: int) -> Draft:
        """Make a draft from the topic's seed record number `attempt`, counted round and round."""
        ground = self._prepare(topic_id)
        rng = make_rng(self._sources.plan.seed, topic_id, attempt)
        turns = ground.seeds[attempt % len(ground.seeds)]
        seed = (
            turns[0] if attempt < len(ground.seeds) or rng.random() < _LAST_TURN_SHARE else rng.choice(turns)
        )
        if has_answer_key(seed.record):
            return frame_question(seed, self._sources, self._courtesies, rng)
        draft = self._vary(seed, ground, rng)
        for _ in range(_TRIES):
            if is_apart(draft.message, seed):
                break
            seed = rng.choice(turns)
            draft = self._vary(seed, ground, rng)
        return draft

    def explain_lack(self, topic_id: str) -> str:
        """Say what the topic's records lack."""
        if self._prepare(topic_id).seeds:
            return ""
        lack = "a reply to learn from" if self._sources.plan.mode == "sft" else "a message that can be varied"
        return f"No record of this topic has {lack}: import some, or write two or three by hand."

    def _prepare(self, topic_id: str) -> Ground:
        if topic_id not in self._grounds:
            self._grounds[topic_id] = build_ground(self._sources, topic_id)
        return self._grounds[topic_id]

    def _vary(self, seed: Turn, ground: Ground, rng: random.Random) -> Draft:
        is_sft = self._sources.plan.mode == "sft"
        wording = choose_wording(seed, ground, rng, may_mix=not is_sft)
        swapped = swap_values(
            wording.text, history=seed.history, bank=ground.bank, rng=rng, is_answered=is_sft
        )
        persona = choose_persona(swapped.text, at_start=not seed.asked, courtesies=self._courtesies, rng=rng)
        message = speak(swapped.text, Voice(persona, not seed.asked, self._courtesies), rng)
        changes = (*wording.changes, *swapped.changes)
        return Draft(
            parent=seed.record,
            context=seed.context,
            message=message,
            reply=replace_values(wording.source.reply, changes) if is_sft else (),
            donors=tuple(dict.fromkeys(turn.record.id for turn in wording.donors)),
            persona=persona,
            source="\n".join((seed.history, *(turn.text for turn in (seed, *wording.donors)))),
        )


def frame_question(seed: Turn, sources: Sources, courtesies: Courtesies, rng: random.Random) -> Draft:
    """Vary only what stands around a question, so that its answer key still holds."""
    voice = Voice(rng.choice(_FRAMING_PERSONAS), not seed.asked, courtesies)
    return Draft(
        parent=seed.record,
        context=seed.context,
        message=frame(seed.text, voice, rng),
        reply=seed.reply if sources.plan.mode == "sft" else (),
        persona=voice.persona,
        keeps_question=True,
        source=f"{seed.history}\n{seed.text}",
    )


def choose_wording(seed: Turn, ground: Ground, rng: random.Random, *, may_mix: bool) -> Wording:
    """Choose what the new message says, before its values and its voice are changed."""
    own = Wording(seed.text, seed)
    moves: list[Callable[[Turn, Ground, random.Random], Wording | None]] = []
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


def _take_answer(seed: Turn, ground: Ground, rng: random.Random) -> Wording | None:
    """Take the message by which another conversation went on after a similar question."""
    for donor in ground.neighbours.find_answers(seed, rng):
        fitted = borrow(donor, seed, ground.bank)
        if fitted is not None and ground.neighbours.is_coherent(_read_all(fitted, donor), donor, seed):
            return Wording(fitted.text, donor, (donor,), fitted.changes)
    return None


def _read_all(fitted: Swapped, donor: Turn) -> str:
    """Give a borrowed message with its reply: both must make sense in the new place."""
    return f"{fitted.text}\n{read_text(replace_values(donor.reply, fitted.changes))}"


def _take_followup(seed: Turn, ground: Ground, rng: random.Random) -> Wording | None:
    """Take a message from elsewhere that this conversation, too, could go on with."""
    for donor in ground.neighbours.find_followups(seed, rng):
        fitted = borrow(donor, seed, ground.bank)
        if fitted is not None:
            return Wording(fitted.text, donor, (donor,), fitted.changes)
    return None


def _cross_neighbours(seed: Turn, ground: Ground, rng: random.Random) -> Wording | None:
    """Begin like one message and end like a neighbouring one."""
    if len(split_sentences(seed.text)) > 1:
        return None
    for donor in ground.neighbours.find_similar(seed, rng):
        if len(split_sentences(donor.text)) > 1:
            continue
        first, second = (seed, donor) if rng.random() < 0.5 else (donor, seed)
        crossed = cross(first.text, second.text, rng, least=2 if ground.is_english else 3)
        if crossed is not None and ground.neighbours.is_coherent(crossed, donor, seed):
            return Wording(crossed, seed, (donor,))
    return None


def _take_tail(seed: Turn, ground: Ground, rng: random.Random) -> Wording | None:
    """End a complaint with a question by which others of the topic end theirs."""
    parts = take_apart(seed.text)
    if "?" in parts.body or not is_trouble(parts.body) or len(find_words(parts.body)) < 4:
        return None
    if parts.body.islower() and parts.body[-1].isalnum():
        return None
    tail = ground.neighbours.draw_tail(seed, rng)
    mark = "." if parts.body[-1].isalnum() else ""
    body = f"{parts.body}{mark} {tail.text}"
    return Wording(f"{parts.opening} {body}".strip(), seed, (tail.turn,) if tail.turn else ())
