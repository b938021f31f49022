import json

import numpy as np
import pytest

from lucy.tools.dry_run.finding import MAX_MORE_PROMPTS, count_more_prompts
from lucy.tools.dry_run.intervals import Interval
from lucy.tools.dry_run.noise import estimate_noise
from lucy.tools.dry_run.report import DryRunReport, build_report
from lucy.tools.dry_run.rollouts import GradedRollout
from lucy.tools.dry_run.tricks import TrickResult
from lucy.tools.vocabulary import Grade


def _draw(mean, spread, prompts=150, answers=4, seed=0):
    random = np.random.default_rng(seed)
    centres = random.normal(mean, spread, prompts)
    rewards = centres[:, None] + random.normal(0, spread, (prompts, answers))
    return np.clip(rewards, 0.01, 0.99).tolist()


def test_healthy_rewards_are_go(make):
    report = build_report(make(_draw(0.5, 0.15)))
    assert report.ready_for_training
    assert (report.verdict.dataset_quality, report.verdict.grader_quality) == ("good", "good")
    assert report.verdict.more_prompts_needed is None
    assert report.verdict.warnings == ()


def test_a_base_model_that_never_succeeds_is_no_go(make):
    verdict = build_report(make([[0.0] * 4] * 60)).verdict
    assert verdict.verdict == "NO-GO"
    assert verdict.dataset_quality == "problem"
    assert "hardly ever succeeds" in verdict.reasons[0]
    assert verdict.recommendations


def test_rewards_at_the_top_are_no_go(make):
    verdict = build_report(make([[1.0, 1.0, 1.0, 0.9]] * 80)).verdict
    assert verdict.verdict == "NO-GO"
    assert "little left to learn" in verdict.reasons[0]


def test_equal_rewards_per_prompt_are_no_go_whatever_the_spread(make):
    verdict = build_report(make([[0.2] * 4, [0.8] * 4] * 40)).verdict
    assert verdict.verdict == "NO-GO"
    assert "same reward" in verdict.reasons[0]


def test_a_grader_that_often_fails_is_no_go(make):
    rewards = _draw(0.5, 0.15)
    failing = [[None, None, *group[2:]] for group in rewards]
    verdict = build_report(make(failing)).verdict
    assert (verdict.verdict, verdict.grader_quality) == ("NO-GO", "problem")
    assert "timeout" in verdict.reasons[0]


def test_a_grader_that_sometimes_fails_is_a_warning(make):
    rewards = [[None, *group[1:]] if at % 3 == 0 else group for at, group in enumerate(_draw(0.5, 0.15))]
    verdict = build_report(make(rewards)).verdict
    assert (verdict.verdict, verdict.grader_quality) == ("WARNING", "warning")


def test_few_prompts_are_a_warning_that_says_how_many_more(make):
    verdict = build_report(make(_draw(0.5, 0.15, prompts=12))).verdict
    assert verdict.verdict == "WARNING"
    assert verdict.more_prompts_needed == 18


def test_a_hard_task_on_few_prompts_is_thin_and_not_proved_hopeless(make):
    rewards = [[0.0] * 4] * 27 + [[1.0, 0.0, 0.0, 0.0]] * 8
    verdict = build_report(make(rewards)).verdict
    assert verdict.verdict == "WARNING"
    assert any("cannot be excluded" in warning for warning in verdict.warnings)
    assert verdict.more_prompts_needed


def test_more_prompts_settle_what_few_left_open(make):
    rewards = [[0.0] * 4] * 27 + [[1.0, 0.0, 0.0, 0.0]] * 8
    verdict = build_report(make(rewards * 60)).verdict
    assert verdict.more_prompts_needed is None


def test_synthetic_siblings_do_not_count_as_evidence(make):
    verdict = build_report(make(_draw(0.5, 0.15), family="one")).verdict
    assert verdict.verdict == "WARNING"
    assert verdict.more_prompts_needed is not None
    assert verdict.more_prompts_needed >= 29


@pytest.mark.parametrize(("mean", "word"), [(0.85, "does well already"), (0.15, "is hard")])
def test_values_outside_the_healthy_range_are_warnings(make, mean, word):
    verdict = build_report(make(_draw(mean, 0.08))).verdict
    assert verdict.verdict == "WARNING"
    assert any(word in reason for reason in verdict.reasons)


def test_a_value_just_over_the_limit_that_the_interval_does_not_prove_is_go(make):
    rewards = _draw(0.66, 0.15, prompts=60)
    report = build_report(make(rewards))
    assert report.statistics.mean.value > 0.65 > report.statistics.mean.low95
    assert report.verdict.verdict == "GO"


def test_one_answer_per_prompt_is_a_warning(make):
    verdict = build_report(make([group[:1] for group in _draw(0.5, 0.15)])).verdict
    assert verdict.verdict == "WARNING"
    assert "only one graded answer" in verdict.reasons[0]


def test_a_noisy_grader_is_a_warning_about_the_grader(make, make_noise):
    verdict = build_report(make(_draw(0.5, 0.12, prompts=400)), noise=make_noise(0.1, 1000)).verdict
    assert (verdict.verdict, verdict.grader_quality) == ("WARNING", "warning")
    assert verdict.causes == ("noise",)
    assert "Grading one answer twice" in verdict.reasons[0]


def test_scores_that_differ_no_more_than_the_same_answer_twice_are_no_go(make, make_noise):
    verdict = build_report(make(_draw(0.5, 0.1)), noise=make_noise(0.1)).verdict
    assert (verdict.verdict, verdict.grader_quality, verdict.dataset_quality) == ("NO-GO", "problem", "good")
    assert verdict.causes == ("noise",)
    assert "scores of one answer differ as much as those of different answers" in verdict.reasons[0]


def test_noise_that_few_pairs_cannot_exclude_asks_for_more_of_them(make):
    noise = estimate_noise(np.array([0.15, -0.15] * 3))
    verdict = build_report(make(_draw(0.5, 0.15)), noise=noise).verdict
    assert verdict.causes == ("noise",)
    assert "at least 12 answers graded twice" in verdict.recommendations[0]


def _trick(score, *, wins=False, undecided=False, half=0.04):
    return TrickResult(
        name="Empty answers", score=score, honest=0.5, low=score - 0.5 - half, high=score - 0.5 + half,
        wins=wins, undecided=undecided, answers=24,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("trick", "expected"),
    [
        (_trick(0.7, wins=True), "NO-GO"),
        (_trick(0.52, wins=True), "WARNING"),
        (_trick(0.46, undecided=True), "WARNING"),
        (_trick(0.2), "GO"),
    ],
)
def test_a_trick_is_judged_by_what_it_earns(make, trick, expected):
    verdict = build_report(make(_draw(0.5, 0.15)), tricks=[trick]).verdict
    assert verdict.verdict == expected
    assert verdict.causes == (() if expected == "GO" else ("trick",))
    assert ("Empty answers" in verdict.reasons[0]) == (expected != "GO")


def test_a_trick_that_earns_nothing_is_not_named_beside_hopeless_answers(make):
    trick = _trick(0.0, undecided=True)
    assert build_report(make([[0.0] * 4] * 80), tricks=[trick]).verdict.causes == ("hopeless", "no_signal")


def _pay_for_length(lengths):
    return (lengths / 200).tolist(), [["x" * length for length in row] for row in lengths]


def test_a_grader_that_pays_for_length_is_no_go(make):
    rewards, texts = _pay_for_length(np.random.default_rng(0).integers(20, 180, (60, 4)))
    verdict = build_report(make(rewards, texts=texts)).verdict
    assert (verdict.verdict, verdict.grader_quality) == ("NO-GO", "problem")
    assert verdict.causes[0] == "length"


def test_short_answers_that_win_are_only_a_warning(make):
    rewards, texts = _pay_for_length(np.random.default_rng(0).integers(20, 180, (60, 4)))
    verdict = build_report(make((1 - np.array(rewards)).tolist(), texts=texts)).verdict
    assert (verdict.verdict, verdict.causes) == ("WARNING", ("length",))
    assert "shorter" in verdict.reasons[0]


def test_a_longer_kind_of_answer_that_is_right_is_only_a_warning(make):
    right = np.random.default_rng(2).random((60, 4)) < 0.3
    texts = [["x" * (300 - at if yes else 20 + 3 * at) for at, yes in enumerate(row)] for row in right]
    verdict = build_report(make(right.astype(float).tolist(), texts=texts)).verdict
    assert (verdict.verdict, verdict.causes) == ("WARNING", ("length",))


def _say(says, word):
    return [[f"well {word}" if yes else "well" for yes in row] for row in says]


def test_a_grader_that_pays_for_a_word_is_no_go(make):
    says = np.random.default_rng(3).random((60, 4)) < 0.4
    verdict = build_report(make(says.astype(float).tolist(), texts=_say(says, "certainly"))).verdict
    assert verdict.verdict == "NO-GO"
    assert "keyword" in verdict.causes
    assert any("'certainly'" in reason for reason in verdict.reasons)


def test_a_word_that_failing_answers_say_is_only_a_warning(make):
    says = np.random.default_rng(3).random((60, 4)) < 0.4
    texts = [["sorry, no" if yes else "yes, dear" for yes in row] for row in says]
    verdict = build_report(make((~says).astype(float).tolist(), texts=texts)).verdict
    assert verdict.verdict == "WARNING"
    assert "keyword" in verdict.causes


def _with_topics(topics):
    return [
        GradedRollout(f"{name}{at}", "", name, index, "x", Grade(score))
        for name, rewards in topics.items()
        for at, group in enumerate(rewards)
        for index, score in enumerate(group)
    ]


def test_a_dead_topic_is_named_for_people(make):
    topics = {"t1": _draw(0.5, 0.15, prompts=80), "t2": [[0.0] * 4] * 30}
    verdict = build_report(_with_topics(topics), topic_names={"t2": "Refunds"}).verdict
    assert (verdict.verdict, verdict.causes, verdict.dataset_quality) == (
        "WARNING",
        ("dead_topic",),
        "warning",
    )
    assert "learned: Refunds (mean reward 0.00" in verdict.reasons[0]
    assert "t1" not in verdict.reasons[0]


def test_a_stopped_dry_run_is_never_go(make):
    rollouts = make(_draw(0.5, 0.15))
    whole, part = (build_report(rollouts, planned=planned) for planned in (600, 800))
    assert (whole.verdict.verdict, whole.missing) == ("GO", 0)
    assert (part.verdict.verdict, part.verdict.causes, part.missing) == ("WARNING", ("incomplete",), 200)
    assert "200 of the 800 planned answers are missing" in part.verdict.reasons[0]


def test_a_stopped_dry_run_may_still_prove_a_problem(make):
    verdict = build_report(make([[0.0] * 4] * 60), planned=800).verdict
    assert verdict.verdict == "NO-GO"
    assert "incomplete" in verdict.causes


def test_findings_are_ordered_and_keep_dataset_and_grader_apart(make):
    rewards = [[None, *group[1:]] if at % 3 == 0 else group for at, group in enumerate(_draw(0.75, 0.1))]
    findings = build_report(make(rewards)).verdict.findings
    assert {(one.cause, one.about) for one in findings} == {
        ("failing_grader", "grader"),
        ("too_easy", "dataset"),
    }


def test_more_prompts_are_counted_from_the_side_of_the_limit():
    interval = Interval(value=0.1, low90=0.06, high90=0.2, low95=0.04, high95=0.25)
    below, above = count_more_prompts(interval, 0.05, 30), count_more_prompts(interval, 0.3, 30)
    assert below == 59
    assert above == 10
    assert count_more_prompts(interval, 0.1, 30) == MAX_MORE_PROMPTS


def test_the_report_is_plain_json_and_reads_back(make):
    report = build_report(make(_draw(0.5, 0.15, prompts=40)), base_model="offline-base", grader="rubric 1")
    text = json.dumps(report.model_dump(mode="json"), allow_nan=False)
    assert DryRunReport.model_validate_json(text) == report
    assert report.rollouts_per_prompt == 4


def test_a_report_stored_before_causes_and_lengths_were_known_still_reads(make):
    body = build_report(make(_draw(0.5, 0.15, prompts=40))).model_dump(mode="json")
    del body["planned"], body["verdict"]["causes"], body["verdict"]["findings"]
    for name in ("length", "keyword"):
        del body["statistics"][name]
    for name in ("noise_interval", "noise_pairs", "reliability_interval"):
        del body["statistics"]["signal"][name]
    for name in ("share_differing", "informative"):
        del body["statistics"]["by_topic"][0][name]
    assert DryRunReport.model_validate(body).verdict.verdict == "GO"
