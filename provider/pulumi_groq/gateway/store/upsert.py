"""Inserts that say what happens to a row that is there: a clause of its own in each database."""

from sqlalchemy import Dialect, Table
from sqlalchemy.dialects import postgresql, sqlite


def upsert(dialect: Dialect, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """An insert with `on_conflict_do_update` and `on_conflict_do_nothing`, for this kind of database."""
    return postgresql.insert(table) if dialect.name == "postgresql" else sqlite.insert(table)
