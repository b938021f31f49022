"""Sorting records into topics, and what the confidence means."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from lucy.errors import CancelledByPersonError, InputError
from lucy.tools.categories.sorting import THRESHOLD, categorize
from lucy.tools.categories.summary import summarize_categories
from lucy.tools.topics.templates import load_template
from lucy.tools.topics.tree import TopicTree
from lucy.tools.vocabulary import Assignment, Topic, read_text

SHARED = Path(__file__).parents[3] / ".." / "shared" / "data"
"""Labelled public data, kept beside the checkout."""

SAMPLES = Path(__file__).parents[3] / "examples" / "data"

REFUNDS = [
    "I want a refund for my broken kettle",
    "please refund the money for order 12",
    "how long does a refund take",
    "my refund has not come yet",
    "the refund you sent is too small",
]
PASSWORDS = [
    "I forgot my password",
    "please reset the password of my account",
    "the password link does not work",
    "how do I change my password",
    "my new password is refused",
]
PARCELS = [
    "where is my parcel",
    "the parcel was left in the rain",
    "when will the courier bring my parcel",
    "my parcel went to a wrong address",
    "track a parcel to Norway",
]
INVOICES = [
    "send me the invoice for May",
    "the invoice shows a wrong sum",
    "I need an invoice with my tax number",
    "who do I ask about an invoice",
    "this invoice was paid twice",
]


def make_tree(*topics: Topic) -> TopicTree:
    return TopicTree(roots=topics)


@pytest.fixture
def tree() -> TopicTree:
    names = {
        "refunds": "Refunds",
        "passwords": "Password Problems",
        "parcels": "Parcels",
        "invoices": "Invoices",
    }
    return make_tree(*(Topic(id=key, name=name) for key, name in names.items()))


@pytest.fixture
def texts() -> list[str]:
    return (REFUNDS + PASSWORDS + PARCELS + INVOICES) * 3


EXPECTED = (["refunds"] * 5 + ["passwords"] * 5 + ["parcels"] * 5 + ["invoices"] * 5) * 3


def number(texts: list[str]) -> list[str]:
    return [f"r{place}" for place in range(len(texts))]


def topics_of(found: list[Assignment]) -> list[str | None]:
    return [one.topic_id for one in found]


def test_records_go_to_the_topic_whose_words_they_use(tree: TopicTree, texts: list[str]) -> None:
    assert topics_of(categorize(number(texts), texts, tree)) == EXPECTED


def test_a_topic_of_half_of_the_records_is_told_by_its_own_word() -> None:
    texts = REFUNDS * 4 + PASSWORDS * 4
    tree = make_tree(Topic(id="refunds", name="Refunds"), Topic(id="passwords", name="Password Problems"))
    assert topics_of(categorize(number(texts), texts, tree)) == ["refunds"] * 20 + ["passwords"] * 20


def test_assignments_come_in_the_order_of_the_records(tree: TopicTree, texts: list[str]) -> None:
    assert [one.record_id for one in categorize(number(texts), texts, tree)] == number(texts)


def test_the_same_records_are_sorted_the_same_way_again(tree: TopicTree, texts: list[str]) -> None:
    assert categorize(number(texts), texts, tree) == categorize(number(texts), texts, tree)


def test_confidence_is_a_probability(tree: TopicTree, texts: list[str]) -> None:
    assert all(0 <= one.confidence <= 1 for one in categorize(number(texts), texts, tree))


def test_a_text_without_words_stays_uncategorized_at_low_confidence(
    tree: TopicTree, texts: list[str]
) -> None:
    last = categorize(number([*texts, "???"]), [*texts, "???"], tree)[-1]
    assert last.topic_id is None
    assert last.confidence < 0.2


def test_typical_records_tell_topics_whose_names_say_nothing(texts: list[str]) -> None:
    greek = {"refunds": "Alpha", "passwords": "Beta", "parcels": "Gamma", "invoices": "Delta"}
    topics = [
        Topic(id=key, name=name, examples=tuple(f"r{5 * place + row}" for row in range(5)))
        for place, (key, name) in enumerate(greek.items())
    ]
    assert topics_of(categorize(number(texts), texts, make_tree(*topics))) == EXPECTED


def test_keywords_tell_topics_whose_names_say_nothing(texts: list[str]) -> None:
    greek = {"refunds": "Alpha", "passwords": "Beta", "parcels": "Gamma", "invoices": "Delta"}
    topics = [Topic(id=key, name=name, keywords=(key[:-1],)) for key, name in greek.items()]
    assert topics_of(categorize(number(texts), texts, make_tree(*topics))) == EXPECTED


def test_records_are_sorted_into_leaves_only(texts: list[str]) -> None:
    tree = make_tree(
        Topic(id="money", name="Money", children=(Topic(id="refunds", name="Refunds"),)),
        Topic(id="access", name="Access", children=(Topic(id="passwords", name="Passwords"),)),
    )
    assert set(topics_of(categorize(number(texts), texts, tree))) <= {"refunds", "passwords", None}


def test_other_scripts_are_sorted_too() -> None:
    texts = ["アラームを設定して", "アラームを消して", "天気はどうですか", "明日の天気を教えて"] * 6
    tree = make_tree(Topic(id="alarm", name="アラーム"), Topic(id="weather", name="天気"))
    assert topics_of(categorize(number(texts), texts, tree)) == ["alarm", "alarm", "weather", "weather"] * 6


def test_progress_is_told_and_may_stop_the_work(tree: TopicTree, texts: list[str]) -> None:
    def stop(label: str, done: int, total: int) -> None:
        raise CancelledByPersonError(label)

    with pytest.raises(CancelledByPersonError):
        categorize(number(texts), texts, tree, progress=stop)


def test_no_records_give_no_assignments(tree: TopicTree) -> None:
    assert categorize([], [], tree) == []


def test_ids_and_texts_must_match(tree: TopicTree) -> None:
    with pytest.raises(InputError, match="as many ids as texts"):
        categorize(["a", "b"], ["text"], tree)


def test_a_threshold_outside_0_to_1_is_refused(tree: TopicTree) -> None:
    with pytest.raises(InputError, match="threshold"):
        categorize(["a"], ["text"], tree, threshold=7)


def test_a_summary_counts_groups_leaves_and_what_to_review() -> None:
    tree = make_tree(
        Topic(
            id="money",
            name="Money",
            children=(Topic(id="refunds", name="Refunds"), Topic(id="bills", name="Bills")),
        ),
        Topic(id="other", name="Other"),
    )
    found = [
        Assignment("a", "refunds", 0.9, "keyword"),
        Assignment("b", "bills", 0.5, "embedding"),
        Assignment("c", None, 0.1, "embedding"),
    ]
    summary = summarize_categories(found, tree, 0.7)
    assert (summary.assigned, summary.low_confidence, summary.uncategorized) == (2, 1, 1)
    assert [(row.name, row.count) for row in summary.topics] == [("Money", 2), ("Other", 0)]
    assert [(row.name, row.count) for row in summary.leaves] == [("Refunds", 1), ("Bills", 1), ("Other", 0)]
    assert summary.topics[0].mean_confidence == pytest.approx(0.7)


def test_topics_that_have_few_records_stay_small() -> None:
    texts = REFUNDS * 12 + PASSWORDS
    names = {"refunds": "Refunds", "passwords": "Password Problems", "parcels": "Parcels"}
    tree = make_tree(*(Topic(id=key, name=name) for key, name in names.items()))
    found = topics_of(categorize(number(texts), texts, tree))
    assert found.count("refunds") >= 55
    assert found.count("parcels") <= 2


def test_a_topic_is_found_by_the_meaning_of_its_name(texts: list[str]) -> None:
    names = {"refunds": "Money Back", "passwords": "Login", "parcels": "Deliveries", "invoices": "Bills"}
    tree = make_tree(*(Topic(id=key, name=name) for key, name in names.items()))
    found = topics_of(categorize(number(texts), texts, tree))
    assert sum(one == right for one, right in zip(found, EXPECTED, strict=True)) >= 45


def test_one_keyword_of_many_is_enough() -> None:
    texts = [
        "where is my parcel",
        "the parcel is late",
        "a parcel for you",
        "my cat sleeps",
        "the cat eats",
    ] * 6
    post = Topic(id="post", name="Alpha", keywords=("stamp", "letter", "envelope", "postcard", "parcel"))
    pets = Topic(id="pets", name="Beta", keywords=("dog", "hamster", "rabbit", "goldfish", "cat"))
    found = topics_of(categorize(number(texts), texts, make_tree(post, pets)))
    assert found == ["post", "post", "post", "pets", "pets"] * 6


def test_a_record_is_sorted_alike_with_and_without_the_words_that_all_repeat(
    tree: TopicTree, texts: list[str]
) -> None:
    prefixed = [f"You are a support agent of Fernly.\n{text}" for text in texts]
    assert topics_of(categorize(number(prefixed), prefixed, tree)) == EXPECTED


def test_records_beyond_those_learnt_from_are_sorted_too(
    tree: TopicTree, texts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lucy.tools.categories.model.FIT_LIMIT", 40)
    assert topics_of(categorize(number(texts), texts, tree)) == EXPECTED


class Quality(NamedTuple):
    accuracy: float
    """Of the records that a topic of the tree fits."""
    error: float
    """Expected calibration error over ten bins; a record that fits nowhere counts as wrong."""
    outside: float
    """Share of the records that fit nowhere with less confidence than needs no review."""


def measure(file: str, label: str, skip: str) -> Quality:
    if not (SHARED / file).is_file():
        pytest.skip(f"the public data file {file} is not beside this checkout")
    rows = [json.loads(line) for line in (SHARED / file).read_text(encoding="utf-8").splitlines()]
    truth = [row["metadata"][label] for row in rows]
    texts = [read_text(row["data"]["input"]["messages"], "user") for row in rows]
    tree = make_tree(*(Topic(id=name, name=name.replace("_", " ")) for name in sorted({*truth} - {skip})))
    found = categorize([row["id"] for row in rows], texts, tree)
    right = np.array([one.topic_id == name for one, name in zip(found, truth, strict=True)])
    sure = np.array([one.confidence for one in found])
    fits = np.array([name != skip for name in truth])
    bins = np.minimum((sure * 10).astype(int), 9)
    gaps = [
        abs(sure[bins == each].mean() - right[bins == each].mean()) * np.mean(bins == each)
        for each in set(bins)
    ]
    low = float(np.mean(sure[~fits] < THRESHOLD)) if not fits.all() else 1.0
    return Quality(float(right[fits].mean()), float(sum(gaps)), low)


def test_real_dialogues_are_sorted_by_the_names_of_their_tasks() -> None:
    quality = measure("support_dialogues.jsonl", "task", skip="")
    assert quality.accuracy > 0.88
    assert quality.error < 0.08


def test_real_requests_are_sorted_into_75_intents_by_name() -> None:
    quality = measure("intents_2level.jsonl", "intent", skip="oos")
    assert quality.accuracy > 0.7
    assert quality.error < 0.08
    assert quality.outside > 0.5


def test_an_imbalanced_sample_stays_imbalanced() -> None:
    lines = (SAMPLES / "financial_assistant.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [text for line in lines if (text := read_sample(line))]
    tree = load_template("finance")
    found = categorize(number(texts), texts, tree)
    counts = {row.name: row.count for row in summarize_categories(found, tree).topics}
    assert counts["Transfers"] > 2 * max(count for name, count in counts.items() if name != "Transfers")
    assert sum(one.topic_id is None for one in found) < 0.1 * len(texts)


def read_sample(line: str) -> str:
    """Give the user's text of a line; none for a line that is broken on purpose."""
    try:
        return read_text(json.loads(line)["messages"], "user").strip()
    except (ValueError, KeyError):
        return ""
