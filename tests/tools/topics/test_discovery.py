import json
import subprocess
import sys
from pathlib import Path

import pytest

from lucy.errors import InputError
from lucy.tools.topics.discovery import discover, discover_topics
from lucy.tools.topics.tree import check_tree, iterate, leaves

DATA = Path(__file__).parents[3] / ".." / "shared" / "data"

REQUESTS = {
    "flight": "I want to book a flight to Rome with {0} bags",
    "refund": "please refund my order of the blue kettle number {0}",
    "password": "I cannot log in and my password reset mail never came, try {0}",
    "weather": "what will the weather be in the mountains, is rain expected {0}",
}


def _make_texts(count):
    return [pattern.format(number) for number in range(count) for pattern in REQUESTS.values()]


def _discover(texts, **options):
    return discover_topics([f"r{number}" for number in range(len(texts))], texts, **options)


@pytest.fixture(scope="module")
def support():
    path = DATA / "support_dialogues.jsonl"
    if not path.is_file():
        pytest.skip("The public sets are not beside the checkout.")
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    texts = [
        "\n".join(each["content"] for each in record["data"]["input"]["messages"] if each["role"] == "user")
        for record in records
    ]
    return discover_topics([record["id"] for record in records], texts, name="Support"), records


def test_clear_groups_become_one_leaf_each():
    tree = _discover(_make_texts(15))
    found = {frozenset(int(example[1:]) % 4 for example in leaf.examples) for leaf in leaves(tree)}

    assert found == {frozenset({kind}) for kind in range(4)}


def test_shares_of_the_leaves_sum_to_one():
    assert sum(leaf.share for leaf in leaves(_discover(_make_texts(15)))) == pytest.approx(1)


def test_a_leaf_has_at_most_five_examples_and_eight_keywords():
    tree = _discover(_make_texts(15))

    assert all(0 < len(leaf.examples) <= 5 and len(leaf.keywords) <= 8 for leaf in leaves(tree))


def test_the_curve_holds_every_number_that_was_weighed():
    texts = _make_texts(15)
    found = discover([f"r{number}" for number in range(len(texts))], texts)

    assert [cut.leaves for cut in found.curve] == sorted({cut.leaves for cut in found.curve})
    assert all(-1 <= cut.clarity <= 1 for cut in [*found.curve, found.chosen])


def test_max_leaves_is_never_exceeded():
    assert len(leaves(_discover(_make_texts(15), max_leaves=2))) <= 2


@pytest.mark.parametrize(
    "texts",
    [
        ["hello"],
        ["same words here"] * 12,
        ["", " ", "???", "!!"],
        ["one thing", "another matter", "third affair", "fourth item", "fifth point"],
        ["1234", "5678", "9"],
    ],
)
def test_tiny_or_uniform_data_gives_one_to_three_topics(texts):
    assert 1 <= len(leaves(_discover(texts))) <= 3


@pytest.mark.parametrize("lens", ["content", "intent"])
@pytest.mark.parametrize(
    "texts",
    [
        ["明日の天気は", "アラームを設定", "リマインダーを表示"] * 12,
        ["Wie wird das Wetter in Berlin?", "Stelle den Wecker auf sechs", "Buche einen Tisch"] * 12,
        ["SELECT a FROM t WHERE b = 1", "def f(x):\n    return x", "print('hi')"] * 12,
        ["\u0000\u0007", "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"), "<b>x</b>"] * 12,
    ],
)
def test_other_languages_and_code_give_a_usable_tree(texts, lens):
    tree = _discover(texts, lens=lens)

    check_tree(tree)
    assert tree.roots


def test_the_same_input_gives_the_same_tree():
    assert _discover(_make_texts(10)) == _discover(_make_texts(10))


def test_another_process_finds_the_same_tree():
    code = (
        "from lucy.tools.topics.discovery import discover_topics;"
        f"texts = {_make_texts(6)!r};"
        "print(discover_topics([f'r{n}' for n in range(len(texts))], texts).model_dump_json())"
    )
    outputs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]

    assert outputs[0] == outputs[1]


def test_the_intent_lens_groups_by_what_people_want():
    names = {root.name for root in _discover(_make_texts(15), lens="intent").roots}

    assert names & {"Informational", "Transactional", "Problem Resolution", "Relationship"} or len(names) > 1


def test_progress_is_reported_to_the_end():
    calls = []
    _discover(_make_texts(10), progress=lambda *call: calls.append(call))

    assert calls[-1] == ("Placing records", 40, 40)


@pytest.mark.parametrize(("ids", "texts"), [([], []), (["a"], ["x", "y"])])
def test_texts_without_their_ids_are_an_input_error(ids, texts):
    with pytest.raises(InputError):
        discover_topics(ids, texts)


def test_support_chats_give_between_12_and_30_leaves(support):
    tree, _ = support

    assert 12 <= len(leaves(tree)) <= 30


def test_more_topics_are_found_where_they_are_asked_for(support):
    _, records = support
    texts = [
        "\n".join(each["content"] for each in record["data"]["input"]["messages"] if each["role"] == "user")
        for record in records[:300]
    ]
    ids = [record["id"] for record in records[:300]]
    few = discover(ids, texts, max_leaves=6)

    assert few.chosen.leaves <= 6
    assert discover(ids, texts, min_leaves=14).chosen.leaves >= 14


def test_names_are_short_distinct_and_hold_no_number_or_person(support):
    tree, _ = support
    names = [topic.name for topic in iterate(tree)]

    assert len({name.casefold() for name in names}) == len(names)
    assert all(len(name.split()) <= 4 and not any(sign.isdigit() for sign in name) for name in names)
    assert not {"alexis", "angela", "ben", "morgan"} & {
        word for name in names for word in name.lower().split()
    }


def test_examples_of_a_support_leaf_share_their_domain(support):
    tree, records = support
    domains = {record["id"]: record["metadata"]["domain"] for record in records}
    pure = [len({domains[example] for example in leaf.examples}) == 1 for leaf in leaves(tree)]

    assert sum(pure) >= 0.85 * len(pure)
