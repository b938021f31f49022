"""Read the parameters of a training in words, and check them."""

import re
from typing import Any

from pydantic import ValidationError

from lucy.errors import InputError
from lucy.tools.training.trainer import Parameters

DEFAULTS: dict[str, Any] = {
    "train_split": 0.9,
    "epochs": 2,
    "method": "rft",
    "batch_size": "auto",
    "learning_rate": "auto",
    "reasoning_effort": "default",
    "cost_limit": None,
}
"""Parameters that are proposed."""
PARAMETERS = ("epochs", "group_size", "batch_size", "learning_rate", "reasoning_effort", "cost_limit")

_NUMBER = r"-?\d+(?:\.\d+)?"
_EPOCHS = re.compile(
    rf"(?<![\w.-])({_NUMBER}|no|zero)\s*epochs?\b|\bepochs?\s*(?:=|to|:)?\s*({_NUMBER}|zero)\b"
)
_SPLIT = re.compile(r"\bsplit\s*(?:=|to|of|:)?\s*(-?\d*\.?\d+)\s*(%|per ?cent\b)?")
_PARTS = re.compile(r"(?<![\d/.])(\d{1,3})\s*/\s*(\d{1,3})(?![\d/])")
_GROUP = re.compile(r"\bgroups?\s*(?:size)?\s*(?:of|=|to|:)?\s*(\d{1,3})\b")
_BATCH = re.compile(r"\bbatch(?:es)?\s*(?:size)?\s*(?:of|=|to|:)?\s*(\d{1,4}|auto)\b")
_RATE = re.compile(r"\blearning rate\s*(?:of|=|to|:)?\s*(-?\d*\.?\d+(?:e-?\d+)?|auto)\b")


def check_parameters(plan: dict[str, Any]) -> None:
    """Check the parameters of a plan.

    Raises:
        InputError: names the first that is out of range.
    """
    epochs, share, group = (plan[name] for name in ("epochs", "train_split", "group_size"))
    if not all(_is_number(value) for value in (epochs, share, group)):
        raise InputError("Epochs, train split and group size must be numbers, such as 2, 0.9 and 8.")
    if not 1 <= epochs <= 50:
        raise InputError(f"The epochs must be 1 to 50, not {epochs}; 2 is the usual number.")
    if epochs != int(epochs):
        raise InputError(f"The epochs must be a whole number, not {epochs}; 2 is the usual number.")
    if not 0 < share < 1:
        raise InputError(f"The train split must lie between 0 and 1, not {share}; 0.9 is usual.")
    if not 2 <= group <= 64:
        raise InputError(f"The group size must be 2 to 64, not {group}; 8 is usual.")
    if plan.get("method", "rft") not in ("rft", "sft"):
        raise InputError(f"The method must be rft or sft, not {plan['method']!r}.")
    try:
        Parameters(**{name: plan[name] for name in PARAMETERS if plan.get(name) is not None})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0])
        expected = first["msg"].lower().removeprefix("input should be ")
        raise InputError(
            f"The {name.replace('_', ' ')} cannot be {plan[name]!r}; expected {expected}."
        ) from error


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def read_changes(text: str) -> dict[str, Any]:
    """Read parameters in words, such as "3 epochs", "80/20", "groups of 16", "limit $20", "supervised"."""
    said, changes = text.casefold(), dict[str, Any]()
    if epochs := _EPOCHS.search(said):
        changes["epochs"] = _read_count(epochs.group(1) or epochs.group(2))
    changes |= _read_split(said)
    if group := _GROUP.search(said):
        changes["group_size"] = int(group.group(1))
    if batch := _BATCH.search(said):
        changes["batch_size"] = "auto" if batch.group(1) == "auto" else int(batch.group(1))
    if rate := _RATE.search(said):
        changes["learning_rate"] = "auto" if rate.group(1) == "auto" else float(rate.group(1))
    changes |= _read_limit(said)
    if re.search(r"\bsupervised\b|\bsft\b", said):
        changes["method"] = "sft"
    elif re.search(r"\breinforce\w*\b|\brft\b|\bgrpo\b", said):
        changes["method"] = "rft"
    return changes


def _read_count(word: str) -> int | float:
    """Read a number as it was said: one that makes no sense is refused later, not rounded."""
    number = 0.0 if word in ("no", "zero") else float(word)
    return int(number) if number.is_integer() else number


def _read_split(said: str) -> dict[str, Any]:
    """Read the share for training: `split 0.8`, `split 80%`, `80/20`; "24/7" is none."""
    parts = _PARTS.search(said)
    if parts and int(parts.group(1)) + int(parts.group(2)) == 100:
        return {"train_split": int(parts.group(1)) / 100}
    split = _SPLIT.search(said)
    if split is None or (parts and parts.start() == split.start(1)):
        return {}
    return {"train_split": float(split.group(1)) / (100 if split.group(2) else 1)}


def _read_limit(said: str) -> dict[str, Any]:
    """Read a limit on money; "at most 3 epochs" is none."""
    if re.search(r"\b(?:no|without an?y?|remove the|lift the) (?:cost |money |spending )?limit\b", said):
        return {"cost_limit": None}
    amount = r"(\d[\d,]*(?:\.\d+)?)"
    named = re.search(rf"\b(?:limit|budget)\b[^\d]{{0,16}}{amount}", said)
    most = r"\b(?:at most|no more than|up to|not over|below)\s*"
    unit = r"\s*(?:\$|dollars?\b|usd\b)"
    dollars = re.search(rf"{most}(?:\$\s*{amount}|{amount}{unit})", said)
    found = next((one for hit in (named, dollars) if hit for one in hit.groups() if one), None)
    return {"cost_limit": float(found.replace(",", ""))} if found else {}
