from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from lucy.errors import StoreError
from lucy.tools.store.database import MIGRATIONS, Store
from lucy.tools.store.deployments import find_deployment
from lucy.tools.store.schema import HEAD, metadata
from lucy.tools.store.usage import summarize_usage


def test_migrations_make_exactly_the_tables_of_the_schema(home: Path) -> None:
    store = Store(home)
    with store.read() as connection:
        difference = compare_metadata(MigrationContext.configure(connection), metadata)
    store.close()
    assert difference == []


def test_the_newest_migration_is_the_one_that_the_schema_names() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == HEAD


def test_a_database_can_be_opened_twice(home: Path) -> None:
    first, second = Store(home), Store(home)
    with first.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO datasets (id, name, source, report, created_at) VALUES ('d', 'n', 's', '{}', 't')"
        )
    with second.read() as connection:
        assert connection.exec_driver_sql("SELECT id FROM datasets").scalar() == "d"
    first.close()
    second.close()


def break_in_the_middle(store: Store) -> None:
    with store.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO datasets (id, name, source, report, created_at) VALUES ('d', 'n', 's', '{}', 't')"
        )
        raise RuntimeError


def test_a_failed_transaction_leaves_nothing_behind(home: Path) -> None:
    store = Store(home)
    with pytest.raises(RuntimeError):
        break_in_the_middle(store)
    with store.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM datasets").scalar() == 0
    store.close()


def test_a_home_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match=r"cannot be written.*LUCY_HOME"):
        Store(tmp_path / "file")


def test_a_file_that_is_no_database_is_one_sentence(home: Path) -> None:
    home.mkdir()
    (home / "lucy.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match="cannot be opened"):
        Store(home)


def test_a_database_of_the_version_before_keeps_its_rows(home: Path) -> None:
    home.mkdir()
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(f"sqlite:///{home / 'lucy.db'}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        connection.exec_driver_sql(
            "INSERT INTO deployments VALUES ('support', 1, 'new_endpoint', 'm', 1, 'k', '2026-01-01')"
        )
        connection.exec_driver_sql(
            "INSERT INTO usage VALUES (1, 'm', 1, 'support', 'chat', 10, 5, 0.0, 20.0, NULL, '2026-01-01')"
        )
    engine.dispose()
    store = Store(home)
    assert find_deployment(store, "support").is_test is False
    assert summarize_usage(store, "m").total.calls == 1
    store.close()
