"""Plan what to generate: how many records per topic, in how many rounds, and the balance after each.

Two aims. *Balance*: a score of `GOOD`, if need be by going over the limit on synthetic records, which the
person has to agree to. *Size*: `ENOUGH` records a topic where that is possible, within the limit only. The
arithmetic supposes that every record asked for is kept; what a round really gave is measured before the next.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from lucy.tools.generation.plan import StrategyName
from lucy.tools.vocabulary import Message, Record

GOOD = 0.5
"""Balance score from which generating is not recommended."""
WANTED = 0.52
"""Balance score that recommendations aim at: a little above `GOOD`, since some records will be rejected."""
ENOUGH = 100
"""Records that a topic should have where possible."""
GROWTH = 4
"""New records a topic gets in one round, at most, for each real one it has: more variations of one record
mostly repeat each other, and are rejected."""
FIRST_SET = 20
"""New records that a topic without real ones gets in one round, at most: enough to judge what a description
gives."""
LARGEST_FIRST_SET = 1000
"""New records in the first round of a dataset without any."""
MOST_ROUNDS = 5
"""Rounds planned ahead; a balance that needs more is better reached by other topics or targets."""

_HALVINGS = 40


class Round(BaseModel):
    """One generation run of a plan."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    aim: Literal["balance", "size"]
    """`size` rounds come last and are optional: the balance is good without them."""
    counts: dict[str, int]
    """New records per topic id, only topics that get some."""
    expected_score: float
    """Balance score after this round and those before it, if every record is kept."""
    synthetic_share_after: float
    """Share of synthetic records in the whole dataset then, 0 to 1."""
    needs_agreement: bool
    """Whether the share goes over the limit, so that the person has to agree."""


class Reach(NamedTuple):
    """How far generating brings the balance."""

    expected_score: float
    synthetic_share: float
    """Share of synthetic records in the whole dataset then, 0 to 1."""
    records: int
    """New records it takes."""
    rounds: int


class _State(NamedTuple):
    """Where a plan stands after some rounds."""

    counts: dict[str, int]
    total: int
    synthetic: int


class _Bounds(NamedTuple):
    """What no round may pass."""

    targets: Mapping[str, float]
    most: Mapping[str, int]
    """New records per topic in one round."""
    limit: float
    """Share of synthetic records."""


def compute_balance(counts: Mapping[str, int], targets: Mapping[str, float]) -> float:
    """Compute the balance score; 0 without records, 1 with a single topic that has records."""
    ratios = [counts[key] / target for key, target in targets.items() if target > 0]
    largest = max(ratios, default=0.0)
    return min(ratios) / largest if largest > 0 else 0.0


def plan_rounds(
    counts: Mapping[str, int],
    targets: Mapping[str, float],
    *,
    total: int,
    synthetic: int = 0,
    real: Mapping[str, int] | None = None,
    max_synthetic_share: float = 0.3,
) -> tuple[Round, ...]:
    """Plan the rounds that bring the balance to `GOOD`, then those that bring topics to `ENOUGH`.

    First come rounds within the limit, then as many with the person's agreement as `GOOD` takes. A plan
    that ends below `GOOD` cannot reach it sensibly in `MOST_ROUNDS`: a topic has too few real records.

    Args:
        counts: Records per leaf id.
        targets: Share wanted per leaf id, adding up to 1; a target of 0 gets nothing.
        total: All records, those without a topic included.
        synthetic: How many of them are synthetic already.
        real: Real records per leaf id; the counts when None.
        max_synthetic_share: Limit on the share of synthetic records, 0 to 1; 1 is no limit.
    """
    wanted = {key: target for key, target in targets.items() if target > 0}
    grown = counts if real is None else real
    bounds = _Bounds(wanted, _bound_growth(wanted, grown, is_empty=not any(counts.values())), 0.0)
    state = _State({key: counts.get(key, 0) for key in wanted}, total, synthetic)
    rounds: list[Round] = []
    for limit in (max_synthetic_share, 1.0):
        state = _add_balance_rounds(rounds, state, bounds._replace(limit=limit), agreed=max_synthetic_share)
    if compute_balance(state.counts, wanted) >= GOOD:
        growth = {key: GROWTH * grown.get(key, 0) for key in wanted}
        _add_size_round(rounds, state, bounds._replace(most=growth, limit=max_synthetic_share))
    return tuple(rounds)


def find_reach(rounds: Sequence[Round], score: float, share: float, *, agreed: bool) -> Reach:
    """Say how far the balance rounds bring the score.

    Args:
        rounds: The plan.
        score: Balance score now.
        share: Share of synthetic records now, 0 to 1.
        agreed: Whether to count the rounds that the person has to agree to.
    """
    taken = [one for one in rounds if one.aim == "balance" and (agreed or not one.needs_agreement)]
    if not taken:
        return Reach(score, share, 0, 0)
    records = sum(sum(one.counts.values()) for one in taken)
    return Reach(taken[-1].expected_score, taken[-1].synthetic_share_after, records, len(taken))


def find_room(total: int, synthetic: int, share: float) -> float:
    """Count the records that can be added before synthetic ones exceed their share of all.

    Infinite for a share of 1, which is no limit.
    """
    if share >= 1:
        return math.inf
    # A hair of slack: 0.3 x 10 is a little less than 3 in binary fractions.
    return max(0, math.floor((share * total - synthetic) / (1 - share) + 1e-9))


def suggest_strategies(
    records: Sequence[Record], topics: Mapping[str, str], leaf_ids: Sequence[str]
) -> dict[str, StrategyName]:
    """Suggest per topic how to make records, from what its real records are like.

    None: `topic_description`. Most with tool calls: `tool_chain`. Half or more with earlier turns, whose
    context can be kept: `message_variation`. Else `few_shot`.

    Args:
        records: All records.
        topics: Topic id per record id.
        leaf_ids: The topics to suggest for.
    """
    found: dict[str, list[Record]] = {leaf_id: [] for leaf_id in leaf_ids}
    for record in records:
        topic_id = topics.get(record.id)
        if topic_id in found and not record.is_synthetic:
            found[topic_id].append(record)
    return {leaf_id: _suggest(inside) for leaf_id, inside in found.items()}


def _suggest(records: Sequence[Record]) -> StrategyName:
    if not records:
        return "topic_description"
    if 2 * sum(_calls_tools((*record.prompt, *record.reply)) for record in records) > len(records):
        return "tool_chain"
    if 2 * sum(_has_earlier_turns(record) for record in records) >= len(records):
        return "message_variation"
    return "few_shot"


def _calls_tools(messages: Sequence[Message]) -> bool:
    return any(message.get("tool_calls") for message in messages)


def _has_earlier_turns(record: Record) -> bool:
    return any(message.get("role") == "assistant" for message in record.prompt)


def _bound_growth(targets: Mapping[str, float], real: Mapping[str, int], *, is_empty: bool) -> dict[str, int]:
    """Bound the new records per topic and round."""
    first = min(FIRST_SET, max(1, LARGEST_FIRST_SET // max(1, len(targets))))
    if is_empty:
        # A first set follows the targets; their mean is 1 / number of topics.
        return {key: max(1, math.ceil(first * len(targets) * target)) for key, target in targets.items()}
    return {key: GROWTH * real.get(key, 0) or FIRST_SET for key in targets}


def _add_balance_rounds(rounds: list[Round], state: _State, bounds: _Bounds, *, agreed: float) -> _State:
    """Add rounds until the balance is good, nothing more can be added, or there are enough."""
    while len(rounds) < MOST_ROUNDS and compute_balance(state.counts, bounds.targets) < GOOD:
        added = _fill_balance(state, bounds, rounds_left=MOST_ROUNDS - len(rounds))
        after = _apply(state, added)
        if not added or compute_balance(after.counts, bounds.targets) < compute_balance(
            state.counts, bounds.targets
        ):
            break
        rounds.append(_describe("balance", added, after, bounds, agreed))
        state = after
    return state


def _add_size_round(rounds: list[Round], state: _State, bounds: _Bounds) -> None:
    added = _fill_size(state, bounds)
    after = _apply(state, added)
    # Rounding to whole records can cost a trace of balance, never the good score.
    if added and compute_balance(after.counts, bounds.targets) >= GOOD:
        rounds.append(_describe("size", added, after, bounds, bounds.limit))


def _describe(
    aim: Literal["balance", "size"], added: dict[str, int], after: _State, bounds: _Bounds, agreed: float
) -> Round:
    share = after.synthetic / after.total
    return Round(
        aim=aim,
        counts=added,
        expected_score=compute_balance(after.counts, bounds.targets),
        synthetic_share_after=share,
        needs_agreement=share > agreed + 1e-9,
    )


def _apply(state: _State, added: Mapping[str, int]) -> _State:
    more = sum(added.values())
    counts = {key: count + added.get(key, 0) for key, count in state.counts.items()}
    return _State(counts, state.total + more, state.synthetic + more)


def _fill_balance(state: _State, bounds: _Bounds, *, rounds_left: int) -> dict[str, int]:
    """Fill every topic up to a level that the fullest one sets, or as far as bounds and room allow.

    Adding to a topic never lowers the largest ratio of count to target, so lifting every topic to a share of
    that ratio gives exactly that share as balance score. No topic is lifted over the level that the weakest
    can reach in the rounds left: the score would not show it.
    """
    fullest = max(state.counts[key] / target for key, target in bounds.targets.items())
    if fullest == 0:
        return _fill(lambda level: {key: level * count for key, count in bounds.most.items()}, state, bounds)
    reachable = min(
        (state.counts[key] + rounds_left * bounds.most[key]) / target
        for key, target in bounds.targets.items()
    )
    wanted = min(WANTED * fullest, reachable)
    return _fill(
        lambda level: {key: level * wanted * target for key, target in bounds.targets.items()}, state, bounds
    )


def _fill_size(state: _State, bounds: _Bounds) -> dict[str, int]:
    """Fill every topic up to `ENOUGH`, keeping to the targets: no topic gets fuller than the fullest may be.

    So a topic with a small target, or few real records, may stay below `ENOUGH`, and so may others with it.
    """
    fullest = max(state.counts[key] / target for key, target in bounds.targets.items())
    possible = min((state.counts[key] + bounds.most[key]) / target for key, target in bounds.targets.items())
    top = max(fullest, min(ENOUGH / max(bounds.targets.values()), possible))
    return _fill(
        lambda level: {
            # The hair of slack keeps ceil from asking for one more than a product that is whole.
            key: min(ENOUGH, math.floor(level * top * target + 1e-9))
            for key, target in bounds.targets.items()
        },
        state,
        bounds,
    )


def _fill(
    lift: Callable[[float], Mapping[str, float]],
    state: _State,
    bounds: _Bounds,
) -> dict[str, int]:
    """Give the additions of the highest level, 0 to 1, for which there is room."""
    room = find_room(state.total, state.synthetic, bounds.limit)

    def add(level: float) -> dict[str, int]:
        missing = {
            key: min(bounds.most[key], math.ceil(count - 1e-9) - state.counts[key])
            for key, count in lift(level).items()
        }
        return {key: count for key, count in missing.items() if count > 0}

    if sum(add(1.0).values()) <= room:
        return add(1.0)
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(add(middle).values()) <= room else (low, middle)
    return add(low)
