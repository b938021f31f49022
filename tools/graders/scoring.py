"""Open any grader as one function, and tell graders apart by content."""

import hashlib
import json
from contextlib import AbstractContextManager

from lucy.tools.graders.config import GraderConfig, RubricGrader
from lucy.tools.graders.python_script import open_python
from lucy.tools.graders.resources import NO_RESOURCES, Resources
from lucy.tools.graders.rubric import open_rubric
from lucy.tools.vocabulary import ScoreMany


def open_grader(
    config: GraderConfig, resources: Resources = NO_RESOURCES
) -> AbstractContextManager[ScoreMany]:
    """Open a grader; inside the `with` it is a function from (record, response) pairs to grades.

    Raises:
        GraderError: on entering, when the grader cannot be used here at all.
    """
    if isinstance(config, RubricGrader):
        return open_rubric(config)
    return open_python(config)


def hash_grader(config: GraderConfig) -> str:
    """Hash what a grader does, as 64 hex digits (SHA-256 of its JSON); its name does not count."""
    content = config.model_dump(mode="json", exclude={"name"})
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def list_weights(config: GraderConfig) -> dict[str, float]:
    """Give the weight of each criterion by id; empty for a grader without criteria."""
    if isinstance(config, RubricGrader):
        return {criterion.id: criterion.weight for criterion in config.criteria}
    return {}
