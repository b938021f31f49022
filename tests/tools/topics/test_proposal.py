from lucy.tools.datasets import SAMPLE_FILE
from lucy.tools.records.hygiene import load_records
from lucy.tools.topics.proposal import find_template, propose_topics
from lucy.tools.topics.tree import iterate
from lucy.tools.vocabulary import read_user_text

RECORDS = load_records(SAMPLE_FILE)
TEXTS = [read_user_text(record) for record in RECORDS]


def test_a_template_is_taken_only_when_the_dataset_or_the_goal_names_it() -> None:
    assert find_template(TEXTS, hints="Customer Support Data") == "customer support"
    assert find_template(TEXTS, hints="Chats of May") is None


def test_a_template_is_not_taken_when_the_records_do_not_use_its_words() -> None:
    assert find_template(["zwei Karten bitte", "noch ein Bier"] * 20, hints="customer support") is None


def test_leaves_that_no_record_goes_to_are_left_out_and_shares_add_up() -> None:
    ids = [record.id for record in RECORDS]
    proposed = propose_topics(ids, TEXTS, goal="Answer politely", name="Customer Support Data")
    assert proposed.template == "customer support"
    assert all(topic.share >= 0.02 for topic in iterate(proposed.tree))
    assert 0.9 <= sum(topic.share for topic in proposed.tree.roots) <= 1.0
