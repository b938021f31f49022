"""Keep what a training's judge costs below the person's limit, and know what was spent.

A judge is asked only when what its answers will cost, by estimate, still fits. What a service asks for the
training itself is watched by its trainer. It does not know discounts, or prices that nobody named.
"""

from collections.abc import Iterator, Sequence

from lucy.errors import CostLimitError
from lucy.tools.graders.config import GraderConfig
from lucy.tools.graders.judge_answers import estimate_judge
from lucy.tools.graders.resources import Resources
from lucy.tools.store.database import Store
from lucy.tools.store.job_costs import list_call_costs
from lucy.tools.store.jobs import Job
from lucy.tools.vocabulary import Grade, Record, ScoreMany

CHUNK = 64
"""Answers that are judged between two looks at the limit."""


class Budget:
    """The money that one training may spend on judging."""

    def __init__(self, store: Store, job: Job, *, grader: GraderConfig, resources: Resources) -> None:
        """Watch a job.

        Args:
            store: Holds the ledger.
            job: The training.
            grader: What is asked.
            resources: What the grader may use.
        """
        self._store = store
        self._job = job
        self._grader = grader
        self._resources = resources
        self.charged = 0.0
        """What the trainer itself has cost, US dollars, as far as it is known."""

    def list_costs(self) -> list[float | None]:
        """List what the calls of this job cost so far, US dollars each; None where that is unknown."""
        return list_call_costs(self._store, self._job)

    def read_spent(self) -> float:
        """Give what the calls have cost this job so far, US dollars; one of unknown cost counts nothing."""
        return sum(cost for cost in self.list_costs() if cost is not None)

    def limit(self, score_many: ScoreMany, most: float | None) -> ScoreMany:
        """Wrap a grader at work so that it pauses the job before it would spend more than `most` dollars.

        Without a limit, or where no model judges, the grader is given back as it is.
        """
        if most is None or self._estimate([]) is None:
            return score_many
        return lambda pairs: list(self._score(score_many, pairs, most))

    def _score(
        self, score_many: ScoreMany, pairs: Sequence[tuple[Record, str]], most: float
    ) -> Iterator[Grade]:
        for start in range(0, len(pairs), CHUNK):
            chunk = pairs[start : start + CHUNK]
            coming, spent = self._estimate(chunk), self.charged + self.read_spent()
            if spent + (coming or 0.0) > most:
                raise CostLimitError(
                    f"The training paused before its limit of ${most:.2f}: ${spent:.2f} is spent, and "
                    f"judging the next {len(chunk)} answers would take about ${coming or 0.0:.2f}. What is "
                    "done is kept; raise the limit to go on."
                )
            yield from score_many(chunk)

    def _estimate(self, pairs: Sequence[tuple[Record, str]]) -> float | None:
        """Give the cost of judging, US dollars; None where no model judges or its price is unknown."""
        found = estimate_judge(self._grader, self._resources, pairs)
        return None if found is None else found.cost


def find_limit_faults(
    grader: GraderConfig, resources: Resources, most: float | None, record: Record
) -> list[str]:
    """Say where a limit could not hold, because nobody knows what the judge costs.

    Raises:
        GraderError: the grader needs a judge model and none is set.
    """
    found = estimate_judge(grader, resources, [(record, "")]) if most is not None else None
    if found is None or found.cost is not None:
        return []
    return [
        f"A limit of ${most:.2f} cannot be kept, since the price of the judge model is unknown; name it in "
        "prices.toml in the data folder, or train without a limit."
    ]
