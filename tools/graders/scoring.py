"""Open any grader as one function, and tell graders apart by content."""

import hashlib
import json
from contextlib import AbstractContextManager

from lucy.tools.graders.config import GraderConfig
from lucy.tools.graders.criteria_judge import open_criteria_judge
from lucy.tools.graders.javascript_script import open_javascript
from lucy.tools.graders.judge import open_judge
from lucy.tools.graders.judging import require_door
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
from lucy.tools.graders.model_graders import open_label_model, open_score_model
from lucy.tools.graders.multi import list_member_weights, open_multi
from lucy.tools.graders.python_script import open_python
from lucy.tools.graders.resources import NO_RESOURCES, Resources
from lucy.tools.graders.rubric import open_rubric
from lucy.tools.graders.string_check import open_string_check
from lucy.tools.graders.text_similarity import open_text_similarity
from lucy.tools.vocabulary import ScoreMany

Opened = AbstractContextManager[ScoreMany]


def open_grader(config: GraderConfig, resources: Resources = NO_RESOURCES) -> Opened:
    """Open a grader; inside the `with` it is a function from (record, response) pairs to grades.

    Raises:
        GraderError: on entering, when the grader cannot be used here at all.
    """
    if isinstance(config, MultiGrader):
        return open_multi(config, resources, _open_member)
    return _open_single(config, resources)


def _open_single(config: SingleGrader, resources: Resources) -> Opened:
    match config:
        case RubricGrader():
            door = resources.open_judge("")
            return open_criteria_judge(config, door, resources.repeat) if door else open_rubric(config)
        case PythonGrader():
            return open_python(config, resources)
        case JavascriptGrader():
            return open_javascript(config, resources)
        case JudgeGrader():
            return open_judge(config, resources)
        case StringCheckGrader():
            return open_string_check(config)
        case TextSimilarityGrader():
            return open_text_similarity(config)
        case ScoreModelGrader():
            return open_score_model(config, resources)
        case LabelModelGrader():
            return open_label_model(config, resources)


def _open_member(config: SingleGrader, resources: Resources) -> Opened:
    """Open a member of a `multi`: a formula sees a model's score in its own range, as OpenAI's does."""
    if isinstance(config, ScoreModelGrader):
        return open_score_model(config, resources, raw=True)
    return _open_single(config, resources)


def hash_grader(config: GraderConfig) -> str:
    """Hash what a grader is, as 64 hex digits (SHA-256 of its JSON); its name does not count."""
    content = config.model_dump(mode="json", exclude={"name"})
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def address_grader(config: GraderConfig, resources: Resources) -> str:
    """Give the address that grades are kept under: the grader, and the models that judge for it."""
    models = list_judges(config, resources)
    if not models:
        return hash_grader(config)
    return hashlib.sha256("\n".join([hash_grader(config), *models]).encode()).hexdigest()


def list_judges(config: GraderConfig, resources: Resources) -> list[str]:
    """Name the models that grade, each once; empty for a grader that needs none or has none.

    Raises:
        GraderError: a judge that the grader needs is not set.
    """
    members = config.graders.values() if isinstance(config, MultiGrader) else (config,)
    return sorted({name for one in members for name in _name_judge(one, resources)})


def _name_judge(config: SingleGrader, resources: Resources) -> list[str]:
    if isinstance(config, RubricGrader):
        door = resources.open_judge("")
        return [door.model] if door else []
    if isinstance(config, JudgeGrader | ScoreModelGrader | LabelModelGrader):
        return [require_door(resources, model=config.model or "", name=config.name).model]
    return []


def list_weights(config: GraderConfig) -> dict[str, float]:
    """Give the weight of each criterion, or member, by id; empty for a grader without."""
    if isinstance(config, RubricGrader):
        return {criterion.id: criterion.weight for criterion in config.criteria}
    if isinstance(config, MultiGrader):
        return list_member_weights(config)
    return {}
