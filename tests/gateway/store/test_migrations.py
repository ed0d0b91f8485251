"""The revisions make exactly the tables that the code uses."""

import sqlite3
from datetime import UTC, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, create_engine, select

from pulumi_groq.gateway.store import change_log, ledger_schema  # noqa: F401 (they add their tables)
from pulumi_groq.gateway.store.errors import StoreOpenError
from pulumi_groq.gateway.store.migrate import migrate
from pulumi_groq.gateway.store.schema import metadata


def test_the_migrated_store_is_what_the_tables_say(open_database) -> None:
    """Columns, keys and indexes; nothing is left to create by hand."""
    with open_database().read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_checks_are_in_the_migrated_store(open_database, database) -> None:
    """The comparison above does not see them."""
    open_database()
    with sqlite3.connect(database) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type='table'").fetchall()
    connection.close()
    created = dict(rows)
    wanted = {
        (table.name, str(constraint.name))
        for table in metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }
    assert wanted
    assert {(table, name) for table, name in wanted if name not in created[table]} == set()


def test_rows_of_the_ledger_keep_their_times(open_database, database) -> None:
    """r0004 makes the table anew: no row is lost, and none moves by a microsecond."""
    engine = create_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        migrate(connection, "r0003")
        connection.exec_driver_sql(
            "INSERT INTO ledger VALUES ('req_1','key_1','key_1',NULL,'m','settled',200,1,0,2,7,"
            "'2026-11-23 12:00:00.000123','2026-12-31 23:59:59.999999')"
        )
    engine.dispose()
    with open_database().read() as connection:
        row = connection.execute(select(ledger_schema.ledger)).one()

    started = datetime(2026, 11, 23, 12, tzinfo=UTC)
    settled = datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert (row.request_id, row.team, row.cost_micro_usd) == ("req_1", None, 7)
    assert row.started_us == int(started.timestamp()) * 1_000_000 + 123
    assert row.settled_us == int(settled.timestamp()) * 1_000_000 + 999_999


def test_a_migration_that_fails_leaves_nothing(open_database, database) -> None:
    """All revisions are one transaction: a store is never half-migrated."""
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE idempotency (mine TEXT)")
    connection.close()
    with pytest.raises(StoreOpenError):
        open_database()
    with sqlite3.connect(database) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")}
    connection.close()
    assert tables == {"idempotency"}
