"""Choose what to propose in the coverage step, offer it, and say why."""

from typing import Any

from lucy.graph.state import Choice, FinetuneWorkflowState
from lucy.nodes.coverage_report import describe_rounds, expect_score, expect_share
from lucy.nodes.generating import Wish, describe_plan, name_strategies, read_wish
from lucy.nodes.reading import read_artefact, read_current_records, read_tree
from lucy.nodes.step import get_workflow_id
from lucy.nodes.wording import show_percent, write
from lucy.tools.coverage import CoverageReport
from lucy.tools.coverage_plan import GOOD, Round
from lucy.tools.store.generation import read_generations
from lucy.tools.topics.tree import iterate
from lucy.tools.workbench import Workbench

ADVICE: dict[str, tuple[str, ...]] = {
    "recommend": ("total", "how", "topics", "expected", "rounds", "plan"),
    "over_limit": ("total", "how", "topics", "expected", "rounds", "plan", "share", "limit"),
    "first_set": ("total", "how", "topics", "expected", "rounds", "plan"),
    "asked": ("total", "how", "topics", "expected", "plan"),
    "size": ("total", "how", "plan"),
}
"""Figures that each kind of advice gives."""


def choose_wish(
    state: FinetuneWorkflowState, bench: Workbench, report: CoverageReport, changes: dict[str, Any]
) -> Wish:
    """Take what the person asks for; else what the balance needs next."""
    wish = read_wish(changes)
    if wish.is_named or is_checkable(state, bench):
        return wish
    following = _find_next_round(state, bench, report)
    counts = following.counts if following else {}
    return Wish(counts=counts, strategy=wish.strategy, mode=wish.mode)


def is_checkable(state: FinetuneWorkflowState, bench: Workbench) -> bool:
    """Tell whether most records carry a reference answer, which a varied question would not have."""
    records = read_current_records(state, bench)
    return sum("reference_answer" in record.item for record in records) * 2 > len(records)


def _find_next_round(state: FinetuneWorkflowState, bench: Workbench, report: CoverageReport) -> Round | None:
    """Give the next round of the plan.

    After a round for these topics that brought the balance no further, the same again would go in circles.
    """
    following = report.rounds[0] if report.rounds else None
    done = read_generations(bench.store, get_workflow_id(state))
    last = done[-1] if done else None
    stuck = last and last["valid"] == 0 and last["balance_after"] <= last["balance_before"]
    if following and stuck and last and set(following.counts) <= set(last["topics"]):
        return None
    return following


def _is_over(report: CoverageReport, wish: Wish) -> bool:
    return expect_share(report, wish.total) > report.max_synthetic_share + 1e-9


def write_plan(report: CoverageReport, wish: Wish) -> dict[str, Any]:
    """Write down what is proposed; going over the limit, or only growing topics, waits for the person."""
    plan: dict[str, Any] = {
        "counts": dict(wish.counts),
        "strategy": wish.strategy,
        "mode": wish.mode,
        "record_ids": list(wish.record_ids),
        "variations_per_record": wish.variations_per_record,
        "agreed": 0.0,
    }
    return plan | {"action": "generate" if _is_proposed(report, wish) else "go_on"}


def _is_proposed(report: CoverageReport, wish: Wish) -> bool:
    """Tell whether generating is what Lucy proposes, rather than only offers."""
    if not wish.total:
        return False
    return report.total == 0 or (not _is_over(report, wish) and _helps(report, wish))


def _helps(report: CoverageReport, wish: Wish) -> bool:
    sized = report.rounds and report.rounds[0].aim == "size" and dict(wish.counts) == report.rounds[0].counts
    return not sized


def offer(
    state: FinetuneWorkflowState, bench: Workbench, report: CoverageReport, wish: Wish, *, is_review: bool
) -> list[Choice]:
    """Offer what can be done next, what Lucy proposes first."""
    go_on = Choice(
        id="go_on",
        label="Skip, go on to the grader" if wish.total else "Go on to the grader",
        kind="approve",
        changes={"action": "go_on"},
    )
    choices = [go_on]
    if wish.total:
        plan = write_plan(report, wish) | {"action": "generate"}
        make = _offer_generation(report, wish, plan)
        seen = {
            key: plan[key] for key in ("counts", "strategy", "mode", "record_ids", "variations_per_record")
        }
        look = Choice(
            id="preview", label="Show me 5 examples first", kind="edit", changes={**seen, "preview": True}
        )
        choices = [make, look, go_on] if _is_proposed(report, wish) else [go_on, make, look]
    return choices + _offer_batch(state, bench, is_review=is_review)


def _offer_generation(report: CoverageReport, wish: Wish, plan: dict[str, Any]) -> Choice:
    share = expect_share(report, wish.total)
    label = f"Generate {wish.total} records"
    if _is_over(report, wish):
        plan = plan | {"agreed": share}
        label += f", I agree to {show_percent(share)} synthetic"
    return Choice(id="approve", label=label, kind="approve", changes=plan)


def _offer_batch(state: FinetuneWorkflowState, bench: Workbench, *, is_review: bool) -> list[Choice]:
    """Offer to look at the last batch and to take it back, and to review uncertain categories."""
    choices: list[Choice] = []
    if read_artefact(state, bench, "dataset")["batches"]:
        if not is_review:
            choices.append(
                Choice(id="review", label="Look at the new records", kind="edit", changes={"review": True})
            )
        choices.append(
            Choice(id="undo", label="Take the last batch back", kind="edit", changes={"undo_batch": True})
        )
    summary = read_artefact(state, bench, "categories")["summary"]
    uncertain = summary["low_confidence"] + summary["uncategorized"]
    if uncertain and not is_review:
        label = f"Look at the {uncertain} uncertain categories"
        choices.append(Choice(id="categories", label=label, kind="jump", step="categorize"))
    return choices


def advise(state: FinetuneWorkflowState, bench: Workbench, report: CoverageReport, wish: Wish) -> str:
    """Say what to do next, why, in how many rounds and at what cost."""
    if not wish.total:
        reason = "checkable" if is_checkable(state, bench) else "exhausted"
        return write("coverage_generation", "balanced" if report.balance_score >= GOOD else reason)
    name = _choose_advice(report, wish)
    strategies = name_strategies(state, bench, wish)
    values: dict[str, object] = {
        "total": wish.total,
        "how": ", ".join(write("coverage_generation", f"strategy_{one}") for one in strategies),
        "topics": _list_topics(state, bench, wish),
        "expected": f"{expect_score(report, wish.counts):.2f}",
        "rounds": describe_rounds(report) if _is_next_round(report, wish) else "",
        "plan": describe_plan(state, bench, wish),
        "share": show_percent(expect_share(report, wish.total)),
        "limit": show_percent(report.max_synthetic_share),
    }
    return write("coverage_generation", name, **{key: values[key] for key in ADVICE[name]})


def _choose_advice(report: CoverageReport, wish: Wish) -> str:
    if _is_over(report, wish) and report.total:
        return "over_limit"
    if not _is_next_round(report, wish):
        return "asked"
    if report.total == 0:
        return "first_set"
    return "recommend" if _helps(report, wish) else "size"


def _is_next_round(report: CoverageReport, wish: Wish) -> bool:
    """Tell whether the wish is Lucy's own proposal, rather than what the person asked for."""
    return bool(report.rounds) and dict(wish.counts) == report.rounds[0].counts


def _list_topics(state: FinetuneWorkflowState, bench: Workbench, wish: Wish) -> str:
    if wish.record_ids:
        return f"variations of {len(wish.record_ids)} records"
    names = {topic.id: topic.name for topic in iterate(read_tree(state, bench))}
    listed = [f"**{names[topic]}** (+{count})" for topic, count in wish.counts.items()]
    more = f" and {len(listed) - 12} more topics" if len(listed) > 12 else ""
    return ", ".join(listed[:12]) + more
