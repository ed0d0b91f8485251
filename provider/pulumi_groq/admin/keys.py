"""Keys as the client gives them: lists with the server's time, and new ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from pulumi_groq.models.admin_key import AdminKeyCreated
from pulumi_groq.models.api_key import ApiKeyCreated

KeyT_co = TypeVar("KeyT_co", covariant=True)


@dataclass(frozen=True, slots=True)
class KeySnapshot(Generic[KeyT_co]):
    """Keys by id, oldest first, and the server's time when their list began."""

    as_of: datetime
    keys: Mapping[str, KeyT_co]


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
