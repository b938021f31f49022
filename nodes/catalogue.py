"""List the steps, in one literal table that can be clicked through."""

from lucy.graph.state import Place
from lucy.nodes import (
    categorize,
    completed,
    coverage_generation,
    deployment,
    dry_run,
    grader_config,
    not_started,
    topics_config,
    training,
)
from lucy.nodes.step import Step

CATALOGUE: dict[Place, Step] = {
    "not_started": not_started.STEP,
    "topics_config": topics_config.STEP,
    "categorize": categorize.STEP,
    "coverage_generation": coverage_generation.STEP,
    "grader_config": grader_config.STEP,
    "dry_run": dry_run.STEP,
    "training": training.STEP,
    "deployment": deployment.STEP,
    "completed": completed.STEP,
}


def find_step(place: Place) -> Step:
    """Give the step that conducts a place of the workflow."""
    return CATALOGUE[place]
