"""What the confidence is made of."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from lucy.tools.categories.anchors import average_best
from lucy.tools.categories.calibration import WEIGHTS, compute_confidence, measure_signals
from lucy.tools.categories.coherence import UNKNOWN, measure_coherence
from lucy.tools.categories.evidence import Evidence, weigh_evidence
from lucy.tools.categories.model import fit_categories
from lucy.tools.categories.prior import estimate_prior, join_prior
from lucy.tools.topics.tree import TopicTree
from lucy.tools.vocabulary import Topic


def make_evidence(joint: list[list[float]], *, agreeing: bool = True) -> Evidence:
    """Give evidence whose views all say the same, or whose words say the opposite."""
    rows: NDArray[np.float64] = np.array(joint)
    words = rows if agreeing else -rows
    return Evidence(words, rows, rows, rows, rows, rows, np.ones(len(rows), np.bool_))


def confide(evidence: Evidence, text: str = "where is my parcel", coherence: float = 0.8) -> float:
    return float(compute_confidence(measure_signals(evidence, [text], coherence))[0])


def test_a_clearer_topic_gives_more_confidence() -> None:
    assert confide(make_evidence([[0.99, 0.01]])) > confide(make_evidence([[0.6, 0.4]]))


def test_views_that_disagree_give_less_confidence() -> None:
    clear = [[0.9, 0.1]]
    assert confide(make_evidence(clear, agreeing=False)) < confide(make_evidence(clear))


def test_a_dataset_whose_like_records_differ_in_topic_gives_less_confidence() -> None:
    evidence = make_evidence([[0.9, 0.1]])
    assert confide(evidence, coherence=0.3) < confide(evidence, coherence=0.9)


def test_a_longer_text_gives_more_confidence() -> None:
    evidence = make_evidence([[0.9, 0.1]])
    assert confide(evidence, "parcel") < confide(evidence, "where is my parcel from Norway " * 9)


@pytest.mark.parametrize("joint", [[[1.0, 0.0]], [[0.5, 0.5]]])
def test_confidence_stays_within_0_and_1(joint: list[list[float]]) -> None:
    assert 0 < confide(make_evidence(joint), coherence=1.0) < 1
    assert 0 < confide(make_evidence(joint), coherence=0.0) < 1


def test_every_signal_speaks_for_the_topic() -> None:
    assert min(WEIGHTS[1:]) > 0


def test_two_groups_apart_are_coherent_and_mixed_labels_are_not() -> None:
    chance = np.random.default_rng(0)
    groups = np.repeat([0, 1], 50)
    points = np.eye(8)[groups] + chance.normal(0, 0.3, (100, 8))
    assert measure_coherence(points, groups, 2) > 0.9
    assert 0.3 < measure_coherence(points, chance.permutation(groups), 2) < 0.7


def test_copies_of_a_record_say_nothing_about_coherence() -> None:
    assert measure_coherence(np.ones((6, 3)), np.zeros(6, np.intp), 1) == UNKNOWN


def test_the_prior_follows_the_records() -> None:
    posterior = np.array([[0.7, 0.3]] * 90 + [[0.3, 0.7]] * 10)
    prior = estimate_prior(posterior, 1.0)
    assert prior[0] > 0.8
    assert prior.sum() == pytest.approx(1.0)


def test_a_prior_leaves_clear_records_alone_and_moves_unclear_ones() -> None:
    posterior = np.array([[0.001, 0.999], [0.45, 0.55]])
    assert join_prior(posterior, np.array([0.8, 0.2]), 1.0).argmax(axis=1).tolist() == [1, 0]


def test_a_topic_counts_by_its_nearest_anchors() -> None:
    likeness = np.array([[0.9, 0.1, 0.2, 0.5]])
    assert average_best(likeness, np.array([0, 3]), 2).tolist() == [[pytest.approx(0.55), 0.5]]


def test_a_model_sorts_texts_it_was_not_fitted_on() -> None:
    texts = ["a refund please", "refund my order", "reset my password", "the password is wrong"] * 8
    names = {"refunds": "Refunds", "passwords": "Passwords"}
    tree = TopicTree(roots=tuple(Topic(id=key, name=name) for key, name in names.items()))
    model = fit_categories([str(row) for row in range(len(texts))], texts, tree)
    best = weigh_evidence(model, ["my money back, a refund", "forgot a password"]).posterior.argmax(axis=1)
    assert [model.topic_ids[place] for place in best] == ["refunds", "passwords"]


def test_a_model_without_a_classifier_goes_by_the_names() -> None:
    texts = ["a refund please", "refund my order", "reset my password", "the password is wrong"] * 8
    tree = TopicTree(roots=(Topic(id="r", name="Refunds"), Topic(id="p", name="Passwords")))
    model = fit_categories([str(row) for row in range(len(texts))], texts, tree)
    plain = weigh_evidence(replace(model, classifier=None, prior=None), texts)
    assert np.array_equal(plain.posterior.argmax(axis=1), plain.untaught.argmax(axis=1))
