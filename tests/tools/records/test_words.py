import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lucy.tools.records.words import fold_text, hash_words, separate_words


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("  Hello \t\n World ", "hello world"),
        ("Straße", "strasse"),
        ("\uff21\uff22\uff23", "abc"),
        ("a\u00a0b\u2003c", "a b c"),
        ("", ""),
        (" \n ", ""),
        ("caf\u0065\u0301", "caf\u00e9"),
    ],
)
def test_text_is_folded(text: str, folded: str) -> None:
    assert fold_text(text) == folded


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_ascii_is_folded_as_by_splitting_and_joining(text: str) -> None:
    assert fold_text(text) == " ".join(text.casefold().split())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("don't stop, please!", ["don", "t", "stop", "please"]),
        ("snake_case é", ["snake", "case", "é"]),
        ("パスワード を", [*list("パスワード"), "を"]),
        ("!!! ???", ["!!!", "???"]),
        ("😀 🎉", ["😀", "🎉"]),
        ("", []),
    ],
)
def test_words_are_separated(text: str, words: list[str]) -> None:
    assert separate_words(text).split() == words


@settings(deadline=None)
@given(st.lists(st.text(alphabet="ab é😀 ", max_size=30), max_size=6))
def test_equal_words_and_only_those_have_equal_hashes(texts: list[str]) -> None:
    words = [word for text in texts for word in text.split()]
    hashes, counts = hash_words(texts)
    assert counts.tolist() == [len(text.split()) for text in texts]
    assert len(hashes) == len(words)
    assert len(set(hashes.tolist())) == len(set(words))
    assert len(set(zip(words, hashes.tolist(), strict=True))) == len(set(words))


def test_hashes_do_not_depend_on_the_neighbours() -> None:
    alone = hash_words(["order"]).hashes[0]
    crowd = hash_words(["x" * 60_000, "my order is", "late"]).hashes
    assert crowd[2] == alone
