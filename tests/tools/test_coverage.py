import pytest

from lucy.errors import InputError
from lucy.tools.coverage import analyze_coverage, compute_balance, list_statistics, rate_balance
from lucy.tools.topics.outline import parse_outline
from lucy.tools.topics.tree import leaves
from lucy.tools.vocabulary import Assignment

TREE = parse_outline("Transfers\nCalculations\nInquiries\nGeneral")
IDS = [leaf.id for leaf in leaves(TREE)]


def _assign(*counts, uncategorized=0):
    found = [
        Assignment(f"{place}-{number}", IDS[place], 0.9, "keyword")
        for place, count in enumerate(counts)
        for number in range(count)
    ]
    return [*found, *(Assignment(f"none-{number}", None, 0.1, "keyword") for number in range(uncategorized))]


def test_the_balance_is_the_smallest_over_the_largest_share_of_target():
    assert analyze_coverage(_assign(180, 23, 45, 47), TREE).balance_score == pytest.approx(23 / 180)


def test_targets_change_the_balance():
    targets = dict(zip(IDS, (0.4, 0.2, 0.2, 0.2), strict=True))

    assert analyze_coverage(_assign(40, 20, 20, 20), TREE, targets=targets).balance_score == pytest.approx(1)


@pytest.mark.parametrize(
    ("score", "rating"),
    [
        (1.0, "excellent"),
        (0.8, "excellent"),
        (0.79, "good"),
        (0.5, "good"),
        (0.49, "fair"),
        (0.4, "fair"),
        (0.39, "poor"),
        (0.2, "poor"),
        (0.19, "critical"),
        (0.0, "critical"),
    ],
)
def test_a_score_has_its_word(score, rating):
    assert rate_balance(score) == rating


def test_a_topic_is_under_or_over_from_more_than_five_points_off():
    report = analyze_coverage(_assign(50, 10, 20, 20), TREE)

    assert [topic.status for topic in report.topics] == ["over", "under", "ok", "ok"]


def test_uncategorized_records_stand_beside_the_score():
    report = analyze_coverage(_assign(10, 10, 10, 10, uncategorized=5), TREE)

    assert (report.balance_score, report.uncategorized, report.total) == (1.0, 5, 45)


def test_even_counts_have_evenness_1_and_no_recommendation():
    report = analyze_coverage(_assign(10, 10, 10, 10), TREE)

    assert report.evenness == pytest.approx(1)
    assert report.recommendations == ()


def test_following_the_recommendations_gives_the_expected_score_above_half():
    counts = (100, 30, 90, 90)
    report = analyze_coverage(_assign(*counts), TREE)
    added = {each.topic_id: each.suggested_count for each in report.recommendations}
    after = {topic_id: count + added.get(topic_id, 0) for topic_id, count in zip(IDS, counts, strict=True)}

    assert compute_balance(after, dict.fromkeys(IDS, 0.25)) == pytest.approx(report.expected_score)
    assert report.expected_score > 0.5


def test_the_limit_on_synthetic_records_is_kept_and_said():
    report = analyze_coverage(_assign(180, 5, 5, 5), TREE)
    added = sum(each.suggested_count for each in report.recommendations)

    assert report.limited
    assert added / (195 + added) <= 0.3
    assert report.balance_score < report.expected_score < 0.5


def test_what_is_reached_within_the_limit_is_told_apart_from_what_agreement_reaches():
    report = analyze_coverage(_assign(180, 23, 45, 47), TREE)

    assert report.within_limit.expected_score < 0.5 <= report.with_agreement.expected_score
    assert report.within_limit.synthetic_share <= 0.3 < report.with_agreement.synthetic_share


def test_where_synthetic_records_use_up_the_limit_more_needs_agreement():
    assignments = _assign(100, 30, 90, 90)
    synthetic = {each.record_id for each in assignments[:93]}
    report = analyze_coverage(assignments, TREE, synthetic_ids=synthetic)

    assert report.synthetic == 93
    assert {each.needs_agreement for each in report.recommendations} == {True}
    assert report.within_limit.records == 0


def test_a_limit_of_1_is_no_limit():
    report = analyze_coverage(_assign(180, 23, 45, 47), TREE, max_synthetic_share=1.0)

    assert not report.limited
    assert not any(each.needs_agreement for each in report.rounds)


def test_a_recommendation_names_the_strategy_that_suits_the_topic():
    report = analyze_coverage(_assign(100, 30, 90, 90), TREE, strategies={IDS[1]: "few_shot"})

    assert [(each.topic_id, each.strategy) for each in report.recommendations] == [(IDS[1], "few_shot")]


def test_an_empty_dataset_gets_a_first_set_for_every_topic_with_agreement():
    report = analyze_coverage([], TREE)

    assert [each.suggested_count for each in report.recommendations] == [20, 20, 20, 20]
    assert {each.needs_agreement for each in report.recommendations} == {True}
    assert report.with_agreement.synthetic_share == 1


def test_small_topics_are_counted_also_where_the_balance_is_good():
    report = analyze_coverage(_assign(120, 90, 90, 120), TREE)

    assert (report.small_topics, report.recommendations) == (2, ())


def test_statistics_are_kept_by_the_path_of_each_topic():
    tree = parse_outline("Money\n  General\nTravel\n  General")
    first = leaves(tree)[0].id
    report = analyze_coverage([Assignment("a", first, 0.9, "keyword")], tree)
    statistics = list_statistics(report, calculated_at="2026-01-01T00:00:00Z")

    assert statistics["topic_distribution"] == {"Money/General": 1, "Travel/General": 0}
    assert statistics["last_calculated_at"] == "2026-01-01T00:00:00Z"


def test_an_empty_dataset_has_balance_0():
    assert analyze_coverage([], TREE).balance_score == 0


@pytest.mark.parametrize(
    "targets",
    [dict.fromkeys(IDS, 0.3), {"nowhere": 1.0}, {IDS[0]: 1.5, IDS[1]: -0.5}],
)
def test_targets_that_cannot_be_used_are_an_input_error(targets):
    with pytest.raises(InputError):
        analyze_coverage(_assign(1, 1, 1, 1), TREE, targets=targets)
