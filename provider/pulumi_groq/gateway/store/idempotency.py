"""Creations that carried an Idempotency-Key, so that a repetition mints nothing."""

from dataclasses import asdict, dataclass, field
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from pulumi_groq.gateway.store.schema import idempotency


@dataclass(frozen=True, slots=True)
class IdempotencyRecord:
    """One create: digest of its body, the key it made, and its answer, sealed, for as long as it is kept."""

    key: str
    fingerprint: bytes
    key_id: str
    sealed_answer: bytes | None = field(repr=False)
    created_at: datetime


def find_answer(connection: Connection, key: str) -> IdempotencyRecord | None:
    """The create that carried this Idempotency-Key."""
    row = connection.execute(select(idempotency).where(idempotency.c.key == key)).one_or_none()
    return None if row is None else IdempotencyRecord(**row._asdict())


def keep_answer(connection: Connection, record: IdempotencyRecord) -> None:
    """Remember a create."""
    connection.execute(insert(idempotency).values(asdict(record)))


def purge_answers(connection: Connection, older_than: datetime) -> None:
    """Drop the sealed answers of creates before `older_than`; the fact that they happened is kept."""
    connection.execute(
        update(idempotency)
        .where(idempotency.c.created_at <= older_than, idempotency.c.sealed_answer.is_not(None))
        .values(sealed_answer=None)
    )


def forget_answers(connection: Connection, key_id: str) -> None:
    """Forget the create that made this key."""
    connection.execute(delete(idempotency).where(idempotency.c.key_id == key_id))
