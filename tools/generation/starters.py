"""Give example requests for a topic of which only the description is known.

For the leaves of the topic templates they are written by hand (`starters.toml`). For any other topic they are
frames around its name, description and keywords. Both are plain: a handful of requests a topic, varied in
their values and parts, that name what such a topic is usually about and nothing of the person's own business.
They start a dataset; they do not replace records.
"""

import random
import re
import tomllib
from collections.abc import Collection
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter

from lucy.tools.generation.language import WORD, find_words, list_words
from lucy.tools.vocabulary import Topic

_CHOICE = re.compile(r"\{([^{}]+)\}")
_ACTIONS = list_words(
    """add ask book buy cancel change check choose close compare compute convert create delete draft edit
    exchange explain export file find fix install make modify move open order pay plan post redeem refund
    remove rename renew rent repair replace report request reserve reset return review schedule search sell
    send share sort start stop switch track transfer translate unlock unsubscribe update upgrade use verify
    withdraw write rsvp"""
)
_WITH_PREPOSITION = {"search": "search for", "ask": "ask about", "rsvp": "rsvp to", "pay": "pay for"}
_PERSON = re.compile(
    r"(?:the|a) (?:customer|user|shopper|person|client|student|patient|caller|guest|traveller|buyer)"
    r" (\w+) (.+?)\.?$",
    re.IGNORECASE,
)
_VERBS = {"has": "have", "is": "am", "does": "do", "cannot": "cannot", "asks": "would like to know"}
_MINE = (
    (r"\b(?:their|his|her)\b", "my"),
    (r"\bthey\b", "I"),
    (r"\bthemselves\b", "myself"),
    (r"\bor has\b", "or have"),
    (r"\band has\b", "and have"),
    (r"\bor is\b", "or am"),
)
_LEADS = (
    (r"questions? (?:about|on)\b", "I have a question about{}."),
    (r"requests? (?:to|for)\b", "I'd like to ask about{}."),
    (r"(?:problems?|trouble|issues?) with\b", "I have a problem with{}."),
    (r"(?:asking|looking) for\b", "I'm looking for{}."),
)
_ASKING = re.compile(r"(?:what|when|where|which|who|how|why|whether)\b", re.IGNORECASE)
_ACTION_FRAMES = (
    "I'd like to {}.",
    "How do I {}?",
    "Can you help me {}?",
    "What do I need if I want to {}?",
    "I tried to {} {yesterday|twice} and it did not work. What went wrong?",
    "How long does it take to {}?",
    "Is it possible to {} {today|online|without an account}?",
    "What does it cost to {}?",
    "I have never done this before: how can I {}?",
    "Who do I talk to if I want to {}?",
)
_SUBJECT_FRAMES = (
    "I have a question about {}.",
    "I need some help with {}.",
    "What should I know about {} before I start?",
    "Can you tell me more about {}?",
    "Something is not clear to me about {}. Can you explain it?",
    "Who can help me with {} {today|this week}?",
    "I'm having trouble with {}. What can I do?",
    "Could you give me an example for {}?",
    "What are my options when it comes to {}?",
    "I read something about {} and would like to know how that works for me.",
)
_KEYWORD_FRAMES = ("It has to do with {}.", "It's about {}.", "I mean mainly {}.", "For example {}.")
_KEYWORD_SHARE = 0.6


@cache
def _read_starters() -> dict[str, dict[str, tuple[str, ...]]]:
    """Read the library: template, folded name of the leaf, requests."""
    text = Path(__file__).with_name("starters.toml").read_text(encoding="utf-8")
    library = TypeAdapter(dict[str, dict[str, tuple[str, ...]]]).validate_python(tomllib.loads(text))
    return {
        template: {_fold(name): requests for name, requests in leaves.items()}
        for template, leaves in library.items()
    }


def find_starters(name: str, leaf_names: Collection[str]) -> tuple[str, ...]:
    """Give the requests written for a leaf of the templates; none for any other name.

    Args:
        name: The topic's name; case and punctuation do not matter.
        leaf_names: Names of the tree's leaves: where two templates have a leaf of this name, the template
            that shares more of these is taken.
    """
    wanted, present = _fold(name), {_fold(other) for other in leaf_names}
    having = [leaves for leaves in _read_starters().values() if wanted in leaves]
    return max(having, key=lambda leaves: len(present & leaves.keys()))[wanted] if having else ()


@cache
def list_common_words() -> frozenset[str]:
    """Give the words that the library writes in lower case: they may lose a capital."""
    texts = (text for leaves in _read_starters().values() for many in leaves.values() for text in many)
    return frozenset(word for text in texts for word in WORD.findall(text) if word.islower())


def _fold(name: str) -> str:
    return " ".join(find_words(name.replace("_", " ").replace("&", " and ")))


def fill_choices(text: str, rng: random.Random) -> str:
    """Choose one part of each `{a|b}`."""
    return _CHOICE.sub(lambda hit: rng.choice(hit[1].split("|")), text)


def list_frames(topic: Topic) -> list[str]:
    """Build requests from what is said of a topic; `{a|b}` stands for one of its parts."""
    told = read_description(topic.description)
    action = read_action(topic.name)
    frames = _ACTION_FRAMES if action else _SUBJECT_FRAMES
    subject = action or write_subject(topic.name)
    return [*([told] if told else []), *(frame.replace("{}", subject) for frame in frames)]


def draw_keyword(topic: Topic, rng: random.Random) -> str:
    """Draw a sentence that names a keyword or two; often none."""
    said = set(find_words(topic.name.replace("_", " ")))
    useful = [
        word
        for word in topic.keywords
        if said.isdisjoint(find_words(word)) and not word.endswith(("ed", "ing", "n't")) and len(word) > 3
    ]
    if not useful or rng.random() > _KEYWORD_SHARE:
        return ""
    chosen = rng.sample(useful, min(len(useful), rng.randint(1, 2)))
    return rng.choice(_KEYWORD_FRAMES).format(" and ".join(chosen))


def write_subject(name: str) -> str:
    """Write a topic's name as it stands inside a sentence."""
    words = name.replace("_", " ").replace("&", "and").split()
    return " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in words)


def read_action(name: str) -> str:
    """Read a name such as `cancel order` or `hotel_book` as something to do; empty when it names a thing."""
    words = write_subject(name).split()
    if len(words) < 2:
        return ""
    if words[0] in _ACTIONS:
        verb, rest = words[0], words[1:]
    elif words[-1] in _ACTIONS:
        verb, rest = words[-1], words[:-1]
    else:
        return ""
    return f"{_WITH_PREPOSITION.get(verb, verb)} {_add_article(rest)}"


def _add_article(words: list[str]) -> str:
    phrase = " ".join(words)
    if words[0] in {"a", "an", "the", "my", "your", "to", "up", "for", "from"} or words[-1].endswith("s"):
        return phrase
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def read_description(description: str) -> str:
    """Turn a description of a topic into a request of one person; empty when it has no known form."""
    text = " ".join(description.split()).strip()
    if not text or "." in text[:-1]:
        return ""
    hit = _PERSON.match(text)
    if hit is not None:
        return _speak_for(hit[1].lower(), hit[2])
    body = text.rstrip(".")
    for lead, frame in _LEADS:
        found = re.match(lead, body, re.IGNORECASE)
        if found is not None:
            return frame.format(body[found.end() :])
    if _ASKING.match(body):
        return f"Can you tell me {body[0].lower()}{body[1:]}?"
    return ""


def _speak_for(verb: str, rest: str) -> str:
    """Say in the first person what a description says of the customer."""
    for pattern, mine in _MINE:
        rest = re.sub(pattern, mine, rest)
    if verb == "asks" and rest.startswith(("for ", "about ")):
        return f"I'd like to ask {rest}."
    own = _VERBS.get(verb) or (verb[:-1] if verb.endswith("s") else verb)
    return f"I {own} {rest}."
