"""Calls and answers are booked together, and what was paid for is not lost."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from lucy.tools.calls.books import Books
from lucy.tools.store.answers import StoredAnswer
from lucy.tools.store.database import Store
from lucy.tools.store.ledger import Account, Bill
from lucy.tools.store.schema import answers, ledger

ACCOUNT = Account("w1", "s", "judge", "fake")


def read_outcomes(store: Store) -> list[str]:
    with store.read() as connection:
        return list(connection.execute(select(ledger.c.outcome).order_by(ledger.c.outcome)).scalars())


def count_answers(store: Store) -> int:
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(answers)).scalar_one()


def keep(books: Books, call: str, text: str = "a") -> None:
    books.keep(text, "fake", StoredAnswer(text, 1, 1, 0.5), call=call, bill=Bill(1, 1, 0.5))


def test_a_call_is_in_the_ledger_before_it_is_sent(store: Store) -> None:
    Books(store, ACCOUNT).begin()
    assert read_outcomes(store) == ["sent"]


def test_an_answer_is_written_when_the_next_call_begins(store: Store) -> None:
    books = Books(store, ACCOUNT)
    keep(books, books.begin())
    books.begin()
    assert (read_outcomes(store), count_answers(store)) == (["answered", "sent"], 1)


def test_an_answer_is_written_at_the_latest_on_demand(store: Store) -> None:
    books = Books(store, ACCOUNT)
    keep(books, books.begin())
    books.write()
    assert (read_outcomes(store), count_answers(store)) == (["answered"], 1)


def test_an_answer_that_is_there_is_replaced(store: Store) -> None:
    books = Books(store, ACCOUNT)
    for _ in range(2):
        keep(books, books.begin())
    books.write()
    assert count_answers(store) == 1


def test_a_call_that_never_arrived_is_taken_out(store: Store) -> None:
    books = Books(store, ACCOUNT)
    books.cancel(books.begin())
    books.end(books.begin(), "malformed", Bill())
    books.write()
    assert read_outcomes(store) == ["malformed"]


def test_what_was_noted_is_written_in_one_transaction(store: Store, monkeypatch) -> None:
    books = Books(store, ACCOUNT)
    calls = [books.begin() for _ in range(20)]
    sizes: list[int] = []
    execute = books._execute
    monkeypatch.setattr(books, "_execute", lambda page: (sizes.append(len(page.kept)), execute(page)))
    for call in calls:
        keep(books, call, call)
    books.write()
    assert (sizes, count_answers(store)) == ([20], 20)


def test_every_call_of_many_threads_is_booked_when_it_begins(store: Store) -> None:
    books = Books(store, ACCOUNT)

    def begin_and_look(_number: int) -> bool:
        call = books.begin()
        with store.read() as connection:
            return connection.execute(select(ledger.c.outcome).where(ledger.c.key == call)).scalar() == "sent"

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(begin_and_look, range(100)))
    assert len(read_outcomes(store)) == 100


def test_nothing_noted_is_no_transaction(store: Store, monkeypatch) -> None:
    books = Books(store, ACCOUNT)
    written: list[str] = []
    monkeypatch.setattr(store, "write", lambda: written.append("a transaction"))
    books.write()
    assert written == []


def test_a_fault_of_the_store_reaches_everyone_who_waits(store: Store, monkeypatch) -> None:
    books = Books(store, ACCOUNT)
    monkeypatch.setattr(books, "_execute", lambda _page: (_ for _ in ()).throw(OSError("the disk is full")))
    with pytest.raises(OSError, match="the disk is full"):
        books.begin()
    keep(books, "c")
    with pytest.raises(OSError, match="the disk is full"):
        books.write()


def test_an_interrupt_while_writing_loses_nothing(store: Store, monkeypatch) -> None:
    books = Books(store, ACCOUNT)
    keep(books, books.begin())
    execute, interrupts = books._execute, iter([KeyboardInterrupt()])

    def interrupt_after(page) -> None:
        execute(page)
        for one in interrupts:
            raise one

    monkeypatch.setattr(books, "_execute", interrupt_after)
    with pytest.raises(KeyboardInterrupt):
        books.write()
    assert (read_outcomes(store), count_answers(store)) == (["answered"], 1)
