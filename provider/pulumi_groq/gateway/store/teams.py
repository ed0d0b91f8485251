"""Teams in the store."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from pulumi_groq.gateway.store.schema import teams


@dataclass(frozen=True, slots=True)
class TeamRecord:
    """A team: the models and the tools that bound each of its keys."""

    name: str
    allowed_models: tuple[str, ...]
    allowed_tools: tuple[str, ...]
    created_at: datetime
    updated_at: datetime


def all_teams(connection: Connection) -> list[TeamRecord]:
    """Every team, by name."""
    return [_record(row) for row in connection.execute(select(teams).order_by(teams.c.name))]


def find_team(connection: Connection, name: str) -> TeamRecord | None:
    """The team of this name."""
    row = connection.execute(select(teams).where(teams.c.name == name)).one_or_none()
    return None if row is None else _record(row)


def put_team(connection: Connection, record: TeamRecord) -> None:
    """Add a team, or write it anew; `created_at` of an existing one stays."""
    lists = {"allowed_models": list(record.allowed_models), "allowed_tools": list(record.allowed_tools)}
    changed = connection.execute(
        update(teams).where(teams.c.name == record.name).values(lists | {"updated_at": record.updated_at})
    )
    if changed.rowcount == 0:
        connection.execute(
            insert(teams).values(
                lists
                | {"name": record.name, "created_at": record.created_at, "updated_at": record.updated_at}
            )
        )


def remove_team(connection: Connection, name: str) -> None:
    """Remove a team."""
    connection.execute(delete(teams).where(teams.c.name == name))


def _record(row: Row[Any]) -> TeamRecord:
    return TeamRecord(
        row.name, tuple(row.allowed_models), tuple(row.allowed_tools), row.created_at, row.updated_at
    )
