"""Measure topics and categories against the labels of public data.

Prints normalized mutual information of automatic topics with the true labels, and accuracy and expected
calibration error of categories when the true label names are the tree.

Usage: python benchmarks/topics_quality.py [FOLDER] [--calibrate]
`FOLDER` holds the public sets, default `shared/data` beside the checkout. `--calibrate` fits the logistic
model of being right that `tools/categories.py` holds, and measures it on sources left out of the fit. Labels
score, they are never input.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lucy.tools.categories.sorting import categorize, fit_categories, measure_signals, weigh_evidence
from lucy.tools.topics.discovery import discover_topics
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


def build_true_tree(data: Data) -> TopicTree:
    """Make a tree of the true label names alone, without descriptions or examples."""
    tops = dict(zip(data.leaf, data.top, strict=True))
    roots: list[Topic] = []
    for top in sorted(set(data.top)):
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
    tree = discover_topics(data.ids, data.texts, name=labelled.file)
    root_of = {inner.id: root.id for root in tree.roots for inner in iterate(TopicTree(roots=(root,)))}
    found = place_in_leaves(data)
    print(f"{labelled.file}: {len(leaves(tree))} leaves, {len(tree.roots)} roots")
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
    """Cluster as `discover_topics` does, and give each record's leaf and group."""
    from lucy.tools.topics.clustering import assign_nearest, group_points
    from lucy.tools.topics.features import fit_space
    from lucy.tools.topics.words import drop_boilerplate

    points = fit_space(sample := drop_boilerplate(data.texts)).place(sample)
    grouping = group_points(points)
    nearest = assign_nearest(points, grouping.centers)
    return Found(nearest.tolist(), grouping.groups[nearest].tolist())


def report_categories(folder: Path, labelled: Labelled) -> None:
    """Print accuracy and calibration of categories on the true label names; unassigned counts as wrong."""
    data = read_set(folder, labelled, skip="oos")
    assignments = categorize(data.ids, data.texts, build_true_tree(data))
    right = np.array([each.topic_id == label for each, label in zip(assignments, data.leaf, strict=True)])
    confidence = np.array([each.confidence for each in assignments])
    sure = confidence >= 0.7
    none = np.mean([each.topic_id is None for each in assignments])
    print(f"{labelled.file}: {len(set(data.leaf))} topics by name, {len(right)} records")
    print(f"  accuracy {right.mean():.3f}, mean confidence {confidence.mean():.3f}, uncategorized {none:.3f}")
    print(f"  expected calibration error {measure_calibration_error(confidence, right):.3f}")
    if sure.any():
        print(f"  at 0.7 or more: {sure.mean():.3f} of the records, {right[sure].mean():.3f} of these right")


class Case(NamedTuple):
    """One set sorted into one tree: what the confidence is made of, and what was right."""

    name: str
    source: str
    """Cases of one source are left out together."""
    weight: float
    signals: NDArray[np.float64]
    is_right: NDArray[np.bool_]


def report_calibration(folder: Path) -> None:
    """Fit the model of being right on all cases, and print its error on each source left out."""
    cases = build_cases(folder)
    full = _fit(cases)
    errors: list[tuple[float, float]] = []
    for case in cases:
        model = _fit([other for other in cases if other.source != case.source])
        without, within = (
            measure_calibration_error(fitted.predict_proba(case.signals)[:, 1], case.is_right)
            for fitted in (model, full)
        )
        errors.append((without, within))
        print(f"{case.name}: error {without:.3f} with its source left out, {within:.3f} with it")
    print("mean error, source left out and not:", np.mean(errors, axis=0).round(3))
    print("constant", full.intercept_.round(3), "posterior, agreement, topics", full.coef_.round(3))


def build_cases(folder: Path) -> list[Case]:
    """Sort the sets into true trees, trees of one domain, and trees that lack some of the topics.

    A tree that lacks topics teaches that a record may fit nowhere; such cases count a quarter.
    """
    support, intents = (read_set(folder, labelled) for labelled in SETS)
    domains = support._replace(leaf=support.top, top=[""] * len(support.top))
    cases = [
        _measure_case("support", "STAR", support),
        _measure_case("support domains", "STAR", domains),
        _measure_case("support, a quarter of the topics missing", "STAR", support, missing=0.25),
        _measure_case("support, 40% of the topics missing", "STAR", support, missing=0.4),
        _measure_case("intents", "CLINC150", intents, unknown="oos"),
        _measure_case("intents, a quarter missing", "CLINC150", intents, missing=0.25, unknown="oos"),
    ]
    snips, xsid = read_small_sets(folder)
    cases += [_measure_case("Snips", "Snips", snips), _measure_case("xSID", "xSID", xsid)]
    for domain in sorted(set(intents.top) - {"oos"}):
        part = _pick(intents, [top == domain for top in intents.top])
        cases.append(
            _measure_case(f"intents of {domain}", "CLINC150", part._replace(top=[""] * len(part.ids)))
        )
    return cases


def read_small_sets(folder: Path) -> tuple[Data, Data]:
    """Read Snips with two other tasks, and xSID, under label names that a person would write."""
    snips = read_set(folder, Labelled("completions_sample.jsonl", "task", ""), wording="intent")
    xsid = read_set(folder, Labelled("messy/multilingual_intents.jsonl", "intent", ""))
    return _reword(snips), _reword(xsid)


def _reword(data: Data) -> Data:
    names = {"text_to_sql": "SQL database question", "code": "python function", "find": "weather"}
    words = [
        re.sub(r"(?<=[a-z])(?=[A-Z])", " ", names.get(label, label)).replace("_", " ") for label in data.leaf
    ]
    return data._replace(leaf=words)


def _pick(data: Data, chosen: list[bool]) -> Data:
    return Data(*([value for value, is_in in zip(values, chosen, strict=True) if is_in] for values in data))


def _measure_case(name: str, source: str, data: Data, *, missing: float = 0.0, unknown: str = "") -> Case:
    labels = sorted(set(data.leaf) - {unknown})
    kept = np.random.default_rng(0).choice(labels, round(len(labels) * (1 - missing)), replace=False)
    tree = build_true_tree(_pick(data, [label in set(kept.tolist()) for label in data.leaf]))
    model = fit_categories(data.ids, data.texts, tree)
    evidence = weigh_evidence(model, data.texts)
    best = [model.topic_ids[place] for place in evidence.posterior.argmax(axis=1)]
    is_right = np.array([found == label for found, label in zip(best, data.leaf, strict=True)])
    return Case(name, source, 0.25 if missing else 1.0, measure_signals(model, evidence), is_right)


def _fit(cases: list[Case]) -> Any:
    from sklearn.linear_model import LogisticRegression

    weights = np.concatenate(
        [np.full(len(case.is_right), case.weight / len(case.is_right)) for case in cases]
    )
    signals = np.vstack([case.signals for case in cases])
    right = np.concatenate([case.is_right for case in cases])
    return LogisticRegression(C=10, max_iter=1000).fit(signals, right, sample_weight=weights / weights.mean())


def main() -> None:
    """Print all figures."""
    given = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    folder = Path(given[0]) if given else Path(__file__).parents[1] / ".." / "shared" / "data"
    if not folder.is_dir():
        sys.exit(f"The folder {str(folder)!r} is not there; give the folder with the public sets.")
    for labelled in SETS[:2]:
        report_discovery(folder, labelled)
        report_categories(folder, labelled)
    if "--calibrate" in sys.argv:
        report_calibration(folder)


if __name__ == "__main__":
    main()
