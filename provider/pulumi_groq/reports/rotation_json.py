"""A rotation status as JSON for programs."""

import json
from datetime import datetime
from typing import Any

from pulumi_groq.models.api_key import ApiKey
from pulumi_groq.models.fields import wire_time
from pulumi_groq.reports.rotation import KeyRotation, RotationStatus


def rotation_json(status: RotationStatus) -> str:
    """Every key in the stack's order; times as the admin API writes them."""
    document = {
        "stack": status.stack,
        "as_of": wire_time(status.as_of),
        "due": status.is_due,
        "keys": [_key(key) for key in status.keys],
    }
    return json.dumps(document, indent=2)


def _key(key: KeyRotation) -> dict[str, Any]:
    return {
        "resource": key.resource,
        "name": key.name,
        "key_id": key.key_id,
        "generation": key.generation,
        "status": key.live.status if key.live else None,
        "age_days": key.age_days,
        "last_used_at": _time(key.live.last_used_at) if key.live else None,
        "next_rotation_at": _time(key.next_rotation_at),
        "previous": _previous(key.previous),
        "retire_after": _time(key.retire_after),
        "due": list(key.due),
        "notes": list(key.notes),
    }


def _previous(key: ApiKey | None) -> dict[str, Any] | None:
    if key is None:
        return None
    return {
        "key_id": key.id,
        "last_four": key.last_four,
        "status": key.status,
        "last_used_at": _time(key.last_used_at),
    }


def _time(at: datetime | None) -> str | None:
    return wire_time(at) if at else None
