"""Make better or plainer versions of a reply: the choices that training decides between."""

from collections.abc import Mapping, Sequence, Set
from typing import Literal, NamedTuple

from lucy.tools.policy.lines import COURTESY_WORDS, STOCK_LINES, Line, LineKind, classify_line
from lucy.tools.policy.sentences import describe_text, find_words, is_promise, split_sentences

Edit = Literal[
    "as_is", "no_promise", "opening", "next_step", "opening_and_close", "brief", "known_only", "stock"
]
"""How a candidate was made from a recorded reply.

`as_is` word for word; `no_promise` without sentences that promise or name a date; `opening` with a courtesy
line before; `next_step` with a closing line after (an offer, or good wishes after a goodbye);
`opening_and_close` both; `brief` the first two sentences; `known_only` without sentences that name what this
conversation does not know; `stock` none of the data's.
"""
EDITS: tuple[Edit, ...] = (
    "as_is", "no_promise", "opening", "next_step", "opening_and_close", "brief", "known_only", "stock",
)  # fmt: skip
MIN_SENTENCES_FOR_BRIEF = 3

Lines = Mapping[LineKind, str]


class Situation(NamedTuple):
    """What the user's message calls for."""

    closing: bool
    thanks: bool
    trouble: bool
    first: bool
    """Nothing has been replied yet in this conversation."""


class EditedReply(NamedTuple):
    """A reply text and how it was made."""

    text: str
    edit: Edit


def choose_lines(lines: Sequence[Line], nearby: Mapping[str, float], known: Set[str]) -> Lines:
    """Pick one line of each kind: the one that similar conversations use most, else the most common.

    Args:
        lines: The pool's lines, most common first within a kind.
        nearby: Weight of each line's text among the replies of similar conversations.
        known: Lower-case words of this conversation; a line that speaks of anything else is passed over.
    """
    chosen = dict(STOCK_LINES)
    fitting = [line for line in lines if find_words(line.text) - COURTESY_WORDS <= known]
    for line in sorted(fitting, key=lambda line: -nearby.get(line.text, 0.0))[::-1]:
        chosen[line.kind] = line.text
    return chosen


def edit_reply(reply: str, lines: Lines, situation: Situation) -> list[EditedReply]:
    """Give a reply and its edits, the plain ones first; edits that change nothing are left out."""
    bare = _drop_promises(reply)
    opening, closing = find_opening(bare, lines, situation), find_closing(bare, lines, situation)
    edits = [EditedReply(reply, "as_is")]
    if bare != reply:
        edits.append(EditedReply(bare, "no_promise"))
    if opening and closing:
        edits.append(EditedReply(_join(opening, bare, closing), "opening_and_close"))
    if closing:
        edits.append(EditedReply(_join(bare, closing), "next_step"))
    if opening:
        edits.append(EditedReply(_join(opening, bare), "opening"))
    sentences = split_sentences(reply)
    if len(sentences) >= MIN_SENTENCES_FOR_BRIEF:
        edits.append(EditedReply(" ".join(sentences[:2]), "brief"))
    return edits


def find_opening(reply: str, lines: Lines, situation: Situation) -> str:
    """Choose the courtesy line that may stand before a reply; empty when none is called for."""
    traits = describe_text(reply)
    first = split_sentences(reply)[:1]
    if not first or classify_line(first[0]) is not None or traits.welcome or traits.apology:
        return ""
    if situation.thanks and (traits.farewell or situation.closing):
        return lines["welcome"]
    if situation.trouble and not traits.farewell and not situation.closing:
        return lines["apology"]
    return lines["opening"] if situation.first and not traits.farewell and not situation.closing else ""


def find_closing(reply: str, lines: Lines, situation: Situation) -> str:
    """Choose the line that may stand after a reply; empty when none is called for.

    A conversation that the person has closed is not reopened: then good wishes are offered, no question.
    A reply that already asks something gets no second question.
    """
    traits = describe_text(reply)
    if traits.farewell or situation.closing:
        wished = "have a" in reply.lower() or "enjoy" in reply.lower()
        return lines["farewell"] if traits.farewell and not wished and not traits.questions else ""
    return "" if traits.questions or traits.offers_more else lines["next_step"]


def _drop_promises(reply: str) -> str:
    sentences = split_sentences(reply)
    kept = [sentence for sentence in sentences if not is_promise(sentence)]
    return " ".join(kept) if kept and len(kept) < len(sentences) else reply


def _join(*parts: str) -> str:
    whole = [part if part[-1:] in ".!?…" else f"{part}." for part in (part.strip() for part in parts) if part]
    return " ".join(whole)
