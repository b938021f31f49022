from collections.abc import Callable, Sequence

import numpy as np
import pytest

from lucy.tools.dry_run.noise import Noise, estimate_noise
from lucy.tools.dry_run.rollouts import GradedRollout
from lucy.tools.vocabulary import Grade

Make = Callable[..., list[GradedRollout]]


@pytest.fixture
def make() -> Make:
    """Make rollouts from rewards by prompt; None is a grade that failed."""

    def make_rollouts(
        rewards: Sequence[Sequence[float | None]],
        *,
        topic: str | None = "topic",
        family: str = "",
        texts: Sequence[Sequence[str]] | None = None,
    ) -> list[GradedRollout]:
        return [
            GradedRollout(
                f"r{at:04}",
                family,
                topic,
                index,
                texts[at][index] if texts else f"answer {index}",
                Grade(None, error="timeout") if reward is None else Grade(reward),
            )
            for at, group in enumerate(rewards)
            for index, reward in enumerate(group)
        ]

    return make_rollouts


@pytest.fixture
def make_noise() -> Callable[..., Noise]:
    """Make the noise found by grading some answers twice."""

    def make_some(std: float, pairs: int = 100) -> Noise:
        return estimate_noise(np.random.default_rng(7).normal(0, std * 2**0.5, pairs))

    return make_some
