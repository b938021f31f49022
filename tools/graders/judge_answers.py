"""Say what judging would take before a judge model is asked."""

from collections.abc import Iterator, Sequence

from lucy.tools.calls.door import Estimate
from lucy.tools.graders.criteria_judge import make_criteria_judge
from lucy.tools.graders.judge import make_judge
from lucy.tools.graders.judging import Judge
from lucy.tools.graders.kinds import (
    JudgeGrader,
    LabelModelGrader,
    MultiGrader,
    RubricGrader,
    ScoreModelGrader,
    SingleGrader,
)
from lucy.tools.graders.model_graders import make_label_model, make_score_model
from lucy.tools.graders.resources import Resources
from lucy.tools.vocabulary import Record


def estimate_judge(
    config: SingleGrader | MultiGrader, resources: Resources, pairs: Sequence[tuple[Record, str]]
) -> Estimate | None:
    """Estimate what grading (record, response) pairs would take when no answer is stored yet.

    Args:
        config: Any grader; of a `multi` the members are added up.
        resources: What the grader may use.
        pairs: What would be graded.

    Returns:
        Calls, tokens and cost; the cost is None when that of one member is unknown. None: no model is used.

    Raises:
        GraderError: the grader needs a judge model and none is set.
    """
    judges = list(_list_judges(config, resources))
    if not judges:
        return None
    parts = [judge.estimate(pairs) for judge in judges]
    costs = [part.cost for part in parts]
    return Estimate(
        calls=sum(part.calls for part in parts),
        prompt_tokens=sum(part.prompt_tokens for part in parts),
        completion_tokens=sum(part.completion_tokens for part in parts),
        cost=None if None in costs else sum(cost for cost in costs if cost is not None),
    )


def _list_judges(config: SingleGrader | MultiGrader, resources: Resources) -> Iterator[Judge]:
    if isinstance(config, MultiGrader):
        for member in config.graders.values():
            yield from _list_judges(member, resources)
    elif isinstance(config, RubricGrader):
        door = resources.open_judge("")
        if door is not None:
            yield make_criteria_judge(config, door, resources.repeat)
    elif isinstance(config, JudgeGrader):
        yield make_judge(config, resources)
    elif isinstance(config, ScoreModelGrader):
        yield make_score_model(config, resources)
    elif isinstance(config, LabelModelGrader):
        yield make_label_model(config, resources)
