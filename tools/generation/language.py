"""Know enough of a message's language to change it without breaking it.

Word lists are English; `is_english` says whether they may be used. What they do not know is left as it is.
"""

import re
from collections.abc import Callable, Sequence

WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|(?<=[.!?…][\"')\u201d])\s+(?![a-z])|\s*\n\s*")
_ABBREVIATION = re.compile(r"\b(?:Dr|Mr|Mrs|Ms|Prof|St|No|vs|approx|e\.g|i\.e)\.$", re.IGNORECASE)


def list_words(text: str) -> frozenset[str]:
    """Read a word list written as running text."""
    return frozenset(text.split())


_COMMON = list_words(
    """a an the i you we it is are was am do does did can could would will my your our me to of for in on
        at and or not have has had what how when where why which with this that be please need want
        get from there"""
)

COURTESY = list_words(
    """hi hello hey hiya greetings good morning afternoon evening day night dear team there folks everyone
        all sir madam thanks thank thx ty cheers you u very so much many again a lot for your the
        help assistance advance in please pls plz bye goodbye ok okay k great awesome perfect cool
        alright right fine nice wonderful excellent sounds good lovely no nope nah yes yeah yep yup
        sure that's thats that it's its is it be will everything nothing else i i'm im am done set
        just now then well oh ah um appreciate kind regards best have welcome later see take care
        and to me my at this time today moment was would think don't dont need anything more really
        too here works ya goodnight lifesaver lol haha god bless wow got gotcha understood noted
        kindly excuse pardon sorry bother"""
)
"""A message of nothing but these asks and tells nothing."""

GREETINGS = list_words("hi hello hey hiya greetings dear")

FUNCTION_WORDS = (
    _COMMON
    | COURTESY
    | list_words(
        """about after also any because been before being but by each few he her him his if into like may
        might more most must no now off only other out over own same shall she should some such than their
        them then these they those through under until up us were while who whom whose i'd i'll i've
        don't can't won't isn't didn't doesn't it'll you're you'd there's what's where's who's how's
        let let's one two make made give tell know see go going back"""
    )
)
"""Words too general to tie a message to one conversation."""

_TROUBLE = re.compile(
    r"\b(?:problem|issue|broken?|broke|wrong|lost|stolen|stole|fraud\w*|error|fail\w*|declined|missing|stuck"
    r"|late|overdue|charged twice|cancel+ed|damaged|crack\w*|leak\w*|scam\w*|locked|blocked|not work\w*"
    r"|doesn['\u2019]?t work|won['\u2019]?t|can['\u2019]?t|never (?:came|arrived)|unacceptable|emergency"
    r"|urgent|hurt\w*|sick|pain)\b",
    re.IGNORECASE,
)
_STRUCTURE = re.compile(
    r"```|</?[a-zA-Z!]|&#\d|^\s*(?:def|class|import|from|SELECT|function|var|const|public) \w|[;{}]\s*$"
    r"|^[A-Z][\w ()]{1,30}:(?:\s|$)|:\s*$|^ {4,}\S",
    re.MULTILINE,
)
_PARTING = re.compile(
    r"\b(?:thanks?|thx|appreciate|(?:good ?)?bye|good ?night|never ?mind|have a (?:good|nice|great)"
    r"|that['\u2019]?s (?:all|it)|that (?:is|was|will be) (?:all|it)|no worries|i guess not|all set"
    r"|forget it)\b",
    re.IGNORECASE,
)
_WANTS = re.compile(
    r"^\W*(?:yes|yeah|yep|sure|please)\b|\b(?:can|could|would) you\b"
    r"|\bi (?:still |also |really )?(?:need|want|would like)\b|\bi['\u2019]d like\b"
    r"|\bmy (?:name|account|order|number|email)\b|\bplease (?!thanks)\w+",
    re.IGNORECASE,
)


def find_words(text: str) -> list[str]:
    """List the lower-case words of a text, in order; a straight apostrophe stands for a curly one."""
    return [word.lower().replace("\u2019", "'") for word in WORD.findall(text)]


def find_content_words(text: str) -> set[str]:
    """Give the words that tie a text to its subject."""
    return {word for word in find_words(text) if word not in FUNCTION_WORDS}


def find_sentences(text: str) -> list[tuple[int, int]]:
    """Give the (start, end) of a text's sentences; line breaks end one, titles such as `Dr.` do not."""
    spans: list[tuple[int, int]] = []
    start = len(text) - len(text.lstrip())
    for hit in _SENTENCE_END.finditer(text):
        if start < hit.start() and not _ABBREVIATION.search(text[start : hit.start()]):
            spans.append((start, hit.start()))
            start = hit.end()
    end = len(text.rstrip())
    return [*spans, (start, end)] if start < end else spans


def split_sentences(text: str) -> list[str]:
    """Split a text into its sentences, see `find_sentences`."""
    return [text[start:end] for start, end in find_sentences(text)]


def map_sentences(text: str, change: Callable[[str], str]) -> str:
    """Change each sentence of a text where it stands; what is between sentences stays."""
    for start, end in reversed(find_sentences(text)):
        text = text[:start] + change(text[start:end]) + text[end:]
    return text


def is_courtesy(text: str) -> bool:
    """Tell whether a text neither asks nor tells anything: a greeting, thanks, "no, that's all"."""
    words = find_words(text)
    return not words or ("?" not in text and len(words) <= 14 and all(word in COURTESY for word in words))


def is_parting(text: str) -> bool:
    """Tell whether a message ends a conversation: it thanks or says goodbye and asks for nothing."""
    return "?" not in text and _PARTING.search(text) is not None and _WANTS.search(text) is None


def is_structured(text: str) -> bool:
    """Tell whether a text is code, markup, a form or a prompt template: words put around it would not fit."""
    return _STRUCTURE.search(text) is not None


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


def lower_first(text: str, common: frozenset[str] = frozenset()) -> str:
    """Begin a text in lower case, unless its first word may be a name.

    Args:
        text: A sentence.
        common: Words known to be written in lower case, beside the function words.
    """
    word = (WORD.match(text) or [""])[0]
    is_fixed = word == "I" or word.startswith(("I'", "I\u2019")) or word[1:].lower() != word[1:]
    is_known = word.lower() in FUNCTION_WORDS or word.lower() in common
    follows_name = re.match(r"\S+ (?!I\b)[A-Z]", text) is not None
    return text if is_fixed or follows_name or not is_known else text[:1].lower() + text[1:]


def upper_first(text: str) -> str:
    """Begin a text with a capital."""
    return text[:1].upper() + text[1:]
