"""Find exact duplicates and near-duplicates of conversations.

Exact: equal after folding (NFKC, case, blanks), with equal roles, tool calls and tools offered. Near: the
word triples of two texts have a Jaccard similarity over 0.9; candidates come from MinHash (rensa), each is
then confirmed on the triples themselves. Punctuation and case do not count. A text of fewer than three words
is near only to a text of the same words. What this does not find: the same thing said in other words.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from lucy.tools.records.shingles import (
    BANDS,
    PERMUTATIONS,
    ROWS,
    Sample,
    Shingled,
    Signatures,
    compare,
    shingle,
)
from lucy.tools.records.words import WordHashes, fold_text, hash_words, separate_words
from lucy.tools.vocabulary import Message, Record, read_text

THRESHOLD = 0.9
"""Texts are near-duplicates when their Jaccard similarity is over this."""

_BATCH = 1000
_REACH = 4
_MARKS = {"user": "\x01", "assistant": "\x02", "tool": "\x03"}
_SYSTEM_MARK = "\x04"


class Fingerprint(NamedTuple):
    """What of a record is compared with others."""

    digest: bytes
    """Equal for exact duplicates: the first 16 bytes of a SHA-256."""
    prompt: str
    """Folded text of the prompt without system messages, which whole datasets share."""
    reply: str
    """Folded text of the reply; empty when there is none."""


def fingerprint(
    prompt: Sequence[Message], reply: Sequence[Message], tools: Sequence[dict[str, Any]] = ()
) -> Fingerprint:
    """Fold a conversation, and the tools offered in it, once for both kinds of duplicates."""
    system = [message for message in prompt if message["role"] not in _MARKS]
    asked = fold_text(_join_marked([message for message in prompt if message["role"] in _MARKS]))
    answered = fold_text(_join_marked(reply))
    offered = msgspec.json.encode(tools, order="sorted").decode() if tools else ""
    key = "\x00".join((fold_text(_join_marked(system)), asked, answered, offered))
    digest = hashlib.sha256(key.encode("utf-8", "replace")).digest()[:16]
    return Fingerprint(digest, asked, answered)


def fingerprint_record(record: Record) -> Fingerprint:
    """Fold a record for both kinds of duplicates."""
    return fingerprint(record.prompt, record.reply, record.tools)


def _join_marked(messages: Sequence[Message]) -> str:
    """Join the texts and tool calls of messages, each after a mark for its role."""
    parts: list[str] = []
    for message in messages:
        content = message.get("content")
        parts.append(_MARKS.get(message["role"], _SYSTEM_MARK))
        parts.append(content if isinstance(content, str) else read_text([message]))
        if message.get("tool_calls"):
            parts.append(_write_calls(message))
    return " ".join(parts)


def _write_calls(message: Message) -> str:
    """Write tool calls without their ids, which differ between copies of one conversation."""
    calls = [{key: value for key, value in call.items() if key != "id"} for call in message["tool_calls"]]
    return msgspec.json.encode(calls, order="sorted").decode()


def are_near_duplicates(left: str, right: str, threshold: float = THRESHOLD) -> bool:
    """Tell whether two texts share more than `threshold` of their word triples."""
    first, second = _shingle_texts([left, right]).samples
    return compare(first, second) > threshold


def _shingle_texts(texts: Sequence[str]) -> Shingled:
    return shingle(hash_words([separate_words(fold_text(text)) for text in texts]))


class NearDuplicateIndex:
    """Texts that new ones are compared with, one at a time."""

    def __init__(self, threshold: float = THRESHOLD) -> None:
        """Start without texts.

        Args:
            threshold: Jaccard similarity, 0 to 1, over which texts are near-duplicates. The share of
                pairs found is 0.9999 at a similarity of 0.9, 0.95 at 0.8, 0.61 at 0.7.
        """
        self._threshold = threshold
        self._keys: list[str] = []
        self._samples: list[Sample] = []
        self._buckets: dict[bytes, list[int]] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, key: str, text: str) -> None:
        """Remember a text under a key."""
        shingled = _shingle_texts([text])
        for bucket in _list_buckets(shingled.signatures):
            self._buckets.setdefault(bucket, []).append(len(self._keys))
        self._keys.append(key)
        self._samples.append(shingled.samples[0])

    def find(self, text: str) -> str | None:
        """Give the key of the first remembered near-duplicate, None when there is none."""
        shingled = _shingle_texts([text])
        found = {
            place for bucket in _list_buckets(shingled.signatures) for place in self._buckets.get(bucket, ())
        }
        for place in sorted(found):
            if compare(shingled.samples[0], self._samples[place]) > self._threshold:
                return self._keys[place]
        return None


def _list_buckets(signature: Signatures) -> list[bytes]:
    data = signature.tobytes()
    width = len(data) // BANDS
    return [bytes((band,)) + data[band * width : (band + 1) * width] for band in range(BANDS)]


def find_families(ids: Sequence[str], texts: Sequence[str]) -> dict[str, str]:
    """Group near-duplicate texts.

    Families are closed: where A is near B and B near C, all three are one family.

    Returns:
        For each member of a family of two or more the id of the family's first member, in the given order.
    """
    finder = FamilyFinder()
    for start in range(0, len(ids), _BATCH):
        prompts = [fold_text(text) for text in texts[start : start + _BATCH]]
        finder.add(ids[start : start + _BATCH], prompts, [""] * len(prompts))
    return finder.find()


class FamilyFinder:
    """Collects conversations in batches and groups them at the end.

    Two are near when their whole texts are, or their prompts alone: one question with two answers is one
    family, so that it cannot stand on both sides of a split. Takes about 3 kB of memory for a conversation of
    280 words, at most 10 kB for any.
    """

    def __init__(self) -> None:
        """Start without conversations."""
        self._names: list[str] = []
        self._owners: list[int] = []
        self._samples: list[Sample] = []
        self._signatures: list[Signatures] = []

    def add(self, ids: Sequence[str], prompts: Sequence[str], replies: Sequence[str]) -> None:
        """Take a batch of conversations: ids, each new, and folded texts; a reply may be empty."""
        halves = [
            separate_words(half) if half else ""
            for pair in zip(prompts, replies, strict=True)
            for half in pair
        ]
        words = hash_words(halves)
        ends: list[int] = np.cumsum(words.counts).tolist()
        parts: list[NDArray[np.uint64]] = []
        start = 0
        for place, (middle, end) in enumerate(zip(ends[::2], ends[1::2], strict=True), len(self._names)):
            # Prompt and reply lie side by side, so that the whole needs no hashing of its own.
            parts.append(words.hashes[start:end])
            self._owners.append(place)
            if middle < end:
                parts.append(words.hashes[start:middle])
                self._owners.append(place)
            start = end
        self._names.extend(ids)
        self._remember(parts)

    def _remember(self, parts: Sequence[NDArray[np.uint64]]) -> None:
        if not parts:
            return
        counts = np.array([len(part) for part in parts], dtype=np.int64)
        shingled = shingle(WordHashes(np.concatenate(parts), counts))
        self._samples.extend(shingled.samples)
        self._signatures.append(shingled.signatures)

    def find(self) -> dict[str, str]:
        """Group what was added; see `find_families`."""
        if not self._owners:
            return {}
        signatures = np.concatenate(self._signatures)
        self._signatures = [signatures]
        roots = np.arange(len(self._names))
        owners = np.array(self._owners)
        for band in range(BANDS):
            first, second = _pair_bucket_mates(signatures[:, band * ROWS : (band + 1) * ROWS])
            apart = roots[owners[first]] != roots[owners[second]]
            self._join(roots, signatures, first[apart], second[apart])
        return self._name_families(roots)

    def _join(
        self,
        roots: NDArray[np.int64],
        signatures: Signatures,
        first: NDArray[np.int64],
        second: NDArray[np.int64],
    ) -> None:
        """Join the owners of those pairs that their triples confirm; `roots` is changed."""
        likely = _estimate_jaccard(signatures, first, second) > THRESHOLD - 0.08
        for left, right in zip(first[likely].tolist(), second[likely].tolist(), strict=True):
            here, there = _find_root(roots, self._owners[left]), _find_root(roots, self._owners[right])
            if here != there and compare(self._samples[left], self._samples[right]) > THRESHOLD:
                roots[max(here, there)] = min(here, there)
        while not np.array_equal(roots, roots[roots]):
            roots[:] = roots[roots]

    def _name_families(self, roots: NDArray[np.int64]) -> dict[str, str]:
        names = self._names
        sizes = np.bincount(roots, minlength=len(names))
        members: list[int] = np.flatnonzero(sizes[roots] > 1).tolist()
        return {names[place]: names[int(roots[place])] for place in members}


def _find_root(roots: NDArray[np.int64], place: int) -> int:
    while (above := int(roots[place])) != place:
        place = above
    return place


class _Pairs(NamedTuple):
    first: NDArray[np.int64]
    second: NDArray[np.int64]


def _pair_bucket_mates(band: Signatures) -> _Pairs:
    """Pair the rows that are equal in one band, each with the four before it and the first of its bucket.

    Pairing all would be quadratic in datasets made from one template.
    """
    factors = np.random.default_rng(0).integers(0, 2**63, size=band.shape[1], dtype=np.uint64) * 2 + 1
    keys: NDArray[np.uint64] = (band.astype(np.uint64) * factors).sum(axis=1, dtype=np.uint64)
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    opens = np.concatenate(([True], ordered[1:] != ordered[:-1]))
    heads = np.maximum.accumulate(np.where(opens, np.arange(len(order)), 0))
    first = [order[heads[~opens]]]
    second = [order[~opens]]
    for distance in range(1, _REACH + 1):
        mates = np.flatnonzero(ordered[distance:] == ordered[:-distance])
        first.append(order[mates])
        second.append(order[mates + distance])
    return _Pairs(np.concatenate(first), np.concatenate(second))


def _estimate_jaccard(
    signatures: Signatures, first: NDArray[np.int64], second: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Estimate the Jaccard of pairs from their signatures, in slices so that memory stays small."""
    estimates = np.empty(len(first), dtype=np.float64)
    for start in range(0, len(first), 50_000):
        part = slice(start, start + 50_000)
        estimates[part] = (signatures[first[part]] == signatures[second[part]]).sum(axis=1) / PERMUTATIONS
    return estimates
