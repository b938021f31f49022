"""Fill the small topics of an imbalanced dataset offline, round by round as announced, and judge the result.

`support_dialogues.jsonl` is made imbalanced: of some tasks all dialogues are kept, of the others 3 to 8. The
true tasks are the topics. Then what coverage announces is done, round after round, once within the limit on
synthetic records and once with a person's agreement to more. Printed per case: the balance before and after
each round, and of all records made together

- near-duplicates: pairs whose word triples have a Jaccard similarity over 0.9, each record compared with
  every other, exactly and without the index that the filter uses; must be 0
- topic kept: share that a classifier which knows neither generator nor filter puts into the topic that it
  was made for. `all`: learned from the whole original file; must be 95% or more. `strict`: learned without
  the records that were varied, which is harder: what it says of those records themselves stands beside it.
- categorizer: share that `categorize` puts into that topic, beside its share on real records

Labels build the imbalance, stand for the topics, and score; no strategy reads them.

Usage: python benchmarks/generation_quality.py [FOLDER] [--strategy message_variation]
"""

import argparse
import json
import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lucy.tools.categories.sorting import categorize
from lucy.tools.coverage import CoverageReport, analyze_coverage
from lucy.tools.coverage_plan import GOOD
from lucy.tools.generation.plan import STRATEGIES, GenerationPlan, StrategyName
from lucy.tools.generation.quality import measure_quality
from lucy.tools.generation.run import generate
from lucy.tools.topics.tree import TopicTree
from lucy.tools.vocabulary import Assignment, Record, Topic, read_user_text

FOLDER = Path(__file__).parents[2] / "shared" / "data"
CASES = ((6, 0), (6, 1), (6, 2), (12, 0))
"""(Topics made small, seed) of each case."""
SMALLEST, LARGEST = 3, 8
"""Records that a small topic keeps."""
NEAR = 0.9
LIMIT = 0.3
"""Default limit on the share of synthetic records."""
MOST_ROUNDS = 10


class Case(NamedTuple):
    """An imbalanced dataset."""

    real: list[Record]
    topics: dict[str, str]
    small: frozenset[str]
    tree: TopicTree


class Outcome(NamedTuple):
    """What the rounds gave."""

    made: list[Record]
    topics: dict[str, str]
    scores: list[float]
    """Balance before the first round and after each."""
    announced: int


def read_dialogues(folder: Path) -> tuple[list[Record], dict[str, str]]:
    """Read the dialogues and their tasks."""
    records: list[Record] = []
    tasks: dict[str, str] = {}
    for line in (folder / "support_dialogues.jsonl").read_text(encoding="utf-8").splitlines():
        raw: dict[str, Any] = json.loads(line)
        messages: list[dict[str, Any]] = raw["data"]["input"]["messages"]
        last = max(place for place, message in enumerate(messages) if message["role"] == "user")
        reply = (*messages[last + 1 :], *raw["data"]["output"]["messages"])
        records.append(Record(raw["id"], tuple(messages[: last + 1]), reply, family=raw["id"]))
        tasks[raw["id"]] = raw["metadata"]["task"]
    return records, tasks


def make_imbalanced(records: Sequence[Record], tasks: dict[str, str], small: int, seed: int) -> Case:
    """Keep all dialogues of most tasks and a few of the others."""
    rng = random.Random(seed)
    names = sorted(set(tasks.values()))
    chosen = frozenset(rng.sample(names, small))
    kept: list[Record] = []
    for name in names:
        mine = [record for record in records if tasks[record.id] == name]
        kept += rng.sample(mine, rng.randint(SMALLEST, LARGEST)) if name in chosen else mine
    tree = TopicTree(roots=tuple(Topic(id=name, name=name.replace("_", " ")) for name in names))
    return Case(kept, {record.id: tasks[record.id] for record in kept}, chosen, tree)


def analyze(case: Case, made: Sequence[Record], topics: dict[str, str]) -> CoverageReport:
    """Measure the coverage of real and made records together."""
    return analyze_coverage(
        [Assignment(record.id, topics[record.id], 1.0, "manual") for record in (*case.real, *made)],
        case.tree,
        synthetic_ids=frozenset(record.id for record in made),
        max_synthetic_share=LIMIT,
    )


def fill(case: Case, strategy: StrategyName, *, agreed: bool) -> Outcome:
    """Do what is recommended, round after round, until the balance is good or nothing is left to do."""
    made: list[Record] = []
    topics = dict(case.topics)
    report = analyze(case, made, topics)
    announced = (report.with_agreement if agreed else report.within_limit).rounds
    scores = [report.balance_score]
    while report.recommendations and len(scores) <= MOST_ROUNDS:
        if any(one.needs_agreement for one in report.recommendations) and not agreed:
            break
        counts = {one.topic_id: one.suggested_count for one in report.recommendations}
        plan = GenerationPlan(batch=f"round{len(scores)}", strategy=strategy, counts=counts, seed=len(scores))
        fresh: list[Record] = []
        result = generate(plan, [*case.real, *made], topics, tree=case.tree, keep=fresh.extend)
        made += fresh
        topics |= {record.id: str(record.origin["topic_id"]) for record in fresh}
        report = analyze(case, made, topics)
        scores.append(report.balance_score)
        rejected = ", ".join(f"{count} {reason}" for reason, count in result.rejected.items())
        print(
            f"    round {len(scores) - 1}: {scores[-2]:.2f} -> {scores[-1]:.2f}, kept {result.valid} of "
            f"{result.wanted} wanted, {result.made} drafts ({rejected or 'none rejected'})"
        )
        if not fresh:
            break
    return Outcome(made, topics, scores, announced)


def count_near_duplicates(made: Sequence[Record], real: Sequence[Record]) -> int:
    """Count pairs over `NEAR` with at least one made record, by comparing every pair."""
    sets = [list_triples(record) for record in (*made, *real)]
    return sum(
        len(sets[a] & sets[b]) > NEAR * len(sets[a] | sets[b])
        for a in range(len(made))
        for b in range(a + 1, len(sets))
    )


def list_triples(record: Record) -> set[tuple[str, ...]]:
    """Give the word triples of a record's prompt."""
    text = " ".join(str(message.get("content") or "") for message in record.prompt)
    words = re.findall(r"[^\W_]+", text.lower())
    return {tuple(words[place : place + 3]) for place in range(max(1, len(words) - 2))}


def build_classifier() -> Any:
    """Build a classifier that shares nothing with generator and filter."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    return make_pipeline(words, LogisticRegression(C=30, max_iter=500))


def measure_kept(learned: Sequence[Record], tasks: dict[str, str], judged: Sequence[Record]) -> float:
    """Give the share of records that are classified as the topic they were made for, or have."""
    model = build_classifier()
    model.fit([read_user_text(record) for record in learned], [tasks[record.id] for record in learned])
    named = model.predict([read_user_text(record) for record in judged])
    wanted = [str(record.origin.get("topic_id", tasks.get(record.id))) for record in judged]
    return sum(a == b for a, b in zip(named, wanted, strict=True)) / len(judged)


def measure_categorizer(case: Case, made: Sequence[Record]) -> tuple[float, float]:
    """Give the categorizer's accuracy on made and on real records, sorted together from names alone."""
    everything = [*case.real, *made]
    wanted = case.topics | {record.id: str(record.origin["topic_id"]) for record in made}
    found = categorize([one.id for one in everything], [read_user_text(one) for one in everything], case.tree)
    right = {one.record_id: one.topic_id == wanted[one.record_id] for one in found}
    return (
        sum(right[one.id] for one in made) / len(made),
        sum(right[one.id] for one in case.real) / len(case.real),
    )


def judge(case: Case, outcome: Outcome, records: Sequence[Record], tasks: dict[str, str]) -> bool:
    """Print what the records made are like; tell whether they are as they should be."""
    made = outcome.made
    near = count_near_duplicates(made, case.real)
    varied = {parent for record in made for parent in record.parents}
    unseen = [record for record in records if record.id not in varied]
    parents = [record for record in case.real if record.id in varied]
    kept = measure_kept(records, tasks, made)
    by_name, real_by_name = measure_categorizer(case, made)
    quality = measure_quality(made, case.real, case.topics)
    print(f"    near-duplicates {near}, topic kept: all {kept:.1%}", end="")
    print(f", strict {measure_kept(unseen, tasks, made):.1%} ", end="")
    print(f"(varied records {measure_kept(unseen, tasks, parents):.1%})", end="")
    print(f", categorizer {by_name:.1%} (real {real_by_name:.1%})")
    print(f"    distinct-2 {quality.distinct_2:.2f} (real {quality.real_distinct_2:.2f})", end="")
    print(f", nearest {quality.nearest:.2f} (real {quality.real_nearest:.2f})")
    return near == 0 and kept >= 0.95


def main() -> None:
    """Run all cases."""
    parser = argparse.ArgumentParser(description="Fill the small topics of an imbalanced dataset.")
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    parser.add_argument("--strategy", choices=STRATEGIES, default="message_variation")
    options = parser.parse_args()
    records, tasks = read_dialogues(options.folder)
    is_good = True
    for small, seed in CASES:
        case = make_imbalanced(records, tasks, small, seed)
        first = analyze(case, (), case.topics)
        for agreed in (False, True):
            if agreed and first.with_agreement == first.within_limit:
                print("    (no more than the limit is needed)")
                continue
            agreement = "with agreement to more" if agreed else f"within {LIMIT:.0%} synthetic"
            print(f"{small} of 18 topics small, seed {seed}, {len(case.real)} real records, {agreement}")
            outcome = fill(case, options.strategy, agreed=agreed)
            reached = len(outcome.scores) - 1
            end = outcome.scores[-1]
            share = len(outcome.made) / (len(outcome.made) + len(case.real))
            print(f"    announced {outcome.announced} rounds, took {reached}, balance ", end="")
            print(f"{outcome.scores[0]:.2f} -> {end:.2f}, {share:.0%} synthetic")
            is_good &= judge(case, outcome, records, tasks)
            if agreed or first.with_agreement == first.within_limit:
                is_good &= end >= GOOD and reached == outcome.announced
    print("as it should be" if is_good else "NOT AS IT SHOULD BE")
    raise SystemExit(0 if is_good else 1)


if __name__ == "__main__":
    main()
