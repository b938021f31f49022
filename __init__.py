"""Lucy: from chat records and a training goal to a reinforcement-fine-tuned, deployed model.

The public names are imported when first used, so that `import lucy` stays quick and quiet: no LangGraph, no
Gradio, no disk, no network.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lucy.errors import LucyError
    from lucy.graph.build import build_graph
    from lucy.graph.runs import Runs
    from lucy.graph.state import FinetuneWorkflowState
    from lucy.graph.toolbox.tools import make_tools
    from lucy.settings import Settings
    from lucy.tools.deployed import deployed_embeddings, deployed_model
    from lucy.tools.workbench import Workbench

__all__ = [
    "FinetuneWorkflowState",
    "LucyError",
    "Runs",
    "Settings",
    "Workbench",
    "build_graph",
    "deployed_embeddings",
    "deployed_model",
    "make_tools",
]

_HOMES = {
    "FinetuneWorkflowState": "lucy.graph.state",
    "LucyError": "lucy.errors",
    "Runs": "lucy.graph.runs",
    "Settings": "lucy.settings",
    "Workbench": "lucy.tools.workbench",
    "build_graph": "lucy.graph.build",
    "deployed_embeddings": "lucy.tools.deployed",
    "deployed_model": "lucy.tools.deployed",
    "make_tools": "lucy.graph.toolbox.tools",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its home."""
    if name not in _HOMES:
        raise AttributeError(f"module 'lucy' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
