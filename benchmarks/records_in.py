"""Measure how fast records come in, against the least that the same work can take.

Writes 100,000 synthesized chat records of about 1.7 kB (5% of them near copies of an earlier one) to a
temporary file and examines it: reading, validating, exact and near de-duplicating. The yardstick is a bare
loop over the same file: decode each line, MinHash its word triples, insert into and query an LSH index.
Each of the two runs twice, in turn, in processes of their own, whose peak memory is read at the end; the
faster run counts. Seconds are the processor's, so that a busy machine does not decide.

    python benchmarks/records_in.py [RECORDS]

Exits 1 when reading takes over 4 times the bare loop or over 800 MB, or when near copies are missed.
"""

import json
import multiprocessing
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

MAX_RATIO = 4.0
MAX_MEGABYTES = 800.0
MIN_RECALL = 0.99
NEAR_COPY_SHARE = 0.05
RUNS = 2
WORDS_PER_RECORD = 235
TURNS = 6


class Measurement(NamedTuple):
    """What one child process measured."""

    seconds: float
    """Processor time, all threads together."""
    megabytes: float
    """Peak resident memory of the process."""
    near_duplicates: int


def main() -> int:
    """Measure both and print the figures; give the exit status."""
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "records.jsonl"
        copies = write_records(path, records)
        size = path.stat().st_size
        print(f"{records:,} records, {size / records:,.0f} bytes each, {copies:,} near copies")
        pairs = [
            (measure_in_child(examine_file, path), measure_in_child(loop_barely, path)) for _ in range(RUNS)
        ]
        ours, bare = (min(runs) for runs in zip(*pairs, strict=True))
    ratio = ours.seconds / bare.seconds
    recall = ours.near_duplicates / copies
    print(
        f"lucy      {ours.seconds:7.2f} s  {ours.megabytes:7.0f} MB  {records / ours.seconds:9,.0f} records/s"
    )
    print(
        f"bare loop {bare.seconds:7.2f} s  {bare.megabytes:7.0f} MB  {records / bare.seconds:9,.0f} records/s"
    )
    print(f"ratio {ratio:.2f} (at most {MAX_RATIO})")
    print(f"peak memory {ours.megabytes:.0f} MB (at most {MAX_MEGABYTES:.0f})")
    print(f"near copies found {recall:.4f} (at least {MIN_RECALL}); bare candidates {bare.near_duplicates:,}")
    kept = ratio <= MAX_RATIO and ours.megabytes <= MAX_MEGABYTES and MIN_RECALL <= recall <= 1.0
    print("kept" if kept else "MISSED")
    return 0 if kept else 1


def write_records(path: Path, records: int) -> int:
    """Write the records; give the number of near copies."""
    source = random.Random(0)
    vocabulary = [
        "".join(source.choices("abcdefghijklmnoprstuvwy", k=source.randint(2, 9))) for _ in range(6000)
    ]
    weights = [1 / (rank + 5) for rank in range(len(vocabulary))]
    recent: list[list[str]] = []
    copies = 0
    with path.open("w", encoding="utf-8") as file:
        for place in range(records):
            if recent and source.random() < NEAR_COPY_SHARE:
                turns = change_a_word(source.choice(recent), source)
                copies += 1
            else:
                count = round(WORDS_PER_RECORD * source.uniform(0.6, 1.4))
                turns = cut_into_turns(source.choices(vocabulary, weights, k=count))
                recent.append(turns)
            file.write(json.dumps(make_record(place, turns)) + "\n")
    return copies


def cut_into_turns(words: list[str]) -> list[str]:
    """Cut words into the turns of a conversation."""
    step = len(words) // TURNS + 1
    return [" ".join(words[start : start + step]) + "." for start in range(0, len(words), step)]


def change_a_word(turns: list[str], source: random.Random) -> list[str]:
    """Change one word in the middle of a turn."""
    changed = list(turns)
    place = source.randrange(len(changed))
    words = changed[place].split()
    words[len(words) // 2] = f"changed{source.randrange(10**6)}"
    changed[place] = " ".join(words)
    return changed


def make_record(place: int, turns: list[str]) -> dict[str, object]:
    """Make a chat record: a system message and turns by user and assistant."""
    roles = ("user", "assistant")
    messages = [{"role": "system", "content": "You answer questions about orders, briefly and politely."}]
    messages += [{"role": roles[turn % 2], "content": text} for turn, text in enumerate(turns)]
    return {"id": f"order-{place}", "messages": messages, "reference_answer": str(place)}


def measure_in_child(work: Callable[[Path], int], path: Path) -> Measurement:
    """Run work in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, (work, path))


def measure(work: Callable[[Path], int], path: Path) -> Measurement:
    """Run work here and read the processor's clock and the peak memory of this process."""
    started = time.process_time()
    found = work(path)
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Measurement(seconds, peak / (2**20 if sys.platform == "darwin" else 2**10), found)


def examine_file(path: Path) -> int:
    """Examine as Lucy does; give the near-duplicates found."""
    from lucy.tools.records.hygiene import examine

    return examine(path).report.near_duplicates


def loop_barely(path: Path) -> int:
    """Decode, MinHash and look up each record and nothing else; give the candidates found."""
    import msgspec
    from rensa import RMinHash, RMinHashLSH

    index = RMinHashLSH(0.9, 128, 16)
    candidates = 0
    with path.open("rb") as file:
        for key, line in enumerate(file):
            record = msgspec.json.decode(line)
            words = " ".join(message["content"] for message in record["messages"][1:]).split()
            sketch = RMinHash(128, 0)
            sketch.update([" ".join(words[start : start + 3]) for start in range(len(words) - 2)])
            candidates += bool(index.query(sketch))
            index.insert(key, sketch)
    return candidates


if __name__ == "__main__":
    sys.exit(main())
