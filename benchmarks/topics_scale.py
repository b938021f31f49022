"""Measure time and memory of topics and categories on 10,000 to 100,000 records.

The two labelled public sets are repeated with changes: seeded swaps of words, names and numbers, so that no
two records are alike. Each size runs in a process of its own, whose peak memory is read at the end. Seconds
are the wall clock's; run it on a quiet machine with two cores.

    python benchmarks/topics_scale.py [FOLDER] [--sizes 10000,31600,100000]

`FOLDER` holds the public sets, default `shared/data` beside the checkout. Exits 1 when the largest run takes
over 90 s or 1.5 GB, or when the time grows faster than n log n from the smallest size to the largest.
"""

import json
import math
import multiprocessing
import random
import re
import resource
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

SIZES = (10_000, 31_600, 100_000)
FILES = ("support_dialogues.jsonl", "intents_2level.jsonl")
MAX_SECONDS = 90.0
MAX_MEGABYTES = 1536.0
CHANGED = 0.15
"""Share of a text's words that a copy swaps for words of other texts."""
NAMES = (
    "Alexis",
    "Ben",
    "Katarina",
    "Jane",
    "Angela",
    "Emma",
    "Joanna",
    "Mark",
    "Tom",
    "Ravi",
    "Mei",
    "Omar",
)


class Measurement(NamedTuple):
    """What one child process measured."""

    topics: float
    """Seconds for finding topics."""
    categories: float
    """Seconds for sorting the records into them."""
    megabytes: float
    """Peak resident memory of the process, the texts included."""
    leaves: int

    @property
    def seconds(self) -> float:
        """Both together."""
        return self.topics + self.categories


def main() -> int:
    """Measure all sizes and print the figures; give the exit status."""
    given = [one for one in sys.argv[1:] if not one.startswith("--")]
    if "--sizes" in sys.argv:
        given.remove(sys.argv[sys.argv.index("--sizes") + 1])
        sizes = tuple(int(size) for size in sys.argv[sys.argv.index("--sizes") + 1].split(","))
    else:
        sizes = SIZES
    folder = Path(given[0]) if given else Path(__file__).parents[1] / ".." / "shared" / "data"
    if not folder.is_dir():
        sys.exit(f"The folder {str(folder)!r} is not there; give the folder with the public sets.")
    print("  records   topics  categories  together   memory  leaves")
    found = [measure_in_child(folder, size) for size in sizes]
    ratio = found[-1].seconds / found[0].seconds
    bound = sizes[-1] * math.log(sizes[-1]) / (sizes[0] * math.log(sizes[0]))
    print(f"time of the largest over the smallest {ratio:.1f}; n log n allows {bound:.1f}")
    last = found[-1]
    kept = last.seconds <= MAX_SECONDS and last.megabytes <= MAX_MEGABYTES and ratio <= bound
    print(f"at most {MAX_SECONDS:.0f} s and {MAX_MEGABYTES:.0f} MB: {'kept' if kept else 'MISSED'}")
    return 0 if kept else 1


def measure_in_child(folder: Path, size: int) -> Measurement:
    """Measure one size in a fresh process and print its line."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.apply(measure, (folder, size))
    print(
        f"{size:9,}  {found.topics:6.1f}s     {found.categories:6.1f}s   {found.seconds:6.1f}s"
        f"  {found.megabytes:5.0f}MB  {found.leaves:6}",
        flush=True,
    )
    return found


def measure(folder: Path, size: int) -> Measurement:
    """Find topics in `size` records and sort the records into them."""
    from lucy.tools.categories.sorting import categorize
    from lucy.tools.topics.discovery import discover_topics
    from lucy.tools.topics.tree import leaves

    texts = repeat_texts(read_texts(folder), size)
    ids = [f"r{number}" for number in range(size)]
    started = time.perf_counter()
    tree = discover_topics(ids, texts)
    found = time.perf_counter()
    assignments = categorize(ids, texts, tree)
    ended = time.perf_counter()
    assert len(assignments) == size
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return Measurement(found - started, ended - found, peak, len(leaves(tree)))


def read_texts(folder: Path) -> list[str]:
    """Give the user texts of the public sets."""
    texts: list[str] = []
    for file in FILES:
        for line in (folder / file).read_text(encoding="utf-8-sig").splitlines():
            record: dict[str, Any] = json.loads(line)
            messages = record["data"]["input"]["messages"]
            texts.append("\n".join(each["content"] for each in messages if each["role"] == "user"))
    return texts


def repeat_texts(texts: list[str], size: int, *, seed: int = 0) -> list[str]:
    """Give `size` changed copies of texts, each with words of others, other names and other numbers."""
    source = random.Random(seed)
    words = [word for text in texts for word in text.split()]
    return [change_text(texts[place % len(texts)], words, source) for place in range(size)]


def change_text(text: str, words: list[str], source: random.Random) -> str:
    """Swap a share of the words, and all names and numbers."""
    changed = " ".join(
        source.choice(words) if source.random() < CHANGED else word for word in text.split(" ")
    )
    changed = re.sub(r"\d", lambda _: str(source.randrange(10)), changed)
    return re.sub(rf"\b({'|'.join(NAMES)})\b", lambda _: source.choice(NAMES), changed)


if __name__ == "__main__":
    sys.exit(main())
