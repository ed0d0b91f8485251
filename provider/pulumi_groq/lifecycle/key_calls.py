"""The admin API's calls for keys of one kind, as lifecycles and rotations make them."""

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pulumi_groq.lifecycle.rotated_key import ServedKey
from pulumi_groq.models.admin_key import AdminKey
from pulumi_groq.models.api_key import ApiKey
from pulumi_groq.models.key_snapshot import KeySnapshot
from pulumi_groq.models.ownership import Deleted

if TYPE_CHECKING:
    from pulumi_groq.admin import AdminClient, AdminKeyListing, KeyListing


class Minted(NamedTuple):
    """A new key and its value; `replayed` when an earlier create with the same idempotency key made it."""

    key: ServedKey
    value: str
    replayed: bool


class KeyCalls(Protocol):
    """Bodies are those that the kind's arguments make. Errors are the client's."""

    noun: str
    """What a key is called in messages."""

    def get(self, key_id: str) -> ServedKey:
        """The key, asked for by itself."""
        ...

    def listed(self, key_id: str, owner: str | None) -> ServedKey:
        """The key, from the list that the run shares."""
        ...

    def owned(self, owner: str) -> KeySnapshot[ServedKey]:
        """The keys that a stack manages, from the list that the run shares."""
        ...

    def lineage(self, lineage_id: str) -> KeySnapshot[ServedKey]:
        """The live keys of a lineage, as they are now."""
        ...

    def forget(self) -> None:
        """Something was written: the shared list is out of date."""
        ...

    def create(self, body: Any, idempotency_key: str) -> Minted:
        """A new key, or the one that this idempotency key has made."""
        ...

    def update(self, key_id: str, body: Any, *, take_over: bool = False) -> ServedKey:
        """Change the key."""
        ...

    def delete(self, key_id: str, *, unless_used_within_s: int | None, claim: str | None) -> Deleted | None:
        """Delete the key."""
        ...

    def use_in_words(self, key_id: str) -> str | None:
        """What the key is still used for, where the gateway counts that."""
        ...


class ApiKeyCalls:
    """Implements `KeyCalls` for API keys."""

    noun = "API key"

    def __init__(self, client: "AdminClient", listing: "KeyListing") -> None:
        self._client = client
        self._listing = listing

    def get(self, key_id: str) -> ApiKey:
        return self._client.get_key(key_id)

    def listed(self, key_id: str, owner: str | None) -> ApiKey:
        return self._listing.get(key_id, owner)

    def owned(self, owner: str) -> KeySnapshot[ApiKey]:
        return self._listing.snapshot(owner)

    def lineage(self, lineage_id: str) -> KeySnapshot[ApiKey]:
        return self._client.snapshot(lineage_id=lineage_id)

    def forget(self) -> None:
        self._listing.forget()

    def create(self, body: Any, idempotency_key: str) -> Minted:
        created = self._client.create_key(body, idempotency_key)
        return Minted(created.key, created.key.api_key, created.replayed)

    def update(self, key_id: str, body: Any, *, take_over: bool = False) -> ApiKey:
        return self._client.update_key(key_id, body, take_over=take_over)

    def delete(self, key_id: str, *, unless_used_within_s: int | None, claim: str | None) -> Deleted | None:
        return self._client.delete_key(key_id, unless_used_within_s=unless_used_within_s, claim=claim)

    def use_in_words(self, key_id: str) -> str | None:
        row = next((row for row in self._client.usage().usage_by_key if row.key_id == key_id), None)
        if row is None:
            return None
        month = row.month_to_date.requests
        return f"key {key_id} served {row.requests_today} requests today, {month} this month"


class AdminKeyCalls:
    """Implements `KeyCalls` for admin keys."""

    noun = "admin key"

    def __init__(self, client: "AdminClient", listing: "AdminKeyListing") -> None:
        self._client = client
        self._listing = listing

    def get(self, key_id: str) -> AdminKey:
        return self._client.get_admin_key(key_id)

    def listed(self, key_id: str, owner: str | None) -> AdminKey:
        return self._listing.get(key_id, owner)

    def owned(self, owner: str) -> KeySnapshot[AdminKey]:
        return self._listing.snapshot(owner)

    def lineage(self, lineage_id: str) -> KeySnapshot[AdminKey]:
        listed = self._client.admin_key_snapshot()
        mine = {key_id: key for key_id, key in listed.keys.items() if key.lineage_id == lineage_id}
        return KeySnapshot(listed.as_of, mine)

    def forget(self) -> None:
        self._listing.forget()

    def create(self, body: Any, idempotency_key: str) -> Minted:
        created = self._client.create_admin_key(body, idempotency_key)
        return Minted(created.key, created.key.admin_key, created.replayed)

    def update(self, key_id: str, body: Any, *, take_over: bool = False) -> AdminKey:
        return self._client.update_admin_key(key_id, body, take_over=take_over)

    def delete(self, key_id: str, *, unless_used_within_s: int | None, claim: str | None) -> Deleted | None:
        return self._client.delete_admin_key(key_id, unless_used_within_s=unless_used_within_s, claim=claim)

    def use_in_words(self, key_id: str) -> str | None:
        return None  # the gateway does not count what an admin key asks
