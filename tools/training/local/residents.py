"""Keep the models that answer in memory, as many as there is room for."""

import gc
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from lucy.tools.training.local.memory import ASK_FROM, FROZEN, find_memory
from lucy.tools.training.local.policy import LocalPolicy
from lucy.tools.training.local.weights import count_parameters

SHARE = 0.5
"""Part of the memory that models may take together; the rest is for answering, training and others."""


class Residents:
    """Models in memory by their folder, each once however many serve it; safe to share between threads.

    The one unused for longest makes room for another, and is loaded again when it is asked. What it does not
    do: take a model from a thread that answers with it, or leave room for one larger than the share.
    """

    def __init__(self) -> None:
        self._policies: OrderedDict[Path, LocalPolicy] = OrderedDict()
        self._sizes: dict[Path, int] = {}
        self._lock = Lock()

    def take(self, folder: Path, load: Callable[[Path], LocalPolicy]) -> LocalPolicy:
        """Give a folder's model, loaded; raises as `load`."""
        # One lock for all: of fifty first calls one loads, and two that load make room for each other.
        with self._lock:
            if folder not in self._policies:
                self._sizes[folder] = count_parameters(folder)
                self._make_room(folder)
                self._policies[folder] = load(folder)
            self._policies.move_to_end(folder)
            return self._policies[folder]

    def list_folders(self) -> list[Path]:
        """List what is in memory, the one unused for longest first."""
        with self._lock:
            return list(self._policies)

    def _make_room(self, folder: Path) -> None:
        left = len(self._policies)
        while self._policies and self._is_crowded(folder):
            self._policies.popitem(last=False)
        if len(self._policies) < left:
            # A model and its parts know each other: without this its memory stays taken.
            gc.collect()

    def _is_crowded(self, folder: Path) -> bool:
        total = sum(self._sizes[one] for one in (*self._policies, folder))
        return total > ASK_FROM and total * FROZEN > SHARE * find_memory().size


RESIDENTS = Residents()
"""Those of this process: a gateway and an application's own chat models share them."""
