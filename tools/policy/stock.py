"""Keep a few replies that fit any request, for data that has no replies of its own.

They exist so that the policy always has something to choose from. They are plain on purpose: some ask for
what is needed, some only acknowledge, one promises too much, so that a grader finds differences to teach.
"""

import re

from lucy.tools.policy.sentences import WORDS

STOCK_REPLIES: tuple[str, ...] = (
    "I can help with {subject}. Could you tell me a little more about what you need?",
    "Okay.",
    "Thank you for your message. To help with {subject}, could you please give me the details?",
    "I will take care of {subject} right away, it will be done by tomorrow.",
    "Please see our help pages.",
    "I'm sorry for the trouble. Could you please describe what happened?",
    "I have noted your message about {subject}.",
    "Thank you for asking about {subject}. I can check what is possible and explain the next step. "
    "Is there anything else I should know?",
)
STOCK_FAREWELLS: tuple[str, ...] = (
    "Goodbye.",
    "You're welcome. Have a great day!",
    "Thank you and goodbye.",
    "You're welcome. If anything else comes up, please let us know.",
)
DEFAULT_SUBJECT = "your request"
MAX_SUBJECT_CHARACTERS = 60

_LEADING_TEXT = """
a about also am an and any are as at be been but can can't cannot could did do does dont don't feel find
for from get give going gonna got had happened happening happens has have hello help hey hi how i i'd
i'll i'm i've if in is it it's just know let like look looking me much must my need of ok okay on or out
please possible really say see should show so some tell that that's the their there there's they think
this to tried try trying up us want wanna wanted was we we'd were what what's when where which who why
will with wondering would yes you your
"""
_LEADING = frozenset(_LEADING_TEXT.split())
_STOPS_TEXT = """
and because but can could how if is are was so that then though when which while who will
"""
_STOPS = frozenset(_STOPS_TEXT.split())
_SWAPS = {"my": "your", "our": "your", "mine": "yours"}
_CLAUSES = re.compile(r"[.!?;,:\n]+")


def fill_stock(template: str, message: str) -> str:
    """Put the subject of a user's message into a stock reply, in quotes: it may be any part of speech."""
    if "{subject}" not in template:
        return template
    subject = find_subject(message)
    return template.replace("{subject}", subject if subject == DEFAULT_SUBJECT else f'"{subject}"')


def find_subject(message: str, max_words: int = 6) -> str:
    """Find a short phrase for what a message is about, said from the assistant's side.

    A heuristic for English: the longest run of words per clause without leading filler. Numbers are never
    repeated. Gives `your request` when nothing salient is left, or in scripts without spaces.
    """
    phrases = [_trim_clause(clause, max_words) for clause in _CLAUSES.split(message)]
    fitting = [phrase for phrase in phrases if len(phrase) <= MAX_SUBJECT_CHARACTERS]
    return max(fitting, key=len, default="") or DEFAULT_SUBJECT


def _trim_clause(clause: str, max_words: int) -> str:
    words = [word for word in WORDS.findall(clause) if not any(letter.isdigit() for letter in word)]
    start = next((at for at, word in enumerate(words) if word.lower() not in _LEADING), len(words))
    if start and words[start - 1].lower() in ("my", "our"):
        start -= 1
    phrase: list[str] = []
    for word in words[start : start + max_words]:
        if word.lower() in _STOPS:
            break
        phrase.append(word)
    while phrase and phrase[-1].lower() in _LEADING:
        phrase.pop()
    return " ".join(_SWAPS.get(word.lower(), word) for word in phrase)
