import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lucy.errors import InputError, NotFoundError
from lucy.tools.registry import deploy, register_version
from lucy.tools.store.database import Store
from lucy.tools.store.deployments import Deployment
from lucy.tools.store.usage import Call, add_usages, rate_answer
from lucy.tools.traffic import choose_arm, compare_arms, hash_session

TEST = Deployment("support", 2, "ab_test", "m", 1, "k", "", "m", 2, 0.25)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    for number in (1, 2):
        model_id, _ = register_version(
            store, name="Support", description="", base_model="b", provider="offline", kind="upstream",
            weights="x", job_id=f"job-{number}", workflow_id="w", lineage={}, parameters={},
            training_examples=1, validation_examples=1, cost=0.0,
        )  # fmt: skip
    deploy(store, model_id, 1, name="support", key="k1")
    deploy(store, model_id, 2, name="support", mode="ab_test", share=0.5, key="k2")
    yield store
    store.close()


def test_the_same_user_always_gets_the_same_arm() -> None:
    arms = [[choose_arm(TEST, hash_session("support", f"user {n}")) for n in range(200)] for _ in range(2)]
    assert arms[0] == arms[1]
    assert set(arms[0]) == {"champion", "challenger"}


def test_the_assignment_does_not_depend_on_the_process() -> None:
    chosen = [choose_arm(TEST, hash_session("support", f"user {n}")) for n in range(12)]
    assert [n for n, arm in enumerate(chosen) if arm == "challenger"] == [5, 6, 7]


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_the_challenger_gets_its_share(share: float) -> None:
    count = 20_000
    test = TEST._replace(share=share)
    taken = sum(choose_arm(test, hash_session("support", f"u{n}")) == "challenger" for n in range(count))
    assert abs(taken / count - share) < 4 * math.sqrt(share * (1 - share) / count)


def test_another_test_deals_the_users_anew() -> None:
    users = [hash_session("support", f"user {n}") for n in range(2000)]
    first = [choose_arm(TEST, user) for user in users]
    second = [choose_arm(TEST._replace(number=5), user) for user in users]
    both = sum(one == other == "challenger" for one, other in zip(first, second, strict=True))
    assert abs(both / 2000 - 0.25 * 0.25) < 0.025


def fill(store: Store, arm: Any, ratings: list[float | None], **changes: Any) -> None:
    """Add a call per rating, each of a user of its own unless `changes` say otherwise."""
    calls = [
        Call(
            "m", 1, "support", "chat_completions", 10, 5, 0.001, 100.0, completion_id=f"{arm}-{at}",
            number=2, arm=arm, session=f"{arm}-{at}",
        )._replace(**changes)
        for at, _ in enumerate(ratings)
    ]  # fmt: skip
    add_usages(store, calls)
    for at, rating in enumerate(ratings):
        if rating is not None:
            rate_answer(store, f"{arm}-{at}", rating)


def test_arms_are_told_with_calls_errors_cost_latency_and_feedback(store: Store) -> None:
    fill(store, "champion", [1.0, -1.0, None], latency_ms=50.0)
    fill(store, "challenger", [1.0, 1.0], error="StoreError")
    found = compare_arms(store, "support")
    champion, challenger = found.arms
    assert (champion.figures["calls"], champion.figures["p95_ms"], champion.version) == (3, 50.0, 1)
    assert (challenger.figures["error_rate"], challenger.version, challenger.rated) == (1.0, 2, 2)
    assert champion.cost_per_call == pytest.approx(0.001)
    assert champion.rating is not None
    assert champion.rating.value == 0.0
    assert (found.number, found.share, found.level) == (2, 0.5, 0.95)
    assert found.latency_ms is None


def test_calls_of_other_tests_and_names_do_not_count(store: Store) -> None:
    fill(store, "champion", [1.0] * 3, number=1)
    fill(store, "challenger", [1.0] * 3, deployment="other")
    assert [arm.figures["calls"] for arm in compare_arms(store, "support").arms] == [0, 0]


def test_too_few_ratings_say_nothing(store: Store) -> None:
    fill(store, "champion", [-1.0] * 50)
    fill(store, "challenger", [1.0] * 9)
    found = compare_arms(store, "support")
    assert found.verdict == "too_few"
    assert "50 of the champion's, 9 of the challenger's" in found.sentence


@pytest.mark.parametrize(
    ("champion", "challenger", "verdict"),
    [(0.3, 0.9, "challenger"), (0.9, 0.3, "champion"), (0.5, 0.55, "uncertain")],
)
def test_a_certain_difference_is_named_and_an_uncertain_one_says_how_many_more(
    store: Store, champion: float, challenger: float, verdict: str
) -> None:
    for arm, share in (("champion", champion), ("challenger", challenger)):
        fill(store, arm, [1.0 if at < 40 * share else -1.0 for at in range(40)])
    found = compare_arms(store, "support")
    assert found.verdict == verdict
    assert ("more people with feedback would show it" in found.sentence) == (verdict == "uncertain")
    assert found.rating is not None
    assert found.rating.value == pytest.approx(2 * (challenger - champion))


def test_arms_that_are_rated_alike_are_said_to_be_alike(store: Store) -> None:
    for arm in ("champion", "challenger"):
        fill(store, arm, [1.0, -1.0] * 20)
    assert "so much alike" in compare_arms(store, "support").sentence


def test_many_calls_of_few_users_widen_the_interval(store: Store) -> None:
    for arm in ("champion", "challenger"):
        ratings = [1.0 if at % 2 else -1.0 for at in range(12) for _ in range(20)]
        fill(store, arm, list(ratings))
    alone = compare_arms(store, "support").rating
    with store.write() as connection:
        connection.exec_driver_sql("UPDATE usage SET session = arm || ((id - 1) / 20)")
    clustered = compare_arms(store, "support").rating
    assert alone is not None
    assert clustered is not None
    assert clustered.value == alone.value
    assert clustered.high - clustered.low > 3 * (alone.high - alone.low)


def test_the_interval_covers_the_true_difference_as_often_as_it_says(store: Store) -> None:
    # Ratings of users with 1 to 4 calls each, equal arms; the sums are what the database would give.
    from lucy.tools.store.arms import ArmSums
    from lucy.tools.traffic import _subtract

    def draw(source: random.Random) -> ArmSums:
        users: list[tuple[int, float]] = []
        for _ in range(40):
            mood, calls = source.gauss(0, 0.5), source.randint(1, 4)
            users.append((calls, sum(mood + source.gauss(0, 0.3) for _ in range(calls))))
        return ArmSums(
            len(users), sum(n for n, _ in users), sum(s for _, s in users), sum(n * n for n, _ in users),
            sum(n * s for n, s in users), sum(s * s for _, s in users),
        )  # fmt: skip

    covered = 0
    for seed in range(600):
        source = random.Random(seed)
        found = _subtract([draw(source), draw(source)], 0.9)
        assert found is not None
        covered += found.low <= 0 <= found.high
    assert 0.87 <= covered / 600 <= 0.93


@pytest.mark.parametrize("level", [0.0, 0.4, 1.0, float("nan")])
def test_a_level_that_is_none_is_refused(store: Store, level: float) -> None:
    with pytest.raises(InputError, match="level"):
        compare_arms(store, "support", level=level)


def test_a_name_without_a_test_has_nothing_to_compare(store: Store) -> None:
    with pytest.raises(NotFoundError, match="Nothing is deployed"):
        compare_arms(store, "nobody")
    model_id = TEST.model_id
    with store.read() as connection:
        model_id = str(connection.exec_driver_sql("SELECT id FROM models").scalar())
    deploy(store, model_id, 1, name="alone", key="k3")
    with pytest.raises(InputError, match="No A/B test runs under 'alone'"):
        compare_arms(store, "alone")
