import random
import re

import pytest

from lucy.tools.generation.descriptions import TopicDescription
from lucy.tools.generation.draft import Attempt
from lucy.tools.generation.plan import GenerationPlan
from lucy.tools.generation.run import generate
from lucy.tools.generation.sources import collect_sources
from lucy.tools.generation.starters import (
    fill_choices,
    find_starters,
    list_frames,
    read_action,
    read_description,
)
from lucy.tools.topics.templates import list_templates, load_template
from lucy.tools.topics.tree import TopicTree, leaves
from lucy.tools.vocabulary import Record, Topic, read_last_user_text

TEMPLATES = list_templates()


@pytest.mark.parametrize("template", TEMPLATES)
def test_each_leaf_of_a_template_has_requests(template: str) -> None:
    names = {leaf.name for leaf in leaves(load_template(template))}
    for name in names:
        starters = find_starters(name, names)
        assert 4 <= len(starters) <= 6, name
        assert len(set(starters)) == len(starters)


def test_every_choice_can_be_filled() -> None:
    for template in TEMPLATES:
        names = {leaf.name for leaf in leaves(load_template(template))}
        for name in sorted(names):
            for text in find_starters(name, names):
                filled = fill_choices(text, random.Random(1))
                assert not re.search(r"[{}|]", filled), filled
                assert filled[0].isupper() or filled[0] in "`'", filled


def test_a_name_of_two_templates_is_read_by_its_neighbours() -> None:
    shop = {leaf.name for leaf in leaves(load_template("e-commerce"))}
    general = {leaf.name for leaf in leaves(load_template("general assistant"))}
    assert find_starters("Recommendations", shop) != find_starters("recommendations", general)


def test_an_unknown_name_has_no_starters() -> None:
    assert find_starters("Whale watching", ()) == ()


@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("Cancel Order", "cancel an order"),
        ("hotel_book", "book a hotel"),
        ("hotel_service_request", "request a hotel service"),
        ("apartment_search", "search for an apartment"),
        ("Order Changes", "order changes"),
        ("bank_balance", ""),
        ("Weather", ""),
    ],
)
def test_a_name_may_be_something_to_do(name: str, action: str) -> None:
    assert read_action(name) == action


@pytest.mark.parametrize(
    ("description", "request_"),
    [
        ("The customer wants money back for something paid.", "I want money back for something paid."),
        (
            "The customer cannot log in or has lost a password or code.",
            "I cannot log in or have lost a password or code.",
        ),
        ("The user asks for their balance.", "I'd like to ask for my balance."),
        ("Questions about size and fit.", "I have a question about size and fit."),
        ("Where a parcel is and when it arrives.", "Can you tell me where a parcel is and when it arrives?"),
        ("Money matters.", ""),
        ("", ""),
    ],
)
def test_a_description_becomes_a_persons_request(description: str, request_: str) -> None:
    assert read_description(description) == request_


def test_frames_name_the_topic() -> None:
    frames = list_frames(Topic(id="t", name="Solar panels"))
    assert len(frames) >= 8
    assert all("solar panels" in frame for frame in frames)


def make(tree: TopicTree, counts: dict[str, int], records=(), topics=None, **plan):
    made: list[Record] = []
    plan = GenerationPlan(batch="b", strategy="topic_description", counts=counts, **plan)
    return generate(plan, records, topics or {}, tree=tree, keep=made.extend), made


def test_an_empty_dataset_is_started_from_a_template() -> None:
    tree = load_template("finance")
    counts = {leaf.id: 6 for leaf in leaves(tree)}
    result, made = make(tree, counts)
    assert result.valid == sum(counts.values())
    assert len({read_last_user_text(record) for record in made}) == len(made)
    for record in made:
        assert record.is_synthetic
        assert (record.parents, record.family, record.tools, record.item) == ((), record.id, (), {})


def test_a_topic_of_the_persons_own_is_started_from_its_words() -> None:
    topic = Topic(id="t", name="Solar panels", description="Questions about panels on the roof.")
    result, made = make(TopicTree(roots=(topic,)), {"t": 12})
    assert result.valid == 12
    assert all(re.search("panels", read_last_user_text(record), re.IGNORECASE) for record in made)


def test_descriptions_are_not_answered(tree) -> None:
    result, made = make(tree, {"refund": 3}, mode="sft")
    assert made == []
    assert "no replies" in result.topics["refund"].note


def test_requests_are_not_written_in_english_for_other_languages(tree) -> None:
    german = Record("r", ({"role": "user", "content": "Wo bleibt mein Geld, ich warte seit Wochen"},))
    result, made = make(tree, {"refund": 3}, [german], {"r": "refund"})
    assert made == []
    assert "English only" in result.topics["refund"].note


def test_a_topic_that_the_tree_does_not_have_says_so() -> None:
    plan = GenerationPlan(batch="b", strategy="topic_description", counts={"x": 1})
    strategy = TopicDescription(collect_sources(plan, [], {}))
    assert "Nothing is known" in strategy.explain_lack("x")


def test_equal_attempts_give_equal_requests(tree, dataset) -> None:
    plan = GenerationPlan(batch="b", strategy="topic_description", counts={"refund": 5})
    attempts = [Attempt("refund", number) for number in range(15)]
    first, second = (
        TopicDescription(collect_sources(plan, dataset.records, dataset.topics, tree)).draft_many(attempts)
        for _ in range(2)
    )
    assert first == second
