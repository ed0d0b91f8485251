"""Where each key of a stack stands in its rotation, and what the next run would do about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from pulumi_groq.models.admin_key import AdminKey
from pulumi_groq.models.api_key import ApiKey
from pulumi_groq.models.fields import wire_time
from pulumi_groq.reports.settings import AdminKeySettings
from pulumi_groq.reports.stack_export import StackAdminKey, StackKey, StackState
from pulumi_groq.rotation.machine import (
    Held,
    LiveKey,
    RotationPlan,
    in_force,
    next_rotation_at,
    plan,
    retire_after,
)


@dataclass(frozen=True, slots=True)
class KeyRotation:
    """One declared key or admin key. `live` and `previous` are what the gateway has of it.

    `due` says what the next run would do and why, `notes` what it waits for or cannot see.
    """

    kind: Literal["api_key", "admin_key"]
    resource: str
    name: str
    generation: int
    key_id: str
    live: ApiKey | AdminKey | None
    previous: ApiKey | AdminKey | None
    age_days: int | None
    next_rotation_at: datetime | None
    retire_after: datetime | None
    due: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RotationStatus:
    """All keys and admin keys of a stack at `as_of`, the server's time."""

    stack: str
    as_of: datetime
    keys: tuple[KeyRotation, ...]

    @property
    def is_due(self) -> bool:
        """Whether the next run has something to do for any key."""
        return any(key.due for key in self.keys)


def rotation_status(stack: StackState, live: Sequence[ApiKey | AdminKey], as_of: datetime) -> RotationStatus:
    """The status of every key that `stack` owns, with `live`, the keys that the gateway has, at `as_of`.

    What is due follows from the rotation as it was last deployed: a trigger that was changed in the
    program since shows in `pulumi preview`.
    """
    lineages: dict[str, list[ApiKey | AdminKey]] = {}
    for each in live:
        lineages.setdefault(each.lineage_id, []).append(each)
    rows = (
        *(_row(key, lineages.get(key.lineage_id, []), as_of) for key in stack.keys),
        *(_row(key, lineages.get(key.lineage_id, []), as_of) for key in stack.admin_keys),
    )
    return RotationStatus(f"{stack.project}/{stack.stack}", as_of, rows)


def _row(key: StackKey | StackAdminKey, lineage: Sequence[ApiKey | AdminKey], as_of: datetime) -> KeyRotation:
    live = next((each for each in lineage if each.id == key.key_id), None)
    previous = next((each for each in lineage if each.generation < key.generation), None)
    newest = LiveKey.of(live) if live else None
    schedule = in_force(key.settings.rotation, begun=key.previous_key_id is not None)
    decided = (
        plan(schedule, _held(key), [LiveKey.of(each) for each in lineage], as_of)
        if schedule
        else RotationPlan()
    )
    return KeyRotation(
        kind="admin_key" if isinstance(key.settings, AdminKeySettings) else "api_key",
        resource=key.resource,
        name=key.name,
        generation=key.generation,
        key_id=key.key_id,
        live=live,
        previous=previous,
        age_days=(as_of - live.created_at) // timedelta(days=1) if live else None,
        next_rotation_at=next_rotation_at(schedule, newest) if schedule and newest else None,
        retire_after=(
            retire_after(schedule, newest, key.delivered_at) if schedule and newest and previous else None
        ),
        due=tuple(step.reason for step in decided.steps),
        notes=(*decided.warnings, *_notes(key, live, has_schedule=schedule is not None)),
    )


def _held(key: StackKey | StackAdminKey) -> Held:
    rotation = key.settings.rotation
    return Held(
        key_id=key.key_id,
        generation=key.generation,
        has_value=key.has_value,
        delivered_at=key.delivered_at,
        trigger=rotation.trigger if rotation else None,
        emergency_trigger=rotation.emergency_trigger if rotation else None,
        previous_key_id=key.previous_key_id,
    )


def _notes(key: StackKey | StackAdminKey, live: ApiKey | AdminKey | None, *, has_schedule: bool) -> list[str]:
    notes = []
    if "rotation" in key.settings.hidden:
        notes.append("its rotation is a secret of the stack: what is due cannot be said")
    elif key.settings.rotation is None:
        notes.append("no rotation is declared")
    if live is None and not has_schedule:
        notes.append("the gateway has no such key: run `pulumi refresh`")
    if live is not None and live.status != "active":
        notes.append(f"the key is {live.status}")
    return notes


def rotation_json(status: RotationStatus) -> dict[str, Any]:
    """Every key in the stack's order; times as the admin API writes them."""
    return {
        "stack": status.stack,
        "as_of": wire_time(status.as_of),
        "due": status.is_due,
        "keys": [_key(key) for key in status.keys],
    }


def _key(key: KeyRotation) -> dict[str, Any]:
    return {
        "kind": key.kind,
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


def _previous(key: ApiKey | AdminKey | None) -> dict[str, Any] | None:
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
