"""Hold what a training run needs to continue, and what it reports of each step."""

from pydantic import BaseModel, ConfigDict


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StepMetrics(_Part):
    """One step of training."""

    step: int
    """From 1."""
    epoch: int
    """From 1."""
    mean_reward: float | None
    """Of all graded answers of the step, uninformative groups included; None when nothing could be graded."""
    informative_share: float
    """Share of the step's groups whose rewards differ; the others move nothing."""
    entropy: float
    """Mean entropy of the policy over candidates, in nats; falling to 0 means one answer per prompt."""
    kl: float
    """Mean divergence from the base policy over the step's prompts, in nats."""
    mean_words: float
    """Mean length of the answers in words: a length that runs away is a sign of gaming."""
    grader_errors: int
    """Answers of this step that could not be graded."""
    validation_reward: float | None = None
    """Mean reward on the prompts set aside, measured at the end of some steps."""


class TrainingSettings(_Part):
    """What a run was started with; a checkpoint continues only a run with equal settings."""

    policy_sha: str
    records_sha: str
    epochs: int
    group_size: int
    learning_rate: float
    seed: int


class Checkpoint(_Part):
    """The whole state of a run after a step; JSON by `model_dump_json`, floats exact.

    All random choices come from (seed, step, record, answer), so no generator state is kept.
    """

    settings: TrainingSettings
    step: int
    total_steps: int
    weights: tuple[float, ...]
    first_moment: tuple[float, ...]
    second_moment: tuple[float, ...]
    best_weights: tuple[float, ...]
    best_step: int
    """0 is the base policy."""
    best_reward: float | None
    history: tuple[StepMetrics, ...]
