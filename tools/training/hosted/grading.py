"""Give a task's grader in the form that services run it in."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lucy.tools.graders.openai_form import to_openai
from lucy.tools.training.trainer import Task

ASKS_A_MODEL = ("score_model", "label_model")
"""Graders whose model is billed beside the training."""
REFERENCE = "reference_answer"
"""Field that holds the right answer, shown to a model that judges where every record has it."""
REFERENCE_TEMPLATE = "{{item.reference_answer}}"
_FIELD = re.compile(r"\{\{\s*item\.([A-Za-z_]\w*)")


def write_grader(task: Task, judge_model: str) -> dict[str, Any] | None:
    """Give the grader's JSON for the service; None for supervised training, which has none.

    Raises:
        GraderError: it has no such form; says what to do.
    """
    if task.method != "rft":
        return None
    has_reference = all(REFERENCE in record.item for record in (*task.training, *task.heldout))
    reference = REFERENCE_TEMPLATE if has_reference else ""
    return to_openai(task.grader, judge_model=judge_model, reference=reference)


def list_judges(form: Mapping[str, Any]) -> list[str]:
    """Name the models that a grader asks, of its members too."""
    members = form.get("graders")
    graders = [form, *(members.values() if isinstance(members, Mapping) else ())]
    return [str(one["model"]) for one in graders if one.get("type") in ASKS_A_MODEL]


def list_fields(value: Any) -> list[str]:
    """Name the fields of a row that a grader's templates read, in alphabetical order."""
    return sorted(set(_find_fields(value)))


def _find_fields(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from _FIELD.findall(value)
    elif isinstance(value, Mapping):
        for key, one in value.items():
            if key != "source":  # a script is no template
                yield from _find_fields(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _find_fields(one)
