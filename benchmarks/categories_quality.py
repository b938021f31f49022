"""Measure categories and their confidence on public sets whose true label names, alone, are the tree.

Usage: python benchmarks/categories_quality.py [FOLDER] [--calibrate]
`FOLDER` holds the public sets, default `shared/data` beside the checkout. Prints per case the accuracy on
records that a topic of the tree fits, and the expected calibration error with the shipped weights; a record
that fits no topic counts as wrong there. `--calibrate` also fits the logistic model anew on all cases and on
those of other sources only: the first figures show how the shipped weights were found, the second what to
expect of data from elsewhere. Labels score, they are never input.
"""

import json
import re
import sys
import tomllib
from collections import Counter
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from topics_quality import (
    SETS,
    Data,
    Labelled,
    build_true_tree,
    find_folder,
    measure_calibration_error,
    read_set,
)

from lucy.tools.categories.calibration import Signals, Weights, compute_confidence, measure_signals
from lucy.tools.categories.evidence import weigh_evidence
from lucy.tools.categories.model import fit_categories
from lucy.tools.categories.sorting import FLOOR, THRESHOLD
from lucy.tools.topics.templates import load_template
from lucy.tools.topics.tree import TopicTree, leaves
from lucy.tools.topics.words import drop_boilerplate

IMPORTANCE = {"CLINC150": 1.0, "STAR": 1.0, "Harbour": 0.6, "Snips": 0.6, "xSID": 0.3}
"""Weight of a source in the fit; the last three are small. Harbour is the finance sample, fiction."""

INCOMPLETE, IMBALANCED = 0.3, 0.5
"""Weight of a tree that lacks topics, which no person means to have, and of sets made imbalanced."""


class Task(NamedTuple):
    """A set to be sorted into a tree."""

    name: str
    source: str
    data: Data
    weight: float = 1.0
    missing: float = 0.0
    """Share of the topics that the tree lacks."""
    template: str = ""
    """Template that is the tree, instead of the labels."""


class Case(NamedTuple):
    """A sorted task: what the confidence is made of, and what was right."""

    task: Task
    signals: Signals
    is_right: NDArray[np.bool_]
    fits: NDArray[np.bool_]
    """Whether the tree has the record's topic."""
    is_known: NDArray[np.bool_]
    seconds: float


def list_tasks(folder: Path) -> list[Task]:
    """Give whole sets, parts of them, imbalanced ones, and trees that lack topics."""
    support, intents = (read_set(folder, labelled) for labelled in SETS)
    inside = _pick(intents, [label != "oos" for label in intents.leaf])
    snips, xsid = read_small_sets(folder)
    tasks = [
        Task("intents", "CLINC150", intents),
        Task("intents without oos", "CLINC150", inside),
        Task("support", "STAR", support),
        Task("support, by domain", "STAR", _flatten(support._replace(leaf=support.top))),
        Task("Snips", "Snips", snips),
        Task("xSID, four languages", "xSID", xsid),
        Task("xSID, English", "xSID", _pick(xsid, ["-en-" in record_id for record_id in xsid.ids])),
        Task("intents, no domains", "CLINC150", _flatten(intents)),
        Task("support, no domains", "STAR", _flatten(support)),
        Task("intents, 1/4 missing", "CLINC150", intents, INCOMPLETE, 0.25),
        Task("support, 1/4 missing", "STAR", support, INCOMPLETE, 0.25),
        Task("support, 40% missing", "STAR", support, INCOMPLETE, 0.4),
        Task("Snips, 40% missing", "Snips", snips, INCOMPLETE, 0.4),
        Task("xSID, 40% missing", "xSID", xsid, INCOMPLETE, 0.4),
        Task("finance, by template", "Harbour", read_finance(), template="finance"),
        Task("Snips, imbalanced", "Snips", _imbalance(snips, 0), IMBALANCED),
    ]
    for seed in (0, 1):
        tasks.append(Task(f"support, imbalanced {seed}", "STAR", _imbalance(support, seed), IMBALANCED))
        tasks.append(Task(f"intents, imbalanced {seed}", "CLINC150", _imbalance(inside, seed), IMBALANCED))
    for domain in sorted(set(inside.top)):
        part = _flatten(_pick(inside, [top == domain for top in inside.top]))
        tasks.append(Task(f"intents of {domain}", "CLINC150", part))
        tasks.append(Task(f"{domain}, imbalanced", "CLINC150", _imbalance(part, 0), IMBALANCED))
    tasks += [Task(f"{n} of the intents", "CLINC150", _choose(inside, n)) for n in (5, 10, 25, 45)]
    tasks += [Task(f"{n} of the support tasks", "STAR", _choose(support, n)) for n in (4, 8, 13)]
    return tasks


def read_small_sets(folder: Path) -> tuple[Data, Data]:
    """Read Snips with two other tasks, and xSID, under label names that a person would write."""
    snips = read_set(folder, Labelled("completions_sample.jsonl", "task", ""), wording="intent")
    xsid = read_set(folder, Labelled("messy/multilingual_intents.jsonl", "intent", ""))
    return _reword(snips), _reword(xsid)


def read_finance() -> Data:
    """Read the finance sample under the leaves of its template, as one reader sorted it."""
    topics = tomllib.loads(Path(__file__).with_name("finance_topics.toml").read_text(encoding="utf-8"))
    labels = {f"harbour-{number}": topic for topic, numbers in topics.items() for number in numbers.split()}
    ids = {topic.name: topic.id for topic in leaves(load_template("finance"))}
    data = Data([], [], [], [])
    sample = Path(__file__).parents[1] / "examples/data/financial_assistant.jsonl"
    for line in sample.read_text(encoding="utf-8").splitlines():
        number = re.match(r'\{"id": "(harbour-\d+)"', line)
        if number and number[1] in labels:
            users = [each["content"] for each in json.loads(line)["messages"] if each["role"] == "user"]
            data.ids.append(number[1])
            data.texts.append("\n".join(users))
            data.leaf.append(ids[labels[number[1]]])
            data.top.append("")
    return data


def _reword(data: Data) -> Data:
    names = {"text_to_sql": "SQL database question", "code": "python function", "find": "weather"}
    words = [
        re.sub(r"(?<=[a-z])(?=[A-Z])", " ", names.get(label, label)).replace("_", " ") for label in data.leaf
    ]
    return data._replace(leaf=words)


def _flatten(data: Data) -> Data:
    return data._replace(top=[""] * len(data.top))


def _pick(data: Data, chosen: list[bool]) -> Data:
    return Data(*([value for value, is_in in zip(values, chosen, strict=True) if is_in] for values in data))


def _choose(data: Data, count: int) -> Data:
    labels = np.random.default_rng(count).choice(sorted(set(data.leaf)), count, replace=False).tolist()
    return _pick(data, [label in labels for label in data.leaf])


def _imbalance(data: Data, seed: int) -> Data:
    """Thin the labels out, in an order by chance, by the power 0.7 of their rank."""
    chance = np.random.default_rng(seed)
    counts = Counter(data.leaf)
    taken = [False] * len(data.leaf)
    for rank, label in enumerate(chance.permutation(sorted(counts)).tolist(), start=1):
        rows = [row for row, found in enumerate(data.leaf) if found == label]
        for row in chance.choice(rows, max(2, round(counts[label] * rank**-0.7)), replace=False):
            taken[row] = True
    return _pick(data, taken)


def build_tree(task: Task) -> TopicTree:
    """Make the tree of a task's labels, without `oos` and without those it is to lack."""
    if task.template:
        return load_template(task.template)
    labels = sorted(set(task.data.leaf) - {"oos"})
    count = round(len(labels) * (1 - task.missing))
    kept = set(np.random.default_rng(0).choice(labels, count, replace=False).tolist())
    return build_true_tree(_pick(task.data, [label in kept for label in task.data.leaf]))


def sort_task(task: Task) -> Case:
    """Sort a task's records as `categorize` does."""
    start = perf_counter()
    texts = drop_boilerplate(task.data.texts)
    model = fit_categories(task.data.ids, texts, build_tree(task))
    evidence = weigh_evidence(model, texts)
    best = [model.topic_ids[place] for place in evidence.posterior.argmax(axis=1)]
    return Case(
        task,
        measure_signals(evidence, texts, model.coherence),
        np.array([found == label for found, label in zip(best, task.data.leaf, strict=True)]),
        np.array([label in model.topic_ids for label in task.data.leaf]),
        evidence.is_known,
        perf_counter() - start,
    )


def fit_weights(cases: list[Case]) -> Weights:
    """Fit the logistic model of being right; a source counts by its importance, not by its cases."""
    from sklearn.linear_model import LogisticRegression

    totals: Counter[str] = Counter()
    for case in cases:
        totals[case.task.source] += case.task.weight
    weights = np.concatenate(
        [
            np.full(
                len(case.is_right),
                IMPORTANCE[case.task.source]
                * case.task.weight
                / totals[case.task.source]
                / len(case.is_right),
            )
            for case in cases
        ]
    )
    signals = np.vstack([np.stack(case.signals, axis=1) for case in cases])
    middle, spread = signals.mean(axis=0), signals.std(axis=0)
    fitted: Any = LogisticRegression(C=1.0, max_iter=1000).fit(
        (signals - middle) / spread,
        np.concatenate([case.is_right for case in cases]),
        sample_weight=weights / weights.mean(),
    )
    slopes = fitted.coef_[0] / spread
    return Weights(float(fitted.intercept_[0] - slopes @ middle), *slopes.tolist())


def describe_case(case: Case) -> str:
    """Say how well a task was sorted with the shipped weights."""
    confidence = np.where(case.is_known, compute_confidence(case.signals), 0.0)
    accuracy = case.is_right[case.fits].mean()
    error = measure_calibration_error(confidence, case.is_right)
    text = (
        f"{case.task.name:32} {len(case.is_right):5} {accuracy:8.3f} {error:6.3f} {confidence.mean():6.3f} "
        f"{np.mean(confidence < FLOOR):6.3f} {case.seconds:5.1f}"
    )
    outside = confidence[~case.fits]
    return text + (f"   {np.mean(outside < THRESHOLD):.2f}" if len(outside) else "")


def report_cases(cases: list[Case]) -> None:
    """Print a line per case."""
    print(f"{'case':32} records accuracy  error  conf.  uncat.  sec.  fitting nowhere: below {THRESHOLD}")
    for case in cases:
        print(describe_case(case))


def report_calibration(cases: list[Case]) -> None:
    """Print the calibration error of weights fitted on all cases, and on those of other sources."""
    full = fit_weights(cases)
    others = {
        source: fit_weights([case for case in cases if case.task.source != source]) for source in IMPORTANCE
    }
    print(f"\n{'case':32} error with its source, without")
    errors: list[tuple[float, float]] = []
    for case in cases:
        both = [compute_confidence(case.signals, one) for one in (full, others[case.task.source])]
        within, without = (measure_calibration_error(one, case.is_right) for one in both)
        errors.append((within, without))
        outside = both[1][~case.fits]
        low = (
            f"   fitting nowhere, below {THRESHOLD}: {np.mean(outside < THRESHOLD):.2f}"
            if len(outside)
            else ""
        )
        print(f"{case.task.name:32} {within:6.3f} {without:6.3f}{low}")
    print(f"{'mean':32} {np.mean(errors, axis=0).round(3)}")
    print(f"WEIGHTS = Weights({', '.join(f'{k}={v:.3f}' for k, v in full._asdict().items())})")


def main() -> None:
    """Print all figures."""
    cases = [sort_task(task) for task in list_tasks(find_folder())]
    report_cases(cases)
    if "--calibrate" in sys.argv:
        report_calibration(cases)


if __name__ == "__main__":
    main()
