"""Keep the books of calls under way: the ledger and the answers, what comes together in one transaction."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any
from uuid import uuid4

from sqlalchemy import ClauseElement, bindparam, delete, update
from sqlalchemy.dialects.sqlite import dialect
from sqlalchemy.dialects.sqlite import insert as upsert

from lucy.errors import StoreError
from lucy.tools.store.answers import StoredAnswer
from lucy.tools.store.database import Store, tell_time
from lucy.tools.store.encoding import encode
from lucy.tools.store.ledger import Account, Bill, Outcome
from lucy.tools.store.schema import answers, ledger

_ADD = upsert(answers)


def _compile(statement: ClauseElement) -> str:
    return str(statement.compile(dialect=dialect(paramstyle="named")))


_BEGIN = _compile(upsert(ledger).on_conflict_do_nothing())
_END = _compile(
    update(ledger)
    .where(ledger.c.key == bindparam("call"))
    .values({name: bindparam(name) for name in ("outcome", "prompt_tokens", "completion_tokens", "cost")})
)
_CANCEL = _compile(delete(ledger).where(ledger.c.key == bindparam("call")))
_KEEP = _compile(
    _ADD.on_conflict_do_update(
        index_elements=["key"],
        set_={name: _ADD.excluded[name] for name in ("model", "body", "created_at")},
    )
)


@dataclass(slots=True)
class _Page:
    """What is written in one transaction, and what those who wait for it learn."""

    begun: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    ended: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    cancelled: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    kept: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    has_writer: bool = False
    written: Event = field(default_factory=Event)
    fault: Exception | None = None


class Books:
    """Book calls of one account and keep their answers; used by several threads at once.

    A call is in the ledger before it is sent. An answer and its bill are noted when it comes and written
    together, at the latest when the next call begins or `write` is called. While one thread writes, what the
    others note is gathered for the next transaction: a commit for each of 64 calls under way took more time
    than the calls.
    """

    def __init__(self, store: Store, account: Account) -> None:
        self._store = store
        self._account = account
        self._page = _Page()
        self._noting = Lock()
        self._writing = Lock()

    def begin(self) -> str:
        """Book a call that is about to be sent, and give its key; it is in the ledger when this returns.

        A call under way when the process is killed stays there as `sent`, with unknown cost.
        """
        key = uuid4().hex  # every call is a fact of its own, also when the same request is sent again
        row = {
            **self._account._asdict(),
            "key": key,
            "calls": 1,
            "prompt_tokens": 0,
            "completion_tokens": 0,
            "cost": None,
            "outcome": "sent",
            "created_at": tell_time(),
        }
        with self._noting:
            page = self._page
            page.begun.append(row)
        self._write(page)
        return key

    def end(self, call: str, outcome: Outcome, bill: Bill) -> None:
        """Note what became of a call."""
        row = {"call": call, "outcome": outcome, **bill._asdict()}
        with self._noting:
            self._page.ended.append(row)

    def cancel(self, call: str) -> None:
        """Note that a call never reached the server: it is taken out of the ledger."""
        with self._noting:
            self._page.cancelled.append({"call": call})

    def keep(self, address: str, model: str, answer: StoredAnswer, *, call: str, bill: Bill) -> None:
        """Note an answer and the call that gave it; both are written, or neither.

        An answer that is already there is replaced: it is asked for again only when it no longer fits.
        """
        row = {"key": address, "model": model, "body": encode(answer._asdict()), "created_at": tell_time()}
        ended = {"call": call, "outcome": "answered", **bill._asdict()}
        with self._noting:
            self._page.kept.append(row)
            self._page.ended.append(ended)

    def write(self) -> None:
        """Write what is noted; what others were writing is written as well when this returns."""
        with self._noting:
            page = self._page
        self._write(page)

    def _write(self, page: _Page) -> None:
        """See that a page is written: by this thread, where it is the first that wants it, else by that."""
        with self._noting:
            writes, page.has_writer = not page.has_writer, True
        if not writes:
            page.written.wait()
        else:
            try:
                self._close_page(page)
            except BaseException:  # Ctrl-C: what was paid for is written first, and twice does no harm
                self._close_page(page)
                raise
            finally:
                page.written.set()
        if page.fault is not None:
            raise page.fault

    def _close_page(self, page: _Page) -> None:
        """Write a page when its turn has come; until then others note on it too."""
        with self._writing:
            with self._noting:
                if self._page is page:
                    self._page = _Page()
            try:
                self._execute(page)
            except Exception as error:  # noqa: BLE001  # raised for every thread that waits for this page
                page.fault = error

    def _execute(self, page: _Page) -> None:
        statements = (
            (_BEGIN, page.begun),
            (_END, page.ended),
            (_CANCEL, page.cancelled),
            (_KEEP, page.kept),
        )
        if not any(rows for _, rows in statements):
            return
        try:
            self._run(statements)
        except sqlite3.Error as error:
            raise StoreError(
                f"The answers of the model cannot be written to {str(self._store.home)!r} ({error}); make "
                "room or make it writable, then go on: what was written is not asked again."
            ) from error

    def _run(self, statements: Iterable[tuple[str, list[dict[str, Any]]]]) -> None:
        with self._store.write() as connection:
            # By the driver: SQLAlchemy's own execution takes longer than SQLite's, and is done at every call.
            driver: Any = connection.connection.driver_connection
            for statement, rows in statements:
                if rows:
                    driver.executemany(statement, rows)
