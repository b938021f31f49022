"""Write graders as OpenAI's JSON, for a trainer that runs them elsewhere; `parse_grader` reads that form.

OpenAI knows python, string_check, text_similarity, score_model, multi, and inside a multi label_model. What
Lucy has besides is rewritten where it means the same there, and refused with a sentence where it does not.

What this does not do: it cannot tell whether the trainer's rows have what the templates name (`item` is the
row without its messages there, unless the uploaded row repeats them), and a model that judges a rubric by
instructions is not Lucy's judge: its scores differ.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lucy.errors import GraderError, InputError
from lucy.tools.calls.prompts import render
from lucy.tools.graders.config import GraderConfig
from lucy.tools.graders.criterion import Criterion
from lucy.tools.graders.kinds import (
    JavascriptGrader,
    JudgeGrader,
    LabelModelGrader,
    MultiGrader,
    PythonGrader,
    RubricGrader,
    ScoreModelGrader,
    SingleGrader,
    StringCheckGrader,
    TextSimilarityGrader,
)
from lucy.tools.graders.multi import list_member_weights
from lucy.tools.graders.mustache import Section, Tag, parse_template
from lucy.tools.graders.placeholders import check_placeholders
from lucy.tools.graders.schemas import compile_schema

_PROMPT = Path(__file__).with_name("prompts") / "openai_rubric.md"

_NAMES: Mapping[str, str] = {
    "response": "sample.output_text",
    "toolCalls": "sample.output_tools",
    "messages": "item.messages",
    "tools": "item.tools",
    "item": "item",
}
"""What a judge template's names are called at OpenAI."""

_PLAIN = re.compile(r"[^\W\d][\w-]*")

OpenaiForm = dict[str, Any]


def to_openai(config: GraderConfig, *, judge_model: str = "", reference: str = "") -> OpenaiForm:
    """Write a grader in OpenAI's JSON for fine-tuning.

    Args:
        config: The grader.
        judge_model: OpenAI's name of the model that judges where the grader names none.
        reference: Template of the right answer for a rubric, such as `{{item.reference_answer}}`; empty where
            the rows have none.

    Raises:
        GraderError: the grader has no such form; the message says what to do.
    """
    if isinstance(config, LabelModelGrader):
        raise GraderError(
            f"OpenAI trains with no label_model alone; put {config.name!r} into a multi, "
            "or write it as a score_model."
        )
    if isinstance(config, MultiGrader):
        return _write_multi(config, judge_model, reference)
    form = _write_single(config, judge_model, reference)
    low, high = _find_range(config)
    if isinstance(config, JudgeGrader) and (low, high) != (0, 1):
        # Lucy counts such a judge from 0 to 1; a score_model alone would be counted in its own range.
        formula = _write_reward("judge", low, high)
        return {
            "type": "multi",
            "name": config.name,
            "graders": {"judge": form},
            "calculate_output": formula,
        }
    return form


def _write_single(config: SingleGrader, judge_model: str, reference: str) -> OpenaiForm:
    if isinstance(config, JavascriptGrader):
        raise GraderError(f"OpenAI runs no JavaScript; write the grader {config.name!r} in Python.")
    if isinstance(config, TextSimilarityGrader) and config.evaluation_metric == "cosine":
        raise GraderError(
            f"OpenAI does not train with the metric cosine; choose another one for {config.name!r}, "
            "such as fuzzy_match."
        )
    if isinstance(config, RubricGrader):
        return _write_rubric(config, judge_model, reference)
    if isinstance(config, JudgeGrader):
        return _write_judge(config, judge_model)
    return _dump(config)


def _dump(
    config: PythonGrader | StringCheckGrader | TextSimilarityGrader | ScoreModelGrader | LabelModelGrader,
) -> OpenaiForm:
    return config.model_dump(mode="json")


def _write_multi(config: MultiGrader, judge_model: str, reference: str) -> OpenaiForm:
    keys = _choose_keys(config)
    members = {
        keys[name]: _write_single(member, judge_model, reference) for name, member in config.graders.items()
    }
    formula = config.calculate_output
    if formula is None:
        weights = list_member_weights(config)
        formula = " + ".join(
            f"{_write_number(weights[name])} * {_write_reward(keys[name], *_find_range(member))}"
            for name, member in config.graders.items()
        )
    else:
        _check_ranges(config)
    return {"type": "multi", "name": config.name, "graders": members, "calculate_output": formula}


def _choose_keys(config: MultiGrader) -> dict[str, str]:
    """Give each member a name that can stand in a formula, and its own where that can."""
    keys: dict[str, str] = {}
    for name in config.graders:
        plain = re.sub(r"\W", "_", name)
        key = plain if re.fullmatch(r"[^\W\d]\w*", plain) else f"grader_{plain}"
        while key != name and (key in config.graders or key in keys.values()):
            key += "_"
        keys[name] = key
    return keys


def _check_ranges(config: MultiGrader) -> None:
    """Refuse a formula over a judge whose value there is not the one that Lucy's formula sees."""
    for name, member in config.graders.items():
        if isinstance(member, JudgeGrader) and _find_range(member) != (0, 1):
            raise GraderError(
                f"The judge {name!r} scores in a range of its own, which OpenAI's formula sees as it is; "
                "give its `score` the minimum 0 and the maximum 1."
            )


def _find_range(config: SingleGrader) -> tuple[float, float]:
    if isinstance(config, ScoreModelGrader):
        return config.range
    if isinstance(config, JudgeGrader) and config.output_schema is not None:
        return compile_schema(config.output_schema).range
    return 0.0, 1.0


def _write_reward(name: str, low: float, high: float) -> str:
    """Write a formula for a value as 0 to 1."""
    if (low, high) == (0, 1):
        return name
    sign = "-" if low >= 0 else "+"
    return f"(({name} {sign} {_write_number(abs(low))}) / {_write_number(high - low)})"


def _write_number(value: float) -> str:
    """Write a number without an exponent, which OpenAI's formulas are not said to read."""
    return f"{value:.12f}".rstrip("0").rstrip(".")


def _write_rubric(config: RubricGrader, judge_model: str, reference: str) -> OpenaiForm:
    if not judge_model:
        raise GraderError(
            f"The rubric {config.name!r} needs a model that judges at OpenAI; set a judge model, "
            "or train with a script."
        )
    shown = f"\nThe right answer:\n\n{reference}\n" if reference else ""
    content = render(_PROMPT, criteria="\n".join(_describe(one) for one in config.criteria), reference=shown)
    _check_result(config.name, content)
    return _write_score_model(config.name, content, judge_model)


def _describe(criterion: Criterion) -> str:
    text = f"- {criterion.name} (weight {_write_number(criterion.weight)}): {criterion.description}"
    return text.replace("{{", "{ {")


def _write_judge(config: JudgeGrader, judge_model: str) -> OpenaiForm:
    model = config.model or judge_model
    if not model:
        raise GraderError(
            f"The judge {config.name!r} names no model, and no judge model is set; name OpenAI's model there."
        )
    parts: list[str] = []
    for node in parse_template(config.prompt_template):
        if isinstance(node, Section):
            raise GraderError(
                f"OpenAI's templates have no sections; take `{{{{#{node.tag.name}}}}}` on line "
                f"{node.tag.line} out of {config.name!r}."
            )
        parts.append(_rename(node, config.name) if isinstance(node, Tag) else node)
    content = "".join(parts)
    _check_result(config.name, content)
    low, high = _find_range(config)
    form = _write_score_model(config.name, content, model)
    return {**form, "range": [low, high], "sampling_params": {"temperature": config.temperature}}


def _write_score_model(name: str, content: str, model: str) -> OpenaiForm:
    return {
        "type": "score_model",
        "name": name,
        "model": model,
        "input": [{"role": "user", "content": content}],
        "range": [0.0, 1.0],
    }


def _check_result(name: str, content: str) -> None:
    try:
        check_placeholders(content, "input.0.content")
    except InputError as error:
        raise GraderError(f"The grader {name!r} cannot be written in OpenAI's form: {error}") from error


def _rename(tag: Tag, name: str) -> str:
    """Write a value's name as OpenAI's path: `messages.0.content` is `item.messages[0].content`."""
    first, *rest = tag.name.split(".")
    if first not in _NAMES:
        raise GraderError(
            f"OpenAI's templates have no `{first}`; name a field of the row on line {tag.line} of {name!r}, "
            f"such as `{{{{item.messages}}}}`."
        )
    return "{{" + _NAMES[first] + "".join(_write_step(step) for step in rest) + "}}"


def _write_step(step: str) -> str:
    if step.isdecimal():
        return f"[{step}]"
    return f".{step}" if _PLAIN.fullmatch(step) else f"['{step}']"
