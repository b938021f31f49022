"""Read from the store what a report is made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lucy.graph.state import FinetuneWorkflowState
from lucy.nodes.reading import has_artefact, read_artefact, read_current_records
from lucy.tools.store.workflows import Workflow, read_messages
from lucy.tools.vocabulary import Record
from lucy.tools.workbench import Workbench


@dataclass(frozen=True)
class Material:
    """What a report is made of, read from the store once."""

    bench: Workbench
    workflow: Workflow
    state: FinetuneWorkflowState

    @cached_property
    def records(self) -> list[Record]:
        """The records as they are now, the generated ones last."""
        return read_current_records(self.state, self.bench) if self.state.get("dataset_id") else []

    @cached_property
    def messages(self) -> list[dict[str, Any]]:
        """The whole conversation."""
        return read_messages(self.bench.store, self.workflow.id)

    def read(self, kind: str) -> dict[str, Any] | None:
        """Give the current artefact of a kind, None when there is none."""
        return read_artefact(self.state, self.bench, kind) if has_artefact(self.state, kind) else None


def read_topic_tree(material: Material) -> dict[str, Any] | None:
    """Give the topic tree."""
    body = material.read("topics")
    return body["tree"] if body is not None else None


def read_grader(material: Material) -> dict[str, Any] | None:
    """Give the grader's configuration."""
    body = material.read("grader")
    return body["config"] if body is not None else None


def read_names(material: Material) -> dict[str, str]:
    """Give the names of criteria and topics by id: the words that the conversation uses for them."""
    tree, grader = read_topic_tree(material), read_grader(material) or {}
    waiting: list[Mapping[str, Any]] = list(tree["roots"]) if tree is not None else []
    names: dict[str, str] = {}
    while waiting:
        topic = waiting.pop()
        names[topic["id"]] = topic["name"]
        waiting.extend(topic.get("children") or ())
    return names | {one["id"]: one["name"] for one in grader.get("criteria") or ()}
