"""Extend a real request: by a second one, a condition, or a complication of the same topic.

The request and most of what is added are sentences of real records; some conditions are stock ones that fit
any request, in English. In mode `sft` only second requests are added, and the reply is that of the first with
that of the second below it. What this does not do: see whether two wishes contradict each other.
"""

import random
import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from lucy.tools.generation.courtesies import Courtesies, take_apart
from lucy.tools.generation.draft import Draft, OfflineStrategy
from lucy.tools.generation.ground import Ground, learn_manners, make_rng, replace_values
from lucy.tools.generation.language import (
    find_content_words,
    find_words,
    is_english,
    is_question,
    is_trouble,
    lower_first,
    split_sentences,
)
from lucy.tools.generation.openings import (
    Opening,
    append,
    build_opening_ground,
    close,
    introduces,
    keep_system,
    read_openings,
)
from lucy.tools.generation.personas import Voice, choose_persona, is_request, speak
from lucy.tools.generation.slots import SlotKind, find_slots
from lucy.tools.generation.sources import Sources
from lucy.tools.generation.starters import fill_choices
from lucy.tools.generation.turns import Turn
from lucy.tools.generation.values import swap_values
from lucy.tools.vocabulary import Message

_CANDIDATES = 20
_MOST_WORDS = 40
"""Words of a request that is extended."""
_MOST_ADDED = 25
_NARROW_SHARE = 0.35
"""A topic is narrow when a word is in more of its openings."""
_STEM = 5
"""Letters by which words are compared."""
_STOCK_SHARE = 0.35
_BOUND: frozenset[SlotKind] = frozenset({"name", "email", "date", "time", "weekday", "term", "amount"})
_WISH = re.compile(
    r"(?:i|we) (?:only |also )?(?:need|want|prefer|would|can only|live|have an?|don['\u2019]t want)\b"
    r"|i['\u2019]d\b|my (?:budget|flat|house|office|phone|card|account|appointment)\b",
    re.IGNORECASE,
)
"""What another person wanted or has; what happened to another person is not told again."""
_JOINTS = (
    "Also, {}",
    "One more thing: {}",
    "And besides that, {}",
    "While I'm here: {}",
)
_FIRM_JOINTS = ("One more thing: {}", "There is something else: {}")
"""For an addition whose capital must stay."""
_QUESTION_JOINTS = ("Also, {}", "Another question: {}", "And one more thing: {}", "While I'm at it, {}")
_CONDITIONS = (
    "I need an answer by {Thursday|tomorrow noon}, because I'm away after that.",
    "I asked about this {last week|on Monday} and nobody came back to me.",
    "I'm asking for {my mother|a friend|my neighbour}, so please explain it simply.",
    "Somebody else told me something different, so I'd like to be sure.",
    "If that can't be done, {please tell me what else I could do|what would be the next best thing}.",
    "I can only be reached {by email|after 5 pm} {this week|until Friday}.",
    "Please also tell me what it would cost.",
    "I have already tried {2|3} times without any luck.",
    "It would have to be settled before {next week|the weekend}.",
    "Please tell me first what you need from me.",
    "I'm on my phone, so a short answer would be best.",
    "I would like to have that in writing.",
    "I have never done this before, so please tell me {each step|what to look out for}.",
    "How long would that take?",
    "I only have {10|15} minutes right now.",
    "Last time it took {far too long|more than a week}, so I'd like to know what to expect.",
    "Is there anything I could do wrong?",
    "My {colleague|husband|sister} will take care of the rest, so please write it so that I can pass it on.",
    "Is it different {at the weekend|if I do it online}?",
    "I don't want to {pay more than I have to|wait longer than necessary}.",
    "What happens if I {change my mind later|do nothing}?",
    "I could not find anything about it {on your page|in the instructions}.",
)


def draw_condition(rng: random.Random) -> str:
    """Draw a condition that fits any request."""
    return fill_choices(rng.choice(_CONDITIONS), rng)


class _Extended(NamedTuple):
    """A request with more to it."""

    text: str
    donor: Turn | None
    """Where the addition is from; None for a stock one."""
    is_second: bool
    """The addition is a request of its own, which its donor's reply answers."""


class ScenarioExpansion(OfflineStrategy):
    """Makes conversations of one longer message; built once per run."""

    def __init__(self, sources: Sources) -> None:
        """Learn the manners of the dataset; a topic is read when it is first needed."""
        self._sources = sources
        self._courtesies: Courtesies = learn_manners(sources)
        self._topics: dict[str, tuple[list[Opening], Ground, bool]] = {}

    def explain_lack(self, topic_id: str) -> str:
        """Say what the topic's records lack."""
        openings = self._prepare(topic_id)[0]
        if self._sources.plan.mode == "sft" and len(openings) < 2:
            return (
                "Fewer than two conversations of this topic open with a request and its reply: import more."
            )
        return "" if openings else "No record of this topic opens with a request to extend: import some."

    def draft(self, topic_id: str, attempt: int) -> Draft:
        """Extend the topic's opening number `attempt`, counted round and round."""
        openings, ground, _ = self._prepare(topic_id)
        opening = openings[attempt % len(openings)]
        rng = make_rng(self._sources.plan.seed, topic_id, attempt)
        extended = self._extend(opening, topic_id, rng)
        swapped = swap_values(
            extended.text, history="", bank=ground.bank, rng=rng, is_answered=self._sources.plan.mode == "sft"
        )
        persona = choose_persona(swapped.text, at_start=True, courtesies=self._courtesies, rng=rng)
        record, donor = opening.turn.record, extended.donor
        return Draft(
            parent=record,
            context=keep_system(record),
            message=speak(swapped.text, Voice(persona, at_start=True, courtesies=self._courtesies), rng),
            reply=self._answer(opening.turn, extended, swapped.changes),
            donors=(donor.record.id,) if donor and donor.record.id != record.id else (),
            persona=persona,
            source=extended.text,
        )

    def _prepare(self, topic_id: str) -> tuple[list[Opening], Ground, bool]:
        if topic_id not in self._topics:
            openings = [
                opening
                for opening in read_openings(self._sources, topic_id)
                if len(find_words(opening.turn.text)) <= _MOST_WORDS
                and (self._sources.plan.mode == "rft" or _is_plain(opening.turn.reply))
            ]
            ground = build_opening_ground(self._sources, topic_id, openings)
            self._topics[topic_id] = openings, ground, _is_narrow(openings)
        return self._topics[topic_id]

    def _extend(self, opening: Opening, topic_id: str, rng: random.Random) -> _Extended:
        openings, _, is_narrow = self._prepare(topic_id)
        others = [other for other in openings if other.turn.family != opening.turn.family]
        others = rng.sample(others, min(_CANDIDATES, len(others)))
        is_sft, style = self._sources.plan.mode == "sft", self._courtesies.style
        first = _drop_closing(opening.turn.text)
        seconds = (_add_request(first, other, self._courtesies) for other in others)
        second = None if is_narrow else next((found for found in seconds if found is not None), None)
        if is_sft:
            return second or _Extended(opening.turn.text, None, is_second=False)
        details = [found for other in others for found in _list_conditions(first, other)]
        if second and rng.random() < 0.5:
            return second
        if details and rng.random() > _STOCK_SHARE:
            detail, donor = rng.choice(details)
            return _Extended(append(first, detail, style), donor, is_second=False)
        if style.is_english:
            return _Extended(append(first, draw_condition(rng), style), None, is_second=False)
        return second or _Extended(first, None, is_second=False)

    def _answer(
        self, turn: Turn, extended: _Extended, changes: Sequence[tuple[str, str]]
    ) -> tuple[Message, ...]:
        if self._sources.plan.mode == "rft":
            return ()
        texts = [str(turn.reply[0]["content"])]
        if extended.is_second and extended.donor:
            texts.append(str(extended.donor.reply[0]["content"]))
        return replace_values([{"role": "assistant", "content": "\n\n".join(texts)}], changes)


def _is_plain(reply: Sequence[Message]) -> bool:
    """Tell whether a reply is one text without tool calls, which another may follow."""
    return len(reply) == 1 and isinstance(reply[0].get("content"), str) and not reply[0].get("tool_calls")


def _drop_closing(text: str) -> str:
    """Take thanks off the end: what is added comes before them."""
    parts = take_apart(text)
    return f"{parts.opening} {parts.body}".strip() if parts.body else text


def _add_request(first: str, other: Opening, courtesies: Courtesies) -> _Extended | None:
    """Put another conversation's request behind the first, where it asks something else."""
    body = take_apart(other.turn.text).body
    if not _is_addable(body, first) or not (is_request(body) or is_trouble(body)):
        return None
    if find_stems(first) & find_stems(body):
        return None
    if not courtesies.style.is_english or not is_english([body]):
        return _Extended(f"{close(first)} {body}", other.turn, is_second=True)
    asks = is_question(split_sentences(body)[-1])
    added = lower_first(body, courtesies.common)
    joints = _FIRM_JOINTS if added[0].isupper() else _QUESTION_JOINTS if asks else _JOINTS
    # Chosen by the text, not drawn: the caller looks through many candidates with one random source.
    joint = joints[len(body) % len(joints)]
    return _Extended(f"{close(first)} {joint.format(added)}", other.turn, is_second=True)


def find_stems(text: str) -> set[str]:
    """Give the beginnings of a text's content words: "reserve" and "reservation" are one."""
    return {word.replace("'", "")[:_STEM] for word in find_content_words(text)}


def _is_narrow(openings: Sequence[Opening]) -> bool:
    """Tell whether a topic's conversations all open with the same request: a second would say it again."""
    counts = Counter(stem for opening in openings for stem in find_stems(opening.turn.text))
    return max(counts.values(), default=0) > _NARROW_SHARE * len(openings)


def _is_addable(body: str, first: str) -> bool:
    """Tell whether a text can follow another's without contradicting who speaks and when."""
    if not body or len(find_words(body)) > _MOST_ADDED or introduces(body):
        return False
    kinds = {slot.kind for slot in find_slots(first)} & _BOUND
    return kinds.isdisjoint(slot.kind for slot in find_slots(body))


def _list_conditions(first: str, other: Opening) -> list[tuple[str, Turn]]:
    """List what another person of the topic wanted besides, and this one has not said."""
    here = find_stems(first)
    return [
        (detail, other.turn)
        for detail in other.details
        if _WISH.match(detail) and _is_addable(detail, first) and not find_stems(detail) & here
    ]
