"""The log of changes in the store: what was done to which object, never a value."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import JSON, Column, Connection, Integer, String, Table, delete, insert, select

from pulumi_groq.gateway.store.admin_keys import AdminKeyRecord
from pulumi_groq.gateway.store.keys import KeyRecord
from pulumi_groq.gateway.store.policies import PolicyRecord
from pulumi_groq.gateway.store.schema import UtcTimestamp, metadata
from pulumi_groq.gateway.store.teams import TeamRecord
from pulumi_groq.models.history import ChangeAction, ObjectKind

MOST_CHANGES: Final = 10_000
"""Older ones are forgotten, so that a loop of updates cannot fill the disk."""

# SQLite would otherwise give the number of a removed last row again.
changes = Table(
    "changes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", UtcTimestamp, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("object_id", String(128), nullable=False),
    Column("name", String(128), nullable=False),
    Column("action", String(16), nullable=False),
    Column("fields", JSON, nullable=False),
    Column("managed_by", String(1024), nullable=True),
    sqlite_autoincrement=True,
)

_NOT_NOTED: Final = frozenset(
    {
        "created_at",
        "updated_at",
        "claim",
        "former_holders",
        "made_by",
        "idempotency_key",
        "fingerprint",
        "sealed_answer",
    }
)


@dataclass(frozen=True, slots=True)
class LoggedChange:
    """A change as it is kept."""

    id: int
    at: datetime
    kind: ObjectKind
    object_id: str
    name: str
    action: ChangeAction
    fields: tuple[str, ...]
    managed_by: str | None


def log_key_change(
    connection: Connection, former: KeyRecord | None, record: KeyRecord | None, at: datetime
) -> None:
    """Note that a key was created (no `former`), changed, or deleted (no `record`)."""
    key = record or former
    if key is not None:
        _log(connection, "api_key", (key.id, key.name, key.managed_by), former, record, at)


def log_team_change(
    connection: Connection, former: TeamRecord | None, record: TeamRecord | None, at: datetime
) -> None:
    """Note that a team was created, changed or deleted."""
    team = record or former
    if team is not None:
        _log(connection, "team", (team.name, team.name, team.managed_by), former, record, at)


def log_policy_change(
    connection: Connection, former: PolicyRecord | None, record: PolicyRecord | None, at: datetime
) -> None:
    """Note that the spending policy was set, changed or removed."""
    policy = record or former
    if policy is not None:
        named = ("spend_policy", "spending policy", policy.managed_by)
        _log(connection, "spend_policy", named, former, record, at)


def log_admin_key_change(
    connection: Connection, former: AdminKeyRecord | None, record: AdminKeyRecord | None, at: datetime
) -> None:
    """Note that an admin key was created, changed or deleted."""
    key = record or former
    if key is not None:
        _log(connection, "admin_key", (key.id, key.name, key.managed_by), former, record, at)


def newest_changes(connection: Connection, before: int | None, limit: int) -> list[LoggedChange]:
    """Up to `limit` changes older than the one with the id `before`, newest first."""
    statement = select(changes).order_by(changes.c.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(changes.c.id < before)
    return [
        LoggedChange(**(row._asdict() | {"fields": tuple(row.fields)}))
        for row in connection.execute(statement)
    ]


def _log(
    connection: Connection,
    kind: ObjectKind,
    named: tuple[str, str, str | None],
    former: Any,
    record: Any,
    at: datetime,
) -> None:
    object_id, name, managed_by = named
    action: ChangeAction = "created" if former is None else "deleted" if record is None else "updated"
    changed = _changed(former, record) if action == "updated" else []
    if action == "updated" and not changed:
        return  # another claim at the same place
    added = connection.execute(
        insert(changes).values(
            at=at,
            kind=kind,
            object_id=object_id,
            name=name,
            action=action,
            fields=changed,
            managed_by=managed_by,
        )
    )
    newest = added.inserted_primary_key[0] if added.inserted_primary_key else 0
    connection.execute(delete(changes).where(changes.c.id <= newest - MOST_CHANGES))


def _changed(former: Any, record: Any) -> list[str]:
    """The fields that differ, under their names in the API."""
    return [
        each.name.replace("_micro_usd", "_usd")
        for each in fields(record)
        if each.name not in _NOT_NOTED and getattr(former, each.name) != getattr(record, each.name)
    ]
