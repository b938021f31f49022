"""Plan, preview and run a generation of records; the coverage step and the topics step share it.

One wish of the person becomes one plan a strategy: topics whose records suit another way of generating are
made in a batch of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lucy.errors import GateError, InputError
from lucy.graph.state import FinetuneWorkflowState, Place, Ref
from lucy.nodes.coverage_report import make_report, map_topics
from lucy.nodes.progress import open_progress
from lucy.nodes.reading import (
    has_artefact,
    read_batches,
    read_current_records,
    read_edits,
    read_topics,
    read_tree,
)
from lucy.nodes.step import get_workflow_id
from lucy.nodes.wording import quote, show_cost, write
from lucy.tools.calls.door import Door
from lucy.tools.coverage_plan import suggest_strategies
from lucy.tools.generation.estimate import estimate
from lucy.tools.generation.plan import GenerationPlan, Mode, StrategyName
from lucy.tools.generation.result import GenerationResult
from lucy.tools.generation.run import generate, preview
from lucy.tools.store.artefacts import put_artefact
from lucy.tools.store.datasets import add_batch_records, read_batch
from lucy.tools.store.encoding import hash_content
from lucy.tools.store.generation import Generation, add_generation, read_generations
from lucy.tools.topics.tree import TopicTree, leaves
from lucy.tools.vocabulary import Record, read_last_user_text, read_reply_text
from lucy.tools.workbench import Workbench

PREVIEWED = 5
"""Records shown before a run."""
PARTS = "abcdefgh"
"""Letters for the parts of a round, one a strategy."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person wants generated."""

    counts: Mapping[str, int] = field(default_factory=dict[str, int])
    """Records per topic id."""
    strategy: StrategyName | None = None
    """None takes, per topic, what suits its records."""
    mode: Mode = "rft"
    record_ids: tuple[str, ...] = ()
    """Vary exactly these records; then `counts` is empty."""
    variations_per_record: int | None = None

    @property
    def is_named(self) -> bool:
        """Tell whether topics or records are named, with whatever number."""
        return bool(self.counts or self.record_ids)

    @property
    def total(self) -> int:
        """Records wanted."""
        return sum(self.counts.values()) or len(self.record_ids) * (self.variations_per_record or 1)


class Made(NamedTuple):
    """What a run gave."""

    results: tuple[GenerationResult, ...]
    strategies: tuple[StrategyName, ...]
    ref: Ref
    """The dataset with the new batches."""
    before: float
    after: float
    """Balance score; 0 where there are no topics yet."""

    @property
    def valid(self) -> int:
        """Records kept."""
        return sum(result.valid for result in self.results)

    @property
    def made(self) -> int:
        """Drafts tried."""
        return sum(result.made for result in self.results)


def read_wish(plan: Mapping[str, Any]) -> Wish:
    """Read a wish from a proposal's plan."""
    return Wish(
        counts=dict(plan.get("counts") or {}),
        strategy=plan.get("strategy"),
        mode=plan.get("mode") or "rft",
        record_ids=tuple(plan.get("record_ids") or ()),
        variations_per_record=plan.get("variations_per_record"),
    )


def make_plans(state: FinetuneWorkflowState, bench: Workbench, wish: Wish) -> list[GenerationPlan]:
    """Make the plans of a wish; a batch is addressed by content, so that a resumed run finds what it stored.

    Raises:
        InputError: the wish cannot be carried out: a count, a topic or a record that is not possible.
    """
    batches = read_batches(state, bench)
    done = {find_round(row["batch"]) for row in read_generations(bench.store, get_workflow_id(state))}
    rounds = len(done)
    sorted_as = ((state.get("artefacts") or {}).get("categories") or {"sha": ""})["sha"]
    plans: list[GenerationPlan] = []
    for number, (strategy, counts) in enumerate(_part(state, bench, wish).items()):
        # The number of earlier rounds counts: after a batch was taken back, the same wish makes others.
        parts = (
            sorted_as,
            batches,
            rounds,
            strategy,
            counts,
            wish.record_ids,
            wish.mode,
            bench.settings.seed,
        )
        key = hash_content("batch", state.get("dataset_id"), *parts)
        values: dict[str, Any] = {
            "batch": f"gen-{rounds + 1}{PARTS[number]}-{key[:8]}",
            "strategy": strategy,
            "mode": wish.mode,
            "goal": (state.get("goal") or "")[:2000],
            "seed": bench.settings.seed + rounds + number,
        }
        if wish.record_ids:
            each = wish.variations_per_record
            plans.append(GenerationPlan(**values, record_ids=wish.record_ids, variations_per_record=each))
        else:
            plans.append(GenerationPlan(**values, counts=counts))
    return plans


def find_round(batch: str) -> str:
    """Give the number of the round that a batch was made in: `gen-3b-...` is the second part of round 3."""
    return batch.split("-")[1].rstrip(PARTS)


def _part(state: FinetuneWorkflowState, bench: Workbench, wish: Wish) -> dict[StrategyName, dict[str, int]]:
    """Group the topics by the strategy that suits them, or take the one that the person chose."""
    if wish.record_ids or wish.strategy:
        return {wish.strategy or "message_variation": dict(wish.counts)}
    records = read_current_records(state, bench)
    topics = map_topics(read_topics(state, bench, records))
    suits = suggest_strategies(records, topics, list(wish.counts))
    parts: dict[StrategyName, dict[str, int]] = {}
    for topic_id, count in wish.counts.items():
        parts.setdefault(suits[topic_id], {})[topic_id] = count
    return parts


def name_strategies(state: FinetuneWorkflowState, bench: Workbench, wish: Wish) -> list[StrategyName]:
    """Name the strategies that a wish uses."""
    return list(_part(state, bench, wish))


def describe_plan(state: FinetuneWorkflowState, bench: Workbench, wish: Wish) -> str:
    """Say who will write the records and what that costs, before anything is spent."""
    door = open_door(state, bench)
    if door is None:
        return write("coverage_generation", "costs_nothing")
    records, tree, topics = _read_ground(state, bench)
    found = [estimate(plan, records, topics, door=door, tree=tree) for plan in make_plans(state, bench, wish)]
    costs = [one.cost for one in found]
    cost = None if None in costs else sum(one for one in costs if one is not None)
    return write(
        "coverage_generation",
        "costs",
        model=door.model,
        calls=f"{sum(one.calls for one in found):,}",
        tokens=f"{sum(one.prompt_tokens + one.completion_tokens for one in found):,}",
        cost=show_cost(cost),
    )


def open_door(state: FinetuneWorkflowState, bench: Workbench) -> Door | None:
    """Give the door to the model that writes records, if one is set."""
    return bench.open_door("generator", workflow_id=get_workflow_id(state), step="coverage_generation")


def _read_ground(
    state: FinetuneWorkflowState, bench: Workbench
) -> tuple[list[Record], TopicTree | None, dict[str, str]]:
    records = read_current_records(state, bench)
    if not has_artefact(state, "topics"):
        return records, None, {}
    return records, read_tree(state, bench), map_topics(read_topics(state, bench, records))


def check_wish(state: FinetuneWorkflowState, bench: Workbench, wish: Wish) -> None:
    """Refuse what cannot be generated, before anything is asked or spent.

    Raises:
        InputError: a count, a topic or a record that is not possible.
    """
    known = {leaf.id for leaf in leaves(read_tree(state, bench))} if has_artefact(state, "topics") else set()
    unknown = sorted(set(wish.counts) - known)
    if unknown:
        raise InputError(
            f"There is no topic with the id {unknown[0]!r} to generate for; name one of the topics."
        )
    ids = {record.id for record in read_current_records(state, bench)}
    missing = [one for one in wish.record_ids if one not in ids]
    if missing:
        raise InputError(f"There is no record {missing[0]!r} to vary; name records of this dataset.")
    make_plans(state, bench, wish)


def show_preview(state: FinetuneWorkflowState, bench: Workbench, wish: Wish) -> str:
    """Show the first few records that a wish would make; nothing is stored."""
    records, tree, topics = _read_ground(state, bench)
    door = open_door(state, bench)
    samples: list[Record] = []
    for plan in make_plans(state, bench, wish):
        if len(samples) < PREVIEWED:
            samples += preview(plan, records, topics, tree=tree, door=door, size=PREVIEWED - len(samples))
    lines = [f"{number}. > {_show(one)}" for number, one in enumerate(samples, 1)]
    if not lines:
        return write("coverage_generation", "no_preview")
    return write("coverage_generation", "preview", count=len(lines), samples="\n".join(lines))


def _show(record: Record) -> str:
    """Show a record by its new message, and by its reply where it has one."""
    reply = read_reply_text(record)
    return quote(read_last_user_text(record)) + (f" → *{quote(reply, 120)}*" if reply else "")


def run_wish(state: FinetuneWorkflowState, bench: Workbench, wish: Wish, *, step: Place) -> Made:
    """Generate; what an interrupted run has stored is gone on with, not made or paid again."""
    before = _measure(state, bench)
    results: list[GenerationResult] = []
    plans = make_plans(state, bench, wish)
    for plan in plans:
        results.append(_run(state, bench, plan, step))
    kept = [plan.batch for plan, result in zip(plans, results, strict=True) if result.valid]
    ref = put_dataset(state, bench, batches=[*read_batches(state, bench), *kept], reason="generated")
    after_state: Any = {**state, "artefacts": {**(state.get("artefacts") or {}), "dataset": ref}}
    after = _measure(after_state, bench)
    for plan, result in zip(plans, results, strict=True):
        _add_history(state, bench, plan, result, before=before, after=after)
    return Made(tuple(results), tuple(plan.strategy for plan in plans), ref, before, after)


def _run(
    state: FinetuneWorkflowState, bench: Workbench, plan: GenerationPlan, step: Place
) -> GenerationResult:
    store, dataset_id = bench.store, state.get("dataset_id") or ""
    records, tree, topics = _read_ground(state, bench)
    return generate(
        plan,
        records,
        topics,
        tree=tree,
        door=open_door(state, bench),
        stored=read_batch(store, dataset_id, plan.batch),
        keep=lambda made: add_batch_records(store, dataset_id, plan.batch, made),
        progress=open_progress(state, bench, step),
    )


def _measure(state: FinetuneWorkflowState, bench: Workbench) -> float:
    return make_report(state, bench).balance_score if has_artefact(state, "topics") else 0.0


def _add_history(
    state: FinetuneWorkflowState,
    bench: Workbench,
    plan: GenerationPlan,
    result: GenerationResult,
    *,
    before: float,
    after: float,
) -> None:
    rejected = {str(reason): count for reason, count in result.rejected.items()}
    row = Generation(
        plan.batch, plan.strategy, dict(plan.counts), result.made, result.valid, rejected, before, after
    )
    add_generation(bench.store, get_workflow_id(state), row)


def put_dataset(
    state: FinetuneWorkflowState,
    bench: Workbench,
    *,
    batches: list[str] | None = None,
    edits: list[str] | None = None,
    reason: str,
) -> Ref:
    """Store which batches and edits belong to the records from now on; what is left out stays stored."""
    body = {
        "dataset_id": state.get("dataset_id") or "",
        "batches": read_batches(state, bench) if batches is None else batches,
        "edits": read_edits(state, bench) if edits is None else edits,
    }
    ref = put_artefact(bench.store, get_workflow_id(state), "dataset", body, reason=reason)
    return Ref(revision=ref["revision"], sha=ref["sha"])


def check_agreement(share: float, limit: float, *, agreed: bool) -> None:
    """Hold the limit on synthetic records, unless the person agreed to go over it.

    Raises:
        GateError: the share would be over the limit and nobody agreed.
    """
    if share > limit + 1e-9 and not agreed:
        raise GateError(
            f"That would make {share:.0%} of the records synthetic, over the limit of {limit:.0%}; "
            "it needs the person's agreement."
        )
