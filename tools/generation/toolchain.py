"""Vary requests that need tools: other values in the message, and the same ones in the calls and results.

A value is changed only where a tool call passes on what the user said, so that message, call, result and
reply stay in step. Other values are those that the tool's schema allows or that other records pass on;
figures, dates and codes are drawn anew. What this does not do: run a tool. A result keeps what depends on
the old values in another way, such as a temperature for another city. Where the calls
come after the message this matters in mode `sft` only.
"""

import random
import re
from collections.abc import Sequence
from typing import NamedTuple

from lucy.tools.generation.arguments import (
    Argument,
    ArgumentBank,
    has_calls,
    has_coordinates,
    list_arguments,
)
from lucy.tools.generation.courtesies import Courtesies
from lucy.tools.generation.draft import Draft, OfflineStrategy
from lucy.tools.generation.ground import (
    choose_records,
    is_apart,
    learn_manners,
    make_rng,
    replace_values,
    shuffle,
)
from lucy.tools.generation.personas import Voice, choose_persona, speak
from lucy.tools.generation.sources import Sources
from lucy.tools.generation.turns import Turn, list_turns
from lucy.tools.generation.values import ValueBank, build_bank, swap_values
from lucy.tools.vocabulary import Record, read_text

_TRIES = 8
_SHORT = 3
"""Values of fewer characters are changed only where they occur once: "9" is also an hour and a rating."""
_CITIES = ("Lisbon", "Prague", "Denver", "Osaka", "Toronto", "Nairobi", "Oslo", "Valencia", "Austin", "Leeds")
_PEOPLE = ("Maria", "Daniel", "Aisha", "Tom", "Ingrid", "Carlos", "Mei", "Jonas", "Priya", "Ruth", "Omar")
_CITY = re.compile(r"city|location|destination|origin|town", re.IGNORECASE)
_COUNTRY = re.compile(r"country|state|region|province|zip", re.IGNORECASE)
_PERSON = re.compile(
    r"(?:guest|host|patient|first|customer|user|person|contact|employee)_?name", re.IGNORECASE
)
_FACTORS = (0.5, 0.75, 0.8, 1.2, 1.5, 2.0)


class _Request(NamedTuple):
    """A user message that was answered by tool calls."""

    turn: Turn
    arguments: tuple[Argument, ...]
    """Values that the user said and a call passes on."""


class ToolChain(OfflineStrategy):
    """Makes requests for tools; built once per run."""

    def __init__(self, sources: Sources) -> None:
        """Collect the values of all tool calls of the dataset."""
        self._sources = sources
        self._courtesies: Courtesies = learn_manners(sources)
        self._arguments = ArgumentBank(sources.real)
        self._topics: dict[str, tuple[list[_Request], ValueBank]] = {}

    def explain_lack(self, topic_id: str) -> str:
        """Say what the topic's records lack."""
        if self._prepare(topic_id)[0]:
            return ""
        lack = "calls a tool in its reply" if self._sources.plan.mode == "sft" else "has tools"
        return f"No record of this topic {lack}, so there are no calls to vary; choose another strategy."

    def draft(self, topic_id: str, attempt: int) -> Draft:
        """Vary the topic's request number `attempt`, counted round and round."""
        requests, bank = self._prepare(topic_id)
        request = requests[attempt % len(requests)]
        rng = make_rng(self._sources.plan.seed, topic_id, attempt)
        draft = self._vary(request, bank, rng)
        for _ in range(_TRIES):
            if is_apart(draft.message, request.turn):
                break
            draft = self._vary(request, bank, rng)
        return draft

    def _prepare(self, topic_id: str) -> tuple[list[_Request], ValueBank]:
        if topic_id not in self._topics:
            records = choose_records(self._sources, topic_id)
            found = [self._find_request(record) for record in records]
            requests = shuffle([request for request in found if request is not None], self._sources.plan)
            bank = build_bank([turn for record in records for turn in list_turns(record)])
            self._topics[topic_id] = requests, bank
        return self._topics[topic_id]

    def _find_request(self, record: Record) -> _Request | None:
        """Find the message that calls answer; in `rft`, else the last one of a record with tools."""
        turns = list_turns(record)
        called = [turn for turn in turns if has_calls(turn.reply)]
        if self._sources.plan.mode == "rft" and not called and record.tools:
            called = [turn for turn in turns if turn.position == len(record.prompt) - 1]
        if not called:
            return None
        turn = called[0]
        return _Request(turn, _find_said(turn))

    def _vary(self, request: _Request, bank: ValueBank, rng: random.Random) -> Draft:
        turn, is_sft = request.turn, self._sources.plan.mode == "sft"
        values = self._choose_all(request.arguments, bank, rng)
        changes = [change for old, new in values.items() for change in _pair(old, new)]
        message = replace_values([{"content": turn.text}], changes)[0]["content"]
        persona = choose_persona(message, at_start=not turn.asked, courtesies=self._courtesies, rng=rng)
        spoken = speak(message, Voice(persona, not turn.asked, self._courtesies), rng)
        # The voice must not touch what a call passes on, such as a sentence that is to be translated.
        is_whole = all(_count(new, spoken) == _count(new, message) for new in values.values())
        return Draft(
            parent=turn.record,
            context=replace_values(turn.context, changes),
            message=spoken if is_whole else message,
            reply=replace_values(turn.reply, changes) if is_sft else (),
            persona=persona if is_whole else "plain",
            source=f"{turn.history}\n{turn.text}",
        )

    def _choose_all(
        self, arguments: Sequence[Argument], bank: ValueBank, rng: random.Random
    ) -> dict[str, str]:
        """Choose values that differ from each other: nobody flies from Oslo to Oslo."""
        chosen: dict[str, str] = {}
        with_country = any(_COUNTRY.search(argument.name) for argument in arguments)
        taken = {argument.value for argument in arguments}
        for argument in arguments:
            is_bound = with_country and _CITY.search(argument.name)
            new = argument.value if is_bound else self._choose(argument, bank, rng)
            chosen[argument.value] = argument.value if new in taken else new
            taken.add(new)
        return chosen

    def _choose(self, argument: Argument, bank: ValueBank, rng: random.Random) -> str:
        """Choose another value for an argument; the old one when there is none that would do."""
        others = self._arguments.list_others(argument)
        if others or self._arguments.is_bound(argument):
            return rng.choice(others) if others else argument.value
        if argument.value.replace(".", "", 1).isdigit():
            return _draw_figure(argument.value, rng)
        if _CITY.search(argument.name) and argument.value.isalpha():
            return rng.choice([city for city in _CITIES if city != argument.value])
        if _PERSON.search(argument.name) and argument.value.isalpha():
            return rng.choice([name for name in _PEOPLE if name != argument.value])
        return swap_values(argument.value, history="", bank=bank, rng=rng).text


def _find_said(turn: Turn) -> tuple[Argument, ...]:
    """Find the values of a turn's calls that the user has said, each once."""
    arguments = list_arguments((*turn.context, *turn.reply))
    if has_coordinates(arguments):
        return ()
    said = f"{read_text(turn.context, 'user')}\n{turn.text}"
    results = read_text((*turn.context, *turn.reply), "tool")
    found: dict[str, Argument] = {}
    for argument in arguments:
        count = _count(argument.value, said)
        is_clear = len(argument.value) >= _SHORT or (count == 1 and _count(argument.value, results) == 0)
        if count and is_clear and '"' not in argument.value and "\\" not in argument.value:
            found.setdefault(argument.value, argument)
    return tuple(found.values())


def _count(value: str, text: str) -> int:
    return len(re.findall(rf"(?<!\w){re.escape(value)}(?!\w)", text, re.IGNORECASE)) if value else 0


def _pair(old: str, new: str) -> Sequence[tuple[str, str]]:
    """Give the change of a value as the call writes it, and as a person may write it."""
    if old == new:
        return ()
    return ((old, new),) if old == old.lower() else ((old, new), (old.lower(), new.lower()))


def _draw_figure(value: str, rng: random.Random) -> str:
    """Draw another figure of the same length and kind: a code gets other digits, a number another size."""
    if "." in value:
        whole, _, places = value.partition(".")
        return f"{float(value) * rng.choice(_FACTORS):.{len(places)}f}" if whole else value
    if len(value) > 4 or value.startswith("0"):
        return value[0] + "".join(rng.choice("0123456789") for _ in value[1:])
    size = int(value)
    if 1900 <= size <= 2100:  # a year
        return str(size + rng.choice((-2, -1, 1, 2)))
    others = [round(size * factor) for factor in _FACTORS] if size > 9 else list(range(2, 10))
    return str(rng.choice([other for other in others if other != size and other > 0] or [size]))
