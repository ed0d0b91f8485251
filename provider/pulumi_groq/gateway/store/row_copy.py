"""All rows of a store: their checksum, and their copy into another store, which goes on where it stopped.

Tables are read in the order of their primary keys, which is the same in every database (text by its bytes),
and written from parents to children in parts. So what a copy holds when it is cut off is a beginning of each
table, and its last row says where to go on.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from enum import Enum
from hashlib import sha256
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Final, NamedTuple

from pydantic import BaseModel
from sqlalchemy import Connection, Row, Table, delete, func, insert, literal, select, text, tuple_

from pulumi_groq.gateway import store
from pulumi_groq.gateway.store.errors import RowRefusedError, StoreOpenError
from pulumi_groq.gateway.store.migrate import begun_copy, is_current, mark_copy, migrate, require_own
from pulumi_groq.gateway.store.replicas import names_of, present_replicas
from pulumi_groq.gateway.store.schema import commits, metadata
from pulumi_groq.gateway.store.store import Store


def every_table() -> Sequence[Table]:
    """The tables of every module of the store, whether something has imported it or not; a table comes
    after those that it refers to.
    """
    for module in iter_modules(store.__path__):
        import_module(f"{store.__name__}.{module.name}")
    return metadata.sorted_tables


def _tables() -> tuple[Table, ...]:
    return tuple(table for table in every_table() if table.name not in NOT_COPIED)


NOT_COPIED: Final = frozenset(
    {
        commits.name,
        *("replicas", "last_uses", "shared_secrets", "alert_senders"),
        *("bank_accounts", "bank_members", "bank_grants"),
    }
)
"""The count of writes, and what gateways have among themselves: SQLite's has nobody to share with."""

TABLES: Final = _tables()
"""Parents first."""
ROWS_AT_ONCE: Final = 2_000

Told = Callable[[str, int], None]
"""Told of the name of a table, and how many more of its rows are done."""


class TableSum(NamedTuple):
    """How many rows a table has, and the SHA-256 of all of them in their order."""

    table: str
    rows: int
    sha256: str


class Begun(Enum):
    """What was found where a copy is to be made."""

    EMPTY = "empty"
    CONTINUED = "continued"
    RESTARTED = "restarted"
    FULL = "full"


def row_count(connection: Connection) -> int:
    """How many rows all tables have."""
    return sum(connection.scalar(select(func.count()).select_from(table)) or 0 for table in TABLES)


def table_sums(connection: Connection, told: Told) -> list[TableSum]:
    """What every table holds, as the gateway reads it: the same on every database."""
    return [_sum(connection, table, told) for table in TABLES]


def name_of(sums: Sequence[TableSum]) -> str:
    """What stands for the whole content of a store."""
    return sha256("".join(f"{each.table} {each.sha256}\n" for each in sums).encode()).hexdigest()[:16]


def begin_copy(connection: Connection, content: str) -> Begun:
    """Make a store ready for a copy of what `content` names, and refuse to be used until `end_copy`.

    What is left of a copy of anything else is dropped: its source still has it. A store that holds something
    stays as it is. Raises `StoreOpenError`: of another version.
    """
    begun = begun_copy(connection)
    if begun == content:
        return Begun.CONTINUED
    if begun is None:
        if not is_current(connection):
            migrate(connection)
        require_own(connection)
        if names := names_of(present_replicas(connection)):
            raise StoreOpenError(f"another gateway is using the database: stop {names[0]} first")
        if row_count(connection):
            return Begun.FULL
    for table in reversed(TABLES):
        connection.execute(delete(table))
    mark_copy(connection, content)
    return Begun.EMPTY if begun is None else Begun.RESTARTED


def copy_rows(reading: Connection, destination: Store, told: Told) -> None:
    """Copy what is not in `destination` yet; each part of it is there for good once it is reported.

    Raises `StoreOpenError` for a row that `destination` cannot hold, and `StoreUnavailableError`.
    """
    for table in TABLES:
        with destination.read() as connection:
            last, there = _last_key(connection, table), _count(connection, table)
        told(table.name, there)
        for rows in _parts(reading, table, last):
            destination.watch()
            try:
                with destination.write() as connection:
                    connection.execute(insert(table), [row._asdict() for row in rows])
            except RowRefusedError:
                raise _refused(destination, table, rows) from None
            told(table.name, len(rows))


def end_copy(reading: Connection, connection: Connection) -> None:
    """Number on behind the copied rows, and let the store be used."""
    for name, last in reading.execute(text("SELECT name, seq FROM sqlite_sequence")):
        table = metadata.tables.get(name)
        if table is not None and table.autoincrement_column is not None and last:
            column = table.autoincrement_column.name
            connection.execute(select(func.setval(func.pg_get_serial_sequence(name, column), last)))
    mark_copy(connection, None)


def _sum(connection: Connection, table: Table, told: Told) -> TableSum:
    digest, count = sha256(), 0
    for rows in _parts(connection, table, None):
        for row in rows:
            digest.update(_canonical(row))
        count += len(rows)
        told(table.name, len(rows))
    return TableSum(table.name, count, digest.hexdigest())


def _parts(connection: Connection, table: Table, after: Sequence[Any] | None) -> Iterator[Sequence[Row[Any]]]:
    keys = table.primary_key.columns
    statement = select(table).order_by(*keys)
    if after is not None:
        bounds = [literal(value, key.type) for key, value in zip(keys, after, strict=True)]
        statement = statement.where(tuple_(*keys) > tuple_(*bounds))
    yield from connection.execute(statement, execution_options={"yield_per": ROWS_AT_ONCE}).partitions()


def _last_key(connection: Connection, table: Table) -> Sequence[Any] | None:
    keys = table.primary_key.columns
    return connection.execute(select(*keys).order_by(*(key.desc() for key in keys)).limit(1)).first()


def _count(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def _canonical(row: Row[Any]) -> bytes:
    return json.dumps(tuple(row), default=_text, separators=(",", ":")).encode() + b"\n"


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, BaseModel):
        return value.model_dump_json()
    raise TypeError(type(value).__name__)


def _refused(destination: Store, table: Table, rows: Sequence[Row[Any]]) -> StoreOpenError:
    """Which row it was: each is tried by itself."""
    for row in rows:
        try:
            with destination.write() as connection:
                connection.execute(insert(table), [row._asdict()])
        except RowRefusedError as why:
            names = [key.name for key in table.primary_key.columns]
            key = ", ".join(f"{name} {row._mapping[name]!r}" for name in names)
            return StoreOpenError(
                f"the row of {table.name} with {key} cannot be copied: {why}; nothing of the source was "
                "changed, and the copy is not whole"
            )
    return StoreOpenError(f"rows of {table.name} cannot be copied together: run it again")
