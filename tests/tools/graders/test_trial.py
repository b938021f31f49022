from collections.abc import Generator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lucy.errors import InputError
from lucy.tools.calls.door import Door
from lucy.tools.graders.config import PythonGrader, RubricGrader
from lucy.tools.graders.criteria import propose_criteria
from lucy.tools.graders.presets import make_preset
from lucy.tools.graders.resources import NO_RESOURCES, Resources
from lucy.tools.graders.trial import TrialReport, try_grader
from lucy.tools.vocabulary import Grade, Record, ScoreMany


def make_records(
    count: int, *, reply: str = "The answer to {n} is {n}", reference: bool = True
) -> list[Record]:
    return [
        Record(
            id=f"r{n}",
            prompt=({"role": "user", "content": f"What is the answer to {n}?"},),
            reply=({"role": "assistant", "content": reply.format(n=n)},) if reply else (),
            item={"reference_answer": str(n)} if reference else {},
        )
        for n in range(count)
    ]


def script(body: str) -> PythonGrader:
    return PythonGrader(name="script", source=f"def grade(sample, item):\n    {body}\n")


EXACT = script("return float(sample['output_text'].endswith(item['reference_answer']))")


def test_five_records_are_tried_spread_over_the_list():
    report = try_grader(EXACT, make_records(100))
    places = [int(sample.record_id[1:]) for sample in report.samples]
    assert len(places) == 5
    assert all(20 * i <= place < 20 * (i + 1) for i, place in enumerate(places))


def test_another_seed_tries_other_records():
    first, second = (try_grader(EXACT, make_records(100), seed=seed).samples for seed in (0, 1))
    assert {s.record_id for s in first} != {s.record_id for s in second}


def test_a_report_survives_json():
    report = try_grader(EXACT, make_records(7))
    assert TrialReport.model_validate_json(report.model_dump_json()) == report


def test_reference_and_empty_answers_are_graded_too():
    report = try_grader(EXACT, make_records(5))
    assert {(s.score, s.reference_score, s.empty_score) for s in report.samples} == {(1.0, 1.0, 0.0)}
    assert (report.mean, report.lowest, report.highest, report.failed) == (1.0, 1.0, 1.0, 0)


def test_a_rubric_reports_its_criteria():
    criteria = propose_criteria("support", has_reference=False, has_replies=True, has_tools=False)
    report = try_grader(RubricGrader(name="r", criteria=criteria), make_records(5, reference=False))
    assert set(report.samples[0].criteria) == {criterion.id for criterion in criteria}
    assert report.samples[0].reference_score is None
    assert report.is_deterministic


WARNED = {
    "equal scores": ("return 0.5", "Every sample has the same score, 0.50"),
    "empty answers": ("return 1 - len(sample['output_text']) / 100", "An empty answer scores as high"),
    "failures": (
        "return 1 / 0",
        "5 of 5 samples could not be graded (runtime_error): The script raised ZeroDivision",
    ),
    "a low reference": (
        "return len(sample['output_text']) / 100",
        "The reference answer scores under 0.5 for 5 of 5",
    ),
    "chance": ("import random; return random.random()", "some scores changed"),
}


@pytest.mark.parametrize(("body", "warning"), WARNED.values(), ids=WARNED)
def test_a_doubtful_grader_is_warned_of(body: str, warning: str):
    report = try_grader(script(body), make_records(5))
    assert any(warning in text for text in report.warnings)


def test_a_good_grader_gets_no_warning():
    known = "0.5 * (item['reference_answer'] in sample['output_text'])"
    body = f"return {known} + len(sample['output_text']) % 7 / 20"
    assert try_grader(script(body), make_records(20)).warnings == ()


def test_without_replies_the_reference_is_graded_and_the_report_says_so():
    report = try_grader(EXACT, make_records(5, reply=""))
    assert {sample.source for sample in report.samples} == {"reference"}
    assert any("5 of 5 samples have no recorded reply" in text for text in report.warnings)


def test_records_without_any_answer_are_passed_over():
    records = [*make_records(3), *make_records(9, reply="", reference=False)]
    report = try_grader(EXACT, records)
    assert len(report.samples) == 3
    assert any("Only 3 of the 5 samples" in text for text in report.warnings)


def test_nothing_to_try_is_explained():
    with pytest.raises(InputError, match="none of the records has a recorded reply or a reference answer"):
        try_grader(EXACT, make_records(5, reply="", reference=False))


def test_replies_that_are_tool_calls_are_tried_with_their_calls():
    called = {"type": "function", "function": {"name": "find", "arguments": '{"id": 7}'}}
    tool = {"type": "function", "function": {"name": "find", "parameters": {}}}
    records = [
        Record(
            id=f"r{n}",
            prompt=({"role": "user", "content": "Find order 7"},),
            reply=({"role": "assistant", "content": None, "tool_calls": [called]},),
            tools=(tool,),
        )
        for n in range(5)
    ]
    grader = make_preset("tool_usage", has_reference=False, has_replies=False, has_tools=True)
    report = try_grader(grader, records)
    assert {(sample.source, sample.score, sample.empty_score) for sample in report.samples} == {
        ("reply", 1, 0)
    }
    assert "find" in report.samples[0].response


BANNED = {
    "it always fails": ("return 1 / 0", "None of the 5 answers could be graded (runtime_error"),
    "it likes nothing best": (
        "return 1.0 if not sample['output_text'] else 0.3 + int(item['reference_answer']) / 20",
        "The reference answer scores no more than an empty one for 5 of 5 samples",
    ),
}


@pytest.mark.parametrize(("body", "sentence"), BANNED.values(), ids=BANNED)
def test_a_grader_that_cannot_be_the_objective_is_named_as_such(body: str, sentence: str):
    assert (try_grader(script(body), make_records(5)).must_not_be_used or "").startswith(sentence)


def test_a_doubtful_grader_may_still_be_used():
    assert (
        try_grader(
            script("return 0.5 * ('answer' in sample['output_text'])"), make_records(5, reference=False)
        ).must_not_be_used
        is None
    )


def open_noisy(step: float) -> Any:
    """Stand in for a judge that says `step` more each time it is asked anew."""

    @contextmanager
    def open_grader(config: object, resources: Resources = NO_RESOURCES) -> Generator[ScoreMany]:
        def score(pairs: Sequence[tuple[Record, str]]) -> list[Grade]:
            return [
                Grade(min(1.0, len(text) / 40) + step * resources.repeat if text else 0.0)
                for _, text in pairs
            ]

        yield score

    return open_grader


JUDGED = Resources(open_judge=lambda _: cast(Door, SimpleNamespace(model="some judge")))
RUBRIC = make_preset("quality", has_reference=False, has_replies=True, has_tools=False)


@pytest.mark.parametrize("step", [0.0, 0.02, 0.3])
def test_a_judge_is_asked_anew_and_its_noise_is_shown(monkeypatch: pytest.MonkeyPatch, step: float):
    monkeypatch.setattr("lucy.tools.graders.trial.open_grader", open_noisy(step))
    report = try_grader(RUBRIC, make_records(20), JUDGED)
    assert report.noise == pytest.approx(step / 2**0.5, abs=1e-6)
    assert any("Asked anew" in text for text in report.warnings) == (step == 0.3)


def test_what_is_measured_offline_has_no_noise_to_show():
    assert try_grader(RUBRIC, make_records(5)).noise is None
