"""Hold what a page takes from the events of a run: how far it is, how fast, and what is amiss."""

import pytest

from lucy.graph.runs import Event
from lucy.ui.watch import Watch

QUESTION = {"step": "training", "kind": "job", "question": "Started.", "choices": [], "plan": {}}


class Events:
    """The log of runs that do not run."""

    def __init__(self, *events: Event) -> None:
        self.events = list(events)

    def count_events(self, _workflow_id: str) -> int:
        return len(self.events)

    def follow(self, _workflow_id: str, since: int = 0):
        yield from self.events[since:]


def report(done: int, **more: object) -> Event:
    return Event("progress", {"label": "training", "done": done, "total": 100, **more})


def watch(*events: Event) -> Watch:
    seen = Watch()
    seen.read_events(Events(*events), "w", 0)  # pyright: ignore[reportArgumentType]
    return seen


def test_a_job_that_began_before_this_process_is_measured_from_its_own_beginning():
    pace = watch(report(40, started=50.0)).pace
    assert pace is not None
    assert (pace.since, pace.done_then, pace.done) == (50.0, 0, 40)


def test_a_job_that_went_on_from_a_checkpoint_is_measured_from_there():
    pace = watch(report(40, started=50.0, done_then=30)).pace
    assert pace is not None
    assert (pace.since, pace.done_then) == (50.0, 30)


def test_a_new_part_of_a_job_is_not_measured_from_the_beginning_of_the_first():
    answering = Event("progress", {"label": "answering", "done": 9, "total": 9, "started": 50.0})
    pace = watch(answering, report(2, started=50.0)).pace
    assert pace is not None
    assert pace.since > 50.0
    assert pace.done_then == 2


def test_what_is_said_while_a_job_runs_leaves_its_progress_on_the_page():
    said = Event("message", {"id": "1", "role": "assistant", "text": "It is at 3."})
    seen = watch(Event("question", QUESTION), report(3), said, Event("question", QUESTION))
    assert seen.pace is not None
    assert seen.pace.done == 3


@pytest.mark.parametrize("kind", ["confirm", "choice"])
def test_a_question_that_is_no_job_ends_the_progress(kind):
    seen = watch(Event("question", QUESTION), report(3), Event("question", QUESTION | {"kind": kind}))
    assert seen.pace is None


def test_a_notice_stays_while_the_work_goes_on_and_ends_with_it():
    notice = Event("notice", {"text": "Its process died."})
    going_on = watch(Event("question", QUESTION), notice, report(4))
    assert (going_on.notice, going_on.pace is not None) == ("Its process died.", True)
    assert watch(notice, report(4), Event("ended", {})).notice == ""
