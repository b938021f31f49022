"""Run OpenAI's graders that ask a model: `score_model` and `label_model`.

The messages are the person's, as in OpenAI's; one sentence of ours is added, that what they quote is data.
Other than there, an answer without a number is an error and not 0: it says nothing about the response.
Source: OpenAI's guide to graders, and the types of openai-python.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lucy.tools.calls.prompts import render
from lucy.tools.calls.request import DIRECTORS, Request, Turn
from lucy.tools.graders.inputs import build_request
from lucy.tools.graders.judging import Judge, is_number, read_reason, require_door, rescale
from lucy.tools.graders.kinds import LabelModelGrader, ModelMessage, SamplingParams, ScoreModelGrader
from lucy.tools.graders.placeholders import render_placeholders
from lucy.tools.graders.resources import Resources
from lucy.tools.vocabulary import Grade, Record, ScoreMany

PROMPT = Path(__file__).with_name("prompts") / "model_grader.md"
SCORE_TOKENS = 200
"""About how long the answer of a `score_model` is: its steps and the number."""
LABEL_TOKENS = 60

STEPS_SCHEMA: dict[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"description": {"type": "string"}, "conclusion": {"type": "string"}},
        "required": ["description", "conclusion"],
        "additionalProperties": False,
    },
}
"""OpenAI's `steps`: how the model came to its number."""


@contextmanager
def open_score_model(
    config: ScoreModelGrader, resources: Resources, *, raw: bool = False
) -> Generator[ScoreMany]:
    """Give the function that grades with a `score_model`.

    Args:
        config: The grader. A number outside of its range is clipped to it, as OpenAI does.
        resources: What the grader may use.
        raw: Give the number in its range, for a formula; else it is brought to 0..1.

    Raises:
        GraderError: no judge model is set.
    """
    yield make_score_model(config, resources, raw=raw).score_many


@contextmanager
def open_label_model(config: LabelModelGrader, resources: Resources) -> Generator[ScoreMany]:
    """Give the function that grades with a `label_model`: 1 for a passing label, else 0.

    Raises:
        GraderError: no judge model is set.
    """
    yield make_label_model(config, resources).score_many


def make_score_model(config: ScoreModelGrader, resources: Resources, *, raw: bool = False) -> Judge:
    """Make the judge of a `score_model`.

    Raises:
        GraderError: no judge model is set.
    """
    low, high = config.range
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            "steps": STEPS_SCHEMA,
            "result": {"type": "number", "description": f"from {low:g} to {high:g}"},
        },
        "required": ["steps", "result"],
        "additionalProperties": False,
    }
    door = require_door(resources, model=config.model, name=config.name)
    write = _Writer(config.input, config.sampling_params or SamplingParams(), resources.repeat)

    def find_fault(value: object) -> str | None:
        result = value.get("result") if isinstance(value, dict) else None
        return None if is_number(result) else f"`result` must be a number from {low:g} to {high:g}"

    def read(value: dict[str, Any]) -> Grade:
        result = min(high, max(low, float(value["result"])))
        score = result if raw else rescale(result, low, high)
        return Grade(score, reason=_read_conclusion(value.get("steps")))

    return Judge(door, schema, find_fault, write, read, SCORE_TOKENS)


def make_label_model(config: LabelModelGrader, resources: Resources) -> Judge:
    """Make the judge of a `label_model`.

    Raises:
        GraderError: no judge model is set.
    """
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            "reason": {"type": "string", "description": "one sentence"},
            "label": {"type": "string", "enum": list(config.labels)},
        },
        "required": ["reason", "label"],
        "additionalProperties": False,
    }
    door = require_door(resources, model=config.model, name=config.name)
    write = _Writer(config.input, SamplingParams(temperature=0.0), resources.repeat)

    def find_fault(value: object) -> str | None:
        label = value.get("label") if isinstance(value, dict) else None
        return None if label in config.labels else f"`label` must be one of: {', '.join(config.labels)}"

    def read(value: dict[str, Any]) -> Grade:
        label = value["label"]
        reason = read_reason(value.get("reason"))
        score = 1.0 if label in config.passing_labels else 0.0
        return Grade(score, reason=f"{label}: {reason}" if reason else label)

    return Judge(door, schema, find_fault, write, read, LABEL_TOKENS)


class _Writer:
    """Write the question of a grader whose messages are templates."""

    def __init__(self, messages: Sequence[ModelMessage], sampling: SamplingParams, repeat: int) -> None:
        self._messages = messages
        self._sampling = sampling
        self._repeat = repeat
        self._caution = render(PROMPT)

    def __call__(self, record: Record, response: str) -> Request:
        filled = build_request(record, response)
        turns = [Turn(one.role, render_placeholders(one.content, filled)) for one in self._messages]
        # Joined to their own first words: many chat templates take one system message only.
        first = turns[0]
        if first.role in DIRECTORS:
            turns[0] = Turn(first.role, f"{first.content}\n\n{self._caution}")
        else:
            turns.insert(0, Turn("system", self._caution))
        sampling = self._sampling
        return Request(
            messages=tuple(turns),
            seed=(sampling.seed or 0) + self._repeat,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_completion_tokens=sampling.max_completions_tokens,
            reasoning_effort=sampling.reasoning_effort,
        )


def _read_conclusion(steps: object) -> str:
    """Give the conclusion of the last step; empty where there is none."""
    last = steps[-1] if isinstance(steps, list) and steps else None
    return read_reason(last.get("conclusion")) if isinstance(last, dict) else ""
