"""Stores with rows in every table, of every kind of value that a column can hold."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, Integer, LargeBinary, String, insert, select

from pulumi_groq.gateway.store.column_types import (
    DeclaredBudgets,
    DeclaredLimit,
    DeclaredModelLimits,
    UtcTimestamp,
)
from pulumi_groq.gateway.store.row_copy import TABLES
from pulumi_groq.gateway.store.store import Store
from pulumi_groq.models.budgets import Budget, ModelLimits

ONE_ROW = {"spend_policy"}
JSONS = [[], {"z": 1, "a": [None, True, 0.1, "\U0001f511"]}, ["x"], {"": {"deep": -1}}]
TEXTS = ["", "ü", "Z", "a", "\U0001f511", "'; --", "e\u0301", "\u00e9"]
"""Ordered differently by their bytes, by UTF-16 and by any language."""


def fill(store: Store, rows: int) -> None:
    """Put so many rows into every table; the first one of a table has nothing where it may."""
    with store.write() as connection:
        for table in TABLES:
            count = 1 if table.name in ONE_ROW else rows
            made = [
                {column.name: _value(column, number) for column in table.columns} for number in range(count)
            ]
            connection.execute(
                insert(table), [row | _agreeing(table.name, row, n) for n, row in enumerate(made)]
            )


def contents(store: Store) -> Mapping[str, list[tuple[Any, ...]]]:
    """All rows of all tables, as the gateway reads them."""
    with store.read() as connection:
        return {
            table.name: [
                tuple(row)
                for row in connection.execute(select(table).order_by(*table.primary_key.columns)).all()
            ]
            for table in TABLES
        }


def _value(column: Column[Any], number: int) -> Any:
    if column.nullable and number % 3 == 0:
        return None
    for kind, value in _VALUES.items():
        if isinstance(column.type, kind):
            return value(number)
    assert isinstance(column.type, LargeBinary | String), column
    if isinstance(column.type, LargeBinary):
        return hashlib.sha256(f"{column.name} {number}".encode()).digest()
    return f"{TEXTS[number % len(TEXTS)]}{number}"[: column.type.length]


_VALUES: Mapping[type, Callable[[int], Any]] = {
    DeclaredBudgets: lambda number: (Budget(usd=Decimal(number + 1) / 4, per="day"),) if number % 2 else (),
    DeclaredModelLimits: lambda number: (
        {"m": ModelLimits(requests_per_minute=number + 1, budget_usd=Decimal("0.5"))} if number % 2 else {}
    ),
    DeclaredLimit: lambda number: "unlimited" if number % 2 else number + 1,
    UtcTimestamp: lambda number: (
        datetime(2026, 11, 25, 23, 59, 59, 999_999, UTC) + timedelta(microseconds=number)
    ),
    JSON: lambda number: JSONS[number % len(JSONS)],
    Boolean: lambda number: bool(number % 2),
    BigInteger: lambda number: 2**62 + number,
    Integer: lambda number: number + 1,
}
"""By type of the column; the narrower before the wider."""


def _agreeing(table: str, row: Mapping[str, Any], number: int) -> dict[str, Any]:
    """What a table's constraints ask for."""
    if table == "api_keys":
        deleted_at = row["created_at"] if row["key_hash"] is None else None
        return {"id": f"key_{number}", "deleted_at": deleted_at, "seq": 3 * number + 1}
    if table == "idempotency":
        return {"key_id": f"key_{number}"}
    if table == "spend_by_slot":
        return {"slot": 10**8 + number}  # far ahead: whatever is old goes when the journal is booked
    if table == "bank_accounts":
        return {
            "limit_micro_usd": 10,
            "settled_micro_usd": 3,
            "outstanding_micro_usd": 4,
            "excess_micro_usd": 0,
        }
    return {}
