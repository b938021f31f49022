from typing import Any

import openai.types.graders as sdk
import pytest
from pydantic import BaseModel

from lucy.errors import GraderError
from lucy.tools.graders import kinds
from lucy.tools.graders.config import GraderConfig, parse_grader
from lucy.tools.graders.criteria import propose_criteria
from lucy.tools.graders.formula import compile_formula
from lucy.tools.graders.kinds import RubricGrader
from lucy.tools.graders.openai_form import to_openai

STRING_CHECK = {
    "type": "string_check",
    "name": "String check grader",
    "input": "{{sample.output_text}}",
    "reference": "{{item.label}}",
    "operation": "eq",
}
TEXT_SIMILARITY = {
    "type": "text_similarity",
    "name": "Text similarity grader",
    "input": "{{sample.output_text}}",
    "reference": "{{item.reference_answer}}",
    "evaluation_metric": "fuzzy_match",
}
PYTHON = {
    "type": "python",
    "name": "Python grader",
    "source": "def grade(sample, item):\n    return 1.0 if sample['output_text'] == item['label'] else 0.0\n",
    "image_tag": "2025-05-08",
}
SCORE_MODEL = {
    "type": "score_model",
    "name": "Score model grader",
    "model": "o4-mini",
    "input": [
        {"role": "system", "content": "You are an expert grader."},
        {"role": "user", "content": "Reference: {{item.reference_answer}}. Answer: {{sample.output_text}}"},
    ],
    "range": [1.0, 5.0],
    "sampling_params": {"temperature": 1.0, "top_p": 0.9, "seed": 42, "max_completions_tokens": 100},
}
LABEL_MODEL = {
    "type": "label_model",
    "name": "Label model grader",
    "model": "gpt-4o",
    "input": [{"role": "user", "content": "{{sample.output_tools[0].function.arguments}}"}],
    "labels": ["good", "bad"],
    "passing_labels": ["good"],
}
MULTI = {
    "type": "multi",
    "name": "Multi grader",
    "graders": {
        "ext": STRING_CHECK,
        "sim": TEXT_SIMILARITY,
        "code": PYTHON,
        "judge": SCORE_MODEL,
        "label": LABEL_MODEL,
    },
    "calculate_output": "0.2 * ext + 0.2 * sim + min(code, 0.2) + (judge - 1) / 20 + label ^ 2 / 5",
}
JUDGE = {"type": "llm_as_judge", "name": "j", "prompt_template": "Rate {{response}}", "model": "gpt-4o"}


def read(value: dict[str, Any]) -> GraderConfig:
    return parse_grader(value)


@pytest.mark.parametrize("form", [STRING_CHECK, TEXT_SIMILARITY, PYTHON, SCORE_MODEL, MULTI])
def test_openais_graders_go_round(form: dict[str, Any]):
    assert to_openai(read(form)) == form


def test_a_score_model_without_a_range_is_written_with_openais():
    bare = {key: value for key, value in SCORE_MODEL.items() if key not in ("range", "sampling_params")}
    assert to_openai(read(bare)) == {**bare, "range": [0.0, 1.0]}


SDK_TYPES = {
    "python": (kinds.PythonGrader, sdk.PythonGrader),
    "string_check": (kinds.StringCheckGrader, sdk.StringCheckGrader),
    "text_similarity": (kinds.TextSimilarityGrader, sdk.TextSimilarityGrader),
    "score_model": (kinds.ScoreModelGrader, sdk.ScoreModelGrader),
    "label_model": (kinds.LabelModelGrader, sdk.LabelModelGrader),
    "multi": (kinds.MultiGrader, sdk.MultiGrader),
}
# Known to OpenAI's service and not to this version of its SDK, or Lucy's own.
BESIDES = {"pass_threshold", "weights"}


@pytest.mark.parametrize("name", SDK_TYPES)
def test_the_fields_are_those_of_openais_sdk(name: str):
    ours, theirs = SDK_TYPES[name]
    assert set(ours.model_fields) - BESIDES == set(theirs.model_fields)


@pytest.mark.parametrize(
    ("form", "model"),
    [
        (STRING_CHECK, sdk.StringCheckGrader),
        (TEXT_SIMILARITY, sdk.TextSimilarityGrader),
        (PYTHON, sdk.PythonGrader),
        (SCORE_MODEL, sdk.ScoreModelGrader),
    ],
)
def test_openais_sdk_reads_what_is_written(form: dict[str, Any], model: type[BaseModel]):
    assert model.model_validate(to_openai(read(form)), strict=True).model_dump(exclude_none=True) == form


def test_openais_text_parts_are_read_as_text():
    parts = [{"type": "input_text", "text": "One"}, {"type": "output_text", "text": "{{sample.output_text}}"}]
    written = to_openai(read({**SCORE_MODEL, "input": [{"role": "user", "content": parts}]}))
    assert written["input"] == [{"role": "user", "content": "One\n{{sample.output_text}}"}]


def test_a_judges_template_is_written_with_openais_paths():
    template = (
        "{{! note }}{{messages.0.content}} {{item.gold answer}} {{item.a-b.0}} {{{response}}} {{toolCalls}}"
    )
    written = to_openai(read({**JUDGE, "prompt_template": template}))
    assert written == {
        "type": "score_model",
        "name": "j",
        "model": "gpt-4o",
        "input": [
            {
                "role": "user",
                "content": "{{item.messages[0].content}} {{item['gold answer']}} {{item.a-b[0]}} "
                "{{sample.output_text}} {{sample.output_tools}}",
            }
        ],
        "range": [0.0, 1.0],
        "sampling_params": {"temperature": 0.0},
    }
    assert to_openai(read(written)) == written


def test_a_judge_with_a_range_of_its_own_still_gives_0_to_1():
    schema = {"type": "object", "properties": {"score": {"type": "integer", "minimum": 1, "maximum": 5}}}
    written = to_openai(read({**JUDGE, "output_schema": schema}))
    formula = compile_formula(written["calculate_output"], written["graders"])
    assert written["graders"]["judge"]["range"] == [1.0, 5.0]
    assert formula({"judge": 4}) == 0.75


def test_weights_are_written_as_a_formula_over_names_that_can_stand_in_one():
    graders = {"final-answer": STRING_CHECK, "judge": SCORE_MODEL, "2nd": PYTHON}
    weights = {"final-answer": 0.5, "judge": 0.25, "2nd": 0.25}
    written = to_openai(read({"type": "multi", "name": "m", "graders": graders, "weights": weights}))
    assert list(written["graders"]) == ["final_answer", "judge", "grader_2nd"]
    formula = compile_formula(written["calculate_output"], written["graders"])
    assert formula({"final_answer": 1, "judge": 3, "grader_2nd": 0}) == pytest.approx(0.625)
    assert isinstance(read(written), kinds.MultiGrader)


def test_members_whose_names_become_equal_are_kept_apart():
    written = to_openai(read({"type": "multi", "name": "m", "graders": {"a-b": PYTHON, "a_b": STRING_CHECK}}))
    assert list(written["graders"]) == ["a_b_", "a_b"]
    assert written["calculate_output"] == "0.5 * a_b_ + 0.5 * a_b"


def make_rubric() -> RubricGrader:
    criteria = propose_criteria("customer support", has_reference=False, has_replies=True, has_tools=False)
    return RubricGrader(name="support", criteria=criteria)


def test_a_rubric_is_written_as_instructions_to_a_model():
    rubric = make_rubric()
    written = to_openai(rubric, judge_model="o4-mini", reference="{{item.reference_answer}}")
    content = written["input"][0]["content"]
    assert written["model"] == "o4-mini"
    assert all(one.description in content for one in rubric.criteria)
    assert "{{item.reference_answer}}" in content
    assert to_openai(read(written)) == written


def test_braces_in_a_criterion_are_no_placeholder():
    first, *others = make_rubric().criteria
    odd = first.model_copy(update={"description": "Does not show {{item.secret}}"})
    written = to_openai(RubricGrader(name="r", criteria=(odd, *others)), judge_model="o4-mini")
    assert "{{item.secret}}" not in written["input"][0]["content"]


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"type": "javascript", "name": "js", "source": "evaluate = 1"}, "write the grader 'js' in Python"),
        ({**TEXT_SIMILARITY, "evaluation_metric": "cosine"}, "does not train with the metric cosine"),
        (LABEL_MODEL, "with no label_model alone"),
        ({**JUDGE, "model": None}, "names no model"),
        ({**JUDGE, "prompt_template": "a\n{{#messages}}{{role}}{{/messages}}"}, "`{{#messages}}` on line 2"),
        ({**JUDGE, "prompt_template": "{{lastUserMessage}}"}, "no `lastUserMessage`"),
        ({"type": "multi", "name": "m", "graders": {"a": {**TEXT_SIMILARITY, "evaluation_metric": "cosine"}}},
         "the metric cosine"),
    ],
)  # fmt: skip
def test_what_openai_cannot_run_is_refused_with_what_to_do(form: dict[str, Any], message: str):
    with pytest.raises(GraderError, match=message):
        to_openai(read(form))


def test_a_rubric_without_a_model_is_refused():
    with pytest.raises(GraderError, match="needs a model that judges at OpenAI"):
        to_openai(make_rubric())


def test_a_formula_over_a_judge_with_a_range_of_its_own_is_refused():
    schema = {"type": "object", "properties": {"score": {"type": "number", "maximum": 10}}}
    form = {
        "type": "multi",
        "name": "m",
        "graders": {"j": {**JUDGE, "output_schema": schema}},
        "calculate_output": "j",
    }
    with pytest.raises(GraderError, match="a range of its own"):
        to_openai(read(form))
