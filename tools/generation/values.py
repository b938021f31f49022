"""Choose other values for the slots of a message."""

import random
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from lucy.tools.generation.slots import NUMBER_WORDS, Slot, SlotKind, find_names, find_slots
from lucy.tools.generation.turns import Turn

COMMON_FACT = 3
"""An amount, percentage or duration that so many unrelated records name is a fact of the business, such as a
fee, and stays."""

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_PAST = ("yesterday", "last night", "last week", "a few days ago", "the other day")
_FUTURE = ("tomorrow", "next week", "next month")
_FIGURE = re.compile(r"\d[\d,]*(?:\.\d+)?")
_FACTORS = (0.4, 0.5, 0.6, 0.75, 0.8, 1.2, 1.25, 1.5, 2.0, 2.5)
_FIXED: frozenset[SlotKind] = frozenset({"url"})
_FACTS: frozenset[SlotKind] = frozenset({"amount", "percent", "duration", "time"})
_BOUND: frozenset[SlotKind] = frozenset(
    {"amount", "reference", "email", "name", "term", "time", "date", "weekday"}
)
_SINGLE: frozenset[SlotKind] = frozenset({"date", "time", "weekday", "name", "past", "future"})
"""Kinds that are left alone when a message holds two of them: a range may not end before it begins."""


_IDENTIFYING: frozenset[SlotKind] = frozenset({"reference", "email", "name"})
"""Kinds that no answer depends on, other than by repeating them."""


class Swapped(NamedTuple):
    """A text with other values."""

    text: str
    changes: tuple[tuple[str, str], ...]
    """(old, new) values, in order, for the reply that goes with the text."""


@dataclass(slots=True)
class ValueBank:
    """The values of one topic."""

    names: list[str] = field(default_factory=list[str])
    values: dict[SlotKind, list[str]] = field(default_factory=dict[SlotKind, list[str]])
    terms: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """Terms by the two words before and the one after: only terms in equal places stand for each other."""
    counts: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """Numbers by the word after them."""
    facts: frozenset[str] = frozenset()

    @property
    def known_names(self) -> frozenset[str]:
        """Lower-case first names."""
        return frozenset(name.lower() for name in self.names)


def build_bank(turns: Sequence[Turn]) -> ValueBank:
    """Collect the values of a topic's user messages."""
    bank = ValueBank(names=find_names(turn.text for turn in turns))
    names = bank.known_names
    owners: dict[str, set[str]] = {}
    for turn in turns:
        for slot in find_slots(turn.text, names):
            _remember(bank, turn.text, slot)
            if slot.kind in _FACTS:
                owners.setdefault(_fold(slot), set()).add(turn.family)
    bank.facts = frozenset(value for value, families in owners.items() if len(families) >= COMMON_FACT)
    return bank


def _fold(slot: Slot) -> str:
    figure = _FIGURE.search(slot.value)
    return f"{slot.kind} {figure[0] if figure else slot.value.lower()}"


def _remember(bank: ValueBank, text: str, slot: Slot) -> None:
    if slot.kind == "term":
        shelf = bank.terms.setdefault(_read_around(text, slot), [])
    elif slot.kind == "count":
        shelf = bank.counts.setdefault(_read_after(text, slot), [])
    else:
        shelf = bank.values.setdefault(slot.kind, [])
    if slot.value not in shelf:
        shelf.append(slot.value)


def _read_around(text: str, slot: Slot) -> str:
    before = re.findall(r"[\w']+", text[: slot.start].lower())[-2:]
    return " ".join((*before, "_", _read_after(text, slot)))


def _read_after(text: str, slot: Slot) -> str:
    return " ".join(re.findall(r"[\w']+", text[slot.end :].lower())[:1])


def borrow(donor: Turn, seed: Turn, bank: ValueBank) -> Swapped | None:
    """Fit the values that a donor's message takes from its own conversation to the seed's.

    Returns:
        The message with those values replaced by the seed conversation's of the same kind; None when the
        seed's conversation has none to put there.
    """
    names = bank.known_names
    here = _list_latest(find_slots(seed.history, names))
    changes: list[tuple[str, str]] = []
    text = donor.text
    slots = find_slots(donor.text, names)
    kinds = Counter(slot.kind for slot in slots)
    for slot in reversed(slots):
        said = slot.kind in _BOUND and slot.value.lower() in donor.history.lower()
        if not said and not (slot.kind == "name" and "name" in here):
            continue
        replacement = here.get(slot.kind) if kinds[slot.kind] == 1 else None
        if replacement is None or slot.kind == "term":
            if slot.value.lower() not in seed.history.lower():
                return None
            continue
        text = text[: slot.start] + replacement + text[slot.end :]
        changes.append((slot.value, replacement))
    return Swapped(text, tuple(reversed(changes)))


def _list_latest(slots: Sequence[Slot]) -> Mapping[SlotKind, str]:
    return {slot.kind: slot.value for slot in slots}


def swap_values(
    text: str, *, history: str, bank: ValueBank, rng: random.Random, is_answered: bool = False
) -> Swapped:
    """Replace values of a message by others of the same kind.

    Where a recorded reply goes with the message (`is_answered`), only codes, addresses and names are
    replaced: an answer may rest on an amount or a date without repeating it. Kept are also values that the
    conversation before already named, facts of the business, and kinds of which the message has a range.
    Several amounts are scaled by one factor, so that what they add up to still does.
    """
    slots = find_slots(text, bank.known_names)
    kinds = Counter(slot.kind for slot in slots)
    said = history.lower()
    factor = rng.choice((0.5, 2.0, 3.0) if kinds["amount"] > 1 else _FACTORS)
    percent_factor = rng.choice((0.8, 0.9, 1.1, 1.2, 1.5))
    chosen: dict[str, str] = {}
    for slot in slots:
        is_free = (
            slot.kind not in _FIXED
            and (slot.kind in _IDENTIFYING or not is_answered)
            and slot.value.lower() not in said
            and not (slot.kind in _SINGLE and kinds[slot.kind] > 1)
            and text.count(slot.value) == sum(other.value == slot.value for other in slots)
            and not _is_spelt_twice(slot, slots)
        )
        if is_free and _fold(slot) not in bank.facts and slot.value not in chosen:
            if slot.kind == "percent":
                chosen[slot.value] = _scale_percent(slot.value, percent_factor)
                continue
            alone = kinds["amount"] == 1
            chosen[slot.value] = _choose(slot, text, bank, factor=factor, alone=alone, rng=rng)
    return _replace(text, slots, chosen)


def _is_spelt_twice(slot: Slot, slots: Sequence[Slot]) -> bool:
    """Tell whether a value is said again in other letters, as in "8 months. 8 MONTHS."."""
    return any(
        other.value != slot.value and other.value.casefold() == slot.value.casefold() for other in slots
    )


def _replace(text: str, slots: Sequence[Slot], chosen: Mapping[str, str]) -> Swapped:
    changes: list[tuple[str, str]] = []
    for slot in reversed(slots):
        new = chosen.get(slot.value, slot.value)
        if new != slot.value:
            text = text[: slot.start] + new + text[slot.end :]
            changes.append((slot.value, new))
    return Swapped(text, tuple(dict.fromkeys(reversed(changes))))


def _choose(slot: Slot, text: str, bank: ValueBank, *, factor: float, alone: bool, rng: random.Random) -> str:
    if slot.kind == "amount":
        near = _find_near(slot.value, bank.values.get("amount", []))
        return rng.choice(near) if alone and near and rng.random() < 0.5 else _scale(slot.value, factor)
    if slot.kind == "term":
        return _pick(slot.value, bank.terms.get(_read_around(text, slot), []), rng)
    if slot.kind == "count":
        return _pick(slot.value, bank.counts.get(_read_after(text, slot), []), rng)
    return _MAKERS[slot.kind](slot.value, bank, rng) if slot.kind in _MAKERS else slot.value


def _pick(value: str, others: Sequence[str], rng: random.Random) -> str:
    rest = [other for other in others if other != value and other[:1].isupper() == value[:1].isupper()]
    return rng.choice(rest) if rest else value


def _find_near(value: str, others: Sequence[str]) -> list[str]:
    """Give the amounts of the same currency between a quarter and four times a value."""
    size = _read_figure(value)
    shape = _FIGURE.sub("0", value)
    return [
        other
        for other in others
        if other != value and _FIGURE.sub("0", other) == shape and size / 4 <= _read_figure(other) <= size * 4
    ]


def _read_figure(value: str) -> float:
    hit = _FIGURE.search(value)
    return float(hit[0].replace(",", "")) if hit else 0.0


def _scale(value: str, factor: float) -> str:
    """Multiply an amount, keeping its decimals, its separator and about its roundness."""
    hit = _FIGURE.search(value)
    if hit is None:
        return value
    digits = hit[0]
    decimals = len(digits.partition(".")[2])
    scaled = float(digits.replace(",", "")) * factor
    if not decimals:
        zeros = len(digits) - len(digits.rstrip("0"))
        step = 10 ** max(0, min(zeros, len(str(int(scaled))) - 1))
        scaled = max(round(scaled / step) * step, step, 2)
    written = f"{scaled:,.{decimals}f}" if "," in digits or scaled >= 10_000 else f"{scaled:.{decimals}f}"
    return value[: hit.start()] + written + value[hit.end() :]


def _scale_percent(value: str, factor: float) -> str:
    return _scale(value, factor) if _read_figure(value) < 60 else value


def _make_weekday(value: str, bank: ValueBank, rng: random.Random) -> str:
    day = rng.choice([day for day in _WEEKDAYS if day.lower() != value.lower()])
    return day if value[0].isupper() else day.lower()


def _make_date(value: str, bank: ValueBank, rng: random.Random) -> str:
    """Change the day of a date; its month and form stay."""
    hit = re.search(r"(?<!\d)(\d{1,2})(st|nd|rd|th)?(?![\d/-])", value)
    if hit is None or "/" in value or re.match(r"\d{4}-", value):
        return value
    day = rng.choice([day for day in range(2, 29) if day != int(hit[1])])
    suffix = "" if hit[2] is None else _write_ordinal(day)
    return value[: hit.start()] + f"{day}{suffix}" + value[hit.end() :]


def _write_ordinal(day: int) -> str:
    return "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def _make_time(value: str, bank: ValueBank, rng: random.Random) -> str:
    shape = re.sub(r"\d+", "0", value).lower()
    return _pick(
        value,
        [other for other in bank.values.get("time", []) if re.sub(r"\d+", "0", other).lower() == shape],
        rng,
    )


def _make_duration(value: str, bank: ValueBank, rng: random.Random) -> str:
    number, unit = value.split(" ", 1)
    if not number.isdigit():
        return f"{rng.choice([word for word in NUMBER_WORDS[:6] if word != number.lower()])} {unit}"
    size = int(number)
    nearby = [other for other in range(max(2, size - 3), size + 4) if other != size]
    return f"{rng.choice(nearby) if size < 20 else round(size * rng.choice((0.5, 1.5, 2)))} {unit}"


def _make_reference(value: str, bank: ValueBank, rng: random.Random) -> str:
    """Draw other digits; two leading digits and all letters stay, so that the form does."""
    if sum(character.isdigit() for character in value) < 3:
        return value
    tail = re.search(r"[\d]+$", value)
    if tail is None or len(tail[0]) < 2:
        return value
    drawn = "".join(rng.choice("0123456789") for _ in tail[0][1:])
    return value[: tail.start() + 1] + drawn


def _make_from(choices: Sequence[str]) -> Callable[[str, ValueBank, random.Random], str]:
    return lambda value, bank, rng: value if value[0].isupper() else _pick(value.lower(), choices, rng)


def _make_name(value: str, bank: ValueBank, rng: random.Random) -> str:
    name = _pick(value.capitalize(), bank.names, rng)
    return name if value[0].isupper() else name.lower()


_MAKERS: dict[SlotKind, Callable[[str, ValueBank, random.Random], str]] = {
    "weekday": _make_weekday,
    "date": _make_date,
    "time": _make_time,
    "duration": _make_duration,
    "reference": _make_reference,
    "past": _make_from(_PAST),
    "future": _make_from(_FUTURE),
    "name": _make_name,
}
