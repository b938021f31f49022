"""Know enough of a message's language to change it without breaking it.

Word lists are English; `is_english` says whether they may be used. What they do not know is left as it is.
"""

import re
from collections.abc import Sequence

WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"')]*\s+(?=[^\s])|\n+")
_ABBREVIATION = re.compile(r"\b(?:Dr|Mr|Mrs|Ms|Prof|St|No|vs|approx|e\.g|i\.e)\.$", re.IGNORECASE)

_COMMON = frozenset(
    """a an the i you we it is are was am do does did can could would will my your our me to of for in on at and or
    not have has had what how when where why which with this that be please need want get from there""".split()
)

COURTESY = frozenset(
    """hi hello hey hiya greetings good morning afternoon evening day night dear team there folks everyone all sir madam
    thanks thank thx ty cheers you u very so much many again a lot for your the help assistance advance in please pls plz
    bye goodbye ok okay k great awesome perfect cool alright right fine nice wonderful excellent sounds good lovely
    no nope nah yes yeah yep yup sure that's thats that it's its is it be will everything nothing else i i'm im am
    done set just now then well oh ah um appreciate kind regards best have welcome later see take care
    and to me my at this time today moment was would think don't dont need anything more really too here works ya
    goodnight lifesaver lol haha god bless wow got gotcha understood noted kindly excuse pardon sorry bother""".split()
)
"""A message of nothing but these asks and tells nothing."""

GREETINGS = frozenset("hi hello hey hiya greetings dear".split())

FUNCTION_WORDS = (
    _COMMON
    | COURTESY
    | frozenset(
        """about after also any because been before being but by each few he her him his if into like may might more most
    must no now off only other out over own same shall she should some such than their them then these they those
    through under until up us were while who whom whose i'd i'll i've don't can't won't isn't didn't doesn't it'll
    you're you'd there's what's where's who's how's let let's one two make made give tell know see go going back""".split()
    )
)
"""Words too general to tie a message to one conversation."""

_TROUBLE = re.compile(
    r"\b(?:problem|issue|broken?|broke|wrong|lost|stolen|stole|fraud\w*|error|fail\w*|declined|missing|stuck|late|"
    r"overdue|charged twice|cancel+ed|damaged|crack\w*|leak\w*|scam\w*|locked|blocked|not work\w*|doesn['’]?t work|"
    r"won['’]?t|can['’]?t|never (?:came|arrived)|unacceptable|emergency|urgent|hurt\w*|sick|pain)\b",
    re.IGNORECASE,
)


def find_words(text: str) -> list[str]:
    """List the lower-case words of a text, in order; a straight apostrophe stands for a curly one."""
    return [word.lower().replace("’", "'") for word in WORD.findall(text)]


def find_content_words(text: str) -> set[str]:
    """Give the words that tie a text to its subject."""
    return {word for word in find_words(text) if word not in FUNCTION_WORDS}


def split_sentences(text: str) -> list[str]:
    """Split a text at sentence ends and line breaks; titles such as `Dr.` do not end a sentence."""
    sentences: list[str] = []
    for piece in _SENTENCE_END.split(text.strip()):
        if sentences and _ABBREVIATION.search(sentences[-1]):
            sentences[-1] = f"{sentences[-1]} {piece}"
        elif piece and piece.strip():
            sentences.append(piece.strip())
    return sentences


def is_courtesy(text: str) -> bool:
    """Tell whether a text neither asks nor tells anything: a greeting, thanks, "no, that's all"."""
    words = find_words(text)
    return not words or ("?" not in text and len(words) <= 14 and all(word in COURTESY for word in words))


def is_trouble(text: str) -> bool:
    """Tell whether a text reports that something went wrong, by an English word list."""
    return _TROUBLE.search(text) is not None


def is_question(text: str) -> bool:
    """Tell whether a text asks something."""
    first = (find_words(text) or [""])[0]
    return "?" in text or first in {
        *("what", "what's", "whats", "how", "when", "where", "where's", "why", "which", "who", "is", "are"),
        *("do", "does", "did", "can", "could", "may", "will", "would", "should", "has", "have"),
    }


def is_english(texts: Sequence[str]) -> bool:
    """Tell whether most texts of four words or more use common English words."""
    longer = [words for words in map(find_words, texts) if len(words) > 3] or [find_words(" ".join(texts))]
    return sum(sum(word in _COMMON for word in words) >= 0.15 * len(words) for words in longer) > 0.6 * len(
        longer
    )


def lower_first(text: str) -> str:
    """Begin a text in lower case, unless its first word is `I`, an acronym or a name-like word."""
    first = text.split(" ", 1)[0]
    is_fixed = first.rstrip(",.") == "I" or first.startswith(("I'", "I’")) or first[1:].lower() != first[1:]
    known = first.lower().strip(",.!?") in FUNCTION_WORDS
    return text if is_fixed or not known else text[:1].lower() + text[1:]


def upper_first(text: str) -> str:
    """Begin a text with a capital."""
    return text[:1].upper() + text[1:]
