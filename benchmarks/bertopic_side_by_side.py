"""Compare Lucy's topics with BERTopic's on the same vectors: agreement with the labels, and time.

Both cluster the vectors of `fit_meaning(...).place`. BERTopic (Grootendorst 2022) runs with its UMAP and
HDBSCAN, with its defaults and with settings that suit a few hundred to a few thousand short texts; the best
of its results counts, with its outliers as a cluster of their own and with `reduce_outliers`. Both times
include the vectors, the clusters and the words of the topics; Lucy's also the names and the levels above.
Seconds are the processor's, all threads together, so that a busy machine does not decide. Labels score, they
are never input.

    python benchmarks/bertopic_side_by_side.py [FOLDER]

`FOLDER` holds the public sets, default `shared/data` beside the checkout. Needs `pip install bertopic`, which
Lucy itself does not. Exits 1 when Lucy's agreement is lower than BERTopic's best or takes longer than it.
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
    kept = True
    for labelled in SETS:
        data = read_set(folder, labelled)
        started = time.process_time()
        points = place(data.texts)
        placing = time.process_time() - started
        ours = run_ours(data, points)
        runs = [result for settings in list_settings() for result in run_bertopic(data, points, settings)]
        theirs = [result._replace(seconds=result.seconds + placing) for result in runs]
        best = max(theirs, key=lambda result: result.leaf)
        print(f"{labelled.file}: {len(data.ids)} records, {len(set(data.leaf))} labels")
        for result in [ours, *sorted(theirs, key=lambda result: -result.leaf)]:
            mark = "  <- best of BERTopic" if result is best else ""
            figures = f"NMI {result.leaf:.3f} {result.topics:4} topics {result.seconds:6.2f} s"
            print(f"  {result.name:58} {figures}{mark}")
        kept &= ours.leaf >= best.leaf and ours.seconds <= best.seconds
    print("kept: at least BERTopic's best agreement, in at most its time" if kept else "MISSED")
    return 0 if kept else 1


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
    run_ours(none, noise / np.linalg.norm(noise, axis=1, keepdims=True))
    run_bertopic(none, noise, DEFAULTS)


def run_ours(data: Data, points: NDArray[np.float64]) -> Result:
    """Find topics as Lucy does, and cluster once more for the label of each record."""
    from lucy.tools.topics.clustering import group_points
    from lucy.tools.topics.consensus import assign_nearest
    from lucy.tools.topics.discovery import discover

    started = time.process_time()
    discover(data.ids, data.texts)
    seconds = time.process_time() - started
    found = assign_nearest(points, group_points(points).centers)
    return Result("Lucy", score(data, found), len(set(found.tolist())), seconds)


def list_settings() -> list[tuple[int, int]]:
    """Give numbers of neighbours and smallest topics, the defaults among them."""
    return [(neighbours, size) for neighbours in NEIGHBOURS for size in CLUSTER_SIZES]


def run_bertopic(data: Data, points: NDArray[np.float64], settings: tuple[int, int]) -> list[Result]:
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
        random_state=0,
    )
    cluster: Any = HDBSCAN(
        min_cluster_size=size, metric="euclidean", cluster_selection_method="eom", prediction_data=True
    )
    model: Any = BERTopic(embedding_model=None, umap_model=reduce, hdbscan_model=cluster)
    started = time.process_time()
    raw, _ = model.fit_transform(data.texts, embeddings=points)
    seconds = time.process_time() - started
    name = f"BERTopic, {neighbours} neighbours, topics of {size}"
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
