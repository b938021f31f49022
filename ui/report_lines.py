"""List the lines of a report: records, rejected lines, answers with their grades."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lucy.errors import NotFoundError
from lucy.nodes.reading import has_artefact, read_topics, read_tree
from lucy.tools.store.datasets import read_rejects
from lucy.tools.store.rollouts import Rollout, address_grade, read_grades, read_rollouts
from lucy.tools.topics.tree import path_of
from lucy.tools.vocabulary import Assignment, Grade
from lucy.ui.report_material import Material


def list_records(material: Material) -> list[dict[str, Any]] | None:
    """List the records with topic, confidence, lineage and side of the split."""
    if not material.state.get("dataset_id"):
        return None
    training = material.read("training") or {}
    sides = {one: side for side in ("train", "heldout") for one in training.get("split", {}).get(side, ())}
    assigned = _read_assignments(material)
    paths = _Paths(material)
    return [
        {
            "id": record.id,
            "topic": paths.find(assigned.get(record.id)),
            "confidence": one.confidence if (one := assigned.get(record.id)) else None,
            "method": one.method if one else None,
            "synthetic": record.is_synthetic,
            "parents": list(record.parents),
            "split": sides.get(record.id),
        }
        for record in material.records
    ]


def _read_assignments(material: Material) -> dict[str, Assignment]:
    if not has_artefact(material.state, "categories"):
        return {}
    found = read_topics(material.state, material.bench, material.records)
    return {one.record_id: one for one in found}


class _Paths:
    """Gives topics' paths; each is looked up once."""

    def __init__(self, material: Material) -> None:
        self._tree = (
            read_tree(material.state, material.bench) if has_artefact(material.state, "topics") else None
        )
        self._known: dict[str, str] = {}

    def find(self, assignment: Assignment | None) -> str | None:
        """Give the path `A/B`; None before categorizing, the id of a topic that is gone since."""
        if assignment is None or self._tree is None:
            return None
        topic_id = assignment.topic_id
        if topic_id is None:
            return "uncategorized"
        if topic_id not in self._known:
            try:
                self._known[topic_id] = path_of(self._tree, topic_id)
            except NotFoundError:
                self._known[topic_id] = topic_id
        return self._known[topic_id]


def list_rejects(material: Material) -> list[dict[str, Any]] | None:
    """List the lines that could not be used."""
    dataset_id = material.state.get("dataset_id")
    if not dataset_id:
        return None
    return [one._asdict() for one in read_rejects(material.bench.store, dataset_id)]


def list_rollouts(material: Material) -> list[dict[str, Any]] | None:
    """List the answers with their grades: those of the dry run, then before and after the training.

    An answer that the dry run and the training share stands there once; `used_by` names both.
    """
    pieces = list(_list_pieces(material))
    if not pieces:
        return None
    users: dict[tuple[str, str, str], list[str]] = {}
    for piece in pieces:
        for key in piece.keys:
            users.setdefault((key, piece.phase, piece.grader), []).append(piece.used_by)
    known = read_rollouts(material.bench.store, list(dict.fromkeys(key for key, _, _ in users)))
    wanted = [(known[key], phase, grader, by) for (key, phase, grader), by in users.items() if key in known]
    grades = _read_grades(material, [(rollout, grader) for rollout, _, grader, _ in wanted])
    return [
        {"record_id": rollout.record_id, "phase": phase, "response": rollout.response}
        | _describe_grade(grades.get((rollout.key, grader)))
        | {"used_by": by}
        for rollout, phase, grader, by in wanted
    ]


@dataclass(frozen=True, slots=True)
class _Piece:
    """Rollouts that one step made."""

    used_by: str
    phase: str
    grader: str
    keys: list[str]


def _list_pieces(material: Material) -> Iterator[_Piece]:
    dry_run, training = material.read("dry_run"), material.read("training")
    if dry_run is not None:
        yield _Piece("dry_run", "before", dry_run["grader"], dry_run["rollouts"])
    if training is not None:
        yield _Piece("training", "before", training["grader"], training["before"])
        yield _Piece("training", "after", training["grader"], training["after"])


def _read_grades(material: Material, wanted: Sequence[tuple[Rollout, str]]) -> dict[tuple[str, str], Grade]:
    by_id = {record.id: record for record in material.records}
    keys = {
        (rollout.key, grader): address_grade(grader, by_id[rollout.record_id], rollout.response)
        for rollout, grader in wanted
        if rollout.record_id in by_id
    }
    found = read_grades(material.bench.store, list(dict.fromkeys(keys.values())))
    return {place: found[key] for place, key in keys.items() if key in found}


def _describe_grade(grade: Grade | None) -> dict[str, Any]:
    if grade is None:
        return {"score": None, "criteria": {}, "error": "not_graded"}
    return {"score": grade.score, "criteria": grade.criteria, "error": grade.error}
