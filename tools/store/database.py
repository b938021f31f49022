"""Open the store and hand out connections."""

import sqlite3
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DatabaseError

from lucy.errors import StoreError
from lucy.tools.store.schema import HEAD

MIGRATIONS = Path(__file__).with_name("migrations")
LOCK_WAIT = 30.0
"""Seconds to wait for another process that is writing."""


def tell_time() -> str:
    """Give the time now, ISO 8601 in UTC, to the microsecond (so that rows sort in order of writing)."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


class Store:
    """The database; safe to share between threads and between processes."""

    def __init__(self, home: Path) -> None:
        self.home = home
        _make_home(home)
        self._engine = _create_engine(home / "lucy.db")
        _migrate(self._engine)

    @contextmanager
    def read(self) -> Generator[Connection]:
        """Open a connection for reading."""
        with self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Generator[Connection]:
        """Open a transaction that is committed at the end, or rolled back on an exception."""
        with (
            self._engine.connect().execution_options(writing=True) as connection,
            connection.begin(),
        ):
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def _make_home(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
        probe = home / f".write-{time.time_ns()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise StoreError(
            f"The data folder {str(home)!r} cannot be written ({error.strerror}); "
            "make it writable or set LUCY_HOME to another folder."
        ) from error


def _create_engine(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": LOCK_WAIT})
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin)
    return engine


def _set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own transaction handling is switched off: it begins late and cannot begin immediately.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    # A writer takes the lock at once: upgrading a reader's lock later fails at once when another writes.
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _migrate(engine: Engine) -> None:
    try:
        with engine.connect() as connection:
            found = _read_revision(connection)
        if found == HEAD:
            return
        with engine.connect().execution_options(writing=True) as connection, connection.begin():
            if _read_revision(connection) != HEAD:  # another process may have been first
                _upgrade(connection)
    except DatabaseError as error:
        raise StoreError(
            f"The database in {engine.url.database!r} cannot be opened ({error.orig}); "
            "move the file away or set LUCY_HOME to another folder."
        ) from error


def _read_revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(connection: Connection) -> None:
    # Imported here: Alembic takes a third of a second and is needed once per database.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
