"""Hold which words mean what in the coverage step: a word too many here takes records back."""

import re

import pytest

from lucy.nodes.coverage_words import AGREE, LEAVE_OUT, RESTORE, REVIEW, SKIP, UNDO


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (UNDO, "undo"),
        (UNDO, "take the last batch back"),
        (UNDO, "please take that back"),
        (UNDO, "throw them away"),
        (UNDO, "discard the last round"),
        (RESTORE, "put it back in"),
        (RESTORE, "bring the batch back in"),
        (SKIP, "skip"),
        (SKIP, "no more, thanks"),
        (SKIP, "let's proceed to the grader"),
        (AGREE, "I agree"),
        (AGREE, "yes, go over the limit"),
        (REVIEW, "look at the new records"),
        (REVIEW, "let me review what was generated"),
        (LEAVE_OUT, "leave out 2 and 5"),
        (LEAVE_OUT, "drop number 3"),
    ],
)
def test_these_words_mean_it(pattern: re.Pattern[str], text: str) -> None:
    assert pattern.search(text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (UNDO, "I'll take that"),
        (UNDO, "take it"),
        (UNDO, "generate 5 more for Refunds"),
        (UNDO, "remove 3"),
        (SKIP, "make Complaints no more than 10%"),
        (AGREE, "do you agree?"),
        (REVIEW, "generate 5 new ones"),
        (RESTORE, "go back to the topics"),
    ],
)
def test_these_words_do_not(pattern: re.Pattern[str], text: str) -> None:
    assert pattern.search(text) is None
