"""Say what a generation run is to make; the plan is what the person approves."""

from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lucy.errors import InputError

StrategyName = Literal[
    "message_variation", "few_shot", "topic_description", "scenario_expansion", "tool_chain"
]
"""Ways to make records. `message_variation`: keep a real context and vary the user message that follows."""

Mode = Literal["rft", "sft"]
"""`rft`: prompts without a reply. `sft`: conversations with one."""

STRATEGIES: tuple[StrategyName, ...] = get_args(StrategyName)
MAX_RECORDS = 100_000
"""Most records that one plan may ask for, over all topics."""


class GenerationPlan(BaseModel):
    """One approved run; equal plans over equal records make equal records."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch: str = Field(min_length=1)
    """Id of the run; the ids of its records begin with it."""
    strategy: StrategyName = "message_variation"
    mode: Mode = "rft"
    counts: dict[str, int]
    """Topic id to the number of records wanted, each 1 or more, together at most `MAX_RECORDS`."""
    seed: int = 0

    def __init__(self, **values: Any) -> None:
        """Check the plan.

        Raises:
            InputError: a field is missing or cannot be used. Raised here and not in a validator, which would
                wrap it in pydantic's own error.
        """
        try:
            super().__init__(**values)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "plan"
            raise InputError(
                f"The generation plan cannot be used at {place!r} ({first['msg']}); correct it and try again."
            ) from error
        _check_counts(self.counts)

    @property
    def total(self) -> int:
        """Number of records wanted over all topics."""
        return sum(self.counts.values())


def _check_counts(counts: dict[str, int]) -> None:
    for topic_id, count in counts.items():
        if count < 1:
            raise InputError(
                f"The plan asks for {count} records of topic {topic_id!r}; ask for 1 or more, or none."
            )
    total = sum(counts.values())
    if not 1 <= total <= MAX_RECORDS:
        raise InputError(
            f"The plan asks for {total:,} records; ask for 1 to {MAX_RECORDS:,} over all topics."
        )
