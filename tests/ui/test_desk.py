"""Which workflow a page opens, and what is passed on: with the real store and runs that only take notes."""

from types import SimpleNamespace

import pytest

from lucy.errors import BusyError, InputError, NotFoundError
from lucy.graph.runs import FAULT, Event
from lucy.settings import Settings
from lucy.tools.store.workflows import add_message, delete_workflow, save_workflow
from lucy.tools.workbench import Workbench
from lucy.ui.desk import Desk, Opening
from lucy.ui.render import name_question

PENDING = {
    "step": "topics_config",
    "kind": "confirm",
    "question": "Shall I?",
    "choices": [{"id": "approve", "label": "Yes", "kind": "approve"}],
    "plan": {},
}


class NotingRuns:
    """Keeps states in memory and notes what was started; nothing runs."""

    def __init__(self, bench):
        self.bench = bench
        self.states = {}
        self.started = []
        self.cancelled = []
        self.events = []
        self.running = False
        self.broken_off = False

    def create(self, **given):
        workflow_id = f"workflow-{len(self.states)}"
        save_workflow(self.bench.store, workflow_id, goal=given.get("goal", ""), question="Shall I?")
        self.states[workflow_id] = {"turn": 1, "pending": PENDING, **given}
        return workflow_id

    def read_state(self, workflow_id):
        return self.states.get(workflow_id, {})

    def needs_resume(self, workflow_id):
        return self.broken_off

    def is_running(self, workflow_id):
        return self.running

    def start(self, workflow_id, reply=None):
        self.started.append((workflow_id, reply))

    def cancel(self, workflow_id):
        self.cancelled.append(workflow_id)

    def count_events(self, workflow_id):
        return len(self.events)

    def follow(self, workflow_id, since=0):
        yield from self.events[since:]


@pytest.fixture
def runs(tmp_path):
    bench = Workbench(Settings(home=tmp_path / "home"))
    yield NotingRuns(bench)
    bench.close()


def open_desk(runs, source="a.jsonl", goal="Be polite"):
    return Desk(runs, Opening(source, goal))


def ask_name(runs, workflow_id):
    return name_question(runs.read_state(workflow_id))


def test_the_first_page_starts_the_file_that_was_given(runs):
    workflow_id = open_desk(runs).open(None)
    assert runs.states[workflow_id]["source"] == "a.jsonl"
    assert runs.states[workflow_id]["goal"] == "Be polite"


def test_a_reload_does_not_start_the_file_a_second_time(runs):
    desk = open_desk(runs)
    first = desk.open(None)
    assert desk.open(first) == desk.open(None) == first
    assert len(runs.states) == 1


def test_another_process_with_the_same_file_and_goal_opens_the_same_workflow(runs):
    first = open_desk(runs).open(None)
    assert open_desk(runs).open(None) == first


@pytest.mark.parametrize(("source", "goal"), [("b.jsonl", "Be polite"), ("a.jsonl", "Be brief")])
def test_another_file_or_goal_goes_before_what_the_browser_remembers(runs, source, goal):
    first = open_desk(runs).open(None)
    second = open_desk(runs, source, goal).open(first)
    assert second != first
    assert runs.states[second]["source"] == source


def test_a_workflow_that_was_switched_to_stays_after_a_reload(runs):
    first = open_desk(runs).open(None)
    desk = open_desk(runs, "b.jsonl")
    desk.open(None)
    desk.switch(first)
    assert desk.open(first) == first


def test_without_a_file_the_remembered_workflow_is_shown(runs):
    first = open_desk(runs).open(None)
    open_desk(runs, "b.jsonl").open(None)
    assert Desk(runs, Opening()).open(first) == first


def test_without_a_file_and_without_workflows_the_sample_is_started(runs):
    workflow_id = Desk(runs, Opening()).open(None)
    assert runs.states[workflow_id]["source"] == "sample"


def test_a_remembered_workflow_that_was_deleted_is_no_obstacle(runs):
    desk = open_desk(runs)
    first = desk.open(None)
    delete_workflow(runs.bench.store, first)
    assert desk.open(first) != first


def test_the_address_names_a_workflow_by_its_beginning(runs):
    first = open_desk(runs).open(None)
    assert open_desk(runs, "b.jsonl").open(None, "workflow-0") == first


def test_an_address_that_names_nothing_is_an_error(runs):
    with pytest.raises(NotFoundError, match="no workflow 'nope'"):
        open_desk(runs).open(None, "nope")


def test_a_broken_off_run_goes_on_when_the_page_is_opened(runs):
    runs.broken_off = True
    workflow_id = open_desk(runs).open(None)
    assert runs.started == [(workflow_id, None)]


def test_a_run_that_goes_on_is_not_started_again(runs):
    runs.broken_off = runs.running = True
    open_desk(runs).open(None)
    assert runs.started == []


def test_a_click_is_passed_on_as_the_choice(runs):
    desk = open_desk(runs)
    workflow_id = desk.open(None)
    desk.choose(workflow_id, "approve", asked=ask_name(runs, workflow_id))
    assert runs.started == [(workflow_id, {"choice": "approve"})]


def test_words_are_passed_on_and_shown_at_once(runs):
    desk = open_desk(runs)
    workflow_id = desk.open(None)
    desk.say(workflow_id, "use fewer topics", asked=ask_name(runs, workflow_id))
    assert runs.started == [(workflow_id, "use fewer topics")]
    assert desk.look(workflow_id).sent == "use fewer topics"


def test_words_are_not_shown_twice_once_the_store_has_them(runs):
    desk = open_desk(runs)
    workflow_id = desk.open(None)
    desk.say(workflow_id, "yes", asked=ask_name(runs, workflow_id))
    add_message(runs.bench.store, workflow_id, id="1", role="user", step="topics_config", text="yes")
    assert desk.look(workflow_id).sent == ""


@pytest.mark.parametrize("reply", ["choose", "say"])
def test_an_answer_to_a_question_that_another_tab_has_answered_is_not_passed_on(runs, reply):
    desk = open_desk(runs)
    workflow_id = desk.open(None)
    asked = ask_name(runs, workflow_id)
    runs.states[workflow_id]["turn"] = 2
    with pytest.raises(InputError, match="has moved on"):
        getattr(desk, reply)(workflow_id, "approve", asked=asked)
    assert runs.started == []


def test_a_choice_that_is_not_offered_is_not_passed_on(runs):
    desk = open_desk(runs)
    workflow_id = desk.open(None)
    with pytest.raises(InputError):
        desk.choose(workflow_id, "deploy", asked=ask_name(runs, workflow_id))


def test_nothing_is_passed_on_while_lucy_works(runs):
    desk = open_desk(runs)
    workflow_id = desk.open(None)
    runs.running = True
    with pytest.raises(BusyError):
        desk.say(workflow_id, "hello", asked=ask_name(runs, workflow_id))


def test_one_can_talk_while_a_job_runs(runs):
    desk = open_desk(runs)
    workflow_id = desk.open(None)
    runs.running = True
    runs.states[workflow_id]["pending"] = PENDING | {"kind": "job"}
    desk.say(workflow_id, "how long?", asked=ask_name(runs, workflow_id))
    assert runs.started == [(workflow_id, "how long?")]


def test_a_very_long_message_is_refused_with_a_remedy(runs):
    desk = open_desk(runs)
    workflow_id = desk.open(None)
    with pytest.raises(InputError, match="put long texts into a file"):
        desk.say(workflow_id, "x" * 20_001, asked=ask_name(runs, workflow_id))


def test_a_failed_run_leaves_its_sentence_and_the_next_message_of_lucys_takes_it_away(runs):
    desk = open_desk(runs)
    workflow_id = desk.open(None)
    runs.events.append(Event("failed", {"error": "The file is gone."}))
    assert desk.look(workflow_id).notice == "The file is gone."
    runs.events.append(Event("message", {"id": "1", "role": "assistant", "text": "Hello"}))
    assert desk.look(workflow_id).notice == ""


def test_progress_is_kept_with_the_moment_it_began(runs):
    desk = open_desk(runs)
    workflow_id = desk.open(None)
    for done in (3, 7):
        runs.events.append(Event("progress", {"label": "answering", "done": done, "total": 9}))
        pace = desk.look(workflow_id).pace
    assert (pace.done, pace.done_then, pace.total) == (7, 3, 9)


def test_a_fault_of_the_program_is_one_sentence_without_its_details(runs, caplog):
    desk = open_desk(runs)
    workflow_id = desk.open(None)
    desk.note(workflow_id, KeyError("secret detail"))
    assert desk.look(workflow_id).notice == FAULT
    assert "secret detail" in caplog.text


def test_the_stamp_changes_with_every_event(runs):
    desk = open_desk(runs)
    workflow_id = desk.open(None)
    before = desk.stamp(workflow_id)
    assert desk.stamp(workflow_id) == before
    runs.events.append(Event("ended", {}))
    assert desk.stamp(workflow_id) != before


def test_an_uploaded_file_moves_into_the_data_folder(runs, tmp_path):
    upload = tmp_path / "chats.jsonl"
    upload.write_text("{}", encoding="utf-8")
    workflow_id = open_desk(runs).begin(str(upload), "Be polite")
    source = runs.states[workflow_id]["source"]
    assert source.startswith(str(tmp_path / "home"))
    assert source.endswith("chats.jsonl")
    assert not upload.exists()


def test_a_click_on_another_step_is_passed_on_in_words(runs):
    desk = open_desk(runs)
    workflow_id = desk.open(None)
    desk.reopen(workflow_id, "grader_config", asked=ask_name(runs, workflow_id))
    assert runs.started == [(workflow_id, "Go on to the grader")]


def test_a_click_on_the_step_that_is_open_does_nothing(runs):
    desk = open_desk(runs)
    workflow_id = desk.open(None)
    runs.states[workflow_id]["step"] = "topics_config"
    desk.reopen(workflow_id, "topics_config", asked=ask_name(runs, workflow_id))
    assert runs.started == []


def test_a_page_whose_workflow_was_deleted_shows_another(runs):
    desk = open_desk(runs)
    first = desk.open(None)
    delete_workflow(runs.bench.store, first)
    assert desk.find(first) not in ("", first)


def test_stop_asks_the_run_to_stop(runs):
    desk = open_desk(runs)
    workflow_id = desk.open(None)
    desk.stop(workflow_id)
    assert runs.cancelled == [workflow_id]


def test_the_tests_runs_know_what_the_desk_calls():
    from lucy.graph.runs import Runs

    called = SimpleNamespace(**vars(NotingRuns))
    assert all(hasattr(Runs, name) for name in vars(called) if not name.startswith("__"))


def test_a_workflow_can_begin_without_records(runs):
    desk = open_desk(runs)
    workflow_id = desk.begin(None, "Answer billing questions politely", empty=True)
    assert runs.states[workflow_id]["source"] == "none"
