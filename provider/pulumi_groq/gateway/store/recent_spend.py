"""What each lineage spent in each ten minutes of the last 15 days, which says what is usual for it.

Batches are not in it: each is one request that is created on purpose, and its cost arrives at once.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Dialect,
    Executable,
    Index,
    Integer,
    String,
    Table,
    bindparam,
    delete,
    func,
    select,
)

from pulumi_groq.gateway.store.ledger import LedgerRecord
from pulumi_groq.gateway.store.schema import ledger, metadata
from pulumi_groq.gateway.store.upsert import upsert
from pulumi_groq.policy.runaway import DAYS, SLOT_S, SLOTS_A_DAY, slot_at, slots_of_this_hour, usual_micro_usd

KEPT_SLOTS: Final = (DAYS + 1) * SLOTS_A_DAY
_IDS_PER_QUERY: Final = 500

# `slot` is Unix seconds over 600.
spend_by_slot = Table(
    "spend_by_slot",
    metadata,
    Column("lineage_id", String(64), primary_key=True),
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("cost_micro_usd", BigInteger, nullable=False),
    Index("ix_spend_by_slot_slot", "slot"),
    sqlite_with_rowid=False,
)


class SettledCost(NamedTuple):
    """What one request cost, and when it was settled (Unix seconds)."""

    lineage_id: str
    settled_s: float
    cost_micro_usd: int


def add_spend(connection: Connection, rows: Sequence[LedgerRecord]) -> None:
    """Add requests that are over, in the ten minutes in which each was settled."""
    sums: Counter[tuple[str, int]] = Counter()
    for row in rows:
        if row.cost_micro_usd:
            sums[row.lineage_id, row.settled_us // (SLOT_S * 1_000_000)] += row.cost_micro_usd
    if not sums:
        return
    connection.execute(
        _add_to_slots(connection.dialect),
        [
            {"lineage_id": lineage_id, "slot": slot, "cost_micro_usd": cost}
            for (lineage_id, slot), cost in sums.items()
        ],
    )


def drop_old_spend(connection: Connection, now: datetime) -> None:
    """Remove the oldest ten minutes, if they are older than 15 days."""
    connection.execute(_DROP_OLDEST, {"before": slot_at(now.timestamp()) - KEPT_SLOTS})


@lru_cache(maxsize=1)
def _add_to_slots(dialect: Dialect) -> Executable:
    statement = upsert(dialect, spend_by_slot)
    more = spend_by_slot.c.cost_micro_usd + statement.excluded.cost_micro_usd
    return statement.on_conflict_do_update(
        index_elements=["lineage_id", "slot"], set_={"cost_micro_usd": more}
    )


_DROP_OLDEST: Final = delete(spend_by_slot).where(
    spend_by_slot.c.slot == select(func.min(spend_by_slot.c.slot)).scalar_subquery(),
    spend_by_slot.c.slot < bindparam("before"),
)


def read_usual(connection: Connection, lineage_id: str, now_s: float) -> int | None:
    """What the lineage usually spends in ten minutes at this hour, as `policy.runaway.usual_micro_usd`."""
    columns = spend_by_slot.c
    of_lineage = columns.lineage_id == lineage_id
    first = connection.scalar(select(func.min(columns.slot)).where(of_lineage))
    spent = select(columns.slot, columns.cost_micro_usd).where(of_lineage)
    by_slot = dict(connection.execute(spent.where(columns.slot.in_(slots_of_this_hour(now_s)))).all())
    if not by_slot:
        since = slot_at(now_s) - DAYS * SLOTS_A_DAY
        by_slot = dict(connection.execute(spent.where(columns.slot >= since)).all())
    return usual_micro_usd(by_slot, first, now_s)


def read_settled(connection: Connection, lineage_ids: Sequence[str], since: datetime) -> list[SettledCost]:
    """What requests of these lineages have cost that were admitted since then and are over."""
    columns = ledger.c
    found: list[SettledCost] = []
    for start in range(0, len(lineage_ids), _IDS_PER_QUERY):
        statement = select(columns.lineage_id, columns.settled_us, columns.cost_micro_usd).where(
            columns.started_us >= round(since.timestamp() * 1_000_000),
            columns.lineage_id.in_(lineage_ids[start : start + _IDS_PER_QUERY]),
            columns.request_id.not_like("%.%"),  # results of batches
        )
        found += [
            SettledCost(lineage_id, settled_us / 1_000_000, cost)
            for lineage_id, settled_us, cost in connection.execute(statement)
        ]
    return found
