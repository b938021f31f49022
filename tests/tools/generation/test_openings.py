import pytest

from lucy.tools.generation.courtesies import Style
from lucy.tools.generation.draft import Attempt
from lucy.tools.generation.expansion import ScenarioExpansion
from lucy.tools.generation.openings import FewShot, append, find_opening
from lucy.tools.generation.plan import GenerationPlan
from lucy.tools.generation.sources import collect_sources
from lucy.tools.vocabulary import Record

WRITTEN = Style(is_english=True, casual=0.2, unmarked=0.2)
BARE = Style(is_english=True, casual=1.0, unmarked=1.0)


def talk(*texts: str, record_id: str = "r") -> Record:
    roles = ("user", "assistant")
    prompt = tuple({"role": roles[place % 2], "content": text} for place, text in enumerate(texts))
    return Record(record_id, prompt, family=record_id)


def test_the_opening_is_the_first_message_that_asks_something() -> None:
    opening = find_opening(
        talk(
            "Hello!",
            "Hello, how can I help?",
            "I need a table at Lucca for tonight",
            "For how many?",
            "4 please. I would like to sit outside.",
        ),
        needs_reply=False,
    )
    assert opening is not None
    assert opening.turn.text == "I need a table at Lucca for tonight"
    assert (opening.turn.asked, opening.turn.history) == ("", "")
    assert opening.details == ("I would like to sit outside.",)


def test_an_answer_to_a_question_is_no_opening() -> None:
    record = talk("hi", "Hi, what is your account number?", "it's 4471902, the savings account")
    assert find_opening(record, needs_reply=False) is None


@pytest.mark.parametrize(
    "said", ["I want that one instead.", "Yes, I need it today.", "I told you already.", "What is the price?"]
)
def test_what_leans_on_the_conversation_is_no_detail(said: str) -> None:
    opening = find_opening(
        talk("I need a table at Lucca", "Which day?", said, "Right.", "ok"), needs_reply=False
    )
    assert opening is not None
    assert opening.details == ()


@pytest.mark.parametrize(
    ("text", "style", "joined"),
    [
        ("I need a table", WRITTEN, "I need a table. We are four."),
        ("is there a table", WRITTEN, "is there a table? We are four."),
        ('It says "Full."', WRITTEN, 'It says "Full." We are four.'),
        ("i need a table", BARE, "i need a table, we are four."),
        ("a table!", BARE, "a table! We are four."),
    ],
)
def test_a_sentence_is_added_with_the_marks_of_the_data(text: str, style: Style, joined: str) -> None:
    assert append(text, "we are four.", style) == joined


def build(kind, dataset, mode: str = "rft"):
    plan = GenerationPlan(batch="b", counts={"refund": 9, "login": 9, "whales": 1}, mode=mode)
    return kind(collect_sources(plan, dataset.records, dataset.topics))


def draw(kind, dataset, count: int = 40, mode: str = "rft"):
    return build(kind, dataset, mode).draft_many([Attempt("refund", number) for number in range(count)])


@pytest.mark.parametrize("kind", [FewShot, ScenarioExpansion])
def test_a_new_conversation_has_one_message_after_the_system_message(kind, dataset) -> None:
    for draft in draw(kind, dataset):
        assert [message["role"] for message in draft.context] == ["system"]
        assert draft.reply == ()
        assert {dataset.topics[one] for one in (draft.parent.id, *draft.donors)} == {"refund"}


@pytest.mark.parametrize("kind", [FewShot, ScenarioExpansion])
def test_equal_attempts_give_equal_new_conversations(kind, dataset) -> None:
    assert draw(kind, dataset, 12) == draw(kind, dataset, 12)


@pytest.mark.parametrize("kind", [FewShot, ScenarioExpansion])
@pytest.mark.parametrize("mode", ["rft", "sft"])
def test_a_topic_without_openings_says_so(kind, mode: str, dataset) -> None:
    strategy = build(kind, dataset, mode)
    assert strategy.explain_lack("refund") == ""
    assert "of this topic open" in strategy.explain_lack("whales")


def test_few_shot_keeps_the_reply_to_the_opening_in_sft(dataset) -> None:
    for draft in draw(FewShot, dataset, 20, mode="sft"):
        expected = {f"Answer to {draft.parent.id}.", "May I have your order number?"}
        assert draft.reply[0]["content"] in expected


def test_an_answered_message_keeps_the_amounts_that_its_answer_rests_on(dataset) -> None:
    drafts = [one for one in draw(FewShot, dataset, 40, mode="sft") if one.parent.id == "refund0"]
    assert drafts
    assert all("$149.00" in draft.message for draft in drafts)


def test_an_expansion_says_more_than_the_request(dataset) -> None:
    shorter = 0
    for draft in draw(ScenarioExpansion, dataset):
        shorter += len(draft.message.split()) <= len(draft.parent.prompt[-1]["content"].split())
    assert shorter <= 4


def test_a_second_request_brings_its_reply_in_sft(dataset) -> None:
    requests = {
        "a": ("The lamp on my kit flickers at night. What can I do?", "Unplug it."),
        "b": ("Can I pay the monthly plan by invoice?", "Yes, ask billing."),
        "c": ("Where do I see which pods come in March?", "In the app."),
    }
    records = [
        Record(
            name,
            ({"role": "user", "content": asked},),
            ({"role": "assistant", "content": told},),
            family=name,
        )
        for name, (asked, told) in requests.items()
    ]
    plan = GenerationPlan(batch="b", counts={"x": 9}, mode="sft")
    strategy = ScenarioExpansion(collect_sources(plan, records, dict.fromkeys(requests, "x")))
    drafts = [strategy.draft("x", number) for number in range(12)]
    doubled = [draft for draft in drafts if draft.donors]
    assert doubled
    for draft in doubled:
        told = [requests[name][1] for name in (draft.parent.id, *draft.donors)]
        assert draft.reply[0]["content"] == "\n\n".join(told)
