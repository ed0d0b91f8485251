"""Runaways in the store: which lineage spent too much when, and whether that pauses it still."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import BigInteger, Column, Connection, Index, String, Table, delete, select, update

from pulumi_groq.gateway.store.column_types import UtcTimestamp
from pulumi_groq.gateway.store.schema import metadata
from pulumi_groq.gateway.store.upsert import upsert
from pulumi_groq.models.runaway import RunawayAction

KEPT_FOR: Final = timedelta(days=90)

runaways = Table(
    "runaways",
    metadata,
    Column("lineage_id", String(64), primary_key=True),
    Column("at", UtcTimestamp, primary_key=True),
    Column("key_id", String(64), nullable=False),
    Column("key_name", String(128), nullable=False),
    Column("team", String(128), nullable=True),
    Column("action", String(16), nullable=False),
    Column("spent_micro_usd", BigInteger, nullable=False),
    Column("allowed_micro_usd", BigInteger, nullable=False),
    Column("usual_micro_usd", BigInteger, nullable=True),
    Column("resumes_at", UtcTimestamp, nullable=True),
    Column("ended_at", UtcTimestamp, nullable=True),
    Index("ix_runaways_at", "at"),
)


class Runaway(NamedTuple):
    """The lineage of a key spent more in ten minutes than it may. One with `pause_key` pauses the lineage
    until it has ended, which `resumes_at` does by itself.
    """

    lineage_id: str
    at: datetime
    key_id: str
    key_name: str
    team: str | None
    action: RunawayAction
    spent_micro_usd: int
    allowed_micro_usd: int
    usual_micro_usd: int | None
    resumes_at: datetime | None
    ended_at: datetime | None = None

    @property
    def pauses(self) -> bool:
        """Whether the lineage is paused by it."""
        return self.action == "pause_key" and self.ended_at is None


def insert_runaways(connection: Connection, found: Sequence[Runaway]) -> None:
    """Write runaways; one that is written already stays as it is. What is older than 90 days goes."""
    if found:
        columns = runaways.c
        over = (columns.action != "pause_key") | columns.ended_at.is_not(None)
        connection.execute(delete(runaways).where(columns.at < found[0].at - KEPT_FOR, over))
        statement = upsert(connection.dialect, runaways).on_conflict_do_nothing()
        connection.execute(statement, [each._asdict() for each in found])


def end_pause(connection: Connection, lineage_id: str, at: datetime) -> bool:
    """A paused lineage goes on. Returns whether it was paused."""
    columns = runaways.c
    of_lineage = (columns.lineage_id == lineage_id, columns.ended_at.is_(None))
    ended = update(runaways).where(*of_lineage, columns.action == "pause_key").values(ended_at=at)
    return connection.execute(ended).rowcount > 0


def read_runaways(connection: Connection, since: datetime) -> list[Runaway]:
    """Those since a time, and whatever pauses a lineage still; oldest first."""
    columns = runaways.c
    pausing = (columns.action == "pause_key") & columns.ended_at.is_(None)
    statement = select(runaways).where((columns.at >= since) | pausing).order_by(columns.at)
    return [Runaway(*row) for row in connection.execute(statement)]
