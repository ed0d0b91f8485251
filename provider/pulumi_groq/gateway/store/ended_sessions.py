"""Sessions of the page that were ended before their time, until that is over."""

from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Connection, String, Table, delete, select

from pulumi_groq.gateway.store.schema import metadata
from pulumi_groq.gateway.store.upsert import upsert

# Sessions of the page that were ended before their time.
ended_sessions = Table(
    "ended_sessions",
    metadata,
    Column("nonce", String(32), primary_key=True),
    Column("ends_s", BigInteger, nullable=False),
)


class EndedSession(NamedTuple):
    """A session by its nonce, and when it would have ended (Unix seconds)."""

    nonce: str
    ends_s: int


def end_session(connection: Connection, ended: EndedSession, now_s: int) -> None:
    """Remember that a session was ended, and forget those that are over anyway."""
    connection.execute(delete(ended_sessions).where(ended_sessions.c.ends_s <= now_s))
    connection.execute(upsert(connection.dialect, ended_sessions).on_conflict_do_nothing(), ended._asdict())


def sessions_ended(connection: Connection) -> list[EndedSession]:
    """All that are remembered."""
    return [EndedSession(*row) for row in connection.execute(select(ended_sessions))]
