"""Say what a training will take, how it is split, and what it changed: for a person who knows no ML."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from lucy.nodes.wording import draw_table, quote, show_percent, show_seconds, write
from lucy.tools.training.comparison import MIN_FAMILIES, Change, Comparison
from lucy.tools.training.examples import Example
from lucy.tools.training.forecast import Forecast, Range
from lucy.tools.training.hosted.prices import TrainingPrice
from lucy.tools.training.split import SIMILAR, Split
from lucy.tools.vocabulary import Record, read_user_text

LARGE_GAP = 0.1
"""A gain that is only proved when it is larger than this calls for more held-out prompts."""
POWER = 2.8
"""Smallest difference that is found with 80% power at 5%, in standard errors."""
MOST_TOPICS = 8
"""Topics in the table of results; the others are in the report and in the picture."""


def describe_split(split: Split, records: Sequence[Record], *, aside: int) -> str:
    """Say how the records are divided, what is set aside, and what is still similar across the sides."""
    lines = [
        write(
            "training",
            "split",
            train=f"{len(split.train_ids):,}",
            heldout=f"{len(split.heldout_ids):,}",
            families=f"{split.families:,}",
        ),
        write("training", "aside", aside=aside) if aside else write("training", "no_aside"),
        _describe_leakage(split, {record.id: record for record in records}),
    ]
    return " ".join(lines)


def _describe_leakage(split: Split, records: Mapping[str, Record]) -> str:
    similar = show_percent(SIMILAR)
    if not split.leakage:
        return write("training", "no_leakage", similar=similar)
    first = split.leakage[0]
    said = write(
        "training",
        "leakage",
        count=len(split.leakage),
        similar=similar,
        closest=show_percent(first.similarity),
        one=quote(read_user_text(records[first.heldout_id]), 110),
        other=quote(read_user_text(records[first.train_id]), 110),
    )
    return f"{said} {write('training', 'one_template')}" if split.is_one_template else said


def describe_power(split: Split, spread: float) -> str:
    """Say how small a gain the held-out prompts could prove, and what to do where that is not enough.

    Args:
        split: The split.
        spread: Standard deviation of the dry run's rewards: a cautious figure for that of the change.
    """
    families = len(set(split.heldout_families.values()))
    if families < MIN_FAMILIES:
        remedy = _find_remedy(split, MIN_FAMILIES)
        return write("training", "too_few", families=families, least=MIN_FAMILIES, remedy=remedy)
    gap = POWER * spread / math.sqrt(families)
    if gap <= LARGE_GAP:
        return write("training", "power", gap=f"{gap:.2f}")
    needed = math.ceil((POWER * spread / LARGE_GAP) ** 2)
    wanted, remedy = f"{LARGE_GAP:.2f}", _find_remedy(split, needed)
    return write("training", "weak", gap=f"{gap:.2f}", needed=needed, wanted=wanted, remedy=remedy)


def _find_remedy(split: Split, needed: int) -> str:
    """Say which split would hold out so many unrelated prompts, as long as at least half still train."""
    share = math.floor((1 - needed / split.families) * 20) / 20
    return (
        write("training", "hold_out", share=f"{share:g}")
        if share >= 0.5
        else write("training", "add_records")
    )


def describe_cost(
    found: Forecast, limit: float | None, *, is_local: bool, price: TrainingPrice | None
) -> str:
    """Say what a training costs: nothing, or low, likely and high, by part.

    Args:
        found: The forecast.
        limit: US dollars.
        is_local: It runs on this machine.
        price: What the service asks for the training, where that is known.
    """
    if is_local and found.total.high == 0.0:
        return write("training", "free")
    rows = [(part.name, part.amount, *_show(part.cost)) for part in found.parts]
    rows.append(("**Together**", "", *_show(found.total)))
    said = [
        write("training", "no_limit") if limit is None else write("training", "limit", limit=f"{limit:.2f}")
    ]
    if price is not None:
        said.insert(0, _describe_price(price, limit))
    if found.total.likely is None:
        said.insert(0, write("training", "unknown", known=f"{found.known:.2f}"))
    table = draw_table(("", "Amount", "Low", "Likely", "High"), rows)
    return write("training", "costs", table=table, limit=" ".join(said))


def _describe_price(price: TrainingPrice, limit: float | None) -> str:
    """Say what the service asks, and since when that is known: prices change."""
    day = price.as_of.isoformat()
    if price.per_hour is None:
        return write("training", "by_tokens", price=f"{price.per_million_tokens or 0.0:.2f}", day=day)
    hourly = write("training", "hourly", hourly=f"{price.per_hour:.2f}", day=day)
    if limit is None or not price.per_hour:
        return hourly
    hours = show_seconds(limit / price.per_hour * 3600)
    return f"{hourly} {write('training', 'hourly_limit', limit=f'{limit:.2f}', hours=hours)}"


def _show(cost: Range) -> tuple[str, str, str]:
    low, likely, high = ("unknown" if one is None else f"${one:,.2f}" for one in cost)
    return low, likely, high


def describe_time(seconds: Range, *, is_local: bool) -> str:
    """Say how long a training takes on this machine."""
    if seconds.low is None or seconds.likely is None or seconds.high is None:
        return write("training", "time_unknown" if is_local else "time_elsewhere")
    low, likely, high = (show_seconds(one) for one in (seconds.low, seconds.likely, seconds.high))
    return write("training", "time", low=low, likely=likely, high=high)


def describe_results(result: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Say what a training changed, what it took, and show answers side by side.

    Args:
        result: Of the job.
        names: Names of criteria and of topics, by id.
    """
    comparison = Comparison.model_validate(result["comparison"])
    conclusion = comparison.conclusion.replace(" ", "_")
    if conclusion == "better" and comparison.doubts:
        conclusion = "doubtful"
    examples = [Example.model_validate(one) for one in result.get("examples") or ()]
    return write(
        "training",
        "results",
        headline=write("training", f"headline_{conclusion}"),
        sentence=comparison.sentence,
        table=_draw_changes(comparison, names),
        topics=_describe_topics(comparison, names),
        unlike=_describe_unlike(comparison),
        examples="\n\n".join(_show_example(one) for one in examples),
        best=_describe_best(result),
        took=_describe_took(result),
        model_id=result["model_id"],
        version=result["version"],
    )


def _draw_changes(comparison: Comparison, names: Mapping[str, str]) -> str:
    rows = [("**Reward**", *_show_change(comparison.reward))]
    rows += [(names.get(key, key), *_show_change(change)) for key, change in comparison.criteria.items()]
    rows.append(("Length, words", *_show_change(comparison.words, digits=1)))
    if comparison.refusals is not None:
        rows.append(("Share of answers that refuse", *_show_change(comparison.refusals)))
    return draw_table(("On held-out prompts", "Before", "After", "Change", "95% interval"), rows)


def _show_change(change: Change, digits: int = 3) -> tuple[str, str, str, str]:
    found = change.difference
    interval = f"{found.low95:+.{digits}f} to {found.high95:+.{digits}f}"
    if change.families == 1:
        interval = "unknown"
    return f"{change.before:.{digits}f}", f"{change.after:.{digits}f}", f"{found.value:+.{digits}f}", interval


def _describe_topics(comparison: Comparison, names: Mapping[str, str]) -> str:
    """Show the topics that changed most, those that are certain first."""
    if len(comparison.by_topic) < 2:
        return ""
    order = sorted(
        comparison.by_topic.items(),
        key=lambda pair: (pair[1].certainly == "uncertain", -abs(pair[1].difference.value)),
    )
    rows = [
        (names.get(topic, topic), change.prompts, *_show_change(change)[:3], change.certainly)
        for topic, change in order[:MOST_TOPICS]
    ]
    table = draw_table(("Topic", "Prompts", "Before", "After", "Change", "For certain"), rows)
    return f"{_count_topics(comparison)}\n\n{table}"


def _count_topics(comparison: Comparison) -> str:
    changes = comparison.by_topic.values()
    judged = sum(change.families >= MIN_FAMILIES for change in changes)
    if not judged:
        return write("training", "topics_unjudged", topics=len(changes), least=MIN_FAMILIES)
    return write(
        "training",
        "topics",
        better=sum(change.certainly == "better" for change in changes),
        worse=sum(change.certainly == "worse" for change in changes),
        judged=judged,
        topics=len(changes),
        least=MIN_FAMILIES,
    )


def _describe_unlike(comparison: Comparison) -> str:
    change = comparison.without_lookalikes
    if change is None:
        return ""
    found = change.difference
    return write(
        "training",
        "unlike",
        prompts=change.prompts,
        difference=f"{found.value:+.3f}",
        interval=f"{found.low95:+.3f} to {found.high95:+.3f}",
    )


def _show_example(example: Example) -> str:
    return write(
        "training",
        f"example_{example.kind}",
        prompt=quote(example.prompt, 300),
        before=quote(example.before, 400),
        after=quote(example.after, 400),
        reward_before=f"{example.reward_before:.2f}",
        reward_after=f"{example.reward_after:.2f}",
    )


def _describe_best(result: Mapping[str, Any]) -> str:
    aside = (result.get("split") or {}).get("validation")
    measured = any(one.get("validation_reward") is not None for one in result.get("history") or ())
    slot = "best" if aside and measured else "last"
    if slot == "best" and not result["best_step"]:
        slot = "base_best"
    values = {"aside": aside} if slot != "last" else {}
    return write("training", slot, steps=result["steps"], best_step=result["best_step"], **values)


def _describe_took(result: Mapping[str, Any]) -> str:
    took, told = result.get("took"), result.get("forecast") or {}
    if not took:
        return ""
    cost = f"at least ${took['known']:.2f}" if took["cost"] is None else f"${took['cost']:.2f}"
    parts = [
        write("training", "took", seconds=show_seconds(took["seconds"]), cost=cost),
        _say_told(told.get("seconds"), told.get("cost")),
    ]
    if took["is_resumed"]:
        parts.append(write("training", "took_resumed"))
    return " ".join(part for part in parts if part)


def _say_told(seconds: Sequence[float | None] | None, cost: Sequence[float | None] | None) -> str:
    """Repeat the forecast, so that it stands beside what it came to."""
    said: list[str] = []
    if seconds and None not in seconds:
        low, high = (show_seconds(one or 0.0) for one in (seconds[0], seconds[2]))
        said.append(f"{low} to {high}")
    if cost:
        known = None not in cost
        said.append(f"${cost[0] or 0.0:.2f} to ${cost[2] or 0.0:.2f}" if known else "a cost that is unknown")
    return write("training", "told", said=" and ".join(said)) if said else ""
