import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from lucy.tools.batching import Batcher


class Work:
    """Doubles numbers; the first batch waits until `gate` is opened."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun = threading.Event()
        self.gate = threading.Event()

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        self.begun.set()
        assert self.gate.wait(30)
        if 13 in items:
            raise ValueError("thirteen")
        return [2 * item for item in items]


def run_behind_one(work: Work, batcher: Batcher[int, int], items: list[int]) -> list[object]:
    """Let one piece be under way while others come, then open the gate; give the others' results."""

    def do(item: int) -> object:
        try:
            return batcher.do(item)
        except ValueError as error:
            return str(error)

    with ThreadPoolExecutor(len(items) + 1) as pool:
        first = pool.submit(do, 0)
        assert work.begun.wait(30)
        futures = [pool.submit(do, item) for item in items]
        while len(batcher._waiting) < len(items):
            pass
        work.gate.set()
        assert first.result(30) == 0
        return [future.result(30) for future in futures]


def test_what_comes_alone_is_done_at_once() -> None:
    work = Work()
    work.gate.set()
    assert Batcher(work).do(4) == 8
    assert work.batches == [[4]]


def test_what_comes_meanwhile_is_done_together_and_each_gets_its_own_result() -> None:
    work = Work()
    assert run_behind_one(work, Batcher(work), list(range(1, 9))) == [2 * item for item in range(1, 9)]
    assert [sorted(batch) for batch in work.batches] == [[0], list(range(1, 9))]


def test_a_batch_has_a_largest_size() -> None:
    work = Work()
    assert run_behind_one(work, Batcher(work, largest=3), list(range(1, 9))) == [2, 4, 6, 8, 10, 12, 14, 16]
    assert [len(batch) for batch in work.batches] == [1, 3, 3, 2]


def test_a_batch_that_fails_fails_for_all_in_it_and_the_next_is_done() -> None:
    work = Work()
    batcher = Batcher(work)
    assert run_behind_one(work, batcher, [12, 13]) == ["thirteen", "thirteen"]
    assert batcher.do(5) == 10


def test_the_exception_of_a_piece_alone_is_its_own() -> None:
    work = Work()
    work.gate.set()
    with pytest.raises(ValueError, match="thirteen"):
        Batcher(work).do(13)
