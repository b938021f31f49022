"""What the page shows, as pure functions of what is stored."""

import re

import pytest

from lucy.graph.state import STEPS, FinetuneWorkflowState
from lucy.nodes.understanding import find_jump
from lucy.tools.store.workflows import Workflow
from lucy.ui import pictures, render, tracker
from lucy.ui.render import Pace, View

EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>"
CHOICES = [
    {"id": "approve", "label": "Use this hierarchy", "kind": "approve"},
    {"id": "redo", "label": "Generate a different structure", "kind": "redo"},
]


def make_workflow(**values) -> Workflow:
    known = {
        "id": "w1",
        "dataset_id": "ds-1",
        "name": "Support",
        "goal": "Answer politely",
        "step": "topics_config",
        "status": dict.fromkeys(STEPS, "pending"),
        "question": "",
        "created_at": "",
        "updated_at": "",
    }
    return Workflow(**known | values)


def make_state(**values) -> FinetuneWorkflowState:
    return {"messages": [], "step": "topics_config", "status": {}, **values}


def make_pending(kind: str = "confirm") -> dict:
    return {"step": "topics_config", "kind": kind, "question": "?", "choices": CHOICES, "plan": {}}


def make_difference(value: float, half: float) -> dict:
    return {"value": value, "low95": value - half, "high95": value + half, "low90": value, "high90": value}


def test_the_conversation_is_shown_whole_and_in_order():
    messages = [{"role": "assistant", "text": f"number {number}"} for number in range(150)]
    shown = render.show_conversation(messages)
    assert [one["content"] for one in shown] == [f"number {number}" for number in range(150)]


def test_html_in_a_message_is_shown_as_text():
    shown = render.show_conversation([{"role": "assistant", "text": f"They wrote: {EVIL}"}])
    assert not re.search(r"<[a-z/]", shown[0]["content"])
    assert "&lt;script>" in shown[0]["content"]


@pytest.mark.parametrize("text", ["![x](http://example.com/a.png)", "[x](javascript:alert(1))"])
def test_images_and_links_of_a_record_are_defused(text):
    assert "](" not in render.make_harmless(text)


def test_tables_lists_and_emphasis_of_lucys_messages_stay():
    text = "**Bold**\n\n| Topic | Records |\n| --- | --- |\n| A | 1 < 2 |\n\n- one\n1. two"
    assert render.make_harmless(text) == text


def test_code_is_left_as_it_is_since_it_is_shown_literally():
    text = "```\nTree <a>\n├── [x](y)\n```\nand `<b>`"
    assert render.make_harmless(text) == text


def test_an_unclosed_fence_does_not_hide_what_stands_before_it():
    assert render.make_harmless("<b>x</b>\n```\n<i>") == "&lt;b>x&lt;/b>\n```\n<i>"


def test_the_persons_words_are_shown_as_typed():
    shown = render.show_conversation([{"role": "user", "text": "a *b* <i> $5 `c`"}])
    assert shown[0]["content"] == r"a \*b\* \<i\> \$5 \`c\`"


def test_what_was_just_said_is_shown_before_the_store_has_it():
    shown = render.show_conversation([], sent="yes")
    assert shown == [{"role": "user", "content": "yes"}]


def test_an_error_is_one_marked_sentence_at_the_end():
    shown = render.show_conversation([{"role": "user", "text": "hi"}], notice="The file is empty.")
    assert shown[-1] == {"role": "assistant", "content": "⚠️ **Notice:** The file is empty."}


def test_choices_of_the_open_question_become_buttons():
    drawn = render.draw_choices(render.list_choices(make_state(pending=make_pending()), running=False))
    assert re.findall(r'data-id="(\w+)"', drawn) == ["approve", "redo"]
    assert "Use this hierarchy" in drawn


def test_a_label_of_a_choice_is_escaped():
    assert "<script" not in render.draw_choices([{"id": "x", "label": EVIL, "kind": "edit"}])


def test_no_choices_while_the_last_answer_is_worked_on():
    assert render.list_choices(make_state(pending=make_pending()), running=True) == []


def test_choices_stay_while_a_job_runs_because_one_can_talk_meanwhile():
    assert render.list_choices(make_state(pending=make_pending("job")), running=True) == CHOICES


def test_each_turn_has_its_own_name_for_its_question():
    first = render.name_question(make_state(turn=1, pending=make_pending()))
    second = render.name_question(make_state(turn=2, pending=make_pending()))
    assert first != second
    assert render.name_question(make_state(turn=2, pending=None)) == ""


def test_the_header_names_the_dataset_and_its_health():
    drawn = render.draw_header(make_workflow(name="A & B"), {"valid": 1487, "rejected": 13})
    assert "A &amp; B" in drawn
    assert "<b>1,487</b> usable records" in drawn
    assert "<b>13</b> set aside" in drawn


def test_the_header_says_nothing_of_rejected_lines_when_there_are_none():
    assert "set aside" not in render.draw_header(make_workflow(), {"valid": 5, "rejected": 0})


def test_a_goal_with_markup_is_escaped_everywhere():
    workflow = make_workflow(goal=EVIL, name=EVIL)
    page = render.render_page(View(workflow=workflow, state=make_state(), others=[workflow]))
    assert "<script" not in page.header + page.workflows + page.tracker + page.picture
    assert "<img" not in page.header + page.workflows


def test_steps_show_how_they_stand():
    status = {"topics_config": "completed", "categorize": "in_progress", "dry_run": "failed"}
    marks = tracker.mark_steps(make_state(step="categorize", status=status))
    assert list(marks.values()) == [
        "done",
        "current",
        "pending",
        "pending",
        "failed",
        "pending",
        "pending",
    ]


def test_a_step_that_rests_on_changed_inputs_is_out_of_date_with_the_reason():
    state = make_state(
        step="topics_config",
        status={"topics_config": "in_progress", "categorize": "completed"},
        artefacts={"topics": {"revision": 2, "sha": "new"}},
        inputs={"categorize": {"topics": "old"}},
    )
    assert tracker.mark_steps(state)["categorize"] == "stale"
    assert "out of date: the topics changed since" in tracker.draw_tracker(state)


def test_several_reasons_are_listed_as_a_person_would():
    state = make_state(
        step="training",
        status={"dry_run": "completed"},
        artefacts={kind: {"revision": 2, "sha": "new"} for kind in ("dataset", "categories", "grader")},
        inputs={"dry_run": {}},
    )
    assert "the records, the categories and the grader changed since" in tracker.draw_tracker(state)


def test_every_step_can_be_clicked():
    assert re.findall(r'data-id="(\w+)"', tracker.draw_tracker(make_state())) == list(STEPS)


@pytest.mark.parametrize("step", STEPS)
def test_a_click_on_a_step_says_what_the_conversation_understands(step):
    assert find_jump(tracker.say_jump(make_state(), step)) == step
    assert find_jump(tracker.say_jump(make_state(status={step: "completed"}), step)) == step


def test_the_workflow_that_is_shown_is_marked_in_the_list():
    drawn = tracker.draw_workflows([make_workflow(id="w1"), make_workflow(id="w2")], current="w2")
    assert re.findall(r'data-id="(\w+)" aria-current', drawn) == ["w2"]


def test_a_workflow_in_the_list_says_where_it_is():
    status = dict.fromkeys(STEPS, "pending") | {"topics_config": "completed"}
    assert tracker.say_where(make_workflow(step="categorize", status=status)) == "Categories · 1 of 7 done"
    assert tracker.say_where(make_workflow(step="completed")) == "all steps done"


@pytest.mark.parametrize(
    ("done", "now", "said"),
    [
        (50, 10.0, "Answering: 50 of 100 · 5 a second · about 10 s left"),
        (1, 10.0, "Answering: 1 of 100 · 6 a minute · about 16 min left"),
        (0, 10.0, "Answering: 0 of 100"),
        (100, 10.0, "Answering: 100 of 100"),
        (5, 0.5, "Answering: 5 of 100"),
    ],
)
def test_progress_has_a_count_a_rate_and_a_time_to_the_end(done, now, said):
    pace = Pace(label="answering", done=done, total=100, since=0.0, done_then=0)
    assert render.say_progress(pace, now) == said


def test_the_rate_of_resumed_work_counts_only_what_was_done_since():
    pace = Pace(label="answering", done=60, total=100, since=0.0, done_then=50)
    assert "1 a second" in render.say_progress(pace, 10.0)


def test_short_work_shows_that_lucy_is_at_it_and_offers_no_stop():
    page = render.render_page(View(workflow=make_workflow(), state=make_state(), running=True))
    assert "Lucy is working" in page.progress
    assert not page.can_stop


def test_a_finished_run_shows_no_progress_and_cannot_be_stopped():
    pace = Pace(label="answering", done=6, total=10, since=0.0, done_then=0)
    page = render.render_page(View(workflow=make_workflow(), state=make_state(), pace=pace))
    assert (page.progress, page.can_stop) == ("", False)


@pytest.mark.parametrize("step", [*STEPS, "not_started", "completed"])
def test_a_step_without_results_says_when_there_will_be_something_to_see(step):
    assert 'class="empty"' in pictures.draw_picture(step, {})


def test_topics_are_drawn_largest_first_with_their_parts():
    topics = [
        {"name": "Small", "share": 0.1, "children": []},
        {"name": "Large", "share": 0.9, "children": [{"name": EVIL}]},
    ]
    drawn = pictures.draw_picture("topics_config", {"topics": {"tree": {"roots": topics}}})
    assert drawn.index("Large") < drawn.index("Small")
    assert "90%" in drawn
    assert "<script" not in drawn


def test_coverage_is_drawn_against_its_target_the_emptiest_first():
    rows = [
        {"name": name, "count": count, "percentage": share, "target_percentage": 50.0, "gap": 50 - share}
        | {"status": status}
        for name, count, share, status in [("Many", 80, 80.0, "over"), ("Few", 20, 20.0, "under")]
    ]
    report = {"topics": rows, "balance_score": 0.25, "balance_rating": "poor"}
    drawn = pictures.draw_picture("coverage_generation", {"coverage": {"report": report}})
    assert drawn.index("Few") < drawn.index("Many")
    assert 'class="target" style="left:62.5%"' in drawn
    assert "too few" in drawn


def test_many_bars_are_cut_and_the_rest_is_counted():
    bars = [pictures.Bar(f"topic {number}", 0.5, "1") for number in range(40)]
    assert "and 28 more" in pictures.draw_bars(bars)


def make_dry_run(verdict, buckets=()):
    statistics = {
        "graded": 20,
        "mean": {"value": 0.5},
        "std": {"value": 0.2},
        "distribution": list(buckets),
        "signal": {"informative": {"value": 0.4, "low90": 0.3, "high90": 0.5}, "group_size": 8},
        "by_topic": [
            {"topic_id": "t2", "mean": {"value": 0.6}, "status": "good"},
            {"topic_id": "t1", "mean": {"value": 0.02}, "status": "problem"},
        ],
    }
    return {"report": {"statistics": statistics, "verdict": {"verdict": verdict}}}


@pytest.mark.parametrize(("verdict", "tone"), [("GO", "good"), ("WARNING", "warning"), ("NO-GO", "problem")])
def test_the_dry_run_is_drawn_in_fifths_with_its_verdict(verdict, tone):
    buckets = [{"label": f"0.{n}-0.{n + 2}", "count": n, "share": n / 20} for n in (0, 2, 4, 6, 8)]
    drawn = pictures.draw_picture("dry_run", {"dry_run": make_dry_run(verdict, buckets)})
    assert drawn.count('answers"><span>') == 5
    assert f'class="badge {tone}"><b>{verdict}</b>' in drawn


def test_the_dry_run_shows_its_topics_by_name_the_lowest_first():
    tree = {"roots": [{"id": "t0", "name": "All", "children": [{"id": "t1", "name": "Refunds"}]}]}
    drawn = pictures.draw_picture("dry_run", {"dry_run": make_dry_run("GO"), "topics": {"tree": tree}})
    assert drawn.index("Refunds") < drawn.index("t2")
    assert "nothing to learn here" in drawn
    assert "90% interval 30% to 50%, groups of 8" in drawn


def test_before_training_the_dry_run_stays_in_sight():
    drawn = pictures.draw_picture("training", {"dry_run": make_dry_run("GO"), "training": {}})
    assert "training can start" in drawn
    assert "its reward curve grows here" in drawn


def test_a_trick_that_pays_stands_out_beside_the_honest_mean():
    tricks = [
        {"title": "an empty answer", "score": 0.1, "outcome": "loses"},
        {"title": "a padded answer", "score": 0.8, "outcome": "wins"},
        {"title": "a refusal", "score": None, "outcome": None},
    ]
    grader = {"config": {"name": "mine"}, "sha": "x"}
    trial = {"sha": "x", "probe": {"honest": 0.6, "tricks": tricks}}
    drawn = pictures.draw_picture("grader_config", {"grader": grader, "grader_trial": trial})
    assert drawn.index("a padded answer") < drawn.index("an empty answer")
    assert drawn.count("this trick pays") == 1
    assert "a refusal" not in drawn
    assert 'style="left:60.0%"' in drawn


def test_tricks_tried_on_another_grader_are_not_shown():
    trial = {"sha": "other", "probe": {"honest": 0.6, "tricks": []}}
    drawn = pictures.draw_picture(
        "grader_config", {"grader": {"config": {"name": "m"}, "sha": "x"}, "grader_trial": trial}
    )
    assert "Tricks" not in drawn


def test_the_curve_leaves_out_steps_that_could_not_be_graded():
    history = [{"mean_reward": reward} for reward in (0.4, None, 0.6)]
    drawn = pictures.draw_picture("training", {"training": {"history": history}})
    assert "On average from 0.40 at the beginning to 0.60 at the end." in drawn


def test_one_odd_step_at_the_end_does_not_decide_what_a_curve_says():
    rewards = [0.5 + 0.01 * step for step in range(30)] + [0.4]
    assert "from 0.53 at the beginning to 0.71 at the end" in pictures.draw_curve(rewards)


def test_a_curve_without_any_change_is_a_line():
    assert "0.50" in pictures.draw_curve([0.5, 0.5])


@pytest.mark.parametrize(
    ("value", "half", "said"),
    [
        (0.1, 0.05, "better: +0.10, likely +0.05 to +0.15"),
        (-0.1, 0.05, "worse: -0.10, likely -0.15 to -0.05"),
        (0.0, 0.05, "no certain difference: +0.00, likely -0.05 to +0.05"),
    ],
)
def test_a_difference_that_may_be_chance_is_never_called_better(value, half, said):
    assert pictures.say_change(make_difference(value, half)) == said


def test_bar_and_words_of_a_change_agree():
    change = {"before": 0.5, "after": 0.52, "difference": make_difference(0.02, 0.05), "prompts": 40}
    comparison = {"reward": change, "criteria": {"no_promises": change, "clarity": change}}
    drawn = pictures.draw_comparison(comparison, {"clarity": "Plain words"})
    assert "good" not in drawn
    assert "No promises" in drawn
    assert "Plain words" in drawn
    assert "40 records that training never saw" in drawn
