"""Say a message as another kind of person would, without changing what it asks or tells."""

import random
import re
from typing import NamedTuple

from lucy.tools.generation.courtesies import Courtesies, Parts, Style, take_apart
from lucy.tools.generation.frames import Register, reframe
from lucy.tools.generation.language import (
    find_sentences,
    is_question,
    is_structured,
    is_trouble,
    lower_first,
    map_sentences,
    split_sentences,
    upper_first,
)
from lucy.tools.generation.paraphrase import paraphrase
from lucy.tools.generation.phrasebook import (
    BARE_CLOSINGS,
    CLOSINGS,
    FORMAL_OPENINGS,
    LONGER,
    SHORTER,
    WEIGHTS,
    Persona,
)

_REGISTERS: dict[Persona, Register] = {
    "brief": "brief",
    "casual": "brief",
    "impatient": "brief",
    "polite": "polite",
    "business": "polite",
}
_FORMAL = re.compile(r"(?:hello|good (?:morning|afternoon|evening|day)|dear|hi)\b", re.IGNORECASE)
_SOFT = re.compile(r"\b(?:thank|thanks|please|pls|cheers|thx)\b", re.IGNORECASE)
_REQUEST = re.compile(
    r"(?:please|can|could|would|will|are) (?:you|i|we)\b|please\b"
    r"|i (?:need|want|would like|wish)|i['\u2019]d like|i['\u2019]m (?:trying|looking)",
    re.IGNORECASE,
)
_ASKED_OF_YOU = re.compile(
    r"(?:can|could|would|will) (?:you|i)\b|i (?:need|want|would like)|i['\u2019]d like"
    r"|(?:tell|give|send|show|let|find|help|book|cancel|change|check|order|make|transfer|set|put|get"
    r"|schedule|remind) ",
    re.IGNORECASE,
)
_ANGER = re.compile(
    r"!!|\?\?|\bserious(?:ly)?\b"
    r"|\b(?i:harass\w*|ridiculous|unacceptable|patience|complain\w*|furious|angry|scam\w*|joke|worst"
    r"|terrible|awful|wtf|damn)\b"
    r"|\b(?!(?:ID|PIN|AM|PM|OK|USA|UK|EU|VAT|PDF)\b)[A-Z]{2,} ?[A-Z]{2,}\b"
)
_TO_KNOW = re.compile(
    r"\b(?:know|tell|hear|what|how|why|when|where|which|suggest|recommend|joke)\b", re.IGNORECASE
)
_SETTLED = re.compile(
    r"^\W*(?:yes|yeah|yep|ok|okay|sure|no|nope|perfect|great|alright|done)\b"
    r"|\b(?:thank|thanks|lol|haha|sounds good)\b|[:;]\)",
    re.IGNORECASE,
)
"""A message that is at ease: neither worry nor hurry would ring true."""
_SIGNATURE = re.compile(
    r"\b(?:regards|yours|sincerely|cheers|best wishes|wishes|thanks|thank you),? [^.?!]*[.]?$", re.IGNORECASE
)
_END = re.compile(r"[.!?…]+$")
_PLEASE_AGAIN = re.compile(r",? (?:please|pls)(?=[.!?]*$)", re.IGNORECASE)


class Voice(NamedTuple):
    """How a message is to be said."""

    persona: Persona
    at_start: bool
    """Nothing was said before: only then may the message greet."""
    courtesies: Courtesies


def choose_persona(text: str, *, at_start: bool, courtesies: Courtesies, rng: random.Random) -> Persona:
    """Draw a persona that could send this message in data of this style."""
    style = courtesies.style
    if is_structured(text):
        return "plain"
    damp = 0.25 if _is_bare(style) else 1.0
    weights: dict[Persona, float] = {
        persona: WEIGHTS[persona] * (damp if persona in ("polite", "impatient") else 1.0)
        for persona, fits in _list_fitting(text, at_start=at_start, style=style).items()
        if fits
    }
    return rng.choices(list(weights), list(weights.values()))[0]


def _list_fitting(text: str, *, at_start: bool, style: Style) -> dict[Persona, bool]:
    """Say for each persona whether it could send a message."""
    is_long, is_bare = len(text.split()) > 5 and style.is_english, _is_bare(style)
    is_settled, is_angry = _SETTLED.search(text) is not None, _ANGER.search(text) is not None
    trouble = is_trouble(text) and not is_settled
    wants_thanks = is_request(text) or (at_start and not is_bare)
    return {
        "plain": True,
        "casual": style.casual >= 0.05 and not text.islower(),
        "brief": is_long,
        "polite": style.is_english and wants_thanks and not is_angry,
        "business": is_long and style.casual < 0.9,
        "worried": is_long and trouble and not is_bare,
        "impatient": is_long and (trouble or (_asks_action(text) and not is_settled)),
        "non_native": is_long and at_start and style.casual < 0.9,
    }


def speak(text: str, voice: Voice, rng: random.Random) -> str:
    """Say a message in a voice; what it asks and tells stays."""
    parts = take_apart(text)
    if not parts.body or is_structured(text):
        return text
    if voice.courtesies.style.is_english:
        parts = Parts(
            parts.opening, _rephrase(paraphrase(parts.body, rng), voice.persona, rng), parts.closing
        )
        parts = Parts(parts.opening, _change_register(parts.body, voice.persona), parts.closing)
    parts = Parts(_choose_opening(parts, voice, rng), parts.body, parts.closing)
    spoken = _join(parts, _choose_closing(parts, voice, rng), voice)
    return _make_casual(spoken, voice.courtesies.common) if voice.persona == "casual" else spoken


def frame(text: str, voice: Voice, rng: random.Random) -> str:
    """Change only what stands around a message: every word of it stays, in order."""
    if is_structured(text):
        return text
    opening = "" if not voice.at_start else _choose_opening(Parts("", text, ""), voice, rng)
    return _join(Parts(opening, text, ""), _choose_closing(Parts(opening, text, ""), voice, rng), voice)


def _rephrase(body: str, persona: Persona, rng: random.Random) -> str:
    """Give one sentence that makes a request another beginning."""
    register = _REGISTERS.get(persona)
    for start, end in find_sentences(body):
        mark = _END.search(body[start:end])
        found = reframe(body[start : start + mark.start()] if mark else body[start:end], register, rng)
        if found is None:
            continue
        text = _PLEASE_AGAIN.sub("", found.text) if "please" in found.text[:25].lower() else found.text
        return body[:start] + text + (("?" if found.asks else ".") if mark else "") + body[end:]
    return body


def _change_register(body: str, persona: Persona) -> str:
    if persona in ("brief", "casual"):
        return _substitute(body, SHORTER)
    if persona == "non_native":
        return _substitute(body, LONGER)
    return _write_out(_substitute(body, LONGER)) if persona == "business" else body


def _write_out(text: str) -> str:
    """Begin sentences with a capital and end the last with a mark."""
    written = map_sentences(re.sub(r"\bi(?=\b(?!\.))", "I", text), upper_first)
    if written[-1:].isalnum():
        written += "?" if is_question(split_sentences(written)[-1]) else "."
    return written


def _substitute(text: str, pairs: tuple[tuple[str, str], ...]) -> str:
    for old, new in pairs:
        # "which one it is" has no short form: there the verb is stressed.
        follower = r"(?= \w)" if old.endswith((" is", " am", " will")) else ""
        text = re.sub(
            rf"\b{old}\b(?!['\u2019]){follower}",
            lambda hit, new=new: _like(hit[0], new),
            text,
            flags=re.IGNORECASE,
        )
    return text


def _like(old: str, new: str) -> str:
    """Give the new wording the old one's capital."""
    return upper_first(new) if old[0].isupper() else new


def _choose_opening(parts: Parts, voice: Voice, rng: random.Random) -> str:
    if not voice.at_start or voice.persona in ("brief", "impatient"):
        return ""
    learned = voice.courtesies.openings
    if voice.persona == "business":
        formal = [opening for opening in learned if _FORMAL.match(opening)]
        opening = rng.choice(formal or FORMAL_OPENINGS)
        return upper_first(opening if opening[-1] in ",.!" else f"{opening},")
    if parts.opening:
        return rng.choice(learned) if learned and rng.random() < 0.5 else parts.opening
    wants_one = voice.persona in ("polite", "non_native", "casual") and rng.random() < 0.4
    return rng.choice(learned) if learned and wants_one else ""


def _choose_closing(parts: Parts, voice: Voice, rng: random.Random) -> str:
    persona = voice.persona
    if persona == "brief":
        return ""
    if parts.closing and _SOFT.search(parts.body) and parts.closing.lower().startswith(("please", "pls")):
        return ""
    if _SIGNATURE.search(parts.body) or (persona in ("plain", "casual", "business") and parts.closing):
        return parts.closing
    if not voice.courtesies.style.is_english or _is_answer(parts.body, voice):
        return parts.closing
    if persona == "polite":
        return parts.closing if _SOFT.search(parts.body) else _draw_thanks(parts.body, voice, rng)
    stock = _list_stock(persona, voice)
    sentences = split_sentences(parts.body)
    if len(sentences) > 1 and "?" in sentences[-1] and len(sentences[-1].split()) < 7:
        return parts.closing
    if not stock or (_is_bare(voice.courtesies.style) and is_question(parts.body)):
        return parts.closing
    return rng.choice(stock) if rng.random() < 0.8 else parts.closing


def _draw_thanks(body: str, voice: Voice, rng: random.Random) -> str:
    """Draw thanks of the data or the stock's; "please" only behind something to be done."""
    learned, stock = voice.courtesies.closings, _list_stock("polite", voice)
    is_asked_of_you = _ASKED_OF_YOU.match(body) is not None
    fitting = [
        closing
        for closing in (learned if learned and rng.random() < 0.6 else stock)
        if is_asked_of_you or not closing.strip(" ,").lower().startswith(("please", "pls"))
    ]
    return rng.choice(fitting) if fitting else ""


def _list_stock(persona: Persona, voice: Voice) -> tuple[str, ...]:
    return (BARE_CLOSINGS if _is_bare(voice.courtesies.style) else CLOSINGS).get(persona, ())


def _asks_action(text: str) -> bool:
    return any(
        _ASKED_OF_YOU.match(sentence) and not _TO_KNOW.search(sentence) for sentence in split_sentences(text)
    )


def is_request(text: str) -> bool:
    """Tell whether a text asks for something, as a question or a wish."""
    return is_question(text) or any(_REQUEST.match(sentence) for sentence in split_sentences(text))


def _is_answer(body: str, voice: Voice) -> bool:
    """Tell whether a message inside a conversation only answers what was asked."""
    return not voice.at_start and not is_request(body) and not is_trouble(body)


def _is_bare(style: Style) -> bool:
    return style.casual > 0.7 and style.unmarked > 0.7


def _join(parts: Parts, closing: str, voice: Voice) -> str:
    body = parts.body
    if parts.opening:
        is_sentence = parts.opening[-1] in ".!"
        body = (
            upper_first(body)
            if is_sentence and parts.opening[0].isupper()
            else lower_first(body, voice.courtesies.common)
        )
    text = f"{parts.opening} {body}".strip()
    if not closing:
        return text
    if closing[0] in " ,":
        return text + closing
    if _is_bare(voice.courtesies.style) or (text[-1].isalnum() and closing[0].islower()):
        return f"{text}{_choose_joint(closing)}{closing}"
    ended = text if text[-1] in ".!?…)" else f"{text}{'?' if is_question(split_sentences(body)[-1]) else '.'}"
    closed = closing if closing[-1] in ".!?" or text[-1:] not in ".!?" else f"{closing}."
    return f"{ended} {upper_first(closed)}"


def _choose_joint(closing: str) -> str:
    """Put "please" on without a comma, thanks with one."""
    return " " if closing.lower().startswith(("please", "pls")) else ", "


def _make_casual(text: str, common: frozenset[str]) -> str:
    """Write as people type in a hurry: no capitals at sentence starts, no full stop at the end."""
    written = map_sentences(text, lambda sentence: re.sub(r"^I(?=\b)", "i", lower_first(sentence, common)))
    written = re.sub(r"\bI(?=['\u2019]|\s)", "i", written)
    return written[:-1] if written.endswith(".") and not written.endswith("..") else written
