import pytest

from lucy.tools.topics.discovery import discover
from lucy.tools.topics.known import list_known
from lucy.tools.topics.naming import fold_name
from lucy.tools.topics.tree import iterate, leaves

BANK = {
    "Account Balances": "how much money is in my account, what is my balance {0}",
    "Lost or Stolen Cards": "my card was stolen, please block the lost card number {0}",
    "Flight Bookings": "I want to book a flight, please book the flight ticket for {0} people",
    "Weather": "what is the weather forecast, will there be rain or snow in {0} days",
}


def _discover(patterns):
    texts = [pattern.format(number) for number in range(20) for pattern in patterns]
    return discover([str(number) for number in range(len(texts))], texts)


def test_every_known_topic_has_a_name_of_its_own_and_a_sentence():
    known = list_known()

    assert len({fold_name(one.name) for one in known}) == len(known)
    assert all(one.description.endswith(".") and one.words for one in known)
    assert all(len(one.name) <= 40 for one in known)


def test_common_matters_get_the_names_that_people_use():
    assert {leaf.name for leaf in leaves(_discover(BANK.values()).tree)} == set(BANK)


def test_a_known_topic_brings_its_sentence_along():
    tree = _discover(BANK.values()).tree
    weather = next(leaf for leaf in leaves(tree) if leaf.name == "Weather")

    assert weather.description == "People ask what the weather is or will be."


def test_what_nobody_knows_is_named_by_its_own_words():
    tree = _discover(
        ["my zorblax quince is humming {0}", "the glimmet of the frobnitz tower {0}", "a wug and a dax {0}"]
    ).tree
    known = {one.name for one in list_known()}

    assert not known.intersection(topic.name for topic in iterate(tree))


@pytest.mark.parametrize("count", [2, 40])
def test_the_number_of_topics_is_explained_in_a_sentence(count):
    texts = [pattern.format(number) for number in range(count) for pattern in BANK.values()]
    found = discover([str(number) for number in range(len(texts))], texts)

    assert found.reason.endswith(".")
    assert found.chosen.leaves == len(leaves(found.tree))
