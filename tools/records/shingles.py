"""Turn texts into sets of word triples, and those into MinHash signatures."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lucy.tools.records.words import WordHashes

Hashes = NDArray[np.uint32]
"""Hashes of a text's word triples, possibly with repetitions."""

Signatures = NDArray[np.uint32]
"""MinHash signatures, one row per text."""

PERMUTATIONS = 128
"""Length of a signature; the Jaccard it estimates has a standard deviation of 0.027 at 0.9."""

BANDS = 16
"""Bands of a signature. A pair is a candidate when one band of 8 agrees: at a Jaccard of 0.9 that is
1 - (1 - 0.9^8)^16 = 0.9999, at 0.5 it is 0.06 (Leskovec, Rajaraman, Ullman, Mining of Massive Datasets,
3.4)."""

ROWS = PERMUTATIONS // BANDS

MAX_HASHES = 1024
"""Most triples kept of one text, so that a dataset of long texts fits in memory."""

_SEED = 0
_FACTORS = np.array((0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9), dtype=np.uint64)
"""Odd multipliers that make a triple's hash depend on the order of its words (from xxHash64)."""


class Sample(NamedTuple):
    """The word triples of one text, or of a long text an even part of them."""

    hashes: Hashes
    step: int
    """One in this many was kept: those whose hash it divides. A power of two; 1 is all."""


class Shingled(NamedTuple):
    """Texts as hashes of their word triples."""

    samples: list[Sample]
    """One per text; empty for a text of blanks only."""
    signatures: Signatures


def shingle(words: WordHashes) -> Shingled:
    """Hash the word triples of texts and sign them.

    A text of fewer than three words is one triple, so that it is near only to a text of the same words.
    """
    from rensa.rensa import RMinHash

    if not len(words.counts):
        return Shingled([], np.empty((0, PERMUTATIONS), dtype=np.uint32))
    triples, ends = _combine(words)
    offsets = np.concatenate(([0], ends)).astype(np.uint64)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(triples, offsets, PERMUTATIONS, _SEED)
    signatures: Signatures = np.array(matrix.to_rows(), dtype=np.uint32)
    return Shingled(_cut_samples((triples >> np.uint64(32)).astype(np.uint32), ends), signatures)


class _Triples(NamedTuple):
    hashes: NDArray[np.uint64]
    ends: NDArray[np.int64]
    """Where in `hashes` each text ends."""


def _combine(words: WordHashes) -> _Triples:
    """Hash each three words in a row; where a text has no third or second word, 0 stands for it."""
    following = np.concatenate((words.hashes, np.zeros(2, dtype=np.uint64)))
    ends = np.repeat(np.cumsum(words.counts), words.counts)
    places = np.arange(len(words.hashes))
    second = np.where(places + 1 < ends, following[1:-1], 0).astype(np.uint64)
    third = np.where(places + 2 < ends, following[2:], 0).astype(np.uint64)
    mixed: NDArray[np.uint64] = words.hashes * _FACTORS[0] + second * _FACTORS[1] + third * _FACTORS[2]
    mixed ^= mixed >> np.uint64(32)
    mixed *= _FACTORS[0]
    mixed ^= mixed >> np.uint64(29)
    begins = ends - np.repeat(words.counts, words.counts)
    return _Triples(mixed[(places + 2 < ends) | (places == begins)], np.cumsum(_count_triples(words.counts)))


def _count_triples(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.maximum(counts - 2, np.minimum(counts, 1))


def _cut_samples(triples: Hashes, ends: NDArray[np.int64]) -> list[Sample]:
    samples: list[Sample] = []
    start = 0
    for end in ends.tolist():
        samples.append(thin(triples[start:end].copy()))
        start = end
    return samples


def thin(hashes: Hashes) -> Sample:
    """Keep at most `MAX_HASHES` triples of a text, chosen by their hash and so the same in every text."""
    step = 1
    if len(hashes) > MAX_HASHES:
        hashes = np.unique(hashes)
    while len(hashes) > MAX_HASHES:
        step *= 2
        hashes = hashes[hashes % step == 0]
    return Sample(hashes, step)


def compare(left: Sample, right: Sample) -> float:
    """Give the Jaccard similarity of two texts' word triples, 0 to 1; 0 when one has none.

    Exact up to 1,024 different triples, beyond that an estimate with a standard deviation below 0.014.
    """
    step = max(left.step, right.step)
    ours, theirs = np.unique(left.hashes), np.unique(right.hashes)
    if step > 1:
        ours, theirs = ours[ours % step == 0], theirs[theirs % step == 0]
    shared = len(np.intersect1d(ours, theirs, assume_unique=True))
    total = len(ours) + len(theirs) - shared
    return shared / total if total else 0.0
