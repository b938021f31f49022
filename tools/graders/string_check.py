"""Grade with OpenAI's `string_check`: 1 where two filled templates are equal or one contains the other."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager

from lucy.tools.graders.inputs import build_request
from lucy.tools.graders.kinds import StringCheckGrader
from lucy.tools.graders.placeholders import RenderError, render_placeholders
from lucy.tools.vocabulary import Grade, Record, ScoreMany

_OPERATIONS: Mapping[str, Callable[[str, str], bool]] = {
    "eq": lambda text, reference: text == reference,
    "ne": lambda text, reference: text != reference,
    "like": lambda text, reference: reference in text,
    "ilike": lambda text, reference: reference.casefold() in text.casefold(),
}
_FOUND = {"eq": "equals", "ne": "differs from", "like": "contains", "ilike": "contains"}
_NOT_FOUND = {"eq": "differs from", "ne": "equals", "like": "does not contain", "ilike": "does not contain"}
_SHOWN = 60


@contextmanager
def open_string_check(config: StringCheckGrader) -> Generator[ScoreMany]:
    """Give the function that grades; equality is exact, spaces and case included."""

    def score_many(pairs: Sequence[tuple[Record, str]]) -> list[Grade]:
        return [_grade(config, record, response) for record, response in pairs]

    yield score_many


def _grade(config: StringCheckGrader, record: Record, response: str) -> Grade:
    request = build_request(record, response)
    try:
        text = render_placeholders(config.input, request)
        reference = render_placeholders(config.reference, request)
    except RenderError as error:
        return Grade(None, error="invalid_variable", reason=str(error))
    if not reference and config.operation in ("like", "ilike"):
        # Every text contains an empty one: a score of 1 would say nothing about the response.
        return Grade(None, error="no_reference", reason="The reference is empty, so any text contains it.")
    holds = _OPERATIONS[config.operation](text, reference)
    verb = (_FOUND if holds else _NOT_FOUND)[config.operation]
    return Grade(float(holds), reason=f"The input {verb} {_shorten(reference)!r}.")


def _shorten(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "\u2026"
