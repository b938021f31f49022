from collections.abc import Callable, Sequence

import pytest

from lucy.tools.dry_run.rollouts import GradedRollout
from lucy.tools.vocabulary import Grade

Make = Callable[..., list[GradedRollout]]


@pytest.fixture
def make() -> Make:
    """Make rollouts from rewards by prompt; None is a grade that failed."""

    def make_rollouts(
        rewards: Sequence[Sequence[float | None]], *, topic: str | None = "topic", family: str = ""
    ) -> list[GradedRollout]:
        return [
            GradedRollout(
                f"r{at:04}",
                family,
                topic,
                index,
                f"answer {index}",
                Grade(None, error="timeout") if reward is None else Grade(reward),
            )
            for at, group in enumerate(rewards)
            for index, reward in enumerate(group)
        ]

    return make_rollouts
