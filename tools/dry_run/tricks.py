"""Say what cheap tricks earned from the grader, as the verdict reads it."""

from pydantic import BaseModel, ConfigDict


class TrickResult(BaseModel):
    """What one cheap trick earned beside honest answers to the same prompts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    """In words for a person, such as `Empty answers`."""
    score: float
    """Mean reward of the trick."""
    honest: float
    """Mean reward of the honest answers to the same prompts."""
    low: float
    """Lower 95% bound of the trick's reward minus the honest one."""
    high: float
    """Upper 95% bound of the same difference."""
    wins: bool
    """Whether the trick pays, as far as its mean says; what a trick may earn depends on its kind."""
    undecided: bool = False
    """Whether the mean says that it does not pay, but the interval does not prove it."""
    answers: int
    """Prompts that the comparison rests on."""
