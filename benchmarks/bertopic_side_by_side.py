"""Compare Lucy's topics with BERTopic's on the same vectors: agreement with the labels, and time.

Both cluster the vectors of `fit_meaning(...).place`, each as it comes, without a look at the labels, with
three seeds: the means are compared. BERTopic (Grootendorst 2022) runs with its UMAP and HDBSCAN; its outliers
count as a cluster of their own, and with `reduce_outliers`, whichever is better. For information other
settings that suit a few thousand short texts are tried with one seed, and the best by the labels is shown.
Both times include the vectors, the clusters and the words of the topics; Lucy's also the names and the levels
above. Seconds are the processor's, all threads together, so that a busy machine does not decide. Labels
score, they are never input.

    python benchmarks/bertopic_side_by_side.py [FOLDER]

`FOLDER` holds the public sets, default `shared/data` beside the checkout. Needs `pip install bertopic`, which
Lucy itself does not. Exits 1 when Lucy's mean agreement is lower than BERTopic's, or takes longer.
"""

import importlib.util
import sys
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from topics_quality import SETS, Data, read_set

SEEDS = (0, 1, 2)
NEIGHBOURS = (5, 10, 15)
CLUSTER_SIZES = (8, 10, 15)
DEFAULTS = (15, 10)
"""BERTopic's own number of neighbours and smallest topic."""


class Result(NamedTuple):
    """How one way of finding topics did on one set."""

    name: str
    leaf: float
    """Normalized mutual information with the labels."""
    topics: int
    seconds: float


def main() -> int:
    """Compare on both sets and print the figures; give the exit status."""
    if importlib.util.find_spec("bertopic") is None:
        print("BERTopic is not installed, so nothing was compared; run `pip install bertopic` first.")
        return 0
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / ".." / "shared" / "data"
    if not folder.is_dir():
        sys.exit(f"The folder {str(folder)!r} is not there; give the folder with the public sets.")
    warnings.simplefilter("ignore")
    warm_up()
    results = [compare(read_set(folder, labelled), labelled.file) for labelled in SETS]
    print("kept: at least BERTopic's agreement, in at most its time" if all(results) else "MISSED")
    return 0 if all(results) else 1


def compare(data: Data, name: str) -> bool:
    """Print the figures of one set; tell whether Lucy's are at least as good."""
    started = time.process_time()
    points = place(data.texts)
    placing = time.process_time() - started
    ours = [run_ours(data, points, seed) for seed in SEEDS]
    runs = [run_bertopic(data, points, DEFAULTS, seed) for seed in SEEDS]
    theirs = [add_time(max(found, key=lambda result: result.leaf), placing) for found in runs]
    print(f"{name}: {len(data.ids)} records, {len(set(data.leaf))} labels")
    for result in (*ours, *theirs):
        print_result(result)
    tried = [one for settings in list_settings() for one in run_bertopic(data, points, settings, SEEDS[0])]
    best = add_time(max(tried, key=lambda result: result.leaf), placing)
    print_result(best, "  <- best by the labels")
    mine, its = average(ours), average(theirs)
    print(f"  means of {len(SEEDS)} seeds: NMI {mine.leaf:.3f} and {its.leaf:.3f}", end="")
    print(f", {mine.seconds:.2f} s and {its.seconds:.2f} s")
    reached = "reached" if mine.leaf >= best.leaf else "not reached"
    print(f"  the best of its settings by the labels, one seed: {reached}")
    return mine.leaf >= its.leaf and mine.seconds <= its.seconds


def add_time(result: Result, seconds: float) -> Result:
    """Add the time that the vectors took."""
    return result._replace(seconds=result.seconds + seconds)


def average(results: list[Result]) -> Result:
    """Average agreement, topics and time."""
    count = len(results)
    return Result(
        "mean",
        sum(one.leaf for one in results) / count,
        round(sum(one.topics for one in results) / count),
        sum(one.seconds for one in results) / count,
    )


def print_result(result: Result, mark: str = "") -> None:
    """Print one line of figures."""
    figures = f"NMI {result.leaf:.3f} {result.topics:4} topics {result.seconds:6.2f} s"
    print(f"  {result.name:66} {figures}{mark}", flush=True)


def place(texts: list[str]) -> NDArray[np.float64]:
    """Give the vectors that both sides work on."""
    from lucy.tools.topics.meaning import fit_meaning
    from lucy.tools.topics.words import drop_boilerplate

    sample = drop_boilerplate(texts)
    return fit_meaning(sample).place(sample)


def warm_up() -> None:
    """Run both once on noise, so that imports and compilation are in nobody's time."""
    noise = np.random.default_rng(0).normal(size=(200, 20))
    texts = [f"a word {'abcdefgh'[row % 8] * 3}" for row in range(200)]
    none = Data([str(row) for row in range(200)], texts, ["x"] * 200, [""] * 200)
    run_ours(none, noise / np.linalg.norm(noise, axis=1, keepdims=True), 0)
    run_bertopic(none, noise, DEFAULTS, 0)


def run_ours(data: Data, points: NDArray[np.float64], seed: int) -> Result:
    """Find topics as Lucy does, and cluster once more for the label of each record."""
    from lucy.tools.topics.clustering import group_points
    from lucy.tools.topics.consensus import assign_nearest
    from lucy.tools.topics.discovery import discover

    started = time.process_time()
    discover(data.ids, data.texts, seed=seed)
    seconds = time.process_time() - started
    found = assign_nearest(points, group_points(points, seed=seed).centers)
    return Result(f"Lucy, seed {seed}", score(data, found), len(set(found.tolist())), seconds)


def list_settings() -> list[tuple[int, int]]:
    """Give numbers of neighbours and smallest topics, the defaults among them."""
    return [(neighbours, size) for neighbours in NEIGHBOURS for size in CLUSTER_SIZES]


def run_bertopic(
    data: Data, points: NDArray[np.float64], settings: tuple[int, int], seed: int
) -> list[Result]:
    """Cluster with BERTopic's UMAP and HDBSCAN; give the result as it is and with outliers reduced."""
    from bertopic import BERTopic
    from hdbscan import HDBSCAN
    from umap import UMAP

    neighbours, size = settings
    # What BERTopic builds by default, with a seed: without one no two runs are alike.
    reduce: Any = UMAP(
        n_neighbors=neighbours,
        n_components=5,
        min_dist=0.0,
        metric="cosine",
        low_memory=False,
        random_state=seed,
    )
    cluster: Any = HDBSCAN(
        min_cluster_size=size, metric="euclidean", cluster_selection_method="eom", prediction_data=True
    )
    model: Any = BERTopic(embedding_model=None, umap_model=reduce, hdbscan_model=cluster)
    started = time.process_time()
    raw, _ = model.fit_transform(data.texts, embeddings=points)
    seconds = time.process_time() - started
    name = f"BERTopic, {neighbours} neighbours, topics of {size}, seed {seed}"
    results = [Result(f"{name}, outliers apart", score(data, raw), len(set(raw)), seconds)]
    if -1 in raw and len(set(raw)) > 1:
        started = time.process_time()
        whole = model.reduce_outliers(data.texts, raw, strategy="embeddings", embeddings=points)
        seconds += time.process_time() - started
        results.append(Result(f"{name}, outliers reduced", score(data, whole), len(set(whole)), seconds))
    return results


def score(data: Data, found: Any) -> float:
    """Give the normalized mutual information with the leaf labels."""
    from sklearn.metrics import normalized_mutual_info_score

    return float(normalized_mutual_info_score(data.leaf, found))


if __name__ == "__main__":
    sys.exit(main())
