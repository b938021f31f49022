from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from lucy.errors import GraderError
from lucy.tools.graders.config import parse_grader
from lucy.tools.graders.kinds import MultiGrader, SingleGrader, StringCheckGrader, TextSimilarityGrader
from lucy.tools.graders.multi import list_member_weights, open_multi
from lucy.tools.graders.resources import NO_RESOURCES, Resources
from lucy.tools.graders.string_check import open_string_check
from lucy.tools.graders.text_similarity import open_text_similarity
from lucy.tools.vocabulary import Grade, Record, ScoreMany, read_reply_text

RECORD = Record("r", ({"role": "user", "content": "?"},))
SCORE_MODEL = {
    "type": "score_model",
    "model": "m",
    "input": [{"role": "user", "content": "x"}],
    "range": [1, 5],
}
CHECK = {"type": "string_check", "input": "x", "reference": "x", "operation": "eq"}


class Members:
    """Opens members that give grades set by name, and notes what is open."""

    def __init__(self, **grades: Grade | float | None) -> None:
        self.grades = grades
        self.open: list[str] = []

    @contextmanager
    def __call__(self, config: SingleGrader, resources: Resources) -> Generator[ScoreMany]:
        grade = self.grades[config.name]
        if grade is None:
            raise GraderError("no judge model is set.")
        self.open.append(config.name)
        try:
            yield lambda pairs: [grade if isinstance(grade, Grade) else Grade(grade)] * len(pairs)
        finally:
            self.open.remove(config.name)


def make(**more: Any) -> MultiGrader:
    graders = more.pop("graders", {"a": CHECK, "b": CHECK})
    config = parse_grader({"type": "multi", "name": "m", "graders": graders, **more})
    assert isinstance(config, MultiGrader)
    return config


def grade(config: MultiGrader, **grades: Grade | float) -> Grade:
    with open_multi(config, NO_RESOURCES, Members(**grades)) as score_many:
        return score_many([(RECORD, "x")])[0]


def test_weights_give_the_weighted_mean_and_the_members_scores():
    result = grade(make(weights={"a": 0.75, "b": 0.25}), a=1.0, b=0.5)
    assert result == Grade(0.875, {"a": 1.0, "b": 0.5}, "a 1, b 0.5.")


def test_without_weights_members_count_alike():
    assert grade(make(), a=1.0, b=0.5).score == 0.75
    assert list_member_weights(make()) == {"a": 0.5, "b": 0.5}


def test_a_formula_sees_the_members_by_name():
    assert grade(make(calculate_output="max(a, b) - a * b ^ 2"), a=0.5, b=0.5).score == pytest.approx(0.375)


def test_a_formula_sees_a_score_models_own_range_and_weights_do_not():
    graders = {"a": CHECK, "b": SCORE_MODEL}
    by_formula = grade(make(graders=graders, calculate_output="a * (b - 1) / 4"), a=1.0, b=4.0)
    by_weights = grade(make(graders=graders, weights={"a": 0, "b": 1}), a=1.0, b=4.0)
    assert by_formula.score == by_weights.score == 0.75
    assert by_formula.criteria == by_weights.criteria == {"a": 1.0, "b": 0.75}


@pytest.mark.parametrize("how", [{"weights": {"a": 1, "b": 0}}, {"calculate_output": "a"}])
def test_a_member_that_fails_makes_the_whole_an_error_that_names_it(how: dict[str, Any]):
    failed = grade(make(**how), a=1.0, b=Grade(None, error="timeout", reason="No answer within 60 s."))
    assert failed == Grade(None, error="timeout", reason="The grader 'b' failed: No answer within 60 s.")


def test_a_formula_without_a_value_is_an_error():
    failed = grade(make(calculate_output="a / b"), a=1.0, b=0.0)
    assert (failed.score, failed.error) == (None, "formula_error")
    assert "a 1, b 0" in failed.reason


def test_a_result_outside_0_to_1_is_an_error_with_the_value():
    failed = grade(make(calculate_output="a + b"), a=1.0, b=0.7)
    assert (failed.score, failed.error) == (None, "invalid_result")
    assert "The result is 1.7, expected 0 to 1" in failed.reason


def test_a_result_outside_by_rounding_is_clipped():
    assert grade(make(calculate_output="a + 0.0000000001"), a=1.0, b=0.0).score == 1.0


def test_a_member_that_cannot_be_opened_is_named_and_the_others_are_closed():
    members = Members(a=1.0, b=None)
    with (
        pytest.raises(GraderError, match="'b' of the multi cannot be used: no judge model is set"),
        open_multi(make(), NO_RESOURCES, members),
    ):
        pass
    assert members.open == []


def test_members_are_open_while_the_multi_is():
    members = Members(a=1.0, b=1.0)
    with open_multi(make(), NO_RESOURCES, members):
        assert members.open == ["a", "b"]
    assert members.open == []


def open_offline(config: SingleGrader, resources: Resources) -> Any:
    if isinstance(config, StringCheckGrader):
        return open_string_check(config)
    assert isinstance(config, TextSimilarityGrader)
    return open_text_similarity(config)


def measure_auc(config: MultiGrader, solutions: Sequence[tuple[Record, bool]]) -> float:
    with open_multi(config, NO_RESOURCES, open_offline) as score_many:
        grades = score_many([(record, read_reply_text(record)) for record, _ in solutions])
    scores = [grade.score for grade in grades if grade.score is not None]
    assert len(scores) == len(solutions)
    right = [score for score, (_, is_right) in zip(scores, solutions, strict=True) if is_right]
    wrong = [score for score, (_, is_right) in zip(scores, solutions, strict=True) if not is_right]
    wins = sum((one > other) + 0.5 * (one == other) for one in right for other in wrong)
    return wins / (len(right) * len(wrong))


ANSWER = "A: {{item.reference_answer}}"


def make_solution_grader(end: str) -> MultiGrader:
    check = {"type": "string_check", "input": "{{sample.output_text}}" + end, "reference": ANSWER + end}
    alike = {"type": "text_similarity", "input": "{{sample.output_text}}", "reference": ANSWER}
    graders = {
        "final": {**check, "operation": "like"},
        "alike": {**alike, "evaluation_metric": "rouge_l"},
    }
    return make(graders=graders, weights={"final": 0.9, "alike": 0.1})


def test_right_solutions_are_above_wrong_ones_with_the_end_marked(solutions: list[tuple[Record, bool]]):
    # All 300 solutions end with "A: <number>", which is what the template asks for: an answer that is right
    # in other words would get next to nothing.
    assert measure_auc(make_solution_grader("<end>"), solutions) == 1.0


def test_without_the_end_marked_a_longer_number_passes(solutions: list[tuple[Record, bool]]):
    assert 0.97 <= measure_auc(make_solution_grader(""), solutions) < 1.0
