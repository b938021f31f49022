"""Swap English wordings that say the same in every sentence they fit."""

import random
import re

from lucy.tools.generation.language import upper_first

_MOST = 3
"""Wordings swapped in one message at most."""
_CHANCE = 0.6

_RULES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"i don['\u2019]?t know", ("i have no idea", "i'm not sure")),
    (r"i have no idea", ("i don't know",)),
    (r"i think", ("i believe",)),
    (r"i believe", ("i think",)),
    (r"i never received", ("i haven't received", "i didn't get")),
    (r"i (?:haven['\u2019]t|have not) received", ("i never received", "i still haven't got")),
    (r"never arrived", ("hasn't arrived", "didn't arrive")),
    (r"(?:hasn['\u2019]t|has not) arrived", ("never arrived",)),
    (
        r"i can(?:['\u2019]?t|not)"
        r"(?= (?:find|see|log|open|get|access|use|connect|change|reach|remember|cancel|pay)\b)",
        ("i'm not able to", "i am unable to", "i couldn't"),
    ),
    (r"(?:doesn['\u2019]t|does not) work(?=[.,!?]|$| any ?more)", ("isn't working", "has stopped working")),
    (r"(?:isn['\u2019]t|is not) working", ("doesn't work", "has stopped working")),
    (r"keeps(?= \w+ing\b)", ("is always", "won't stop")),
    (r"nothing happens", ("it does nothing",)),
    (r"there are no(?= [a-z]+s\b)", ("there aren't any",)),
    (r"by accident", ("by mistake",)),
    (r"by mistake", ("by accident",)),
    (r"(?:(?<=want )|(?<=d like ))my money back", ("a refund", "to be refunded")),
    (r"(?<=get )my money back", ("a refund",)),
    (r"(?:(?<=want )|(?<=need )|(?<=d like ))a refund", ("my money back",)),
    (r"(?<=to )purchase(?= (?:a|an|the|my|some|another|one|two)\b)", ("buy", "get")),
    (r"(?<=to )buy(?= (?:a|an|the|my|some|another|one|two)\b)", ("purchase", "get")),
    (r"i purchased", ("i bought",)),
    (r"i bought", ("i purchased", "i ordered")),
    (r"i received", ("i got",)),
    (r"twice", ("two times",)),
    (r"two times", ("twice",)),
    (r"several(?= \w+s\b)", ("a few", "some")),
    (r"a few(?= \w+s\b)", ("several", "some")),
    (r"right now", ("at the moment",)),
    (r"at the moment", ("right now",)),
    (r"currently", ("at the moment",)),
    (r"right away", ("immediately", "straight away")),
    (r"immediately", ("right away",)),
    (r"as soon as possible", ("quickly", "soon")),
    (r"because(?! of\b)(?!.*\bsince\b)", ("since",)),
    (r"in order to", ("to",)),
    (r"a lot of", ("lots of",)),
    (r"lots of", ("a lot of",)),
    (r"maybe", ("perhaps",)),
    (r"perhaps", ("maybe",)),
    (r"very(?= (?!much|well)\w+)", ("really",)),
    (r"(?:website|web site)", ("site", "web page")),
    (r"kids", ("children",)),
    (r"any ?more(?=[.,!?]|$)", ("any longer",)),
    (r"about(?= \d)", ("around", "roughly")),
    (r"around(?= \d)", ("about",)),
    (r"customer service", ("support", "customer support")),
    (r"customer support", ("customer service", "support")),
    (r"(?<=\w )tell me(?= (?:how|what|when|where|why|if|whether|which)\b)", ("let me know",)),
    (r"let me know(?= (?:how|what|when|where|why|if|whether|which)\b)", ("tell me",)),
    (r"how long does it take", ("how long will it take", "how much time does it take")),
    (r"what(?:['\u2019]s| is) going on", ("what is happening",)),
    (r"what should i do", ("what can i do", "what do i do now")),
    (r"can you help(?=[.?!]|$)", ("could you help me", "can someone help me")),
    (r"would like(?= (?:a|an|the|some|my)\b)", ("want",)),
    (r"(?<=i )want(?= (?:a|an|the|some|my)\b)", ("would like", "need")),
    (r"hello there", ("hello",)),
    (r"(?<=to )fix", ("repair",)),
    (r"(?<=to )find out", ("know",)),
    (r"(?<=to )change(?= my\b)", ("update",)),
    (r"(?<=to )update(?= my\b)", ("change",)),
    (r"was charged", ("got charged", "have been charged")),
    (r"i['\u2019]ve been charged", ("i was charged",)),
)
_COMPILED = tuple(
    (re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE), words) for pattern, words in _RULES
)


def paraphrase(text: str, rng: random.Random) -> str:
    """Swap up to three wordings of a text; one without a known wording is returned as it is."""
    taken: list[tuple[int, int, str]] = []
    order = list(range(len(_COMPILED)))
    rng.shuffle(order)
    for number in order:
        finder, words = _COMPILED[number]
        hit = finder.search(text)
        if hit is None or len(taken) >= _MOST or rng.random() > _CHANCE:
            continue
        if all(hit.end() <= start or end <= hit.start() for start, end, _ in taken):
            taken.append((hit.start(), hit.end(), _fit(hit[0], rng.choice(words), text)))
    for start, end, new in sorted(taken, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _fit(old: str, new: str, text: str) -> str:
    """Write the new wording in the old one's case; `i` is a capital where the text writes it so."""
    if re.match(r"i\b", new):
        new = f"I{new[1:]}" if old[0] == "I" else new
    return upper_first(new) if old[0].isupper() else new
