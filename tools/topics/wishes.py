"""Read wishes that need the records: other topics, fewer of them, or more."""

import re

from lucy.errors import InputError
from lucy.tools.topics.edit_kinds import Reorganize, UseFewer, UseMore

_NUMBERS = [
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
]
_NUMBER = rf"(\d+|{'|'.join(_NUMBERS)})"
_LIMIT = (
    r"\b(?:only|just|at most|no more than|not more than|a maximum of|max|maximum|up to|down to|reduce|limit"
    r"|cut|shrink|simplify)\b"
)
"""Words that make a number the largest one, also where it is above the present one."""
_PLURAL = r"(?:leaf |different )?(?:sub-?)?(?:topics|categories|groups|leaves)"
_FEWER_SHARE = 0.6
"""Share of the present topics that "fewer" leaves."""
_MORE_SHARE = 1.6
"""Share of the present topics that "more" makes."""


def parse_reorganize(clause: str) -> Reorganize | None:
    """Read the wish to arrange topics by what people want, or again by content."""
    verbs = (
        r"(?:re-?)?(?:organi[sz]e|structure|group|sort|arrange|cluster|order|split|base|build|do|make"
        r"|use|try|go)"
    )
    intent = (
        r"(?:\w+ )?(?:intents?|intentions?|purposes?|needs?|goals?)\b"
        r"|what (?:\w+ )?(?:people|customers?|users?|they) (?:want|need|ask)"
    )
    content = (
        r"(?:\w+ )?(?:contents?|subjects?|themes?|topics?|areas?)\b|what (?:they|it|people) (?:are|is"
        r"|talk|speak)"
    )
    start = rf"^(?:{verbs}\w*\b.*?\s)?(?:by|around|along|according to|based on) (?:the )?"
    if re.search(
        rf"{start}(?:{intent})|\bintents?[- ]based\b|^use (?:customer |user )?intents$", clause, re.I
    ):
        return Reorganize("intent")
    if re.search(rf"{start}(?:{content})|\b(?:content|subject|theme)[- ]based\b", clause, re.I):
        return Reorganize("content")
    return None


def parse_fewer(clause: str, *, present: int) -> UseFewer | None:
    """Read the wish for fewer topics than the `present` number, or for a number of them at most."""
    count = _find_count(clause)
    if count is not None:
        return UseFewer(count) if count <= present or re.search(_LIMIT, clause, re.I) else None
    fewer = rf"^(?:use |have |make |with )?(?:fewer|less)(?: {_PLURAL})?$|\btoo many {_PLURAL}"
    reduce = rf"^(?:reduce|cut down(?: on)?) (?:the )?(?:number of |amount of )?{_PLURAL}$"
    simpler = (
        r"^(?:make |keep )?(?:it|this|the \w+) (?:simpler|simple|smaller|coarser)$|^simplify(?: (?:it"
        r"|this|the \w+))?$"
        r"|^(?:use )?(?:a )?simpler (?:structure|tree|hierarchy)$"
        r"|^(?:(?:it|this|they|the \w+)(?: is| are|'?s|'re) )?(?:much |way |far )?too (?:detailed|fine"
        r"|fine-grained|specific)$"
        r"|^(?:use )?less detail(?:ed)?$"
    )
    if re.search(f"{fewer}|{reduce}|{simpler}", clause, re.I):
        return UseFewer(max(2, round(_FEWER_SHARE * present)))
    return None


def parse_more(clause: str, *, present: int) -> UseMore | None:
    """Read the wish for more topics than the `present` number, or for a larger number of them."""
    at_least = re.search(
        rf"\b(?:at least|no fewer than|not less than|a minimum of|min(?:imum)?)\s+{_NUMBER}\s+{_PLURAL}",
        clause,
        re.I,
    )
    count = _read_count(at_least[1]) if at_least else _find_count(clause)
    if count is not None:
        return UseMore(count) if at_least or not re.search(_LIMIT, clause, re.I) else None
    more = (
        rf"^(?:use |have |make |with |add |find |show |create )?(?:some |many |a few |a lot )?more {_PLURAL}$"
        rf"|\b(?:too few|not enough) {_PLURAL}"
    )
    finer = (
        r"^(?:use |have |with |add |in )?(?:some |much |a (?:bit|little|lot) )?(?:more|greater|finer)"
        r" (?:details?|granularity|levels?)$"
        r"|^(?:make |keep )?(?:it|this|them|the \w+) (?:a (?:bit|little|lot) |much )?(?:finer|bigger|larger"
        r"|more (?:detailed|specific|fine-grained|granular))$"
        r"|^(?:use |have |make )?(?:finer|more (?:detailed|specific|fine-grained|granular))"
        rf"(?: (?:{_PLURAL}|structure|tree|hierarchy))?$"
        r"|^(?:(?:it|this|they|the \w+)(?: is| are|'?s|'re) )?(?:much |way |far )?too (?:coarse|broad"
        r"|general|rough)$"
    )
    if re.search(f"{more}|{finer}", clause, re.I):
        return UseMore(max(present + 1, round(_MORE_SHARE * present)))
    return None


def _find_count(clause: str) -> int | None:
    """Give the number of topics that a clause asks for, if it names one."""
    limit = (
        r"only|just|at most|no more than|not more than|a maximum of|max(?:imum)?|up to|exactly|use"
        r"|keep|have|make|find|down to|to"
    )
    counted = (
        rf"\b(?:{limit})\s+(?:only |just |at most |about )?{_NUMBER}\s+{_PLURAL}"
        rf"|^(?:about )?{_NUMBER}\s+{_PLURAL}",
        rf"^(?:reduce|limit|cut|shrink|simplify|bring|increase|raise)\b.*\b(?:to|at)\s+{_NUMBER}$",
    )
    for pattern in counted:
        match = re.search(pattern, clause, re.I)
        if match is not None:
            return _read_count(next(group for group in match.groups() if group))
    return None


def _read_count(said: str) -> int:
    count = int(said) if said.isdigit() else _NUMBERS.index(said.casefold()) + 1
    if count < 2:
        raise InputError("A structure needs at least 2 topics; give a larger number.")
    return count
