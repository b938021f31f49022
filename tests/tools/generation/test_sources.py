import pytest

from lucy.errors import InputError
from lucy.tools.generation.plan import ANY_TOPIC, GenerationPlan
from lucy.tools.generation.sources import collect_sources, describe_topics
from lucy.tools.vocabulary import Record


def make_plan(**fields) -> GenerationPlan:
    return GenerationPlan(**({"batch": "b"} | fields))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"counts": {"whales": 3}}, "no topic without sub-topics with the id 'whales'"),
        ({"counts": {"top": 3}}, "'top'"),
        ({"record_ids": ("refund0", "nobody")}, "no record 'nobody'"),
        ({"counts": {ANY_TOPIC: 3}}, "name the records to vary"),
        ({"counts": {ANY_TOPIC: 3, "login": 1}, "record_ids": ("refund0",)}, "not both"),
    ],
)
def test_what_is_not_there_is_refused(dataset, tree, fields: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        collect_sources(make_plan(**fields), dataset.records, dataset.topics, tree)


def test_named_records_need_no_topics(dataset) -> None:
    sources = collect_sources(make_plan(record_ids=("login9", "refund2")), dataset.records, {})
    assert [record.id for record in sources.by_topic[ANY_TOPIC]] == ["login9", "refund2"]


def test_named_records_of_a_topic_are_the_only_ones_varied(dataset) -> None:
    plan = make_plan(record_ids=("login9", "refund2"), counts={"refund": 4})
    sources = collect_sources(plan, dataset.records, dataset.topics)
    assert [record.id for record in sources.by_topic["refund"]] == ["refund2"]


def test_synthetic_records_are_varied_only_by_name(dataset) -> None:
    made = Record("s1", ({"role": "user", "content": "Where is my refund now?"},), parents=("refund0",))
    topics = {**dataset.topics, "s1": "refund"}
    everything = [*dataset.records, made]
    whole = collect_sources(make_plan(counts={"refund": 1}), everything, topics)
    assert "s1" not in [record.id for record in whole.by_topic["refund"]]
    named = collect_sources(make_plan(record_ids=("s1",)), everything, topics)
    assert named.by_topic[ANY_TOPIC] == (made,)


def test_the_tree_tells_name_description_and_keywords(tree) -> None:
    assert describe_topics(tree)["login"] == "login trouble Questions about signing in."
    assert "money back" in describe_topics(tree)["refund"]
    assert describe_topics(None) == {}
