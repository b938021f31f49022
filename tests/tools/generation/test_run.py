from collections import Counter
from dataclasses import replace

import pytest

from lucy.errors import CancelledByPersonError, InputError
from lucy.tools.generation.filling import CHUNK
from lucy.tools.generation.plan import ANY_TOPIC, STRATEGIES, GenerationPlan
from lucy.tools.generation.quality import measure_quality
from lucy.tools.generation.result import GenerationResult
from lucy.tools.generation.run import generate, preview
from lucy.tools.records.duplicates import NearDuplicateIndex, fingerprint_record
from lucy.tools.vocabulary import Record

COUNTS = {"refund": 16, "login": 14}


def make_plan(**fields) -> GenerationPlan:
    return GenerationPlan(**({"batch": "b7", "counts": COUNTS} | fields))


def run(plan, dataset, **options):
    made: list[Record] = []
    result = generate(plan, dataset.records, dataset.topics, keep=made.extend, **options)
    return result, made


@pytest.fixture(scope="module")
def whole(dataset):
    return run(make_plan(), dataset)


def test_a_plan_is_filled(whole) -> None:
    result, made = whole
    assert {topic: entry.valid for topic, entry in result.topics.items()} == COUNTS
    assert result.valid == len(made) == 30
    assert result.made == result.valid + sum(result.rejected.values())


def test_a_record_knows_where_it_is_from(whole, dataset) -> None:
    known = {record.id: record for record in dataset.records}
    for record in whole[1]:
        parent = known[record.parents[0]]
        assert record.is_synthetic
        assert record.prompt[:-1] == parent.prompt[: len(record.prompt) - 1]
        assert record.prompt[-1]["role"] == "user"
        assert (record.family, record.tools, record.item) == (parent.family, parent.tools, {"tier": "gold"})
        assert record.reply == ()
        assert record.origin["strategy"] == "message_variation"
        assert (record.origin["batch"], record.origin["model"], record.origin["cost"]) == (
            "b7",
            "offline",
            0.0,
        )
        assert dataset.topics[parent.id] == record.origin["topic_id"]


def test_ids_are_numbered_in_the_batch(whole) -> None:
    assert [record.id for record in whole[1]] == [f"b7-{number:05d}" for number in range(1, 31)]


def test_no_made_record_is_a_near_duplicate(whole, dataset) -> None:
    index = NearDuplicateIndex()
    for record in dataset.records:
        index.add(record.id, fingerprint_record(record).prompt)
    for record in whole[1]:
        text = fingerprint_record(record).prompt
        assert index.find(text) is None
        index.add(record.id, text)


def test_equal_plans_make_equal_records(whole, dataset) -> None:
    assert run(make_plan(), dataset) == whole


def test_records_are_kept_in_chunks_as_they_are_made(dataset) -> None:
    sizes: list[int] = []
    generate(make_plan(), dataset.records, dataset.topics, keep=lambda chunk: sizes.append(len(chunk)))
    assert sizes == [CHUNK, 30 - CHUNK]


@pytest.mark.parametrize("stored", [1, 9, 15, 16, 20, 29, 30])
def test_a_killed_run_ends_like_one_that_was_not(whole, dataset, stored: int) -> None:
    result, made = run(make_plan(), dataset, stored=whole[1][:stored])
    assert made == whole[1][stored:]
    assert result == whole[0]


def test_a_cancelled_run_keeps_what_it_made_and_continues(whole, dataset) -> None:
    kept: list[Record] = []

    def stop_at_seven(label: str, done: int, total: int) -> None:
        if done == 7:
            raise CancelledByPersonError("stop")

    with pytest.raises(CancelledByPersonError):
        generate(make_plan(), dataset.records, dataset.topics, keep=kept.extend, progress=stop_at_seven)
    assert kept == whole[1][:7]
    assert kept + run(make_plan(), dataset, stored=kept)[1] == whole[1]


def test_records_of_the_batch_among_the_dataset_change_nothing(whole, dataset) -> None:
    _, made = whole
    again: list[Record] = []
    generate(make_plan(), [*dataset.records, *made[:9]], dataset.topics, stored=made[:9], keep=again.extend)
    assert again == made[9:]


def test_another_batch_does_not_repeat_the_first(whole, dataset) -> None:
    made: list[Record] = []
    plan = make_plan(batch="b8", counts={"refund": 5})
    generate(plan, [*dataset.records, *whole[1]], dataset.topics, keep=made.extend)
    old = {record.prompt[-1]["content"] for record in whole[1]}
    assert len(made) == 5
    assert old.isdisjoint(record.prompt[-1]["content"] for record in made)
    assert {record.parents[0] for record in made} <= set(dataset.topics)


def test_a_topic_that_cannot_give_enough_says_how_many_and_why() -> None:
    record = Record("r", ({"role": "user", "content": "Die Lampe leuchtet nicht mehr richtig"},))
    result = generate(make_plan(counts={"x": 50}), [record], {"r": "x"}, keep=lambda chunk: None)
    entry = result.topics["x"]
    assert entry.valid < 50
    assert entry.note.startswith(f"{entry.valid} of 50 after {entry.made} drafts")
    assert entry.rejected["too_similar"] == entry.made - entry.valid


def test_a_topic_without_records_says_so(dataset) -> None:
    result, _ = run(make_plan(counts={"whales": 3}), dataset)
    assert result.topics["whales"].valid == 0
    assert "No record of this topic" in result.topics["whales"].note


def test_sft_records_are_whole_conversations(dataset) -> None:
    _, made = run(make_plan(mode="sft"), dataset)
    assert made
    assert all(record.reply[0]["role"] == "assistant" for record in made)


def test_sft_needs_replies(dataset) -> None:
    bare = dataset._replace(records=[replace(record, reply=()) for record in dataset.records[:16]])
    result, made = run(make_plan(mode="sft"), bare)
    assert made == []
    assert all("a reply" in entry.note for entry in result.topics.values())


def test_a_preview_shows_each_topic_and_the_runs_own_records(whole, dataset) -> None:
    shown = preview(make_plan(), dataset.records, dataset.topics, size=5)
    assert [record.origin["topic_id"] for record in shown] == ["refund", "login", "refund", "login", "refund"]
    made = {record.prompt[-1]["content"] for record in whole[1]}
    assert sum(record.prompt[-1]["content"] in made for record in shown) >= 3


def test_a_preview_of_nothing_is_refused(dataset) -> None:
    with pytest.raises(InputError, match="preview"):
        preview(make_plan(), dataset.records, dataset.topics, size=0)


def test_three_seeds_are_enough_to_begin_with() -> None:
    texts = (
        "I have a $25,000 car loan at 5.9% APR over 48 months. What's my monthly payment?",
        "If I invest $500 monthly at 7% annual return, how much will I have after 15 years?",
        "I need to convert $10,000 to Euros. What's the amount after a 2% conversion fee?",
    )
    records = [Record(f"s{n}", ({"role": "user", "content": text},)) for n, text in enumerate(texts)]
    result = generate(
        make_plan(counts={"all": 24}),
        records,
        dict.fromkeys(["s0", "s1", "s2"], "all"),
        keep=lambda chunk: None,
    )
    assert result.valid == 24


def test_public_dialogues_give_records_that_stay_on_topic(dialogues) -> None:
    plan = make_plan(counts=dict.fromkeys(sorted(set(dialogues.topics.values())), 15))
    result, made = run(plan, dialogues)
    quality = measure_quality(made, dialogues.records, dialogues.topics)
    assert result.valid == 60
    assert result.made <= 75
    assert quality.kept_topic is not None
    assert quality.kept_topic >= 0.95
    assert quality.distinct_2 >= 0.8 * quality.real_distinct_2
    assert quality.nearest < 0.7


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("stored", [1, 7, 20])
def test_every_strategy_continues_where_it_was_killed(strategy, stored, dataset, tree) -> None:
    plan = make_plan(strategy=strategy)
    whole, made = run(plan, dataset, tree=tree)
    assert len(made) == 30
    resumed, rest = run(plan, dataset, tree=tree, stored=made[:stored])
    assert made[:stored] + rest == made
    assert resumed == whole


def test_named_records_are_varied_evenly_without_topics(dataset) -> None:
    plan = GenerationPlan(batch="b9", record_ids=("login9", "refund0", "refund-talk1"))
    made: list[Record] = []
    result = generate(plan, dataset.records, {}, keep=made.extend)
    assert result.valid == 9
    assert Counter(record.parents[0] for record in made) == {"login9": 3, "refund0": 3, "refund-talk1": 3}
    assert {record.origin["topic_id"] for record in made} == {ANY_TOPIC}


def test_few_records_are_made_up_for_by_the_others() -> None:
    texts = {"a": "ok then do it", "b": "I paid $25,000 on Monday for order FN-48213, where is my car loan?"}
    records = [Record(name, ({"role": "user", "content": text},)) for name, text in texts.items()]
    made: list[Record] = []
    plan = GenerationPlan(batch="b9", record_ids=("a", "b"), variations_per_record=8)
    result = generate(plan, records, {}, keep=made.extend)
    assert result.valid == len(made) == 16


def test_a_result_survives_json_with_its_figures(whole) -> None:
    result = whole[0]
    assert GenerationResult.model_validate_json(result.model_dump_json()) == result
    assert result.quality is not None
    assert 0 < result.quality.distinct_2 <= 1
    assert (result.calls, result.cost) == (0, 0.0)


def test_a_failing_store_loses_nothing_that_was_kept(dataset) -> None:
    kept: list[Record] = []

    def keep_once(chunk: list[Record]) -> None:
        if kept:
            raise OSError("disk full")
        kept.extend(chunk)

    with pytest.raises(OSError, match="disk full"):
        generate(make_plan(), dataset.records, dataset.topics, keep=keep_once)
    assert [record.id for record in kept] == [f"b7-{number:05d}" for number in range(1, 21)]
