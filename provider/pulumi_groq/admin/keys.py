"""New keys as the client gives them."""

from dataclasses import dataclass

from pulumi_groq.models.admin_key import AdminKeyCreated
from pulumi_groq.models.api_key import ApiKeyCreated


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A new key with its value; `replayed` when an earlier create with the same idempotency key made it."""

    key: ApiKeyCreated
    replayed: bool


@dataclass(frozen=True, slots=True)
class CreatedAdminKey:
    """A new admin key, as `CreatedKey` is a new key."""

    key: AdminKeyCreated
    replayed: bool
