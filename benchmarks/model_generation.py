"""Generate with a language model that fails in 30% of its calls, killed twice on the way.

A local server in the form of OpenAI's answers with a delay and fails as planned: too many requests (429), its
own error (500), connections cut in the middle, answers that are no JSON. A child process generates; it is
killed (SIGKILL) when about 30% and about 65% of the records are stored, and started again. Printed: what was
made, lost and made twice, and the ledger beside what the server has counted. Exits 1 when they do not agree.

A call that was under way at a kill stands in the ledger as `sent`: nobody can know what the server made of
it. Such calls are the only ones whose tokens may differ, and the only ones that may be paid again.

Usage: python benchmarks/model_generation.py [--records 1000] [--delay 0.03]
"""

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import SecretStr
from sqlalchemy import func, select

from lucy.tools.calls.connection import Connection
from lucy.tools.calls.door import Door
from lucy.tools.categories.sorting import categorize
from lucy.tools.datasets import SAMPLE_FILE, open_source
from lucy.tools.generation.plan import GenerationPlan
from lucy.tools.generation.run import generate
from lucy.tools.records.validation import Limits
from lucy.tools.store.database import Store
from lucy.tools.store.datasets import add_batch_records, read_batch, read_records
from lucy.tools.store.ledger import Account
from lucy.tools.store.schema import ledger
from lucy.tools.topics.templates import load_template
from lucy.tools.vocabulary import Record, read_last_user_text, read_user_text

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

FAULTS = {"rate_limited": 0.08, "server_error": 0.07, "dropped": 0.05, "malformed": 0.1}
KILLS = (0.3, 0.65)
"""Shares of the records that are stored when the child is killed."""
REFUSALS = 0.02
"""Share of the answers that decline instead of writing a message."""
FEWEST = 12
"""Records that a topic must have to be generated for."""
PATIENCE = 600
"""Seconds after which a child is given up."""
ACCOUNT = Account("benchmark", "coverage_generation", "generator", "fake")
BATCH = "bench"


class Material(NamedTuple):
    """What a child works on."""

    dataset_id: str
    plan: GenerationPlan
    records: list[Record]
    topics: dict[str, str]


def write_message(request: dict[str, Any]) -> str:
    """Answer as a model would: the first quoted message, told otherwise; the same request, the same text."""
    prompt = str(request["messages"][-1]["content"])
    rng = random.Random(prompt)
    if rng.random() < REFUSALS:
        return json.dumps({"message": "I'm sorry, but I can't help with writing such a message."})
    quoted = re.findall(r"^\| (.+)$", prompt, re.MULTILINE) or ["I have a question."]
    words = quoted[0].split()[:14]
    told = ["".join(rng.choice("bdfklmnprst") + rng.choice("aeiou") for _ in range(3)) for _ in range(9)]
    message = f"{' '.join(words)} and for {told[0]} {told[1]} too, near {told[2]} {told[3]} {told[4]}"
    return json.dumps({"message": f"{message}, says {told[5]} {told[6]} {told[7]} {told[8]}."})


def prepare(store: Store, total: int) -> Material:
    """Read the sample, sort it into the template's topics, and plan as many records for each."""
    dataset = open_source(store, SAMPLE_FILE, name="sample", limits=Limits())
    records = list(read_records(store, dataset.id))
    tree = load_template("customer support")
    sorted_as = categorize([one.id for one in records], [read_user_text(one) for one in records], tree)
    topics = {one.record_id: one.topic_id for one in sorted_as if one.topic_id}
    sizes = Counter(topics.values())
    chosen = sorted(topic for topic, size in sizes.items() if size >= FEWEST)
    share, rest = divmod(total, len(chosen))
    counts = {topic: share + (place < rest) for place, topic in enumerate(chosen)}
    wanted = {topic: count for topic, count in counts.items() if count}
    plan = GenerationPlan(batch=BATCH, strategy="few_shot", counts=wanted)
    return Material(dataset.id, plan, records, topics)


def run_child(home: Path, url: str, total: int) -> None:
    """Generate what is still lacking and write down the result."""
    store = Store(home)
    material = prepare(store, total)
    connection = Connection(model="fake", base_url=url, key=SecretStr("benchmark"))
    result = generate(
        material.plan,
        material.records,
        material.topics,
        tree=load_template("customer support"),
        door=Door(store, connection, ACCOUNT, concurrency=16),
        stored=read_batch(store, material.dataset_id, BATCH),
        keep=lambda made: add_batch_records(store, material.dataset_id, BATCH, made),
    )
    (home / "result.json").write_text(result.model_dump_json(), encoding="utf-8")
    store.close()


def start_child(home: Path, url: str, total: int) -> subprocess.Popen[bytes]:
    """Start this script again as the child."""
    command = [sys.executable, str(Path(__file__)), "--child", str(home), url, "--records", str(total)]
    return subprocess.Popen(command)


def drive(home: Path, server: Any, store: Store, total: int) -> int:
    """Run children until one ends by itself, killing the first ones; give the number killed."""
    dataset = prepare(store, total).dataset_id
    killed = 0
    for share in KILLS:
        child = start_child(home, server.url, total)
        wait_for(child, lambda: len(read_batch(store, dataset, BATCH)) >= share * total)  # noqa: B023
        calls = server.calls
        # In the middle of calls, not between two windows.
        wait_for(child, lambda: server.calls > calls + 4)  # noqa: B023
        killed += child.poll() is None
        child.kill()
        child.wait()
    child = start_child(home, server.url, total)
    wait_for(child, lambda: False)
    if child.poll() is None:
        child.kill()
    if child.wait():
        raise SystemExit("The child failed or did not end; see its error above.")
    return killed


def wait_for(child: subprocess.Popen[bytes], happens: Callable[[], bool]) -> None:
    """Wait until something happens or the child has ended."""
    deadline = time.monotonic() + PATIENCE
    while child.poll() is None and not happens() and time.monotonic() < deadline:
        time.sleep(0.01)


class Books(NamedTuple):
    """What the ledger holds."""

    outcomes: Counter[str]
    prompt_tokens: int
    completion_tokens: int


def read_books(store: Store) -> Books:
    """Sum the ledger by what became of the calls."""
    query = select(
        ledger.c.outcome,
        func.sum(ledger.c.calls),
        func.sum(ledger.c.prompt_tokens),
        func.sum(ledger.c.completion_tokens),
    ).group_by(ledger.c.outcome)
    with store.read() as connection:
        rows = [tuple(row) for row in connection.execute(query)]
    return Books(
        Counter({str(row[0]): int(row[1]) for row in rows}),
        sum(int(row[2]) for row in rows),
        sum(int(row[3]) for row in rows),
    )


def report(server: Any, store: Store, home: Path, total: int, killed: int) -> bool:
    """Print the figures and say whether they agree."""
    made = read_batch(store, prepare(store, total).dataset_id, BATCH)
    result = json.loads((home / "result.json").read_text(encoding="utf-8"))
    texts = Counter(read_last_user_text(record) for record in made)
    twice = len(made) - min(len(texts), len({record.id for record in made}))
    counted = sum(topic["valid"] for topic in result["topics"].values())
    rejected = sum(sum(topic["rejected"].values()) for topic in result["topics"].values())
    failed = sum(sum(topic["failed"].values()) for topic in result["topics"].values())
    books = read_books(store)
    sent = books.outcomes["sent"]
    lost = total - len(made)
    print(f"records {len(made)} of {total}   lost {lost}   twice {twice}   killed {killed} times")
    print(f"counted by the result {counted}, drafts rejected {rejected}, attempts failed {failed}")
    print(f"{'outcome':14} {'server':>8} {'ledger':>8}")
    for outcome in sorted(set(books.outcomes) | set(server.outcomes)):
        print(f"{outcome:14} {server.outcomes[outcome]:8,} {books.outcomes[outcome]:8,}")
    print(f"{'calls':14} {server.calls:8,} {books.outcomes.total():8,}")
    print(f"{'prompt tokens':14} {server.prompt_tokens:8,} {books.prompt_tokens:8,}")
    print(f"{'compl. tokens':14} {server.completion_tokens:8,} {books.completion_tokens:8,}")
    quality = result["quality"]
    print(f"distinct-2 {quality['distinct_2']:.2f} (real {quality['real_distinct_2']:.2f}), ", end="")
    print(f"nearest {quality['nearest']:.2f} (real {quality['real_nearest']:.2f})")
    known = all(
        server.outcomes[name] - books.outcomes[name] in range(sent + 1)
        for name in {*server.outcomes, *books.outcomes} - {"sent"}
    )
    tokens = server.completion_tokens >= books.completion_tokens and (
        sent > 0 or server.completion_tokens == books.completion_tokens
    )
    return (
        len(made) == total == counted
        and twice == 0
        and killed == len(KILLS)
        and books.outcomes.total() - server.calls in range(sent + 1)
        and known
        and tokens
    )


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description="Generate with a model that fails, killed twice.")
    parser.add_argument("--records", type=int, default=1000)
    parser.add_argument("--delay", type=float, default=0.03)
    parser.add_argument("--child", nargs=2, metavar=("HOME", "URL"))
    options = parser.parse_args()
    if options.child:
        run_child(Path(options.child[0]), options.child[1], options.records)
        return
    from fake_openai import FakeOpenAI  # beside the tests, which are not a package

    with (
        tempfile.TemporaryDirectory() as folder,
        FakeOpenAI(write_message, delay=options.delay, **FAULTS) as server,
    ):
        home, store = Path(folder), Store(Path(folder))
        started = time.monotonic()
        killed = drive(home, server, store, options.records)
        print(f"{time.monotonic() - started:.1f} s, at most {server.most_at_once} calls at once")
        agrees = report(server, store, home, options.records, killed)
        store.close()
    print("ledger and server agree" if agrees else "NOT AS IT SHOULD BE")
    raise SystemExit(0 if agrees else 1)


if __name__ == "__main__":
    main()
