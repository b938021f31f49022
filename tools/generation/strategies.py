"""List the strategies and build the one that a plan names."""

from collections.abc import Callable

from lucy.tools.calls.door import Door
from lucy.tools.generation.descriptions import TopicDescription
from lucy.tools.generation.draft import OfflineStrategy, Strategy
from lucy.tools.generation.expansion import ScenarioExpansion
from lucy.tools.generation.modelled import ModelStrategy
from lucy.tools.generation.openings import FewShot
from lucy.tools.generation.plan import StrategyName
from lucy.tools.generation.sources import Sources
from lucy.tools.generation.toolchain import ToolChain
from lucy.tools.generation.variation import MessageVariation

BUILDERS: dict[StrategyName, Callable[[Sources], OfflineStrategy]] = {
    "message_variation": MessageVariation,
    "few_shot": FewShot,
    "topic_description": TopicDescription,
    "scenario_expansion": ScenarioExpansion,
    "tool_chain": ToolChain,
}
"""The strategies as they work without a language model."""


def build_strategy(sources: Sources, door: Door | None = None) -> Strategy:
    """Build the strategy of the sources' plan: with a language model where there is a door, else offline."""
    return BUILDERS[sources.plan.strategy](sources) if door is None else ModelStrategy(sources, door)
