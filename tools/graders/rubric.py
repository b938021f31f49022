"""Judge responses by weighted criteria, offline, by the measurable features in `measures`.

A score is the weighted mean of the criteria, each multiplied by the share of substance. It depends on the
record and the response alone, never on what else is graded. It is a proxy: it measures form and agreement,
and a policy that is trained on it will find wording that it likes. A language model as judge sees more.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from lucy.tools.graders.config import RubricGrader
from lucy.tools.graders.criterion import Criterion
from lucy.tools.graders.measures import MEASURES
from lucy.tools.graders.substance import Substance, measure_substance
from lucy.tools.graders.text import Prompt, Text, read_answer, read_prompt
from lucy.tools.vocabulary import Grade, Record, ScoreMany

_CACHED_PROMPTS = 4096
_HOLLOW = 0.5


class Judged(NamedTuple):
    """One criterion's result."""

    criterion: Criterion
    score: float
    evidence: str


@contextmanager
def open_rubric(config: RubricGrader) -> Generator[ScoreMany]:
    """Give the function that judges with a rubric; prompts are read once and kept while it is open."""
    prompts: dict[int, tuple[Record, Prompt]] = {}

    def read_once(record: Record) -> Prompt:
        # By identity: the kept record holds its id, so that no other object can get it.
        known = prompts.get(id(record))
        if known is None:
            if len(prompts) >= _CACHED_PROMPTS:
                prompts.clear()
            known = prompts[id(record)] = (record, read_prompt(record))
        return known[1]

    def score_many(pairs: Sequence[tuple[Record, str]]) -> list[Grade]:
        return [judge(config, read_once(record), response) for record, response in pairs]

    yield score_many


def judge(config: RubricGrader, prompt: Prompt, response: str) -> Grade:
    """Judge one response; a criterion with nothing to compare with is left out of the mean."""
    text = read_answer(response)
    substance = measure_substance(prompt, text)
    judged: list[Judged] = []
    for criterion in config.criteria:
        finding = (
            None if _is_about_text(criterion, prompt, text) else MEASURES[criterion.measure](prompt, text)
        )
        if finding is not None:
            share = _find_share(criterion, substance, text)
            judged.append(Judged(criterion, share * finding.score, finding.evidence))
    weight = sum(entry.criterion.weight for entry in judged)
    if not weight:
        names = ", ".join(criterion.name for criterion in config.criteria)
        return Grade(
            None, error="no_reference", reason=f"The record has no right answer to measure {names} by"
        )
    total = sum(entry.criterion.weight * entry.score for entry in judged) / weight
    return Grade(
        score=round(total, 6),
        criteria={entry.criterion.id: round(entry.score, 6) for entry in judged},
        reason=_explain(judged, None if text.calls else substance),
    )


def _is_about_text(criterion: Criterion, prompt: Prompt, text: Text) -> bool:
    """Tell whether a criterion asks for a text where calls without one are expected and given."""
    is_expected = bool(prompt.calls) and prompt.reply is None
    return criterion.measure != "tool_usage" and bool(text.calls) and not text.raw.strip() and is_expected


def _find_share(criterion: Criterion, substance: Substance, text: Text) -> float:
    if criterion.measure == "tool_usage" and text.calls:
        return 1.0
    return substance.exact_share if criterion.measure == "correctness" else substance.share


def _explain(judged: Sequence[Judged], substance: Substance | None) -> str:
    """Name what is wrong with the whole text, or the weakest criterion, with the evidence."""
    if substance is not None and substance.share < _HOLLOW and substance.exact_share < _HOLLOW:
        return f"The response {substance.fault}."
    weakest = min(judged, key=lambda entry: (entry.score, -entry.criterion.weight))
    return f"{weakest.criterion.name} {weakest.score:.2f}: {weakest.evidence}."
