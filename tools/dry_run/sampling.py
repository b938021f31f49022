"""Choose the records of a dry run: every topic in proportion, the same choice each time."""

import hashlib
import math
from collections.abc import Mapping, Sequence

from lucy.errors import InputError

DEFAULT_COUNT = 200
"""Records tried when neither a count nor a percentage is given."""
MIN_COUNT = 30
"""A percentage is raised to so many records: even 9 of 30 successes only say 17% to 48% (Wilson)."""


def choose_sample(
    ids: Sequence[str],
    topics: Mapping[str, str | None],
    *,
    percentage: float | None = None,
    count: int | None = None,
    seed: int = 0,
) -> list[str]:
    """Choose records stratified by topic, in the order of `ids`.

    Each topic gets its share (largest remainders), and at least one record while the size allows. A record
    has the same priority in every call with one seed, so that a larger sample contains a smaller one as far
    as the shares allow and rollouts can be used again.

    Args:
        ids: Ids of the usable records.
        topics: Topic id by record id; absent or None is `uncategorized`, a stratum of its own.
        percentage: Above 0 to 100 of the records, at least 30 where there are so many.
        count: Exact number of records, cut to what there is; not together with `percentage`.
        seed: Chooses the sample.
    """
    size = _choose_size(len(ids), percentage, count)
    strata: dict[str, list[str]] = {}
    for record_id in ids:
        strata.setdefault(topics.get(record_id) or "", []).append(record_id)
    quotas = share_out(size, {topic: len(members) for topic, members in strata.items()})
    chosen: set[str] = set()
    for topic, members in strata.items():
        chosen.update(sorted(members, key=lambda record_id: order_key(seed, record_id))[: quotas[topic]])
    return [record_id for record_id in ids if record_id in chosen]


def share_out(size: int, strata: Mapping[str, int]) -> dict[str, int]:
    """Divide a sample among strata in proportion, each getting at least one while the size allows.

    Largest remainders decide the last places; larger strata come first among equals, then names.
    """
    total = sum(strata.values())
    ideal = {name: size * held / total for name, held in strata.items()} if total else {}
    floor_at = 1 if size >= len(strata) else 0
    quotas = {name: min(max(math.floor(share), floor_at), strata[name]) for name, share in ideal.items()}
    order = sorted(ideal, key=lambda name: (math.floor(ideal[name]) - ideal[name], -strata[name], name))
    while sum(quotas.values()) < size:
        room = [name for name in order if quotas[name] < strata[name]]
        for name in room[: size - sum(quotas.values())]:
            quotas[name] += 1
    while sum(quotas.values()) > size:
        largest = max(quotas, key=lambda name: (quotas[name] - ideal[name], name))
        quotas[largest] -= 1
    return quotas


def order_key(seed: int, name: str) -> bytes:
    """Give a random-looking place that depends on nothing but seed and name."""
    return hashlib.blake2b(f"{seed}\x1f{name}".encode(), digest_size=8).digest()


def _choose_size(available: int, percentage: float | None, count: int | None) -> int:
    if not available:
        raise InputError("There are no records to choose from; import or validate records first.")
    if percentage is not None and count is not None:
        raise InputError("Both a percentage and a count are given for the dry run; give one of them.")
    if count is not None:
        if count < 1:
            raise InputError(f"The dry run's count is {count}, expected at least 1 record.")
        return min(count, available)
    if percentage is None:
        return min(DEFAULT_COUNT, available)
    if not 0 < percentage <= 100:
        raise InputError(f"The dry run's percentage is {percentage:g}, expected above 0 and at most 100.")
    return min(max(math.ceil(available * percentage / 100), MIN_COUNT), available)
