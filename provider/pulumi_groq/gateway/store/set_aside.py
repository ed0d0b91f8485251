"""What could not be booked, kept in the store until an operator books or drops it."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, select, update

from pulumi_groq.gateway.store.schema import set_aside
from pulumi_groq.gateway.store.upsert import upsert

DROPPED: Final = -1
"""A decision instead of a cost: nothing is booked."""


_ORIGINS_PER_QUERY: Final = 500


class SetAside(NamedTuple):
    """A row or a line that could not be booked, with what is known of its request.

    `origin` identifies it, so that it is set aside only once. `charged_micro_usd` counts as spent, in
    the month of `started_us` (Unix microseconds), until it is decided on.
    """

    origin: str
    reason: str
    content: bytes
    request_id: str | None
    key_id: str | None
    lineage_id: str | None
    team: str | None
    model: str | None
    started_us: int
    charged_micro_usd: int


class KeptAside(NamedTuple):
    """One of them in the store, under its number; `decided_micro_usd` is what an operator wants booked,
    `DROPPED` to have it forgotten, `None` before a decision.
    """

    id: int
    what: SetAside
    decided_micro_usd: int | None

    @property
    def counts_micro_usd(self) -> int:
        """What it counts for by the decision."""
        return self.decided_micro_usd or 0 if self.is_booked else 0

    @property
    def is_booked(self) -> bool:
        """Whether a cost is to be booked."""
        return self.decided_micro_usd is not None and self.decided_micro_usd != DROPPED


def insert_set_aside(connection: Connection, rows: Sequence[SetAside]) -> None:
    """Keep these; what is already kept stays as it is."""
    if rows:
        statement = upsert(connection.dialect, set_aside).on_conflict_do_nothing(index_elements=["origin"])
        connection.execute(statement, [{**row._asdict(), "is_closed": False} for row in rows])


def known_origins(connection: Connection, origins: Sequence[str]) -> set[str]:
    """Those of the origins that were set aside before, whatever became of them."""
    known: set[str] = set()
    for start in range(0, len(origins), _ORIGINS_PER_QUERY):
        some = origins[start : start + _ORIGINS_PER_QUERY]
        known.update(connection.scalars(select(set_aside.c.origin).where(set_aside.c.origin.in_(some))))
    return known


def read_set_aside(connection: Connection, *, decided_only: bool = False) -> list[KeptAside]:
    """All that are not closed, oldest first."""
    columns = set_aside.c
    statement = select(
        columns.id, *(columns[name] for name in SetAside._fields), columns.decided_micro_usd
    ).where(~columns.is_closed)
    if decided_only:
        statement = statement.where(columns.decided_micro_usd.is_not(None))
    return [
        KeptAside(row[0], SetAside(*row[1:-1]), row[-1])
        for row in connection.execute(statement.order_by(columns.id))
    ]


def decide(connection: Connection, number: int, decided_micro_usd: int) -> bool:
    """Record what an operator decided; returns whether there is such a number."""
    statement = update(set_aside).where(set_aside.c.id == number, ~set_aside.c.is_closed)
    return connection.execute(statement.values(decided_micro_usd=decided_micro_usd)).rowcount == 1


def close(connection: Connection, number: int) -> None:
    """Note that it was booked or dropped."""
    connection.execute(update(set_aside).where(set_aside.c.id == number).values(content=b"", is_closed=True))
