"""Report the progress of long work to whoever watches, and let the person stop it."""

import logging
import time

from langgraph.config import get_stream_writer

from lucy.errors import CancelledByPersonError
from lucy.graph.state import FinetuneWorkflowState, Place
from lucy.nodes.step import get_workflow_id
from lucy.tools.store.workflows import is_cancel_requested, keep_run
from lucy.tools.vocabulary import Progress
from lucy.tools.workbench import Workbench

logger = logging.getLogger(__name__)
REPORT_EVERY = 0.2
"""Seconds between two reports."""
LOOK_EVERY = 1.0
"""Seconds between two looks at whether the person asked to stop; also the run's sign of life."""


def open_progress(state: FinetuneWorkflowState, bench: Workbench, step: Place) -> Progress:
    """Give the callable that long work reports to; it raises when the person asked to stop."""
    write = get_stream_writer()
    workflow_id = get_workflow_id(state)
    last = {"report": 0.0, "look": 0.0}

    def report(label: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now - last["report"] >= REPORT_EVERY or done >= total:
            last["report"] = now
            write({"type": "progress", "step": step, "label": label, "done": done, "total": total})
        if now - last["look"] >= LOOK_EVERY:
            last["look"] = now
            keep_run(bench.store, workflow_id)
            if is_cancel_requested(bench.store, workflow_id):
                raise CancelledByPersonError(f"{label}: stopped at {done} of {total}, as you asked.")

    return report
