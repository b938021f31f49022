"""Read what happened to a job since the last look, each event once, also across restarts."""

import logging
from typing import Any

from lucy.tools.training.hosted.exchange import PAGE, Exchange
from lucy.tools.training.hosted.journal import Journal
from lucy.tools.training.hosted.metrics import merge_metrics, read_metrics, read_total_steps
from lucy.tools.training.hosted.wire import RemoteEvent, read_remote

logger = logging.getLogger(__name__)


def take_events(exchange: Exchange, journal: Journal) -> list[RemoteEvent]:
    """Read the new events, oldest first, and put their metrics and last words into the journal."""
    state = journal.state
    fresh = _list_fresh(exchange, state.remote_job, state.cursor)
    if not fresh:
        return []
    history, step, total = state.history, state.step, state.total_steps
    for event in fresh:
        metrics = read_metrics(event.data)
        step = max(step, metrics.get("step", 0))
        total = read_total_steps(event.data) or total
        # A message may name a step too; only what measures something belongs to the history.
        if len(metrics) > 1:
            history = merge_metrics(history, metrics)
    changes: dict[str, Any] = {"history": history, "step": step, "total_steps": total}
    said = next((one.message for one in reversed(fresh) if one.level != "info" and one.message), "")
    journal.note(**changes, cursor=fresh[-1].id, last_message=said or state.last_message)
    for event in fresh:
        logger.info("%s: %s", state.remote_job, event.message)
    return fresh


def _list_fresh(exchange: Exchange, remote_job: str, cursor: str) -> list[RemoteEvent]:
    """List the events after the cursor, oldest first.

    OpenAI lists the newest first, so pages are turned until the cursor comes; services that list the oldest
    first are read to the end.
    """
    first = exchange.ask_if_there(
        "list the events of the job",
        lambda service: service.fine_tuning.jobs.list_events(remote_job, limit=PAGE),
    )
    if first is None:
        return []
    events: list[RemoteEvent] = []
    for page in exchange.turn_pages("list the events of the job", first):
        events.extend(read_remote(RemoteEvent, one, exchange.client) for one in page.data or ())
        if cursor and any(one.id == cursor for one in events) and _is_newest_first(events) is True:
            break
    if events and _is_newest_first(events) is not False:
        events.reverse()
    known = next((number for number, one in enumerate(events) if one.id == cursor), None)
    return events if known is None else events[known + 1 :]


def _is_newest_first(events: list[RemoteEvent]) -> bool | None:
    """Tell the order of events by their times; None when all have the same."""
    first, last = events[0].created_at or 0.0, events[-1].created_at or 0.0
    return None if first == last else first > last
