"""Define the types of graders, each as its stored and exchanged JSON; OpenAI's types have OpenAI's fields."""

import math
from collections.abc import Collection, Iterable
from typing import Annotated, Any, Literal, Self, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from lucy.tools.graders.criterion import Criterion
from lucy.tools.graders.formula import compile_formula
from lucy.tools.graders.mustache import check_template
from lucy.tools.graders.placeholders import parse_placeholders
from lucy.tools.graders.schemas import check_schema
from lucy.tools.graders.script import MAX_SOURCE_BYTES, check_script

WEIGHT_TOLERANCE = 0.001
"""How far the weights of a rubric or a multi may be from summing to 1."""


def _check_template(template: str) -> str:
    parse_placeholders(template)
    return template


def _check_range(bounds: tuple[float, float]) -> tuple[float, float]:
    low, high = bounds
    if not low < high:
        raise ValueError(f"The range goes from {low:g} to {high:g}; give the lower number first.")
    return bounds


def _check_once(texts: tuple[str, ...]) -> tuple[str, ...]:
    twice = _find_twice(texts)
    if twice is not None:
        raise ValueError(f"{twice!r} stands there twice; take one of them out.")
    return texts


def _find_twice(texts: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for text in texts:
        if text in seen:
            return text
        seen.add(text)
    return None


Template = Annotated[str, AfterValidator(_check_template)]
"""OpenAI's template over `sample` and `item`, such as `{{sample.output_text}}`."""

Range = Annotated[tuple[float, float], AfterValidator(_check_range)]

Labels = Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_check_once)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_serializer(mode="wrap")
    def _leave_out_none(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write only what is set, as OpenAI's graders are written."""
        return {key: value for key, value in serialize(self).items() if value is not None}


class _Grader(_Part):
    name: str = Field(min_length=1)


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
        twice = _find_twice(criterion.id for criterion in criteria)
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

    @field_validator("source")
    @classmethod
    def _check_source(cls, source: str) -> str:
        """Check the size and the name only; whether it runs is found when it is tried."""
        size = len(source.encode("utf-8", "surrogatepass"))
        if size >= MAX_SOURCE_BYTES:
            raise ValueError(f"The script is {size} bytes long; shorten it to fewer than {MAX_SOURCE_BYTES}.")
        if "evaluate" not in source:
            raise ValueError("The script defines no `evaluate(input)`; add that function at the top level.")
        return source


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

    @field_validator("prompt_template")
    @classmethod
    def _check_prompt(cls, template: str) -> str:
        check_template(template)
        return template

    @field_validator("output_schema")
    @classmethod
    def _check_output(cls, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        if schema is not None:
            check_schema(schema)
        return schema


class StringCheckGrader(_Grader):
    """OpenAI's `string_check`: 1 where the operation holds, else 0."""

    type: Literal["string_check"] = "string_check"
    input: Template
    reference: Template
    operation: Literal["eq", "ne", "like", "ilike"]
    """`like`: the input contains the reference; `ilike` without regard to case."""

    @model_validator(mode="after")
    def _check_operation(self) -> Self:
        if self.operation in ("like", "ilike") and not self.reference:
            raise ValueError("The `reference` is empty, so that every text contains it; write one.")
        return self


Metric = Literal[
    "fuzzy_match", "bleu", "gleu", "meteor", "cosine", "rouge_1", "rouge_2", "rouge_3", "rouge_4", "rouge_5",
    "rouge_l",
]  # fmt: skip


class TextSimilarityGrader(_Grader):
    """OpenAI's `text_similarity`: how alike two texts are, 0 to 1."""

    type: Literal["text_similarity"] = "text_similarity"
    input: Template
    reference: Template
    evaluation_metric: Metric
    pass_threshold: float | None = None
    """Kept for the exchange; the score is the similarity itself."""


class ModelMessage(_Part):
    """One message to the model of a `score_model` or `label_model`."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Template
    type: Literal["message"] | None = None

    @field_validator("content", mode="before")
    @classmethod
    def _read_parts(cls, content: object) -> object:
        """Read OpenAI's text parts, one or a list, as one text."""
        parts = cast(list[object], content) if isinstance(content, list) else [content]
        if isinstance(content, str) or not parts:
            return content
        return "\n".join(_read_part(part) for part in parts)


def _read_part(part: object) -> str:
    if isinstance(part, str):
        return part
    fields = cast(dict[str, object], part) if isinstance(part, dict) else {}
    text = fields.get("text")
    if fields.get("type") not in ("input_text", "output_text") or not isinstance(text, str):
        raise ValueError("Only text can be sent to the model here; leave out images, sound and files.")
    return text


class SamplingParams(_Part):
    """How the model of a `score_model` samples."""

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
    range: Range = (0.0, 1.0)
    sampling_params: SamplingParams | None = None
    pass_threshold: float | None = None


class LabelModelGrader(_Grader):
    """OpenAI's `label_model`: a model that chooses a label; 1 where it is a passing one, else 0."""

    type: Literal["label_model"] = "label_model"
    model: str = Field(min_length=1)
    input: tuple[ModelMessage, ...] = Field(min_length=1)
    labels: Labels
    passing_labels: Labels

    @model_validator(mode="after")
    def _check_labels(self) -> Self:
        unknown = next((label for label in self.passing_labels if label not in self.labels), None)
        if unknown is not None:
            raise ValueError(f"The passing label {unknown!r} is not one of the `labels`; add it there.")
        return self


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

    @model_validator(mode="after")
    def _check_combination(self) -> Self:
        if self.weights is not None and self.calculate_output is not None:
            raise ValueError("A multi has `weights` or `calculate_output`, not both; take one of them out.")
        if self.weights is not None:
            _check_weights(self.weights, self.graders)
        return self

    @model_validator(mode="after")
    def _check_formula(self) -> Self:
        if self.calculate_output is not None:
            compile_formula(self.calculate_output, self.graders)
        return self


def _check_weights(weights: dict[str, float], names: Collection[str]) -> None:
    odd = sorted(weights.keys() ^ set(names))
    if odd:
        side = "no weight" if odd[0] in names else "a weight and no grader"
        raise ValueError(f"There is {side} for {odd[0]!r}; give each grader one weight.")
    if min(weights.values()) < 0:
        raise ValueError("A weight is below 0; to count against the whole, use `calculate_output`.")
    total = math.fsum(weights.values())
    if abs(total - 1) > WEIGHT_TOLERANCE:
        raise ValueError(f"The weights sum to {total:.3f}, expected 1; change them so that they do.")
