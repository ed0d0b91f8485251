"""The admin keys in force, in memory, and when each was last used."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime

from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.gateway.store.admin_keys import AdminKeyRecord
from pulumi_groq.policy.roles import AdminIdentity


class AdminKeyDirectory:
    """A `CredentialSource` over the stored admin keys. Whoever commits a change applies it here next."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_hash: dict[bytes, AdminKeyRecord] = {}
        self._by_id: dict[str, AdminKeyRecord] = {}
        self._last_used: dict[str, datetime] = {}

    def load(self, records: Iterable[AdminKeyRecord], last_used: Mapping[str, datetime]) -> None:
        """Hold what the store has, and nothing else: at the start, and whenever another gateway on the same
        store has changed it. What is known of later uses is kept.
        """
        self._by_id = {record.id: record for record in records}
        self._by_hash = {record.key_hash: record for record in self._by_id.values()}
        self.used(last_used)

    def used(self, last_used: Mapping[str, datetime]) -> None:
        """Keys were used, here or at other gateways."""
        for key_id, at in last_used.items():
            self._last_used[key_id] = max(at, self._last_used.get(key_id, at))

    @property
    def ids(self) -> Collection[str]:
        """The ids of all keys."""
        return list(self._by_id)

    def last_used_at(self, key_id: str) -> datetime | None:
        """When the key was last used, as far as this gateway knows."""
        return self._last_used.get(key_id)

    def last_uses(self) -> dict[str, datetime]:
        """When each key was last used; a copy, for any thread."""
        return self._last_used.copy()

    def put(self, record: AdminKeyRecord) -> None:
        """A key was created or changed."""
        self._by_hash[record.key_hash] = record
        self._by_id[record.id] = record

    def drop(self, record: AdminKeyRecord) -> None:
        """A key was deleted."""
        self._by_hash.pop(record.key_hash, None)
        self._by_id.pop(record.id, None)

    def drop_if(self, record: AdminKeyRecord, may: Callable[[], None]) -> None:
        """A key is deleted unless `may` raises; on the event loop, so that no request comes in between."""
        may()
        self.drop(record)

    def identify(self, sent: bytes) -> AdminIdentity | None:
        """See `CredentialSource`."""
        return self._identity(self._by_hash.get(hashlib.sha256(sent).digest()))

    def recall(self, actor_id: str, subject: str | None) -> AdminIdentity | None:
        """See `CredentialSource`."""
        return self._identity(self._by_id.get(actor_id)) if subject is None else None

    def _identity(self, record: AdminKeyRecord | None) -> AdminIdentity | None:
        if record is None or has_expired(record, self._clock):
            return None
        self._last_used[record.id] = self._clock.now()
        return AdminIdentity(
            actor_id=record.id,
            role=record.role,
            teams=frozenset(record.teams) if record.teams else None,
            expires_at=record.expires_at,
        )


def has_expired(record: AdminKeyRecord, clock: Clock) -> bool:
    """Whether the key's time is over."""
    return record.expires_at is not None and record.expires_at <= clock.now()
