"""Creations that carried an Idempotency-Key, so that a repetition mints nothing."""

from dataclasses import asdict, dataclass, field
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from pulumi_groq.gateway.store.schema import idempotency


@dataclass(frozen=True, slots=True)
class IdempotencyRecord:
    """One create: who asked, digest of its body, the key it made, and its answer, sealed, while kept."""

    principal: str
    key: str
    fingerprint: bytes
    key_id: str
    sealed_answer: bytes | None = field(repr=False)
    created_at: datetime


def find_answer(connection: Connection, principal: str, key: str) -> IdempotencyRecord | None:
    """The create of `principal` that carried this Idempotency-Key: nobody else's answer is found."""
    mine = (idempotency.c.principal == principal, idempotency.c.key == key)
    row = connection.execute(select(idempotency).where(*mine)).one_or_none()
    return None if row is None else IdempotencyRecord(**row._asdict())


def keep_answer(connection: Connection, record: IdempotencyRecord) -> None:
    """Remember a create."""
    connection.execute(insert(idempotency), asdict(record))


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
