"""What a version of the program that knows one schema cannot live with in a later one."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Inspector, inspect


def schema_of(connection: Connection) -> dict[str, dict[str, Any]]:
    """The tables of a database: their columns, and the constraints that writes must meet."""
    inspector: Inspector = inspect(connection)
    return {table: _table(inspector, table) for table in inspector.get_table_names()}


def _table(inspector: Inspector, table: str) -> dict[str, Any]:
    unique: list[Any] = [each["column_names"] for each in inspector.get_unique_constraints(table)]
    unique += [each["column_names"] for each in inspector.get_indexes(table) if each["unique"]]
    rules: list[tuple[str, list[Any]]] = [
        ("unique", unique),
        ("check", [each["sqltext"] for each in inspector.get_check_constraints(table)]),
        ("foreign key", [each["constrained_columns"] for each in inspector.get_foreign_keys(table)]),
    ]
    return {
        "columns": {each["name"]: each for each in inspector.get_columns(table)},
        "primary key": inspector.get_pk_constraint(table)["constrained_columns"],
        "rules": {f"{kind} {rule}" for kind, found in rules for rule in found},
    }


def breaking_changes(before: dict[str, Any], after: dict[str, Any]) -> Sequence[str]:
    """What is gone, was changed, or is asked of rows that the former version writes; nothing where a revision
    only adds.
    """
    broken = [f"{table} is gone" for table in sorted(set(before) - set(after))]
    for table in sorted(set(before) & set(after)):
        broken += _of_table(table, before[table], after[table])
    return broken


def _of_table(table: str, former: dict[str, Any], later: dict[str, Any]) -> list[str]:
    broken = []
    for name, column in former["columns"].items():
        now = later["columns"].get(name)
        if now is None:
            broken.append(f"{table}.{name} is gone")
        elif (str(now["type"]), now["nullable"]) != (str(column["type"]), column["nullable"]):
            broken.append(f"{table}.{name} was changed")
    for name in sorted(set(later["columns"]) - set(former["columns"])):
        column = later["columns"][name]
        if not column["nullable"] and column["default"] is None:
            broken.append(f"{table}.{name} has to be given")
    if former["primary key"] != later["primary key"]:
        broken.append(f"{table} has another primary key")
    return broken + [f"{table}: {rule} is new" for rule in sorted(later["rules"] - former["rules"])]
