"""Word vectors that come with Lucy."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from lucy.tools.embeddings import static
from lucy.tools.embeddings.static import embed_texts, load_vectors, read_words


def compare(first: str, second: str) -> float:
    rows = embed_texts([first, second])
    return float(rows[0] @ rows[1])


@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("give me my money back", "I want a refund", "what is the weather tomorrow"),
        ("I forgot my password", "cannot log in to my account", "the cake recipe needs eggs"),
        ("will it rain", "weather forecast", "cancel my subscription"),
        ("where is my parcel", "track a delivery", "my knee hurts"),
        ("is my flight on time", "airline departures", "how many calories are in rice"),
    ],
)
def test_texts_are_near_by_meaning_without_a_shared_word(text: str, near: str, far: str) -> None:
    assert compare(text, near) > compare(text, far) + 0.1


def test_rows_have_length_1() -> None:
    lengths = np.linalg.norm(embed_texts(["where is my parcel", "refund"]), axis=1)
    assert lengths == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("text", ["", "1234 !?", "日本語", "qwzxqwzx"])
def test_a_text_without_a_known_word_has_a_row_of_zeros(text: str) -> None:
    assert not embed_texts([text]).any()


def test_no_texts_give_no_rows() -> None:
    assert embed_texts([]).shape == (0, load_vectors().size)


def test_an_unknown_form_is_read_as_its_word() -> None:
    vectors = load_vectors()
    assert vectors.find("refunding") == vectors.find("refund")


def test_contractions_are_joined() -> None:
    assert read_words("Don't, I can\u2019t") == ["dont", "i", "cant"]


def test_a_word_without_weight_is_not_seen() -> None:
    weighed = embed_texts(["refund weather"], weights={"weather": 0.0})
    assert np.allclose(weighed, embed_texts(["refund"]), atol=1e-6)


def test_the_order_of_words_is_not_seen() -> None:
    assert compare("from Rome to Oslo", "to Rome from Oslo") == pytest.approx(1.0, abs=1e-5)


def test_common_words_weigh_little() -> None:
    vectors = load_vectors()
    rows = [vectors.rows[vectors.places[word]] for word in ("the", "payment")]
    lengths = [float(np.linalg.norm(row)) for row in rows]
    assert all(less < more for less, more in pairwise(lengths))


def test_the_file_is_small_and_says_where_it_comes_from() -> None:
    folder = Path(static.__file__).parent
    assert (folder / "words.npz").stat().st_size < 3_100_000
    assert "all-MiniLM-L6-v2" in (folder / "NOTICE.txt").read_text(encoding="utf-8")
