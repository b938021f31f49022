"""Split records into training and held-out, whole families on one side."""

from collections import Counter
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from lucy.errors import InputError
from lucy.tools.dry_run.sampling import order_key, share_out
from lucy.tools.vocabulary import Record, read_text

MIN_WORDS_FOR_LEAK = 6
"""Shorter prompts resemble each other by chance ("yes please") and are not called leaks."""
VALIDATION_SHARE = 0.1
MIN_RECORDS_FOR_VALIDATION = 40
MAX_VALIDATION = 50


class Leak(BaseModel):
    """A held-out record that says nearly the same as one in training."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    heldout_id: str
    train_id: str
    reason: str


class Split(BaseModel):
    """Which records train and which are held out, each in the order given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    train_ids: tuple[str, ...]
    heldout_ids: tuple[str, ...]
    leakage: tuple[Leak, ...]
    """Look-alikes across the sides that no family or parent connects; empty is best."""
    families: int
    """Number of groups of related records: what is really divided."""


def split_records(
    records: Sequence[Record],
    topics: Mapping[str, str | None],
    *,
    train_share: float = 0.9,
    seed: int = 0,
) -> Split:
    """Split records by topic, reproducibly, related records always on the same side.

    Related are: one family, a record and its parents, and records with the same prompt text. Each topic gives
    its share of held-out families, as near as whole families allow; at least one family is held out and one
    trains. The side of a family does not change when records of other topics are added.

    Args:
        records: At least two unrelated records.
        topics: Topic id by record id; absent or None is a stratum of its own.
        train_share: Share of the records that train, above 0 and below 1.
        seed: Chooses the families.

    Raises:
        InputError: when the share is out of range or there are fewer than two unrelated records.
    """
    if not 0 < train_share < 1:
        raise InputError(
            f"train_share is {train_share:g}, expected above 0 and below 1, such as 0.9: some records must "
            "train and some must be held out."
        )
    groups = group_relatives(records)
    if len(groups) < 2:
        raise InputError(
            f"The {len(records)} records form {len(groups)} group of related records; at least 2 unrelated "
            "ones are needed, to train on one and measure on the other, so import more records."
        )
    heldout = _choose_heldout(groups, topics, 1 - train_share, seed)
    train_ids = tuple(record.id for record in records if record.id not in heldout)
    heldout_ids = tuple(record.id for record in records if record.id in heldout)
    return Split(
        train_ids=train_ids,
        heldout_ids=heldout_ids,
        leakage=tuple(find_leaks(records, heldout)),
        families=len(groups),
    )


def set_aside(records: Sequence[Record], seed: int) -> set[str]:
    """Choose the validation records among training records: whole families, none of small data."""
    if len(records) < MIN_RECORDS_FOR_VALIDATION:
        return set()
    size = min(MAX_VALIDATION, round(VALIDATION_SHARE * len(records)))
    families: dict[str, list[str]] = {}
    for record in records:
        families.setdefault(record.family or record.id, []).append(record.id)
    chosen: set[str] = set()
    for family in sorted(families, key=lambda name: order_key(seed, f"validation\x1f{name}")):
        if len(chosen) + len(families[family]) <= size:
            chosen.update(families[family])
    return chosen


def group_relatives(records: Sequence[Record]) -> list[list[Record]]:
    """Group records that are related by family, parents or equal prompt text, in order of appearance."""
    leaders: dict[str, str] = {}

    def find(key: str) -> str:
        leaders.setdefault(key, key)
        while leaders[key] != key:
            leaders[key] = leaders[leaders[key]]
            key = leaders[key]
        return key

    for record in records:
        keys = [f"r:{parent}" for parent in record.parents]
        keys.append(f"t:{' '.join(read_text(record.prompt).lower().split())}")
        if record.family:
            keys += [f"f:{record.family}", f"r:{record.family}"]
        for key in keys:
            leaders[find(key)] = find(f"r:{record.id}")
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(find(f"r:{record.id}"), []).append(record)
    return list(groups.values())


def find_leaks(records: Sequence[Record], heldout: set[str]) -> list[Leak]:
    """List held-out records whose prompt has exactly the words of a training prompt, numbers aside.

    A check by sets of words: quick on any number of records, blind to paraphrases.
    """
    training: dict[frozenset[str], str] = {}
    for record in records:
        if record.id not in heldout:
            training.setdefault(_read_signature(record), record.id)
    leaks: list[Leak] = []
    for record in records:
        signature = _read_signature(record)
        if record.id in heldout and len(signature) >= MIN_WORDS_FOR_LEAK and signature in training:
            reason = "same words, differing only in numbers, order or punctuation"
            leaks.append(Leak(heldout_id=record.id, train_id=training[signature], reason=reason))
    return leaks


def _read_signature(record: Record) -> frozenset[str]:
    text = "".join(letter if letter.isalpha() else " " for letter in read_text(record.prompt).lower())
    return frozenset(text.split())


def _choose_heldout(
    groups: Sequence[Sequence[Record]], topics: Mapping[str, str | None], share: float, seed: int
) -> set[str]:
    strata: dict[str, list[Sequence[Record]]] = {}
    for group in groups:
        strata.setdefault(_find_topic(group, topics), []).append(group)
    total = sum(len(group) for group in groups)
    size = min(max(1, round(share * total)), total - 1)
    quotas = _share_heldout(size, {name: sum(map(len, members)) for name, members in strata.items()})
    heldout: set[str] = set()
    for name, members in strata.items():
        heldout |= _take_families(members, quotas[name], seed)
    return heldout or _take_any(groups, seed)


def _share_heldout(size: int, strata: Mapping[str, int]) -> dict[str, int]:
    """Divide the held-out places; a topic of one record never has to give its only one."""
    giving = {name: count for name, count in strata.items() if count > 1} or dict(strata)
    quotas = share_out(min(size, sum(giving.values())), giving)
    return {name: min(quotas.get(name, 0), max(count - 1, 0)) for name, count in strata.items()}


def _take_families(members: Sequence[Sequence[Record]], quota: int, seed: int) -> set[str]:
    """Take whole families in random order while they fit; the first one also when it is a bit too large."""
    taken: set[str] = set()
    for group in sorted(members, key=lambda group: order_key(seed, min(record.id for record in group))):
        fits = len(taken) + len(group) <= quota
        if fits or (not taken and quota and len(members) > 1 and len(group) <= 2 * quota):
            taken.update(record.id for record in group)
    return taken


def _take_any(groups: Sequence[Sequence[Record]], seed: int) -> set[str]:
    """Hold out the smallest family when no topic can spare one."""
    chosen = min(groups, key=lambda group: (len(group), order_key(seed, min(record.id for record in group))))
    return {record.id for record in chosen}


def _find_topic(group: Sequence[Record], topics: Mapping[str, str | None]) -> str:
    counts = Counter(topics.get(record.id) or "" for record in group)
    return min(counts, key=lambda topic: (-counts[topic], topic))
