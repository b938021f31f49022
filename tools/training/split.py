"""Split records into training and held-out, whole families on one side."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from lucy.errors import InputError
from lucy.tools.dry_run.sampling import order_key, share_out
from lucy.tools.training.lookalikes import MIN_WORDS, find_closest, find_pairs, read_words
from lucy.tools.vocabulary import Record, read_text

NEAR = 0.8
"""Prompts with at least this share of their words in common are near-duplicates: one family."""
SIMILAR = 0.6
"""Prompts on both sides with at least this share of their words in common are listed as leakage."""
LARGEST_FAMILY = 0.5
"""Near-duplicates that would join more of the records than this are one template, and are not joined."""
VALIDATION_SHARE = 0.1
MIN_RECORDS_FOR_VALIDATION = 40
MAX_VALIDATION = 50


class Leak(BaseModel):
    """A held-out record that says something similar to one in training."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    heldout_id: str
    train_id: str
    """The most similar one in training."""
    reason: str
    similarity: float = 1.0
    """Share of words in common, 0 to 1; digits, order, case and punctuation aside."""


class Split(BaseModel):
    """Which records train and which are held out, each in the order given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    train_ids: tuple[str, ...]
    heldout_ids: tuple[str, ...]
    leakage: tuple[Leak, ...]
    """Held-out records with a similar one in training that no family connects, the most similar first."""
    families: int
    """Number of groups of related records: what is really divided."""
    heldout_families: dict[str, str] = {}
    """Family of each held-out record: what intervals are clustered by."""
    is_one_template: bool = False
    """Most prompts share nearly all their words, so that look-alikes had to be split."""


class Families(BaseModel):
    """Records in groups of related ones."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    groups: list[list[Record]]
    """In order of appearance."""
    is_one_template: bool
    """Near-duplicates were left apart, because they would have joined most of the records."""


def split_records(
    records: Sequence[Record],
    topics: Mapping[str, str | None],
    *,
    train_share: float = 0.9,
    seed: int = 0,
) -> Split:
    """Split records by topic, reproducibly, related records always on the same side.

    Related are: one family, a record and its parents, records with the same prompt text, and near-duplicates
    (80% of the words in common), also over others between them. Each topic gives its share of held-out
    families, as near as whole families allow; at least one family is held out and one trains. The side of a
    family does not change when records of other topics are added.

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
    found = group_relatives(records)
    if len(found.groups) < 2:
        raise InputError(
            f"The {len(records)} records form {len(found.groups)} group of related records; at least 2 "
            "unrelated ones are needed, to train on one and measure on the other, so import more records."
        )
    heldout = _choose_heldout(found.groups, topics, 1 - train_share, seed)
    return Split(
        train_ids=tuple(record.id for record in records if record.id not in heldout),
        heldout_ids=tuple(record.id for record in records if record.id in heldout),
        leakage=tuple(find_leaks(records, heldout)),
        families=len(found.groups),
        heldout_families={
            record.id: group[0].id for group in found.groups for record in group if record.id in heldout
        },
        is_one_template=found.is_one_template,
    )


def set_aside(records: Sequence[Record], seed: int) -> set[str]:
    """Choose the validation records among training records: whole families, none of small data."""
    if len(records) < MIN_RECORDS_FOR_VALIDATION:
        return set()
    size = min(MAX_VALIDATION, round(VALIDATION_SHARE * len(records)))
    families = {group[0].id: [record.id for record in group] for group in group_relatives(records).groups}
    chosen: set[str] = set()
    for family in sorted(families, key=lambda name: order_key(seed, f"validation\x1f{name}")):
        if len(chosen) + len(families[family]) <= size:
            chosen.update(families[family])
    return chosen


def group_relatives(records: Sequence[Record]) -> Families:
    """Group records that are related by family, parents, equal prompt text or near-duplication.

    Closed: where A is related to B and B to C, all three are one group. Near-duplicates that would join more
    than half of the records (data made from one template, such as sums) are left apart.
    """
    leaders: dict[str, str] = {}
    for record in records:
        for key in _list_bonds(record):
            leaders[_find_leader(leaders, key)] = _find_leader(leaders, f"r:{record.id}")
    close = _collect_groups(records, leaders)
    for first, second in _list_near(records):
        leaders[_find_leader(leaders, f"r:{first}")] = _find_leader(leaders, f"r:{second}")
    joined = _collect_groups(records, leaders)
    largest = max((len(group) for group in joined), default=0)
    is_one_template = len(joined) < len(close) and largest > LARGEST_FAMILY * len(records)
    return Families(groups=close if is_one_template else joined, is_one_template=is_one_template)


def _list_bonds(record: Record) -> list[str]:
    """List what a record shares with its relatives."""
    bonds = [f"r:{parent}" for parent in record.parents]
    bonds.append(f"t:{' '.join(read_text(record.prompt).lower().split())}")
    return bonds + ([f"f:{record.family}", f"r:{record.family}"] if record.family else [])


def _list_near(records: Sequence[Record]) -> Iterator[tuple[str, str]]:
    """List near-duplicates: pairs of record ids, those of equal words in a chain."""
    words = [read_words(record) for record in records]
    first = {text: record.id for text, record in zip(words[::-1], records[::-1], strict=True) if text}
    for text, record in zip(words, records, strict=True):
        if text and len(text) >= MIN_WORDS and first[text] != record.id:
            yield first[text], record.id
    texts = list(first)
    for pair in find_pairs(texts, NEAR):
        yield first[texts[pair.first]], first[texts[pair.second]]


def _find_leader(leaders: dict[str, str], key: str) -> str:
    leaders.setdefault(key, key)
    while leaders[key] != key:
        leaders[key] = leaders[leaders[key]]
        key = leaders[key]
    return key


def _collect_groups(records: Sequence[Record], leaders: dict[str, str]) -> list[list[Record]]:
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(_find_leader(leaders, f"r:{record.id}"), []).append(record)
    return list(groups.values())


def find_leaks(records: Sequence[Record], heldout: set[str]) -> list[Leak]:
    """List held-out records with a similar prompt in training, the most similar first.

    By the words in common, so blind to paraphrases; prompts of fewer than five different words are left out.
    """
    training: dict[frozenset[str], str] = {}
    for record in records:
        if record.id not in heldout:
            training.setdefault(read_words(record), record.id)
    asked = [record for record in records if record.id in heldout]
    names = list(training.values())
    closest = find_closest([read_words(record) for record in asked], list(training), SIMILAR)
    leaks = [_make_leak(asked[at].id, names[pair.second], pair.likeness) for at, pair in closest.items()]
    return sorted(leaks, key=lambda leak: -leak.similarity)


def _make_leak(heldout_id: str, train_id: str, similarity: float) -> Leak:
    reason = f"{similarity:.0%} of the words in common"
    if similarity == 1:
        reason = "same words, differing only in numbers, order or punctuation"
    return Leak(heldout_id=heldout_id, train_id=train_id, reason=reason, similarity=round(similarity, 6))


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
