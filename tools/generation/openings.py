"""Make new conversations of one message, in the manner in which the topic's conversations open.

What a real opening asks stays; it is crossed with another of the topic, gets other values and another voice,
and may already say what its person told only later in the conversation. In mode `sft` the recorded reply to
the opening goes with it, and nothing that was told later.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from lucy.tools.generation.courtesies import Courtesies, Style
from lucy.tools.generation.draft import Draft, OfflineStrategy
from lucy.tools.generation.ground import (
    Ground,
    choose_records,
    is_apart,
    learn_manners,
    make_rng,
    read_ground,
    replace_values,
    shuffle,
)
from lucy.tools.generation.language import (
    find_content_words,
    find_words,
    is_courtesy,
    is_parting,
    is_question,
    list_words,
    split_sentences,
    upper_first,
)
from lucy.tools.generation.personas import Voice, choose_persona, speak
from lucy.tools.generation.sources import Sources
from lucy.tools.generation.turns import Turn, choose_seed_turns, has_answer_key, list_turns
from lucy.tools.generation.values import swap_values
from lucy.tools.generation.variation import choose_wording, frame_question
from lucy.tools.vocabulary import Message, Record

_TRIES = 8
_DETAIL_SHARE = 0.6
"""Share of the drafts that tell a detail at once, where the conversation has one."""
_MOST_DETAILS = 2
_LEAST_WORDS, _MOST_WORDS = 4, 22
_FEW_WORDS = 3
"""An opening has more words; "balance please" alone says too little to be varied."""

_DETAIL = re.compile(
    r"(?:i|i['\u2019]m|i['\u2019]d|i['\u2019]ve|i['\u2019]ll|my|we|we['\u2019]re|our|there['\u2019]?s?)\b",
    re.IGNORECASE,
)
_POINTING = list_words(
    """it it's its that that's this those these they them their one ones same else other another instead
    either neither both too also again he she him his her hers he's she's yes yeah no nope ok okay sure thanks
    thank sorry guess said told tell forgot remember know already do does did can't cannot so then here mean
    meant think thought maybe great good fine not don't just asked above before now all terms typo wrong
    mistake mind changed change actually back"""
)
"""A sentence with one of these leans on what was said before it."""
_OFFERING = list_words("hello hi help assist assistance welcome how can may i you with today what for do be")


_MARKS = (".", "!", "?", "…")
_INTRODUCTION = re.compile(r"\b(?:[Mm]y name|name is|[Tt]his is [A-Z]|[Ii](?:['\u2019]?m| am) [A-Z])")


class Opening(NamedTuple):
    """How one conversation begins."""

    turn: Turn
    """The first message that asks or tells something, as if nothing had been said before it."""
    details: tuple[str, ...]
    """Sentences of the same person that were told later and stand by themselves."""


def find_opening(record: Record, *, needs_reply: bool) -> Opening | None:
    """Find the message that opens a conversation; None when that message cannot stand alone."""
    turns = choose_seed_turns(record, needs_reply=needs_reply)[::-1]
    if not turns or not _is_first(turns[0]) or len(find_words(turns[0].text)) <= _FEW_WORDS:
        return None
    first = turns[0]
    later = [turn for turn in list_turns(record) if turn.position > first.position]
    details = [sentence for turn in later for sentence in _list_details(turn.text)]
    return Opening(replace(first, asked="", history=""), tuple(dict.fromkeys(details)))


def _is_first(turn: Turn) -> bool:
    """Tell whether only greetings stand before a message."""
    told = [said for said in list_turns(turn.record) if said.position < turn.position]
    return all(is_courtesy(said.text) for said in told) and set(find_words(turn.asked)) <= _OFFERING


def _list_details(text: str) -> list[str]:
    if is_courtesy(text) or is_parting(text):
        return []
    return [sentence for sentence in split_sentences(text) if _stands_alone(sentence)]


def _stands_alone(sentence: str) -> bool:
    words = find_words(sentence)
    return (
        _LEAST_WORDS <= len(words) <= _MOST_WORDS
        and _DETAIL.match(sentence) is not None
        and _POINTING.isdisjoint(words)
        and not is_question(sentence)
        and bool(find_content_words(sentence))
    )


def introduces(text: str) -> bool:
    """Tell whether somebody says who they are."""
    return _INTRODUCTION.search(text) is not None


def close(text: str) -> str:
    """End a message with a mark, unless it has one."""
    if text[-1:] in _MARKS or (text[-1:] in "\"')\u201d" and text[-2:-1] in _MARKS):
        return text
    return f"{text}{'?' if is_question(split_sentences(text)[-1]) else '.'}"


def append(text: str, sentence: str, style: Style) -> str:
    """Add a sentence to a message, with the marks that the data uses."""
    is_bare = style.casual > 0.7 and style.unmarked > 0.7
    if is_bare and text[-1:].isalnum():
        return f"{text}, {sentence}"
    return f"{close(text)} {upper_first(sentence)}"


def keep_system(record: Record) -> tuple[Message, ...]:
    """Give the messages before a conversation's first word."""
    said = [place for place, message in enumerate(record.prompt) if message.get("role") != "system"]
    return record.prompt[: said[0] if said else None]


def read_openings(sources: Sources, topic_id: str) -> list[Opening]:
    """Find the openings of a topic; those with an answer key only where there are no others."""
    needs_reply = sources.plan.mode == "sft"
    found = [find_opening(record, needs_reply=needs_reply) for record in choose_records(sources, topic_id)]
    openings = [opening for opening in found if opening is not None]
    free = [opening for opening in openings if not has_answer_key(opening.turn.record)]
    return shuffle(free or openings, sources.plan)


def build_opening_ground(sources: Sources, topic_id: str, openings: Sequence[Opening]) -> Ground:
    """Read a topic for openings only: these are varied and borrowed from."""
    turns = [turn for record in choose_records(sources, topic_id) for turn in list_turns(record)]
    starts = [opening.turn for opening in openings]
    return read_ground([(turn,) for turn in starts], starts, turns)


class FewShot(OfflineStrategy):
    """Makes conversations of one message; built once per run."""

    def __init__(self, sources: Sources) -> None:
        """Learn the manners of the dataset; a topic is read when it is first needed."""
        self._sources = sources
        self._courtesies: Courtesies = learn_manners(sources)
        self._topics: dict[str, tuple[list[Opening], Ground]] = {}

    def explain_lack(self, topic_id: str) -> str:
        """Say what the topic's records lack."""
        if self._prepare(topic_id)[0]:
            return ""
        lack = " and was answered" if self._sources.plan.mode == "sft" else ""
        return (
            f"No record of this topic opens with a message that asks or tells something{lack}: import some."
        )

    def draft(self, topic_id: str, attempt: int) -> Draft:
        """Make a draft from the topic's opening number `attempt`, counted round and round."""
        openings, ground = self._prepare(topic_id)
        opening = openings[attempt % len(openings)]
        rng = make_rng(self._sources.plan.seed, topic_id, attempt)
        if has_answer_key(opening.turn.record):
            return frame_question(opening.turn, self._sources, self._courtesies, rng)
        draft = self._vary(opening, ground, rng)
        for _ in range(_TRIES):
            if is_apart(draft.message, opening.turn):
                break
            draft = self._vary(opening, ground, rng)
        return draft

    def _prepare(self, topic_id: str) -> tuple[list[Opening], Ground]:
        if topic_id not in self._topics:
            openings = read_openings(self._sources, topic_id)
            self._topics[topic_id] = openings, build_opening_ground(self._sources, topic_id, openings)
        return self._topics[topic_id]

    def _vary(self, opening: Opening, ground: Ground, rng: random.Random) -> Draft:
        is_sft = self._sources.plan.mode == "sft"
        seed = opening.turn
        wording = choose_wording(seed, ground, rng, may_mix=not is_sft)
        text = wording.text if is_sft else self._tell(wording.text, opening, rng)
        swapped = swap_values(text, history="", bank=ground.bank, rng=rng, is_answered=is_sft)
        persona = choose_persona(swapped.text, at_start=True, courtesies=self._courtesies, rng=rng)
        return Draft(
            parent=seed.record,
            context=keep_system(seed.record),
            message=speak(swapped.text, Voice(persona, at_start=True, courtesies=self._courtesies), rng),
            reply=replace_values(wording.source.reply, swapped.changes) if is_sft else (),
            donors=tuple(dict.fromkeys(turn.record.id for turn in wording.donors)),
            persona=persona,
            source="\n".join((text, *(turn.text for turn in (seed, *wording.donors)))),
        )

    def _tell(self, text: str, opening: Opening, rng: random.Random) -> str:
        """Say at once what the person told later."""
        details = [detail for detail in opening.details if not (introduces(detail) and introduces(text))]
        if not details or rng.random() > _DETAIL_SHARE:
            return text
        count = min(len(details), rng.randint(1, _MOST_DETAILS))
        for place in sorted(rng.sample(range(len(details)), count)):
            text = append(text, details[place], self._courtesies.style)
        return text
