"""Define the types of graders, each as its stored and exchanged JSON; OpenAI's types have OpenAI's fields."""

import math
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
)

from lucy.tools.graders.criterion import Criterion
from lucy.tools.graders.script import check_script

WEIGHT_TOLERANCE = 0.001
"""How far the weights of a rubric may be from summing to 1."""


class _Grader(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)

    @model_serializer(mode="wrap")
    def _leave_out_none(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write only what is set, as OpenAI's graders are written."""
        return {key: value for key, value in serialize(self).items() if value is not None}


class RubricGrader(_Grader):
    """Weighted criteria, judged by a judge model where one is set, else by what can be measured."""

    type: Literal["rubric"] = "rubric"
    criteria: tuple[Criterion, ...] = Field(min_length=1)

    @field_validator("criteria")
    @classmethod
    def _check_criteria(cls, criteria: tuple[Criterion, ...]) -> tuple[Criterion, ...]:
        total = math.fsum(criterion.weight for criterion in criteria)
        if abs(total - 1) > WEIGHT_TOLERANCE:
            raise ValueError(
                f"The weights of the criteria sum to {total:.3f}, expected 1; change them so that they do."
            )
        ids = [criterion.id for criterion in criteria]
        twice = next((name for name in ids if ids.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"Two criteria have the id {twice!r}; give each criterion an id of its own.")
        return criteria


class PythonGrader(_Grader):
    """A Python script with `grade(sample, item)`, run in confined processes of its own."""

    type: Literal["python"] = "python"
    source: str
    """Fewer than 256 000 bytes; defines `grade(sample, item)`, which gives a number from 0 to 1."""
    image_tag: str | None = None
    """OpenAI's name for the packages that a script finds; kept, and not used here."""

    @field_validator("source")
    @classmethod
    def _check_source(cls, source: str) -> str:
        check_script(source)
        return source


class JavascriptGrader(_Grader):
    """A JavaScript script with `evaluate(input)`, run in confined processes of its own."""

    type: Literal["javascript"] = "javascript"
    source: str
    """Fewer than 256 000 bytes; `evaluate` gives a number from 0 to 1, a boolean, or `{score, reason}`."""


class JudgeGrader(_Grader):
    """A language model that judges by a Mustache template, with an answer in a JSON schema."""

    type: Literal["llm_as_judge"] = "llm_as_judge"
    prompt_template: str = Field(min_length=1)
    """Mustache over messages, response, lastUserMessage, tools, toolCalls, systemPrompt and item."""
    output_schema: dict[str, Any] | None = None
    """JSON schema of the judge's answer, with a number `score`; None is `{score, reason}`."""
    model: str | None = None
    """The judge's name; None is the judge model that is set."""
    temperature: float = Field(default=0.0, ge=0, le=2)


class StringCheckGrader(_Grader):
    """OpenAI's `string_check`: 1 where the operation holds, else 0."""

    type: Literal["string_check"] = "string_check"
    input: str
    """Template over `sample` and `item`, such as `{{sample.output_text}}`."""
    reference: str
    operation: Literal["eq", "ne", "like", "ilike"]
    """`like`: the input contains the reference; `ilike` without regard to case."""


Metric = Literal[
    "fuzzy_match", "bleu", "gleu", "meteor", "cosine", "rouge_1", "rouge_2", "rouge_3", "rouge_4", "rouge_5",
    "rouge_l",
]  # fmt: skip


class TextSimilarityGrader(_Grader):
    """OpenAI's `text_similarity`: how alike two texts are, 0 to 1."""

    type: Literal["text_similarity"] = "text_similarity"
    input: str
    reference: str
    evaluation_metric: Metric
    pass_threshold: float | None = None
    """Kept for the exchange; the score is the similarity itself."""


class ModelMessage(BaseModel):
    """One message to the model of a `score_model` or `label_model`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Literal["system", "developer", "user", "assistant"]
    content: str
    """Template over `sample` and `item`."""
    type: Literal["message"] | None = None


class SamplingParams(BaseModel):
    """How the model of a `score_model` samples."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    seed: int | None = None
    max_completions_tokens: int | None = Field(default=None, ge=1)
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None


class ScoreModelGrader(_Grader):
    """OpenAI's `score_model`: a model that gives a number in a range."""

    type: Literal["score_model"] = "score_model"
    model: str = Field(min_length=1)
    input: tuple[ModelMessage, ...] = Field(min_length=1)
    range: tuple[float, float] = (0.0, 1.0)
    sampling_params: SamplingParams | None = None
    pass_threshold: float | None = None


class LabelModelGrader(_Grader):
    """OpenAI's `label_model`: a model that chooses a label; 1 where it is a passing one, else 0."""

    type: Literal["label_model"] = "label_model"
    model: str = Field(min_length=1)
    input: tuple[ModelMessage, ...] = Field(min_length=1)
    labels: tuple[str, ...] = Field(min_length=1)
    passing_labels: tuple[str, ...] = Field(min_length=1)


SingleGrader = Annotated[
    RubricGrader
    | PythonGrader
    | JavascriptGrader
    | JudgeGrader
    | StringCheckGrader
    | TextSimilarityGrader
    | ScoreModelGrader
    | LabelModelGrader,
    Field(discriminator="type"),
]
"""Any grader but `multi`."""


class MultiGrader(_Grader):
    """Several graders in one: their weighted mean, or OpenAI's `calculate_output` formula."""

    type: Literal["multi"] = "multi"
    graders: dict[str, SingleGrader] = Field(min_length=1)
    weights: dict[str, float] | None = None
    """Weight of each grader, summing to 1; not together with `calculate_output`."""
    calculate_output: str | None = None
    """Formula over the graders' names with `+ - * / ^` and min max abs floor ceil exp sqrt log."""
