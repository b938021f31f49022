"""Hold the English phrases by which personas differ."""

from typing import Literal, get_args

Persona = Literal["plain", "brief", "polite", "casual", "business", "worried", "impatient", "non_native"]
"""`plain` changes at most wordings; the others also openings, closings and register."""

PERSONAS: tuple[Persona, ...] = get_args(Persona)

WEIGHTS: dict[Persona, float] = {
    "plain": 5.0,
    "brief": 2.0,
    "polite": 2.0,
    "casual": 1.5,
    "business": 1.2,
    "worried": 1.2,
    "impatient": 1.2,
    "non_native": 0.3,
}
"""How often each is drawn among those that could send a message."""

CLOSINGS: dict[Persona, tuple[str, ...]] = {
    "polite": ("Thank you.", "Thanks in advance.", "Thank you for your help.", "Thanks for your help."),
    "business": ("Thank you in advance.", "I look forward to your answer.", "Thank you for your assistance."),
    "worried": (
        "I'm getting worried.",
        "This worries me.",
        "Should I be worried?",
        "I'm a bit nervous about this.",
        "I'm not sure what to do.",
        "I hope this can be sorted out.",
    ),
    "impatient": (
        "I need this sorted today.",
        "Please be quick.",
        "I don't have much time.",
        "I'm in a hurry.",
        "I need an answer soon.",
        "It's urgent.",
    ),
    "non_native": ("Sorry for my English.", "I hope you understand me.", "English is not my first language."),
}
BARE_CLOSINGS: dict[Persona, tuple[str, ...]] = {
    "polite": (" please", ", thank you", ", thanks", " thanks"),
    "impatient": (" as soon as possible", " asap", " right away", " right now"),
}
"""For data written without capitals and punctuation, where a second sentence would stand out."""

FORMAL_OPENINGS = ("Hello,", "Good morning,", "Good afternoon,")


def _read_pairs(text: str) -> tuple[tuple[str, str], ...]:
    lines = [line.split(" = ") for line in text.strip().splitlines()]
    return tuple((old.strip(), new.strip()) for old, new in lines)


SHORTER = _read_pairs("""
    do not = don't
    does not = doesn't
    did not = didn't
    cannot = can't
    can not = can't
    i am = i'm
    i have been = i've been
    i would like = i'd like
    it is = it's
    is not = isn't
    was not = wasn't
    that is = that's
    what is = what's
    i will = i'll
""")
"""Full forms and their contractions."""

LONGER = _read_pairs("""
    don't = do not
    doesn't = does not
    didn't = did not
    can't = cannot
    won't = will not
    i'm = i am
    i've = i have
    i'd like = i would like
    it's not = it is not
    isn't = is not
    wasn't = was not
    haven't = have not
    hasn't = has not
    i'll = i will
    couldn't = could not
    wouldn't = would not
    pls = please
    thx = thanks
    wanna = want to
    gonna = going to
    can u = can you
    do u = do you
    dont = do not
    cant = cannot
    asap = as soon as possible
""")
"""Contractions and chat spellings, and their full forms."""
