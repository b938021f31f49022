import json

import numpy as np
import pytest

from lucy.tools.dry_run.report import DryRunReport, build_report


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


def test_a_noisy_grader_is_a_warning_about_the_grader(make):
    verdict = build_report(make(_draw(0.5, 0.12)), noise=0.11).verdict
    assert verdict.grader_quality == "warning"
    assert any("Grading one answer twice" in warning for warning in verdict.warnings)


def test_the_report_is_plain_json_and_reads_back(make):
    report = build_report(make(_draw(0.5, 0.15, prompts=40)), base_model="offline-base", grader="rubric 1")
    text = json.dumps(report.model_dump(mode="json"), allow_nan=False)
    assert DryRunReport.model_validate_json(text) == report
    assert report.rollouts_per_prompt == 4
