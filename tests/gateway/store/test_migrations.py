"""The revisions make exactly the tables that the code uses."""

import sqlite3

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint

from pulumi_groq.gateway.metering import ledger_store  # noqa: F401 (adds its tables)
from pulumi_groq.gateway.store.errors import StoreOpenError
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
