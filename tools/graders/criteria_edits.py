"""Read changes to a rubric's criteria from what a person writes, by rules.

A clause is read by its verb (add, remove, rename, more, less, a percentage) and by the criterion that its
words name. Only clauses are understood that name a criterion; a question changes nothing.
"""

import re
from collections.abc import Sequence

from lucy.errors import InputError
from lucy.tools.graders.criterion import KINDS, Criterion, Kind, find_cued_kinds, make_criterion
from lucy.tools.graders.weights import fix_weights, read_percents


def _phrase(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_QUESTION = _phrase(
    r"^(?!what about|how about)(?:why|what|how|is|are|does|do|did|should|which|who|when|where)\b[^?]*\?\s*$"
)
_OPENING = _phrase(
    r"^(?:(?:yes|ok(?:ay)?|sure|good|great|fine|perfect|thanks|and|but|also|then|so|please|could you|can you|"
    r"would you|can we|could we|let'?s|maybe|perhaps|just|i(?:'d| would) like (?:you )?to|i want (?:you )?to|"
    r"what about|how about|you should|we should|we need to)\b[\s,.:;!-]*)+"
)
_VERB = (
    r"add|include|remove|drop|delete|rename|more|less|fewer|give|put|make|set|raise|lower|increase|decrease|"
    r"reduce"
)
_CLAUSES = _phrase(
    rf"\s*(?:[;\n]|[.,]?\s+(?:and|then|but)\s+|[.,]\s+)(?=(?:also |then |please )*(?:{_VERB})\b)"
)
_OTHER_WORK = _phrase(r"\b(?:records?|data|examples?|samples?|topics?|generate|synthetic|rollouts?)\b")
_RENAME = _phrase(r"^(?:rename|call)\s+(?P<old>.+?)\s+(?:to|as|into)\s+(?P<new>.+?)[.!]*$")
_REMOVE = _phrase(
    r"^(?:remove|drop|delete|take out|leave out|get rid of|no need for|forget|skip|without|"
    r"(?:(?:we|i) )?do(?:n'?t| not) (?:need|care about))\b"
)
_ADD = _phrase(
    r"^(?:add(?:ing)?(?: (?:something|a criterion|a rule|one))?(?: (?:about|for|on))?|include|"
    r"check(?: for)?|consider|"
    r"penali[sz]e|reward|judge|measure|there should be|i (?:also )?(?:want|need))\b[\s:,-]*"
)
_MORE = _phrase(
    r"\b(?:more|higher|increase|raise|boost|emphasi[sz]e|prioriti[sz]e|focus on|most important|double)\b"
)
_LESS = _phrase(r"\b(?:less|fewer|lower|reduce|decrease|halve)\b")
_WEIGHT = _phrase(r"\b(?:weight|emphasis|importance|important|matters?|counts?|priority)\b")
_RULE = _phrase(r"\b(?:must|mustn't|should|shouldn't|has to|have to|never|always|avoid|no|not|don'?t)\b")
_PERCENT = _phrase(r"(?P<percent>\d{1,3})\s*(?:%|per ?cent\b)")
_PARTS = _phrase(r",|\band\b|&")
_NEW_PERCENT = 10
_STEP_PERCENT = 10
_SMALLEST_PERCENT = 5

Edited = tuple[Criterion, ...]


def edit_criteria(text: str, criteria: Sequence[Criterion]) -> Edited | None:
    """Change criteria as a person asks, such as `add: no jargon` or `make helpfulness 40%`.

    Understood: add, remove, rename, more or less weight, percentages, several at once. The weights stay
    whole percents and sum to 1. None means that nothing was understood as a change.

    Raises:
        InputError: the wish is clear but impossible, such as a criterion that cannot be measured offline.
    """
    edited: Edited = tuple(criteria)
    understood = False
    for clause in _split_clauses(text):
        changed = _edit_once(clause, edited)
        understood = understood or changed is not None
        edited = edited if changed is None else changed
    return edited if understood else None


def _split_clauses(text: str) -> list[str]:
    text = text.strip().replace("\u2019", "'")
    if _QUESTION.match(text):
        return []
    clauses = [_OPENING.sub("", clause.strip()) for clause in _CLAUSES.split(text)]
    return [clause.rstrip(" .!?") for clause in clauses if clause.strip(" .!?")]


def _edit_once(clause: str, criteria: Edited) -> Edited | None:
    """Apply one clause; None when it is no change of the criteria."""
    if rename := _RENAME.match(clause):
        return _rename(criteria, rename["old"], rename["new"])
    if _REMOVE.match(clause):
        return _remove(criteria, _REMOVE.sub("", clause))
    if _PERCENT.search(clause):
        return _set_percents(criteria, clause)
    if _ADD.match(clause):
        return _add(criteria, _ADD.sub("", clause))
    if _OTHER_WORK.search(clause):
        return None
    if _LESS.search(clause):
        return _weaken(criteria, clause)
    if _MORE.search(clause):
        return _strengthen(criteria, clause)
    if _RULE.search(clause) and (kinds := find_cued_kinds(clause)):
        return _raise_or_add(criteria, kinds[:1])
    return None


def _find_present(criteria: Edited, text: str) -> Criterion | None:
    """Find the criterion that a text names: by its own name first, then by the words of its kind."""
    lowered = text.lower()
    for criterion in criteria:
        if criterion.name.lower() in lowered or criterion.id.lower() in lowered.split():
            return criterion
    measures = [kind.measure for kind in find_cued_kinds(text)]
    return next((criterion for criterion in criteria if criterion.measure in measures), None)


def _rename(criteria: Edited, old: str, new: str) -> Edited | None:
    found = _find_present(criteria, old)
    if found is None:
        return None
    name = new.strip(" \"'")
    return tuple(c.model_copy(update={"name": name}) if c.id == found.id else c for c in criteria)


def _remove(criteria: Edited, text: str) -> Edited:
    named = [_find_present(criteria, part) for part in _PARTS.split(text)]
    ids = {criterion.id for criterion in named if criterion is not None}
    if not ids:
        names = ", ".join(criterion.name for criterion in criteria)
        raise InputError(f"There is no criterion {text.strip()!r} to remove; name one of: {names}.")
    rest = tuple(criterion for criterion in criteria if criterion.id not in ids)
    if not rest:
        raise InputError("That would remove every criterion; add another one first.")
    return fix_weights(rest, {})


def _add(criteria: Edited, text: str) -> Edited:
    """Add what each part of a list names: of a part that speaks of several things, the first."""
    mentions = [_order_by_mention(find_cued_kinds(part), part)[:1] for part in _PARTS.split(text)]
    kinds = list(dict.fromkeys(kind for mention in mentions for kind in mention))
    if not kinds:
        raise InputError(
            f"The offline judge cannot measure {text.strip()!r}; it can measure: {_list_kinds()}. "
            "Use one of these words, or a Python script grader for a rule of your own."
        )
    return _raise_or_add(criteria, kinds)


def _order_by_mention(kinds: Sequence[Kind], text: str) -> tuple[Kind, ...]:
    def find_place(kind: Kind) -> int:
        mention = kind.cues.search(text)
        return mention.start() if mention else len(text)

    return tuple(sorted(kinds, key=find_place))


def _list_kinds() -> str:
    return ", ".join(kind.name for kind in KINDS)


def _raise_or_add(criteria: Edited, kinds: Sequence[Kind]) -> Edited:
    """Add kinds that are missing, and give more weight to those that are there."""
    for kind in kinds:
        present = next((criterion for criterion in criteria if criterion.measure == kind.measure), None)
        if present is not None:
            criteria = _shift(criteria, present, _STEP_PERCENT)
        else:
            added = (*criteria, make_criterion(kind, _NEW_PERCENT))
            criteria = fix_weights(added, {kind.measure: _NEW_PERCENT})
    return criteria


def _strengthen(criteria: Edited, clause: str) -> Edited | None:
    present = _find_present(criteria, clause)
    if present is not None:
        return _shift(criteria, present, _STEP_PERCENT)
    if kinds := find_cued_kinds(clause):
        return _raise_or_add(criteria, kinds[:1])
    return _refuse_unknown_weight(criteria, clause)


def _weaken(criteria: Edited, clause: str) -> Edited | None:
    """Lower a weight; `less jargon` names a fault and so asks for more of its criterion."""
    faults = [kind for kind in KINDS if kind.faults and kind.faults.search(clause)]
    if faults and not _WEIGHT.search(clause):
        return _raise_or_add(criteria, faults[:1])
    present = _find_present(criteria, clause)
    if present is not None:
        return _shift(criteria, present, -_STEP_PERCENT)
    return _refuse_unknown_weight(criteria, clause)


def _refuse_unknown_weight(criteria: Edited, clause: str) -> None:
    """Explain when a change of weight names no criterion; words without `weight` are not ours."""
    if _WEIGHT.search(clause):
        names = ", ".join(criterion.name for criterion in criteria)
        raise InputError(f"No criterion is named in {clause!r}; name one of: {names}.")


def _shift(criteria: Edited, criterion: Criterion, step: int) -> Edited:
    """Move a criterion's weight by a step in percent, kept between 5 and what leaves the others one each."""
    if len(criteria) == 1:
        return criteria
    largest = 100 - _SMALLEST_PERCENT * (len(criteria) - 1)
    wanted = round(criterion.weight * 100) + step
    return fix_weights(criteria, {criterion.id: max(_SMALLEST_PERCENT, min(wanted, largest))})


def _set_percents(criteria: Edited, clause: str) -> Edited | None:
    """Set the named criteria to the given percents; the others share the rest."""
    wanted: dict[str, int] = {}
    for name, percent in _read_percents(clause):
        criteria, criterion = _find_or_add(criteria, name)
        if criterion is not None:
            wanted[criterion.id] = percent
    if not wanted:
        return _refuse_unmeasured(clause)
    _check_percents(criteria, wanted)
    return fix_weights(criteria, wanted)


def _read_percents(clause: str) -> list[tuple[str, int]]:
    """Pair each percentage with the words before it, or after it when the clause starts with one."""
    matches = list(_PERCENT.finditer(clause))
    starts = [match.start() for match in matches]
    ends = [match.end() for match in matches]
    if clause[: starts[0]].strip():
        words = [clause[a:b] for a, b in zip([0, *ends], starts, strict=False)]
    else:
        words = [clause[a:b] for a, b in zip(ends, [*starts[1:], len(clause)], strict=True)]
    return [(name, int(match["percent"])) for name, match in zip(words, matches, strict=True)]


def _find_or_add(criteria: Edited, text: str) -> tuple[Edited, Criterion | None]:
    present = _find_present(criteria, text)
    kinds = _order_by_mention(find_cued_kinds(text), text)
    if present is not None or not kinds:
        return criteria, present
    added = make_criterion(kinds[0], _NEW_PERCENT)
    return (*criteria, added), added


def _refuse_unmeasured(clause: str) -> None:
    """Explain when a percentage is asked for something unknown with a clear verb; else leave it."""
    if _ADD.match(clause):
        what = _PERCENT.sub("", _ADD.sub("", clause)).strip()
        raise InputError(f"The offline judge cannot measure {what!r}; it can measure: {_list_kinds()}.")


def _check_percents(criteria: Edited, wanted: dict[str, int]) -> None:
    total, free = sum(wanted.values()), len(criteria) - len(wanted)
    if total > 100 - free or (not free and total != 100) or min(wanted.values()) < 1:
        before = ", ".join(
            f"{c.name} {p:.0f}%" for c, p in zip(criteria, read_percents(criteria), strict=True)
        )
        raise InputError(
            f"The weights you named sum to {total}% and {free} other criteria need at least 1% each; "
            f"choose weights that leave room within 100% (now: {before})."
        )
