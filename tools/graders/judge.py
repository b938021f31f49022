"""Judge responses by a language model with a person's own template: grader type `llm_as_judge`.

The template is filled in and sent as one message, after one of ours that says that what is filled in is
data. What this does not do: fence what the template quotes without a fence of its own. A response can still
try to talk to the judge; probing a grader shows whether that works.
"""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lucy.errors import GraderError, InputError
from lucy.tools.calls.prompts import render
from lucy.tools.calls.request import Request
from lucy.tools.graders.inputs import build_variables
from lucy.tools.graders.judging import Judge, read_reason, require_door, rescale
from lucy.tools.graders.kinds import JudgeGrader
from lucy.tools.graders.mustache import check_template, render_template
from lucy.tools.graders.resources import Resources
from lucy.tools.graders.schemas import Schema, compile_schema
from lucy.tools.vocabulary import Grade, Record, ScoreMany

PROMPT = Path(__file__).with_name("prompts") / "judge.md"
ANSWER_TOKENS = 120
"""About how long an answer is: a sentence and a score, sometimes more."""
REASONS = ("reason", "reasoning")
"""Fields of an answer that hold the reason."""

DEFAULT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "reason": {"type": "string", "description": "one sentence"},
        "score": {"type": "number", "minimum": 0, "maximum": 1},
    },
    "required": ["reason", "score"],
    "additionalProperties": False,
}
"""An answer where the grader has no schema: the reason is written before the score."""


@contextmanager
def open_judge(config: JudgeGrader, resources: Resources) -> Generator[ScoreMany]:
    """Give the function that judges by a template.

    The judge's score is brought from the range that the schema declares to 0..1.

    Raises:
        GraderError: no judge model is set, or template or schema cannot be used.
    """
    yield make_judge(config, resources).score_many


def make_judge(config: JudgeGrader, resources: Resources) -> Judge:
    """Make the judge of a grader.

    Raises:
        GraderError: as `open_judge`.
    """
    door = require_door(resources, model=config.model or "", name=config.name)
    schema = DEFAULT_SCHEMA if config.output_schema is None else config.output_schema
    compiled = _compile(config, schema)
    system = render(PROMPT)

    def write(record: Record, response: str) -> Request:
        return Request(
            prompt=render_template(config.prompt_template, build_variables(record, response)),
            system=system,
            seed=resources.repeat,
            temperature=config.temperature,
        )

    def read(value: dict[str, Any]) -> Grade:
        reason = next((found for name in REASONS if (found := read_reason(value.get(name)))), "")
        return Grade(rescale(value["score"], *compiled.range), reason=reason)

    return Judge(door, schema, compiled.find_fault, write, read, ANSWER_TOKENS)


def _compile(config: JudgeGrader, schema: dict[str, Any]) -> Schema:
    try:
        check_template(config.prompt_template)
        return compile_schema(schema)
    except InputError as error:
        raise GraderError(f"The grader {config.name!r} cannot be used: {error}") from error
