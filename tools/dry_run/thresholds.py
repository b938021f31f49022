"""Keep every limit of the dry run's verdict in one table."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Limits between healthy, doubtful and unusable; compared with interval bounds, never with points.

    Sources: the healthy ranges are the specification's (mean 0.25 to 0.65, standard deviation from 0.10,
    above zero more than 10 to 20%, at one fewer than 30 to 50%); mean at least 0.05, the concentration and
    the learnable share at 8 answers (30% passes, under 15% fails) are gates published with the vLLora skill.
    The limits on length, words and tricks are ours. None of them all has a stated error rate: they are
    starting points, and the intervals around the measured values carry the uncertainty of the sample.
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
    """Proved below it the grader's noise is larger than the differences between answers."""
    longer_wins: float = 0.90
    """A longer answer that proves to win more often than this is paid for its length: NO-GO."""
    longer_often_wins: float = 0.75
    """Proved above it, or below its counterpart 0.25, length is a warning: it may be earned."""
    length_decides: float = 0.50
    """Length is NO-GO only where more of the pairs with different lengths than this differ in reward."""
    keyword: float = 0.75
    """A word proved to explain more of the rewards than this is NO-GO: one word is not a task."""
    strong_word: float = 0.50
    """A word proved to explain more of the rewards than this is a warning."""
    trick_gain: float = 0.05
    """A trick proved to earn more than this above honest answers is NO-GO."""
    concentration: float = 0.50
    """A larger share of one single reward is a warning, for graders with more than two rewards."""
    prompts: int = 30
    """Unrelated prompts below which no verdict better than WARNING is given."""
    topic_prompts: int = 5
    """Prompts of a topic below which its status is `attention`."""


THRESHOLDS = Thresholds()
