"""Admin keys in the store; each with the create that made it, so that a repetition mints nothing."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    delete,
    insert,
    select,
    update,
)

from pulumi_groq.gateway.store.column_types import UtcTimestamp
from pulumi_groq.gateway.store.holders import ClaimHolder, holders_of
from pulumi_groq.gateway.store.schema import is_text, metadata
from pulumi_groq.models.role import AdminRole

admin_keys = Table(
    "admin_keys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("key_hash", LargeBinary(32), nullable=False, unique=True),
    Column("last_four", String(4), nullable=False),
    Column("name", String(128), nullable=False),
    Column("role", String(16), nullable=False),
    Column("teams", JSON, nullable=False),
    Column("expires_at", UtcTimestamp, nullable=True),
    Column("created_at", UtcTimestamp, nullable=False),
    Column("updated_at", UtcTimestamp, nullable=False),
    Column("managed_by", String(1024), nullable=True),
    Column("declared_as", String(1024), nullable=True),
    Column("claim", String(64), nullable=True),
    Column("former_holders", JSON, nullable=False),
    Column("replaces", String(64), nullable=True),
    Column("lineage_id", String(64), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("made_by", String(128), nullable=False),
    Column("idempotency_key", String(255), nullable=True),
    Column("fingerprint", LargeBinary(32), nullable=True),
    Column("sealed_answer", LargeBinary, nullable=True),
)

# Beside the keys: it is written now and then, whatever else changes a key meanwhile.
admin_key_uses = Table(
    "admin_key_uses",
    metadata,
    Column("key_id", String(64), primary_key=True),
    Column("last_used_at", UtcTimestamp, nullable=False),
)


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
    former_holders: tuple[ClaimHolder, ...] = ()
    replaces: str | None = None
    lineage_id: str = ""
    generation: int = 1
    made_by: str = ""
    idempotency_key: str | None = None
    fingerprint: bytes | None = None
    sealed_answer: bytes | None = field(default=None, repr=False)


def all_admin_keys(connection: Connection) -> list[AdminKeyRecord]:
    """Every admin key, oldest first: ids sort by time."""
    return [_record(row) for row in connection.execute(select(admin_keys).order_by(admin_keys.c.id))]


def find_admin_key(connection: Connection, key_id: str) -> AdminKeyRecord | None:
    """The admin key with this id."""
    if not is_text(key_id):
        return None
    row = connection.execute(select(admin_keys).where(admin_keys.c.id == key_id)).one_or_none()
    return None if row is None else _record(row)


def insert_admin_key(connection: Connection, record: AdminKeyRecord) -> None:
    """Add a new admin key."""
    connection.execute(insert(admin_keys), asdict(record))


def replace_admin_key(connection: Connection, record: AdminKeyRecord) -> None:
    """Write an admin key anew."""
    connection.execute(update(admin_keys).where(admin_keys.c.id == record.id).values(asdict(record)))


def remove_admin_key(connection: Connection, key_id: str) -> None:
    """Remove an admin key."""
    connection.execute(delete(admin_keys).where(admin_keys.c.id == key_id))
    connection.execute(delete(admin_key_uses).where(admin_key_uses.c.key_id == key_id))


def admin_key_last_uses(connection: Connection) -> dict[str, datetime]:
    """When each admin key was last used, as far as it was written."""
    found = connection.execute(select(admin_key_uses))
    return {row.key_id: row.last_used_at for row in found}


def note_admin_key_uses(connection: Connection, uses: Mapping[str, datetime]) -> None:
    """Write when keys were used: not where a later time is known, nor of keys that are gone."""
    live = set(connection.execute(select(admin_keys.c.id).where(admin_keys.c.id.in_(uses))).scalars())
    known = admin_key_last_uses(connection)
    for key_id in sorted(live):
        if key_id not in known:
            connection.execute(insert(admin_key_uses).values(key_id=key_id, last_used_at=uses[key_id]))
        elif uses[key_id] > known[key_id]:
            connection.execute(
                update(admin_key_uses)
                .where(admin_key_uses.c.key_id == key_id)
                .values(last_used_at=uses[key_id])
            )


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
