"""Understand the words that mean the same at every step, by rules: yes, stop, go back, a question.

A step's own commands ("add a topic", "generate 30 more") are read by the step itself, before these. Rules
know English only; a language model would understand more ways of saying the same.
"""

import re

from lucy.graph.state import STEPS, Choice, Intent, Proposal, StepName

APPROVE = re.compile(
    r"^\W*(yes|yep|yeah|yup|sure|ok|okay|k|please do|go ahead|go for it|do it|do that|agreed?|approved?|"
    r"accept(ed)?|correct|right|exactly|perfect|great|good|fine|nice|excellent|absolutely|definitely|"
    r"sounds (good|great|fine|right)|(it |this |that )?looks? (good|great|fine|right|ok)|"
    r"those look (good|great|fine)|let'?s (do it|do that|go|start|begin|proceed|continue|deploy|train)|"
    r"proceed|continue|carry on|go on|start|begin|use (it|this|that|these|them)|as[ -]is|ready|"
    r"works for me|makes sense|i'?m happy with)\b",
    re.IGNORECASE,
)
NEGATED = re.compile(r"\b(not|no|don'?t|do not|never|isn'?t|doesn'?t|wait|hold on|but)\b", re.IGNORECASE)
DECLINE = re.compile(r"^\W*(no|nope|nah|not really|i don'?t (like|want)|don'?t|do not)\b", re.IGNORECASE)
STOP = re.compile(
    r"^\W*(stop|pause|quit|exit|enough|later|not now|bye|goodbye|leave it|that'?s (all|it) for now)\b",
    re.IGNORECASE,
)
QUESTION = re.compile(
    r"(\?\s*$)|^\W*(what|why|how|when|where|who|which|(can|could) you (explain|tell|show)|"
    r"show|explain|tell me|is it|is there|are there|are you|do you|does|will|would|list)\b",
    re.IGNORECASE,
)
JUMP = re.compile(
    r"\b(go|jump|move|take me|get|come|skip|advance|switch|head)\b.{0,12}\b(back|ahead|on|over|to)\b|"
    r"\b(back to|return to|re-?open|revisit|redo|start over (with|from))\b",
    re.IGNORECASE,
)
STEP_WORDS: dict[StepName, str] = {
    "topics_config": r"\b(topics?|hierarchy|tree|structure)\b",
    "categorize": r"\b(categor\w+|assign\w+|classif\w+)\b",
    "coverage_generation": r"\b(coverage|balance|generat\w+|synthetic)\b",
    "grader_config": r"\b(grader|criteria|grading|rubric|evaluat\w+)\b",
    "dry_run": r"\b(dry[ -]?run|validation run)\b",
    "training": r"\b(train\w*|fine-?tun\w+)\b",
    "deployment": r"\b(deploy\w*)\b",
}


def find_choice(text: str, pending: Proposal) -> Choice | None:
    """Find the choice that a text names: its label, its id or its number."""
    said = _plain(text)
    for number, choice in enumerate(pending["choices"], 1):
        if said in (_plain(choice["label"]), choice["id"], str(number)):
            return choice
    return None


def _plain(text: str) -> str:
    return re.sub(r"[^\w ]+", "", text).strip().casefold()


def find_jump(text: str) -> StepName | None:
    """Find the step that a text asks to go to."""
    if not JUMP.search(text):
        return None
    found: list[StepName] = [step for step in STEPS if re.search(STEP_WORDS[step], text, re.IGNORECASE)]
    return found[0] if found else None


def approves(text: str) -> bool:
    """Tell whether a text says yes and nothing that takes it back."""
    return bool(APPROVE.search(text)) and not NEGATED.search(text) and not text.rstrip().endswith("?")


def declines(text: str) -> bool:
    """Tell whether a text says no."""
    return bool(DECLINE.search(text))


def asks(text: str) -> bool:
    """Tell whether a text is a question."""
    return bool(QUESTION.search(text))


def stops(text: str) -> bool:
    """Tell whether a text asks to leave it here."""
    return bool(STOP.search(text))


def make_intent(choice: Choice, text: str) -> Intent:
    """Give the intent that a choice stands for."""
    intent = Intent(kind=choice["kind"], text=text, changes=choice.get("changes", {}))
    if "step" in choice:
        intent["step"] = choice["step"]
    return intent
