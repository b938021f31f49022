import asyncio
import threading
from collections.abc import Sequence

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


async def run_behind_one(work: Work, batcher: Batcher[int, int], items: Sequence[int]) -> list[object]:
    """Let one piece be under way while others come, then open the gate; give the others' results."""
    first = asyncio.create_task(batcher.do(0))
    assert await asyncio.to_thread(work.begun.wait, 30)
    others = [asyncio.create_task(batcher.do(item)) for item in items]
    await asyncio.sleep(0)  # one round of the loop: every piece is handed in
    work.gate.set()
    assert await first == 0
    found = await asyncio.gather(*others, return_exceptions=True)
    return [str(one) if isinstance(one, Exception) else one for one in found]


def test_what_comes_alone_is_done_at_once() -> None:
    work = Work()
    work.gate.set()
    assert asyncio.run(Batcher(work).do(4)) == 8
    assert work.batches == [[4]]


def test_what_comes_meanwhile_is_done_together_and_each_gets_its_own_result() -> None:
    work = Work()
    results = asyncio.run(run_behind_one(work, Batcher(work), range(1, 9)))
    assert results == [2 * item for item in range(1, 9)]
    assert work.batches == [[0], list(range(1, 9))]


def test_a_batch_has_a_largest_size() -> None:
    work = Work()
    results = asyncio.run(run_behind_one(work, Batcher(work, largest=3), range(1, 9)))
    assert results == [2, 4, 6, 8, 10, 12, 14, 16]
    assert [len(batch) for batch in work.batches] == [1, 3, 3, 2]


def test_a_batch_that_fails_fails_for_all_in_it_and_the_next_is_done() -> None:
    async def fail_then_go_on() -> tuple[list[object], int]:
        return await run_behind_one(work, batcher, [12, 13]), await batcher.do(5)

    work = Work()
    batcher = Batcher(work)
    assert asyncio.run(fail_then_go_on()) == (["thirteen", "thirteen"], 10)


def test_the_exception_of_a_piece_alone_is_its_own() -> None:
    work = Work()
    work.gate.set()
    with pytest.raises(ValueError, match="thirteen"):
        asyncio.run(Batcher(work).do(13))


def test_who_goes_away_disturbs_no_one() -> None:
    async def leave_in_the_middle() -> int:
        leaver = asyncio.create_task(batcher.do(1))
        assert await asyncio.to_thread(work.begun.wait, 30)
        stayer = asyncio.create_task(batcher.do(2))
        leaver.cancel()
        work.gate.set()
        return await stayer

    work = Work()
    batcher = Batcher(work)
    assert asyncio.run(leave_in_the_middle()) == 4
    assert work.batches == [[1], [2]]


def test_another_event_loop_may_ask_later() -> None:
    work = Work()
    work.gate.set()
    batcher = Batcher(work)
    assert [asyncio.run(batcher.do(item)) for item in (1, 2, 3)] == [2, 4, 6]
