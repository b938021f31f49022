"""Show what a dry run found: the figures with their healthy ranges, the topics, the verdict."""

from lucy.nodes.wording import draw_bullets, draw_table, show_percent, write
from lucy.tools.dry_run.ratings import FigureRating, rate_figures
from lucy.tools.dry_run.report import DryRunReport
from lucy.tools.topics.tree import TopicTree, iterate

ICONS = {"good": "✅ good", "warning": "⚠️ look at it", "problem": "⛔ problem"}


def describe_report(report: DryRunReport, tree: TopicTree) -> str:
    """Say what was found and what follows from it."""
    figures, verdict = report.statistics, report.verdict
    signal = figures.signal
    informative = (
        f"{show_percent(signal.informative.value)} "
        f"({show_percent(signal.informative.low90)} to {show_percent(signal.informative.high90)})"
        if signal
        else "unknown"
    )
    icons = {"GO": "✅", "WARNING": "⚠️", "NO-GO": "⛔"}
    return write(
        "dry_run",
        "results",
        prompts=figures.prompts,
        answers=figures.graded,
        table=_draw_figures(report),
        informative=informative,
        topics=_draw_topics(report, tree),
        verdict=verdict.verdict,
        icon=icons[verdict.verdict],
        dataset=verdict.dataset_quality,
        grader=verdict.grader_quality,
        reasons=draw_bullets(verdict.reasons),
        warnings=draw_bullets(f"⚠️ {warning}" for warning in verdict.warnings),
    )


def _draw_figures(report: DryRunReport) -> str:
    rows = [
        (one.name, _show(one, one.value), _show_range(one), one.healthy, ICONS[one.status])
        for one in rate_figures(report.statistics)
    ]
    return draw_table(("Metric", "Value", "95% interval", "Healthy range", "Status"), rows)


def _show_range(one: FigureRating) -> str:
    return f"{_show(one, one.interval.low95)} to {_show(one, one.interval.high95)}"


def _show(one: FigureRating, value: float) -> str:
    return show_percent(value) if one.share else f"{value:.2f}"


def _draw_topics(report: DryRunReport, tree: TopicTree) -> str:
    rows = sorted(report.statistics.by_topic, key=lambda row: row.mean.value)[:6]
    names = {topic.id: topic.name for topic in iterate(tree)}
    return draw_table(
        ("Lowest topics", "Mean", "Answers", "Status"),
        [
            (names.get(row.topic_id, row.topic_id), f"{row.mean.value:.2f}", row.count, row.status)
            for row in rows
        ],
    )
