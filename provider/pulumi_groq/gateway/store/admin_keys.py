"""Admin keys in the store; each with the create that made it, so that a repetition mints nothing."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from pulumi_groq.gateway.store.holders import Holder, holders_of
from pulumi_groq.gateway.store.schema import admin_keys
from pulumi_groq.models.role import AdminRole


@dataclass(frozen=True, slots=True)
class AdminKeyRecord:
    """An admin key as stored, never its value. `key_hash` is the value's SHA-256 digest.

    `made_by`, `idempotency_key`, `fingerprint` (digest of the body) and `sealed_answer` are of the create
    that made it; the answer is kept for a day.
    """

    id: str
    key_hash: bytes = field(repr=False)
    last_four: str
    name: str
    role: AdminRole
    teams: tuple[str, ...]
    expires_at: datetime | None
    created_at: datetime
    updated_at: datetime
    managed_by: str | None = None
    declared_as: str | None = None
    claim: str | None = None
    former_holders: tuple[Holder, ...] = ()
    made_by: str = ""
    idempotency_key: str | None = None
    fingerprint: bytes | None = None
    sealed_answer: bytes | None = field(default=None, repr=False)


def all_admin_keys(connection: Connection) -> list[AdminKeyRecord]:
    """Every admin key, oldest first: ids sort by time."""
    return [_record(row) for row in connection.execute(select(admin_keys).order_by(admin_keys.c.id))]


def find_admin_key(connection: Connection, key_id: str) -> AdminKeyRecord | None:
    """The admin key with this id."""
    row = connection.execute(select(admin_keys).where(admin_keys.c.id == key_id)).one_or_none()
    return None if row is None else _record(row)


def insert_admin_key(connection: Connection, record: AdminKeyRecord) -> None:
    """Add a new admin key."""
    connection.execute(insert(admin_keys).values(asdict(record)))


def replace_admin_key(connection: Connection, record: AdminKeyRecord) -> None:
    """Write an admin key anew."""
    connection.execute(update(admin_keys).where(admin_keys.c.id == record.id).values(asdict(record)))


def remove_admin_key(connection: Connection, key_id: str) -> None:
    """Remove an admin key."""
    connection.execute(delete(admin_keys).where(admin_keys.c.id == key_id))


def purge_admin_key_answers(connection: Connection, older_than: datetime) -> None:
    """Drop the sealed answers of creates before `older_than`; that they happened is kept."""
    connection.execute(
        update(admin_keys)
        .where(admin_keys.c.created_at <= older_than, admin_keys.c.sealed_answer.is_not(None))
        .values(sealed_answer=None)
    )


def _record(row: Row[Any]) -> AdminKeyRecord:
    values = row._asdict()
    values["teams"] = tuple(values["teams"])
    values["former_holders"] = holders_of(values["former_holders"])
    return AdminKeyRecord(**values)
