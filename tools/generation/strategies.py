"""List the strategies and build the one that a plan names."""

from collections.abc import Callable, Mapping, Sequence

from lucy.errors import InputError
from lucy.tools.generation.draft import Strategy
from lucy.tools.generation.plan import GenerationPlan, StrategyName
from lucy.tools.generation.variation import MessageVariation
from lucy.tools.vocabulary import Record

BuildStrategy = Callable[[GenerationPlan, Sequence[Record], Mapping[str, str]], Strategy]
"""Called with the plan, the records and their topics."""

BUILDERS: dict[StrategyName, BuildStrategy] = {"message_variation": MessageVariation}
"""Strategies that work without a language model."""


def build_strategy(plan: GenerationPlan, records: Sequence[Record], topics: Mapping[str, str]) -> Strategy:
    """Build a plan's strategy.

    Raises:
        InputError: the strategy is not available without a language model.
    """
    builder = BUILDERS.get(plan.strategy)
    if builder is None:
        raise InputError(
            f"The strategy {plan.strategy!r} needs a language model and none is used here; "
            f"choose {', '.join(sorted(BUILDERS))}."
        )
    return builder(plan, records, topics)
