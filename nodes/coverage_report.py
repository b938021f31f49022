"""Measure the coverage of a workflow's records as they are now, and put it into words."""

from collections.abc import Mapping, Sequence

from lucy.graph.state import FinetuneWorkflowState
from lucy.nodes.reading import has_artefact, read_artefact, read_current_records, read_topics, read_tree
from lucy.nodes.wording import draw_bullets, draw_table, show_percent, write
from lucy.tools.coverage import GOOD, CoverageReport, analyze_coverage
from lucy.tools.coverage_plan import Round, compute_balance, suggest_strategies
from lucy.tools.coverage_targets import keep_targets
from lucy.tools.topics.tree import TopicTree, leaves
from lucy.tools.vocabulary import Assignment
from lucy.tools.workbench import Workbench

SHOWN = 14
"""Topics shown in the coverage table."""
MARKS = {"under": "⚠️ under", "ok": "✓", "over": "over"}


def make_report(state: FinetuneWorkflowState, bench: Workbench) -> CoverageReport:
    """Measure the balance of the records over the topics, with the person's targets."""
    records, tree = read_current_records(state, bench), read_tree(state, bench)
    found = read_topics(state, bench, records)
    return analyze_coverage(
        found,
        tree,
        targets=read_targets(state, bench, tree) or None,
        synthetic_ids=frozenset(record.id for record in records if record.is_synthetic),
        max_synthetic_share=bench.settings.max_synthetic_share,
        strategies=suggest_strategies(records, map_topics(found), [leaf.id for leaf in leaves(tree)]),
    )


def map_topics(found: Sequence[Assignment]) -> dict[str, str]:
    """Give the topic per record that has one."""
    return {one.record_id: one.topic_id for one in found if one.topic_id}


def read_targets(state: FinetuneWorkflowState, bench: Workbench, tree: TopicTree) -> dict[str, float]:
    """Read the shares that the person wants for topics; empty for an even split."""
    if not has_artefact(state, "coverage"):
        return {}
    return keep_targets(tree, read_artefact(state, bench, "coverage").get("targets") or {})


def describe_report(report: CoverageReport) -> str:
    """Show score, rating, evenness and the table of the topics."""
    rows = sorted(report.topics, key=lambda row: row.count)
    shown = rows if len(rows) <= SHOWN else [*rows[: SHOWN // 2], *rows[-SHOWN // 2 :]]
    table = draw_table(
        ("Topic", "Records", "Synthetic", "% of total", "Target", ""),
        [
            (
                row.path,
                row.count,
                row.synthetic,
                show_percent(row.percentage / 100),
                show_percent(row.target_percentage / 100),
                MARKS[row.status],
            )
            for row in shown
        ],
    )
    left = len(rows) - len(shown)
    return write(
        "coverage_generation",
        "coverage",
        score=f"{report.balance_score:.2f}",
        rating=report.balance_rating,
        evenness=f"{report.evenness:.2f}",
        uncategorized=report.uncategorized,
        synthetic=show_percent(report.synthetic / report.total if report.total else 0.0),
        table=table,
        more=write("coverage_generation", "more", count=left) if left else "",
    )


def describe_rounds(report: CoverageReport) -> str:
    """Announce how many rounds it takes, and the score expected after each."""
    rounds = [one for one in report.rounds if one.aim == "balance"]
    if len(rounds) < 2:
        return ""
    limit = show_percent(report.max_synthetic_share)
    lines = [_describe_round(number, one, limit) for number, one in enumerate(rounds, 1)]
    name = "rounds" if rounds[-1].expected_score >= GOOD else "rounds_short"
    return write("coverage_generation", name, count=len(rounds), rounds=draw_bullets(lines))


def _describe_round(number: int, one: Round, limit: str) -> str:
    share = show_percent(one.synthetic_share_after)
    agree = f", which is over the limit of {limit} and needs your agreement" if one.needs_agreement else ""
    return (
        f"round {number}: {sum(one.counts.values())} records, score about {one.expected_score:.2f}, "
        f"{share} of all records synthetic{agree}"
    )


def expect_score(report: CoverageReport, counts: Mapping[str, int]) -> float:
    """Compute the balance score if every record asked for is kept."""
    after = {row.topic_id: row.count + counts.get(row.topic_id, 0) for row in report.topics}
    return compute_balance(after, {row.topic_id: row.target_percentage / 100 for row in report.topics})


def expect_share(report: CoverageReport, count: int) -> float:
    """Compute the share of synthetic records after `count` more, 0 to 1."""
    total = report.total + count
    return (report.synthetic + count) / total if total else 0.0
