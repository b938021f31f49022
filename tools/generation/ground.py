"""Read what one topic offers to recombination: its messages, their neighbours, their values."""

import hashlib
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from lucy.tools.generation.courtesies import Courtesies, learn_courtesies
from lucy.tools.generation.language import find_words, is_english
from lucy.tools.generation.neighbours import Neighbours
from lucy.tools.generation.plan import GenerationPlan
from lucy.tools.generation.sources import Sources
from lucy.tools.generation.turns import Turn, choose_seed_turns, has_answer_key, list_turns
from lucy.tools.generation.values import ValueBank, build_bank
from lucy.tools.records.duplicates import THRESHOLD
from lucy.tools.vocabulary import Message, Record

_MAX_CONTEXT_RATIO = 14
"""A message is varied only where the context has at most so many times its words; beyond that, nearly the
whole prompt stays and it would be a near-duplicate."""
_MOST_STYLE = 3000
"""Records that openings, closings and style are learned from."""
_MOST_IN_TOPIC = 1000
"""Records of one topic that are varied and borrowed from, unless more are wanted; of more, an even sample."""

_FIXED_FIELDS = frozenset(("role", "type", "name", "id", "tool_call_id"))
"""Fields of a message that name its parts; a value in a text may be spelt like one of them."""

_Any = TypeVar("_Any")


@dataclass(frozen=True, slots=True)
class Ground:
    """What one topic offers."""

    seeds: tuple[tuple[Turn, ...], ...]
    """Per seed record the turns worth varying, last first."""
    neighbours: Neighbours
    bank: ValueBank
    is_english: bool


def build_ground(sources: Sources, topic_id: str) -> Ground:
    """Read the records of a topic."""
    plan = sources.plan
    records = choose_records(sources, topic_id)
    found = [(record, choose_seed_turns(record, needs_reply=plan.mode == "sft")) for record in records]
    free = [tuple(turns) for record, turns in found if turns and not has_answer_key(record)]
    keyed = [tuple(turns) for record, turns in found if turns and has_answer_key(record)]
    # Records with an answer key can only be varied around their question: others go first.
    seeds = shuffle([_keep_roomy(turns) for turns in free or keyed], plan)
    donors = [turn for chosen in free for turn in chosen]
    return read_ground(seeds, donors, [turn for record in records for turn in list_turns(record)])


def read_ground(seeds: Sequence[tuple[Turn, ...]], donors: Sequence[Turn], turns: Sequence[Turn]) -> Ground:
    """Put together what a topic offers.

    Args:
        seeds: Turns to vary, per record.
        donors: Turns that parts may be taken from.
        turns: All turns of the topic: values and common words are learned from them.
    """
    english = is_english([turn.text for turn in turns])
    return Ground(tuple(seeds), Neighbours(donors, turns), build_bank(turns), english)


def choose_records(sources: Sources, topic_id: str) -> Sequence[Record]:
    """Give the records of a topic to start from."""
    most = max(_MOST_IN_TOPIC, sources.plan.counts.get(topic_id, 0))
    return thin(sources.by_topic.get(topic_id, ()), most)


def learn_manners(sources: Sources) -> Courtesies:
    """Learn how the people of the whole dataset open and close their messages."""
    return learn_courtesies(
        [turn for record in thin(sources.real, _MOST_STYLE) for turn in list_turns(record)]
    )


def make_rng(seed: int, topic_id: str, attempt: int) -> random.Random:
    """Give the random numbers of one attempt, equal in every process."""
    digest = hashlib.sha256(f"{seed}\x00{topic_id}\x00{attempt}".encode()).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))


def shuffle(items: Sequence[_Any], plan: GenerationPlan) -> list[_Any]:
    """Put items in the order of a plan's seed."""
    shuffled = list(items)
    random.Random(plan.seed).shuffle(shuffled)
    return shuffled


def thin(records: Sequence[Record], most: int) -> Sequence[Record]:
    """Keep an even sample of at most `most` records."""
    return records[:: max(1, -(-len(records) // most))]


def _keep_roomy(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """Drop turns whose message is a small part of what was said before, unless all are."""
    roomy = tuple(
        turn
        for turn in turns
        if len(find_words(turn.history)) <= _MAX_CONTEXT_RATIO * max(3, len(find_words(turn.text)))
    )
    return roomy or turns


def is_apart(message: str, seed: Turn) -> bool:
    """Tell whether a message is far enough from its seed to be no near-duplicate, by an estimate.

    Word triples of the message are compared; those of the context count as shared.
    """
    new, old = _list_triples(message), _list_triples(seed.text)
    context = max(0, len(find_words(seed.history)) - 2)
    return (context + len(new & old)) <= THRESHOLD * (context + len(new | old))


def _list_triples(text: str) -> set[tuple[str, ...]]:
    words = find_words(text)
    return {tuple(words[place : place + 3]) for place in range(max(1, len(words) - 2))}


def replace_values(messages: Sequence[Message], changes: Sequence[tuple[str, str]]) -> tuple[Message, ...]:
    """Put new values into messages that name the old ones, tool calls included.

    All values are replaced in one pass, so that exchanging two values does not merge them.
    """
    if not changes:
        return tuple(messages)
    new = dict(changes)
    longest_first = sorted(new, key=lambda value: (-len(value), value))
    finder = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")
    return tuple(_replace_in(message, finder, new) for message in messages)


def _replace_in(value: Any, finder: re.Pattern[str], new: dict[str, str]) -> Any:
    if isinstance(value, str):
        return finder.sub(lambda hit: new[hit[0]], value)
    if isinstance(value, list):
        parts: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
        return [_replace_in(part, finder, new) for part in parts]
    if isinstance(value, dict):
        fields: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
        return {
            key: part if key in _FIXED_FIELDS else _replace_in(part, finder, new)
            for key, part in fields.items()
        }
    return value
