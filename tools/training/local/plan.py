"""Decide the sizes of a training: what is in a step, how many steps, how fast it learns."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lucy.tools.training.local.options import LocalOptions
from lucy.tools.training.trainer import Method, Parameters

AUTO_BATCH = 8
"""Prompts, or replies, in one step."""
LORA_FROM = 1_000_000_000
"""Parameters from which on an adapter is trained: all weights would take 16 bytes each."""
CHECKPOINTING_FROM = 300_000_000
"""Parameters from which on a GPU computes activations twice instead of keeping them."""

_ROWS = ((30_000_000, 256), (300_000_000, 64), (2_000_000_000, 16))
"""Answers that a device takes at once, by largest number of parameters; 8 above that."""
_RATES: dict[Method, tuple[tuple[int, float], ...]] = {
    "rft": ((1_000_000, 1e-2), (10_000_000, 1e-3), (100_000_000, 1e-5)),
    "sft": ((1_000_000, 1e-2), (10_000_000, 1e-3), (100_000_000, 1e-4)),
}
"""Learning rate of Adam when all weights are trained, by largest number of parameters.

The first row is measured, on models of some ten thousand parameters; the others are what is customary."""
_LARGE_RATES: dict[Method, float] = {"rft": 1e-6, "sft": 2e-5}
"""TRL's own defaults."""
_LORA_RATES: dict[Method, float] = {"rft": 1e-5, "sft": 2e-4}
"""Ten times the rate for all weights (Schulman et al. 2025, "LoRA Without Regret")."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The sizes of one training.

    By construction they satisfy what TRL asks for: the answers of a step and of a device are whole groups,
    and a step is a whole number of devices' batches.
    """

    prompts: int
    """In one step, on all devices together."""
    group: int
    """Answers to each prompt; 1 for supervised training."""
    rows: int
    """Answers that one device takes at once, a multiple of `group`."""
    accumulation: int
    """Batches of `rows` that a device takes for one step."""
    steps: int
    rate: float
    """Learning rate."""
    lora: bool
    checkpointing: bool
    """Whether activations are computed twice, to save memory."""


def make_plan(
    method: Method,
    parameters: Parameters,
    options: LocalOptions,
    *,
    count: int,
    size: int,
    devices: int = 1,
    has_gpu: bool = False,
) -> Plan:
    """Decide the sizes of a training.

    Args:
        method: `rft` or `sft`.
        parameters: As the person set them.
        options: As the caller set them.
        count: Prompts, or replies, to train on; at least 1.
        size: Parameters of the model.
        devices: Processes that train together.
        has_gpu: Whether they have a GPU each.
    """
    group = parameters.group_size if method == "rft" else 1
    batch = min(AUTO_BATCH, count) if parameters.batch_size == "auto" else parameters.batch_size
    share = math.ceil(batch / devices)
    together = _find_divisor(share, max(1, int(_look_up(_ROWS, size, 8)) // group))
    lora = trains_adapter(size, options)
    rates = _LORA_RATES if lora else _LARGE_RATES
    auto = rates[method] if lora else _look_up(_RATES[method], size, rates[method])
    return Plan(
        prompts=share * devices,
        group=group,
        rows=together * group,
        accumulation=share // together,
        steps=math.ceil(count * parameters.epochs / (share * devices)),
        rate=auto if parameters.learning_rate == "auto" else parameters.learning_rate,
        lora=lora,
        checkpointing=has_gpu and size >= CHECKPOINTING_FROM,
    )


def trains_adapter(size: int, options: LocalOptions) -> bool:
    """Tell whether a low-rank adapter is trained instead of all weights."""
    return size >= LORA_FROM if options.lora == "auto" else options.lora


def order_all(count: int, plan: Plan, seed: int) -> list[int]:
    """Give the numbers of all prompts of a training in the order they are used.

    Each epoch is a permutation of its own; the last step is filled from one epoch more. One list for the
    whole training, so that a resumed one goes on where it was: TRL's own sampler begins its shuffling anew
    and leaves out what does not fill a step.
    """
    wanted = plan.steps * plan.prompts
    order: list[int] = []
    for epoch in range(math.ceil(wanted / count)):
        order.extend(np.random.default_rng([seed, epoch]).permutation(count).tolist())
    return order[:wanted]


def choose_longest(reply_lengths: Sequence[int], longest: int | Literal["auto"]) -> int:
    """Choose how many tokens an answer may have.

    Auto is 1.5 times what 95% of the recorded replies need, 16 to 1024; without any replies 256.
    """
    if longest != "auto":
        return longest
    if not reply_lengths:
        return 256
    need = float(np.percentile(np.asarray(reply_lengths), 95))
    return min(1024, max(16, math.ceil(1.5 * need)))


def _look_up(table: Sequence[tuple[int, float]], size: int, otherwise: float) -> float:
    return next((value for largest, value in table if size <= largest), otherwise)


def _find_divisor(number: int, largest: int) -> int:
    return next(one for one in range(min(number, largest), 0, -1) if number % one == 0)
