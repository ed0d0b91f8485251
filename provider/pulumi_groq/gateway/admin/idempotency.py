"""Creates that are sent again because their answer was lost: each mints one key, and is answered alike."""

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Generic, TypeVar

from pydantic import BaseModel

from pulumi_groq.gateway.admin.refusals import Conflict
from pulumi_groq.gateway.admin.seal import BrokenSealError, Seal

ANSWERS_KEPT_FOR: Final = timedelta(hours=24)

KeyT = TypeVar("KeyT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Minted(Generic[KeyT]):
    """The answer to a create; `replayed` when an earlier request made the key."""

    key: KeyT
    replayed: bool


def fingerprint(wanted: BaseModel, *unordered: str) -> bytes:
    """Equal for bodies that ask for the same key, whoever asks, however they are written, and whatever the
    order of the `unordered` lists.
    """
    lists = {name: sorted(getattr(wanted, name)) for name in unordered}
    body = wanted.model_dump(mode="json", exclude={"claim"}) | lists
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).digest()


def require_same_body(kept: bytes | None, asked: bytes) -> None:
    """Raise 409 `idempotency_key_reused` unless both fingerprints are of one body."""
    if kept != asked:
        raise Conflict(
            "This Idempotency-Key was used with another body: use a new one for another key",
            code="idempotency_key_reused",
        )


def opened(seal: Seal, sealed: bytes | None, answer: type[KeyT], noun: str, key_id: str) -> KeyT:
    """The answer as it was given. Raises 409 `idempotency_key_expired` where it is not kept any more, or was
    sealed before the server's secret was changed.
    """
    try:
        if sealed is not None:
            return answer.model_validate_json(seal.open(sealed))
    except BrokenSealError:
        pass
    raise Conflict(
        f"This Idempotency-Key created {noun} {key_id}, whose value can no longer be shown: adopt and rotate "
        "that key, or delete it and send the request again",
        code="idempotency_key_expired",
        key_id=key_id,
    )
