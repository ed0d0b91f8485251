"""Who used each key last, in the store."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    PrimaryKeyConstraint,
    String,
    Table,
    delete,
    func,
    select,
    tuple_,
)

from pulumi_groq.gateway.store.schema import metadata
from pulumi_groq.gateway.store.upsert import upsert
from pulumi_groq.models.consumer import MOST_CONSUMERS

LONGEST_USER_AGENT: Final = 200
_KEYS_AT_ONCE: Final = 500

consumers = Table(
    "consumers",
    metadata,
    Column("key_id", String(64), nullable=False),
    Column("address", String(64), nullable=False),
    Column("user_agent", String(LONGEST_USER_AGENT), nullable=False),
    Column("last_used_us", BigInteger, nullable=False),
    PrimaryKeyConstraint("key_id", "address", "user_agent"),
    Index("ix_consumers_last_used_us", "last_used_us"),
)


class SeenConsumer(NamedTuple):
    """A key in use; `last_used_us` is Unix microseconds."""

    key_id: str
    address: str
    user_agent: str
    last_used_us: int


def note_consumers(connection: Connection, seen: Iterable[SeenConsumer]) -> None:
    """Write when each was last seen, and forget the oldest of keys that have too many."""
    rows = [each._asdict() for each in seen]
    if not rows:
        return
    insert = upsert(connection.dialect, consumers)
    later = func.max if connection.dialect.name == "sqlite" else func.greatest
    at = later(consumers.c.last_used_us, insert.excluded.last_used_us)
    key = ["key_id", "address", "user_agent"]
    connection.execute(insert.on_conflict_do_update(index_elements=key, set_={"last_used_us": at}), rows)
    key_ids = sorted({row["key_id"] for row in rows})
    for start in range(0, len(key_ids), _KEYS_AT_ONCE):
        _keep_newest(connection, key_ids[start : start + _KEYS_AT_ONCE])


def _keep_newest(connection: Connection, key_ids: list[str]) -> None:
    columns = consumers.c
    row = (columns.key_id, columns.address, columns.user_agent)
    place = func.row_number().over(partition_by=columns.key_id, order_by=columns.last_used_us.desc())
    placed = select(*row, place.label("place")).where(columns.key_id.in_(key_ids)).subquery()
    too_many = select(placed.c.key_id, placed.c.address, placed.c.user_agent).where(
        placed.c.place > MOST_CONSUMERS
    )
    connection.execute(delete(consumers).where(tuple_(*row).in_(too_many)))


def forget_consumers(connection: Connection, older_than: datetime) -> None:
    """Forget those that were last seen before this."""
    older_than_us = round(older_than.timestamp() * 1_000_000)
    connection.execute(delete(consumers).where(consumers.c.last_used_us < older_than_us))


def consumers_of(connection: Connection, key_id: str) -> list[SeenConsumer]:
    """Those of one key, in no order."""
    rows = connection.execute(select(consumers).where(consumers.c.key_id == key_id))
    return [SeenConsumer(*row) for row in rows]
