"""Keep every limit of the dry run's verdict in one table."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Limits between healthy, doubtful and unusable; compared with interval bounds, never with points.

    Sources: the healthy ranges are the specification's (mean 0.25 to 0.65, standard deviation from 0.10,
    above zero more than 10 to 20%, at one fewer than 30 to 50%); mean at least 0.05, the concentration and
    the learnable share at 8 answers (30% passes, under 15% fails) are gates published with the vLLora skill.
    None of them has a stated error rate: they are starting points, and the intervals around the measured
    values carry the uncertainty of the sample.
    """

    hopeless_mean: float = 0.05
    """A mean proved below it is NO-GO: there is nothing to reinforce."""
    hopeless_above_zero: float = 0.10
    """A share of answers above 0 proved below it is NO-GO, when the signal is proved weak as well."""
    saturated_mean: float = 0.95
    """A mean proved above it is NO-GO: there is nothing left to learn."""
    saturated_at_one: float = 0.70
    """A share of answers at 1 proved above it is NO-GO."""
    main_criterion: float = 0.50
    """A criterion with at least this weight decides alone that a base model is hopeless."""
    dead_signal: float = 0.15
    """A share of informative training groups proved below it is NO-GO."""
    weak_signal: float = 0.30
    """A share of informative groups proved below it is a warning."""
    failing_grader: float = 0.20
    """A share of failed gradings proved above it is NO-GO."""
    unsteady_grader: float = 0.05
    """A share of failed gradings above it is a warning."""
    healthy_mean_low: float = 0.25
    healthy_mean_high: float = 0.65
    healthy_std: float = 0.10
    healthy_above_zero: float = 0.20
    healthy_at_one: float = 0.50
    reliability: float = 0.50
    """Below it the grader's noise is larger than the differences between answers."""
    concentration: float = 0.50
    """A larger share of one single reward is a warning, for graders with more than two rewards."""
    prompts: int = 30
    """Unrelated prompts below which no verdict better than WARNING is given."""
    topic_prompts: int = 5
    """Prompts of a topic below which its status is `attention`."""


THRESHOLDS = Thresholds()
