"""Say what a generation run is to make; the plan is what the person approves."""

from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lucy.errors import InputError

StrategyName = Literal[
    "message_variation", "few_shot", "topic_description", "scenario_expansion", "tool_chain"
]
"""Ways to make records. `message_variation`: keep a real context and vary the user message that follows.
`few_shot`: new conversations in the manner of the topic's openings. `topic_description`: from the topic's
name, description and keywords alone. `scenario_expansion`: a real request and something more.
`tool_chain`: requests that need the tools of the topic's records, with other values."""

Mode = Literal["rft", "sft"]
"""`rft`: prompts without a reply. `sft`: conversations with one."""

STRATEGIES: tuple[StrategyName, ...] = get_args(StrategyName)
MAX_RECORDS = 100_000
"""Most records that one plan may ask for, over all topics."""
ANY_TOPIC = ""
"""Stands for a topic in `counts` where records are varied that have none: the data-first workflow."""
VARIATIONS = 3
"""Variations per record where a plan names records and no number."""
MAX_GOAL = 2000
"""Most characters of the goal."""


class GenerationPlan(BaseModel):
    """One approved run; equal plans over equal records make equal records."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch: str = Field(min_length=1)
    """Id of the run; the ids of its records begin with it."""
    strategy: StrategyName = "message_variation"
    mode: Mode = "rft"
    counts: dict[str, int] = {}
    """Topic id to the number of records wanted, each 1 or more, together at most `MAX_RECORDS`. May be left
    out where `record_ids` are named: then it is `variations_per_record` for each under `ANY_TOPIC`."""
    record_ids: tuple[str, ...] = ()
    """Vary exactly these records; empty takes all real ones of the topics. They are taken in turn, so each
    gets about as many variations; what one of them cannot give, the others make up for."""
    variations_per_record: int | None = Field(default=None, ge=1, le=1000)
    """Only together with `record_ids`."""
    goal: str = Field(default="", max_length=MAX_GOAL)
    """The training goal, in the person's words; a language model is told it."""
    seed: int = 0

    def __init__(self, **values: Any) -> None:
        """Check the plan.

        Raises:
            InputError: a field is missing or cannot be used. Raised here and not in a validator, which would
                wrap it in pydantic's own error.
        """
        try:
            super().__init__(**_fill_counts(values))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "plan"
            raise InputError(
                f"The generation plan cannot be used at {place!r} ({first['msg']}); correct it and try again."
            ) from error
        _check_counts(self.counts)
        _check_records(self)

    @property
    def total(self) -> int:
        """Number of records wanted over all topics."""
        return sum(self.counts.values())


def _fill_counts(values: dict[str, Any]) -> dict[str, Any]:
    """Count the variations of named records where no counts are given."""
    named, each = values.get("record_ids"), values.get("variations_per_record")
    each = VARIATIONS if each is None else each
    if values.get("counts") or not isinstance(named, list | tuple) or not named or not isinstance(each, int):
        return values
    count = len(named) * each  # pyright: ignore[reportUnknownArgumentType]  a value not yet validated
    return {**values, "counts": {ANY_TOPIC: count}, "variations_per_record": each}


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


def _check_records(plan: GenerationPlan) -> None:
    each, named = plan.variations_per_record, plan.record_ids
    twice = next((record_id for place, record_id in enumerate(named) if record_id in named[:place]), None)
    if twice is not None:
        raise InputError(f"The plan names the record {twice!r} twice; name each record once.")
    if each is not None and plan.counts != {ANY_TOPIC: each * len(named)}:
        raise InputError(
            f"The plan asks for {each} variations per record and has counts of its own; give one of the two, "
            "and variations only together with record_ids."
        )
