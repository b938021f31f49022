"""Compare what a training needs with the memory of this machine."""

import os
from typing import NamedTuple

FULL = 16
"""Bytes a parameter when all weights are trained: weight, gradient and two moments of Adam, 4 bytes each."""
FROZEN = 4
"""Bytes a parameter beside which an adapter is trained; half of it on a GPU."""
ASK_FROM = 200_000_000
"""Smaller models fit everywhere, and asking for a GPU takes seconds."""


class Memory(NamedTuple):
    """Where a training would take place."""

    size: int
    """Bytes."""
    is_gpu: bool


def find_memory() -> Memory:
    """Find the memory of the GPU that would be used, else of the machine; imports torch."""
    import torch  # pyright: ignore[reportMissingImports]  # extra [local]

    if torch.cuda.is_available():
        return Memory(int(torch.cuda.get_device_properties(0).total_memory), True)
    return Memory(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), False)


def estimate_need(size: int, *, lora: bool, is_gpu: bool) -> int:
    """Estimate the bytes that weights and optimiser take at least; what the answers take comes on top."""
    if not lora:
        return size * FULL
    return size * FROZEN // (2 if is_gpu else 1)
