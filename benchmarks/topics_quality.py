"""Measure topics and categories against the labels of public data.

Prints normalized mutual information of automatic topics with the true labels, and accuracy and expected
calibration error of categories when the true label names are the tree.

Usage: python benchmarks/topics_quality.py [FOLDER]
`FOLDER` holds the public sets, default `shared/data` beside the checkout. Labels score, they are never input.
`benchmarks/categories_quality.py` measures categories on more sets, and fits their confidence.
"""

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lucy.tools.categories.sorting import categorize
from lucy.tools.topics.discovery import discover
from lucy.tools.topics.tree import TopicTree, draw_tree, iterate, leaves
from lucy.tools.vocabulary import Topic


class Labelled(NamedTuple):
    """A public set and what its labels are called."""

    file: str
    leaf: str
    top: str


SETS = (
    Labelled("support_dialogues.jsonl", "task", "domain"),
    Labelled("intents_2level.jsonl", "intent", "domain"),
)


class Data(NamedTuple):
    """A set as read: ids, user texts, and the true labels."""

    ids: list[str]
    texts: list[str]
    leaf: list[str]
    top: list[str]


def read_set(folder: Path, labelled: Labelled, *, skip: str = "", wording: str = "") -> Data:
    """Read a set; records labelled `skip` are left out; the field `wording` goes before the leaf label."""
    data = Data([], [], [], [])
    for line in (folder / labelled.file).read_text(encoding="utf-8-sig").splitlines():
        record: dict[str, Any] = json.loads(line)
        label = str(record["metadata"].get(wording) or record["metadata"][labelled.leaf])
        if label == skip:
            continue
        data.ids.append(record["id"])
        data.texts.append(_read_user_text(record))
        data.leaf.append(label)
        data.top.append(str(record["metadata"].get(labelled.top, "")) if labelled.top else "")
    return data


def _read_user_text(record: dict[str, Any]) -> str:
    if "prompt" in record:
        return str(record["prompt"])
    messages = record["messages"] if "messages" in record else record["data"]["input"]["messages"]
    return "\n".join(each["content"] for each in messages if each["role"] == "user")


def build_true_tree(data: Data, *, unknown: str = "") -> TopicTree:
    """Make a tree of the true label names alone, without descriptions or examples, and without `unknown`."""
    tops = {leaf: top for leaf, top in zip(data.leaf, data.top, strict=True) if leaf != unknown}
    roots: list[Topic] = []
    for top in sorted(set(tops.values())):
        names = sorted(label for label in tops if tops[label] == top)
        children = tuple(Topic(id=name, name=name.replace("_", " ")) for name in names)
        roots.extend(
            [Topic(id=f"top-{top}", name=top.replace("_", " "), children=children)] if top else children
        )
    return TopicTree(roots=tuple(roots))


def measure_calibration_error(confidence: NDArray[np.float64], is_right: NDArray[np.bool_]) -> float:
    """Give the expected calibration error over ten bins of equal width (Guo et al. 2017)."""
    bins = np.minimum((confidence * 10).astype(int), 9)
    parts = [bins == number for number in range(10) if np.any(bins == number)]
    return float(sum(part.mean() * abs(confidence[part].mean() - is_right[part].mean()) for part in parts))


def report_discovery(folder: Path, labelled: Labelled) -> None:
    """Print how automatic topics agree with the labels; every record has its nearest leaf."""
    from sklearn.metrics import normalized_mutual_info_score

    data = read_set(folder, labelled)
    discovery = discover(data.ids, data.texts, name=labelled.file)
    tree = discovery.tree
    root_of = {inner.id: root.id for root in tree.roots for inner in iterate(TopicTree(roots=(root,)))}
    found = place_in_leaves(data)
    print(f"{labelled.file}: {len(leaves(tree))} leaves, {len(tree.roots)} roots")
    print(f"  {discovery.reason}")
    score = normalized_mutual_info_score(data.leaf, found.leaf)
    print(f"  leaf NMI of clusters vs {labelled.leaf}: {score:.3f}")
    if labelled.top:
        score = normalized_mutual_info_score(data.top, found.group)
        print(f"  top NMI of groups vs {labelled.top}: {score:.3f}")
    sorted_in = [each.topic_id or "" for each in categorize(data.ids, data.texts, tree)]
    print(f"  leaf NMI after categorize: {normalized_mutual_info_score(data.leaf, sorted_in):.3f}")
    tops = [root_of.get(topic_id, "") for topic_id in sorted_in]
    if labelled.top:
        print(f"  top NMI after categorize: {normalized_mutual_info_score(data.top, tops):.3f}")
    print(draw_tree(tree, {topic.id: f"{topic.share:.1%}" for topic in iterate(tree)}))


class Found(NamedTuple):
    """Leaf and group number per record."""

    leaf: list[int]
    group: list[int]


def place_in_leaves(data: Data) -> Found:
    """Cluster as `discover` does, and give each record's leaf and group."""
    from lucy.tools.topics.clustering import group_points
    from lucy.tools.topics.consensus import assign_nearest
    from lucy.tools.topics.meaning import fit_meaning
    from lucy.tools.topics.words import drop_boilerplate

    points = fit_meaning(sample := drop_boilerplate(data.texts)).place(sample)
    grouping = group_points(points)
    nearest = assign_nearest(points, grouping.centers)
    return Found(nearest.tolist(), grouping.groups[nearest].tolist())


def find_folder() -> Path:
    """Give the folder with the public sets, named on the command line or beside the checkout."""
    given = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    folder = Path(given[0]) if given else Path(__file__).parents[1] / ".." / "shared" / "data"
    if not folder.is_dir():
        sys.exit(f"The folder {str(folder)!r} is not there; give the folder with the public sets.")
    return folder


def report_categories(folder: Path, labelled: Labelled) -> None:
    """Print accuracy and calibration of categories on the true label names; unassigned counts as wrong."""
    data = read_set(folder, labelled)
    assignments = categorize(data.ids, data.texts, build_true_tree(data, unknown="oos"))
    right = np.array([each.topic_id == label for each, label in zip(assignments, data.leaf, strict=True)])
    confidence = np.array([each.confidence for each in assignments])
    inside = np.array([label != "oos" for label in data.leaf])
    none = np.mean([each.topic_id is None for each in assignments])
    print(f"{labelled.file}: {len(set(data.leaf) - {'oos'})} topics by name, {inside.sum()} records")
    print(f"  accuracy {right[inside].mean():.3f}, uncategorized {none:.3f}")
    print(f"  expected calibration error {measure_calibration_error(confidence[inside], right[inside]):.3f}")
    for least in (0.7, 0.9):
        sure = inside & (confidence >= least)
        share = sure.sum() / inside.sum()
        print(f"  at {least} or more: {share:.3f} of the records, {right[sure].mean():.3f} right")
    if not inside.all():
        error = measure_calibration_error(confidence, right)
        low = np.mean(confidence[~inside] < 0.7)
        print(
            f"  with {(~inside).sum()} more that fit nowhere: error {error:.3f}; {low:.2f} of them below 0.7"
        )


def main() -> None:
    """Print all figures."""
    folder = find_folder()
    for labelled in SETS[:2]:
        report_discovery(folder, labelled)
        report_categories(folder, labelled)


if __name__ == "__main__":
    main()
