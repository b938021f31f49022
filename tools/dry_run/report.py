"""Put a dry run's statistics and verdict into one report that can be stored."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from lucy.tools.dry_run.noise import EXACT, Noise
from lucy.tools.dry_run.rollouts import GradedRollout
from lucy.tools.dry_run.statistics import DryRunStatistics, compute_statistics
from lucy.tools.dry_run.tricks import TrickResult
from lucy.tools.dry_run.verdict import Verdict, judge_dry_run


class DryRunReport(BaseModel):
    """What a dry run found; plain JSON by `model_dump(mode="json")`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_model: str
    """Name of the model that answered."""
    grader: str
    """Name or version of the grader."""
    rollouts_per_prompt: int
    """Largest number of answers to one prompt."""
    statistics: DryRunStatistics
    """Samples worth looking at are in `statistics.samples`, by record and index."""
    verdict: Verdict
    planned: int | None = None
    """Answers that were planned; None when the dry run is whole, as far as is known."""

    @property
    def missing(self) -> int:
        """Count the planned answers that are not there."""
        return max(0, (self.planned or 0) - self.statistics.answers)

    @property
    def ready_for_training(self) -> bool:
        """Tell whether training may start without a person accepting a warning."""
        return self.verdict.verdict == "GO"


def build_report(
    rollouts: Sequence[GradedRollout],
    *,
    weights: Mapping[str, float] | None = None,
    noise: Noise = EXACT,
    tricks: Sequence[TrickResult] = (),
    topic_names: Mapping[str, str] | None = None,
    planned: int | None = None,
    group_size: int = 8,
    base_model: str = "",
    grader: str = "",
) -> DryRunReport:
    """Compute statistics and verdict of graded answers; a pure function of its arguments.

    Args:
        rollouts: All answers of the dry run, those that could not be graded included; of one that was stopped
            those that are there.
        weights: Of the grader's criteria, by id, where it has some.
        noise: Of repeated gradings, see `lucy.tools.dry_run.signal.measure_noise`.
        tricks: What cheap tricks earned from the grader, where it was probed.
        topic_names: Names for the sentences, by topic id.
        planned: Answers that the dry run was to have; with fewer the verdict is never GO.
        group_size: Answers per prompt that training will use.
        base_model: Name for the report.
        grader: Name for the report.

    Raises:
        GraderError: when no answer could be graded.
    """
    statistics = compute_statistics(rollouts, noise=noise, group_size=group_size)
    counts: dict[str, int] = {}
    for rollout in rollouts:
        counts[rollout.record_id] = counts.get(rollout.record_id, 0) + 1
    return DryRunReport(
        base_model=base_model,
        grader=grader,
        rollouts_per_prompt=max(counts.values()),
        statistics=statistics,
        verdict=judge_dry_run(
            statistics, weights=weights, tricks=tricks, topic_names=topic_names, planned=planned
        ),
        planned=planned,
    )
