"""Hold what the local trainer decides by itself and a caller may decide otherwise."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """Choices of the local trainer beside the training's parameters."""

    longest: int | Literal["auto"] = "auto"
    """Tokens of an answer at most, 1 or more; auto: one and a half times what nearly all replies need."""
    lora: bool | Literal["auto"] = "auto"
    """Train a low-rank adapter instead of all weights; auto: from a billion parameters on."""
    save_seconds: float = 10.0
    """Seconds between two checkpoints at least; what a kill can lose. 0 saves after every step."""
