"""The admin keys in force, in memory."""

import hashlib
from collections.abc import Iterable

from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.gateway.store.admin_keys import AdminKeyRecord
from pulumi_groq.policy.roles import AdminIdentity


class AdminKeyDirectory:
    """A `CredentialSource` over the stored admin keys. Whoever commits a change applies it here next."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_hash: dict[bytes, AdminKeyRecord] = {}
        self._by_id: dict[str, AdminKeyRecord] = {}

    def load(self, records: Iterable[AdminKeyRecord]) -> None:
        """Fill an empty directory from the store."""
        for record in records:
            self.put(record)

    def put(self, record: AdminKeyRecord) -> None:
        """A key was created or changed."""
        self._by_hash[record.key_hash] = record
        self._by_id[record.id] = record

    def drop(self, record: AdminKeyRecord) -> None:
        """A key was deleted."""
        self._by_hash.pop(record.key_hash, None)
        self._by_id.pop(record.id, None)

    def identify(self, sent: bytes) -> AdminIdentity | None:
        """See `CredentialSource`."""
        return self._identity(self._by_hash.get(hashlib.sha256(sent).digest()))

    def recall(self, actor_id: str, subject: str | None) -> AdminIdentity | None:
        """See `CredentialSource`."""
        return self._identity(self._by_id.get(actor_id)) if subject is None else None

    def _identity(self, record: AdminKeyRecord | None) -> AdminIdentity | None:
        if record is None or has_expired(record, self._clock):
            return None
        return AdminIdentity(
            actor_id=record.id,
            role=record.role,
            teams=frozenset(record.teams) if record.teams else None,
            expires_at=record.expires_at,
        )


def has_expired(record: AdminKeyRecord, clock: Clock) -> bool:
    """Whether the key's time is over."""
    return record.expires_at is not None and record.expires_at <= clock.now()
