"""The revisions make exactly the tables that the code uses."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint

from pulumi_groq.gateway.store.errors import StoreOpenError
from pulumi_groq.gateway.store.row_copy import every_table
from pulumi_groq.gateway.store.schema import metadata
from pulumi_groq.gateway.store.store import Store


def test_the_migrated_store_is_what_the_tables_say(open_any: Callable[[], Store]) -> None:
    """Columns, keys and indexes; nothing is left to create by hand."""
    every_table()
    with open_any().read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_checks_are_in_the_migrated_store(open_database: Callable[[], Store], database: Path) -> None:
    """The comparison above does not see them."""
    open_database()
    with sqlite3.connect(database) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type='table'").fetchall()
    connection.close()
    created = dict(rows)
    wanted = {
        (table.name, str(constraint.name))
        for table in every_table()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }
    assert wanted
    assert {(table, name) for table, name in wanted if name not in created[table]} == set()


@pytest.mark.parametrize(
    ("revision", "remedy"),
    [
        ("0001", "give a new store"),
        ("r0004", "give a new store"),
        ("9999", "restore a backup"),
        ("2.0", "restore a backup"),
        ("2.7", "restore a backup"),
        ("1.1x", "restore a backup"),
    ],
)
def test_a_store_of_another_revision_is_refused_in_one_line(
    open_database: Callable[[], Store], database: Path, revision: str, remedy: str
) -> None:
    """Of a version that was never published, or of one that is not known: it is left as it is."""
    open_database().close()
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    connection.close()
    with pytest.raises(StoreOpenError, match=remedy) as refused:
        open_database()
    assert f"schema revision {revision}" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_migration_that_fails_leaves_nothing(open_database: Callable[[], Store], database: Path) -> None:
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
