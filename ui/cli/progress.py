"""Show how far long work is: a bar on a terminal, else a line now and then."""

import sys
import time
from types import TracebackType
from typing import Any, Self

from lucy.ui.cli.output import print_note

LINE_EVERY = 10.0
"""Seconds between two lines where there is no terminal."""


def describe_pace(done: int, total: int, seconds: float) -> str:
    """Say the rate and the time to the end, such as `12/s, 0:45 left`; empty before there is a rate."""
    if done <= 0 or seconds < 0.5:
        return ""
    rate = done / seconds
    left = round(max(0, total - done) / rate)
    clock = f"{left // 3600}:{left // 60 % 60:02}:{left % 60:02}" if left >= 3600 else _show_minutes(left)
    return f"{rate:.0f}/s, {clock} left" if rate >= 10 else f"{rate:.1f}/s, {clock} left"


def _show_minutes(seconds: int) -> str:
    return f"{seconds // 60}:{seconds % 60:02}"


class ProgressView:
    """Takes progress reports and shows them; used as a context, after which nothing of it is left."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._label = ""
        self._done = 0
        self._done_then = 0
        self._began = 0.0
        self._printed = 0.0
        self._ended = False

    def __enter__(self) -> Self:
        """Begin; nothing is shown before the first report."""
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        """Take the bar away."""
        self.close()

    def report(self, label: str, done: int, total: int) -> None:
        """Show how far the work is; another label, or a smaller count, begins another piece of work."""
        now = time.monotonic()
        if label != self._label or done < self._done:
            self._label, self._began, self._printed, self._ended = label, now, now, False
            # Of work that goes on from a checkpoint only what is done since tells how fast it is.
            self._done_then = done
        self._done = done
        pace = describe_pace(done - self._done_then, total - self._done_then, now - self._began)
        if sys.stderr.isatty():
            self._draw(label, done, total, pace)
        elif not self._ended and (done >= total or now - self._printed >= LINE_EVERY):
            self._printed, self._ended = now, done >= total
            print_note(f"  {label}: {done:,} of {total:,}{f' ({pace})' if pace and done < total else ''}")

    def _draw(self, label: str, done: int, total: int, pace: str) -> None:
        if self._bar is None:
            self._bar = _make_bar()
            self._bar.start()
            self._bar.add_task(label, total=total, pace=pace)
        task = self._bar.task_ids[0]
        self._bar.update(task, description=label, completed=done, total=total, pace=pace)

    def close(self) -> None:
        """Take the bar away; the next report draws a new one."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _make_bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}", markup=False),
        console=Console(stderr=True),
        transient=True,
    )
