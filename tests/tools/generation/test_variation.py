import pytest

from lucy.tools.generation.draft import Attempt
from lucy.tools.generation.plan import GenerationPlan
from lucy.tools.generation.sources import collect_sources
from lucy.tools.generation.turns import choose_seed_turns, copy_item, has_answer_key, list_turns
from lucy.tools.generation.variation import MessageVariation
from lucy.tools.vocabulary import Record


def make_plan(mode: str = "rft", seed: int = 0) -> GenerationPlan:
    return GenerationPlan(batch="b", counts={"refund": 5, "login": 5}, mode=mode, seed=seed)


def draw(dataset, count: int = 40, topic: str = "refund", **plan):
    strategy = build(make_plan(**plan), dataset.records, dataset.topics)
    return strategy.draft_many([Attempt(topic, number) for number in range(count)])


def build(plan, records, topics) -> MessageVariation:
    return MessageVariation(collect_sources(plan, records, topics))


def test_equal_attempts_give_equal_drafts(dataset) -> None:
    assert draw(dataset) == draw(dataset)


def test_another_seed_gives_other_drafts(dataset) -> None:
    assert [d.message for d in draw(dataset)] != [d.message for d in draw(dataset, seed=1)]


def test_the_context_is_the_parents_own(dataset) -> None:
    for draft in draw(dataset):
        assert draft.context == draft.parent.prompt[: len(draft.context)]
        assert draft.parent.prompt[len(draft.context)]["role"] == "user"


def test_parts_come_from_the_same_topic_only(dataset) -> None:
    for draft in draw(dataset):
        ids = (draft.parent.id, *draft.donors)
        assert {dataset.topics[record_id] for record_id in ids} == {"refund"}


def test_an_answer_is_taken_from_where_the_same_was_asked(dataset) -> None:
    answers = [d for d in draw(dataset, 80) if d.context[-1]["role"] == "assistant" and d.donors]
    assert answers
    assert all("FN-6" in draft.message for draft in answers)


def test_rft_drafts_have_no_reply(dataset) -> None:
    assert all(draft.reply == () for draft in draw(dataset))


def test_sft_drafts_have_the_reply_to_their_last_message(dataset) -> None:
    for draft in draw(dataset, mode="sft"):
        source = draft.donors[0] if draft.donors else draft.parent.id
        texts = [message["content"] for message in draft.reply]
        assert texts
        assert texts[0] in (f"Answer to {source}.", "May I have your order number?")


def test_a_swapped_value_is_swapped_in_the_reply_too() -> None:
    texts = [("user", "My order FN-48213 is lost."), ("assistant", "FN-48213 is on its way.")]
    record = Record(
        "r", ({"role": "user", "content": texts[0][1]},), ({"role": "assistant", "content": texts[1][1]},)
    )
    plan = GenerationPlan(batch="b", counts={"x": 1}, mode="sft")
    strategy = build(plan, [record], {"r": "x"})
    draft = strategy.draft("x", 0)
    number = next(word for word in draft.message.split() if word.startswith("FN-"))
    assert number != "FN-48213"
    assert draft.reply[0]["content"].startswith(number)


def test_a_topic_without_records_says_what_it_lacks(dataset) -> None:
    strategy = build(make_plan(), dataset.records, dataset.topics)
    assert strategy.explain_lack("refund") == ""
    assert "No record of this topic" in strategy.explain_lack("whales")


def test_a_goodbye_is_no_turn_to_vary() -> None:
    record = Record(
        "r",
        (
            {"role": "user", "content": "My lamp is broken, what now?"},
            {"role": "assistant", "content": "We send a new one. Anything else?"},
            {"role": "user", "content": "No thanks, bye"},
        ),
    )
    assert [turn.position for turn in choose_seed_turns(record, needs_reply=False)] == [0]


def test_the_last_telling_turn_comes_first(dataset) -> None:
    record = next(record for record in dataset.records if record.id == "refund-talk0")
    assert [turn.position for turn in choose_seed_turns(record, needs_reply=False)] == [3, 1]


def test_messages_with_pictures_are_not_varied() -> None:
    content = [{"type": "text", "text": "see here"}, {"type": "image_url", "image_url": {"url": "x"}}]
    assert list_turns(Record("r", ({"role": "user", "content": content},))) == []


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"reference_answer": "4"}, True),
        ({"expectedOutput": "x"}, True),
        ({"latest_plan": "gold", "tier": "contest"}, False),
        ({"reference_answer": ""}, False),
    ],
)
def test_answer_keys_are_known_by_name(item: dict[str, str], expected: bool) -> None:
    assert has_answer_key(Record("r", (), item=item)) is expected


def test_an_answer_key_is_left_out_when_the_question_changed() -> None:
    record = Record("r", (), item={"reference_answer": "4", "customer": "gold"})
    assert copy_item(record, keeps_question=False) == {"customer": "gold"}
    assert copy_item(record, keeps_question=True) == record.item


def test_a_question_with_an_answer_key_keeps_its_words() -> None:
    question = "What is the total of 17 apples and 25 pears in the basket of $40.00?"
    record = Record("r", ({"role": "user", "content": question},), item={"reference_answer": "42"})
    strategy = build(GenerationPlan(batch="b", counts={"x": 1}), [record], {"r": "x"})
    for attempt in range(10):
        draft = strategy.draft("x", attempt)
        assert draft.keeps_question
        assert question[1:] in draft.message


def test_records_without_an_answer_key_are_preferred(dataset) -> None:
    keyed = Record(
        "keyed", ({"role": "user", "content": "How much is my refund?"},), item={"reference_answer": "5"}
    )
    topics = {**dataset.topics, "keyed": "refund"}
    strategy = build(make_plan(), [*dataset.records, keyed], topics)
    parents = {strategy.draft("refund", attempt).parent.id for attempt in range(30)}
    assert "keyed" not in parents
