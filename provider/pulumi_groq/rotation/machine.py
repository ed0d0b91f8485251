"""What a run has to do for a key's rotation: a pure function of schedule, state, live keys and time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol, Self

from pulumi_groq.models.rotation import RotationSchedule


class ListedKey(Protocol):
    """What the gateway says of a key of any kind."""

    @property
    def id(self) -> str:
        """The key's id."""
        ...

    @property
    def generation(self) -> int:
        """Its number in its lineage, counted from 1."""
        ...

    @property
    def last_four(self) -> str:
        """The end of its value."""
        ...

    @property
    def created_at(self) -> datetime:
        """When it was created (UTC)."""
        ...

    @property
    def last_used_at(self) -> datetime | None:
        """When it was last used (UTC)."""
        ...


@dataclass(frozen=True, slots=True)
class LiveKey:
    """A key of the lineage that still works."""

    key_id: str
    generation: int
    last_four: str
    created_at: datetime
    last_used_at: datetime | None

    @classmethod
    def of(cls, key: ListedKey) -> Self:
        """What matters of `key` here."""
        return cls(key.id, key.generation, key.last_four, key.created_at, key.last_used_at)


@dataclass(frozen=True, slots=True)
class Held:
    """What the state holds: the live key and its predecessor, whether and since when it has the value, and
    the triggers that were acted on.
    """

    key_id: str
    generation: int
    has_value: bool
    delivered_at: datetime | None
    trigger: str | None
    emergency_trigger: str | None
    previous_key_id: str | None = None


class Action(Enum):
    """The steps of a run, in the order in which they are taken."""

    RETIRE = "retire"
    """Delete a predecessor that has gone quiet."""
    MINT = "mint"
    """Create the lineage's next key; a key that a lost answer left behind is taken over instead."""
    REVOKE = "revoke"
    """Delete a predecessor at once, in use or not."""
    FORGET = "forget"
    """Drop a predecessor that is already gone from the state."""


@dataclass(frozen=True, slots=True)
class RotationStep:
    """One action, on the key `key_id` (for MINT the predecessor, `None` without one), and why in words."""

    action: Action
    key_id: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class RotationPlan:
    """The steps due now, what to report, and why a rotation that was asked for may not start.

    `kept` is the id of a predecessor whose overlap is over but which is still in use.
    """

    steps: tuple[RotationStep, ...] = ()
    warnings: tuple[str, ...] = ()
    refusal: str | None = None
    kept: str | None = None


def in_force(declared: RotationSchedule | None, *, begun: bool) -> RotationSchedule | None:
    """The declared schedule. Its removal does not end what it has `begun`: a rotation that was cut off
    is finished, and a predecessor is retired when it is quiet.
    """
    return declared or (RotationSchedule() if begun else None)


def plan(schedule: RotationSchedule, held: Held, live: Sequence[LiveKey], now: datetime) -> RotationPlan:
    """The steps due at `now` for the live keys of one lineage (at most two, by the server's rule)."""
    decided = _decide(schedule, held, live, now)
    gone = held.previous_key_id
    if decided.steps or gone is None or any(key.key_id == gone for key in live):
        return decided
    forget = RotationStep(Action.FORGET, gone, f"forget previous key {gone}: it is gone")
    return replace(decided, steps=(forget,))


def _decide(schedule: RotationSchedule, held: Held, live: Sequence[LiveKey], now: datetime) -> RotationPlan:
    keys = sorted(live, key=lambda key: key.generation)
    if not keys:
        return RotationPlan(
            (RotationStep(Action.MINT, None, "create: every key of it was deleted elsewhere"),)
        )
    newest, older = keys[-1], keys[:-1]
    emergency = _is_new(schedule.emergency_trigger, held.emergency_trigger)
    if newest.key_id != held.key_id and newest.generation >= held.generation:
        return _resume(newest, older, emergency)
    if newest.key_id != held.key_id:
        why = "rotate: its live key was deleted elsewhere"
        return RotationPlan((*_room(older), RotationStep(Action.MINT, newest.key_id, why)))
    if emergency:
        why = "rotate: emergency trigger changed, earlier keys are revoked at once"
        minted = RotationStep(Action.MINT, newest.key_id, why)
        return RotationPlan((*_room(older), minted, _revoke(newest)))
    return _scheduled(schedule, held, newest, older[-1] if older else None, now)


def _resume(newest: LiveKey, older: Sequence[LiveKey], emergency: bool) -> RotationPlan:
    why = f"resume: key …{newest.last_four} was created, but its value did not reach the state"
    minted = RotationStep(Action.MINT, (older[-1] if older else newest).key_id, why)
    # Without a predecessor the key cannot be had again: its successor makes it one of the earlier keys.
    earlier = older or [newest]
    return RotationPlan((minted, *(_revoke(key) for key in earlier if emergency)))


def _room(older: Sequence[LiveKey]) -> tuple[RotationStep, ...]:
    return tuple(_revoke(key) for key in older)


def _revoke(key: LiveKey) -> RotationStep:
    return RotationStep(Action.REVOKE, key.key_id, f"revoke key …{key.last_four} at once")


def _scheduled(
    schedule: RotationSchedule, held: Held, newest: LiveKey, previous: LiveKey | None, now: datetime
) -> RotationPlan:
    frozen_until = _frozen_until(schedule, now)
    wanted, asked = _wanted(schedule, held, newest, now)
    if frozen_until is not None:
        frozen = f"a freeze window lasts until {_minute(frozen_until)}; no rotation starts before"
        return RotationPlan(refusal=frozen if asked else None)
    opens = retire_after(schedule, newest, held.delivered_at)
    retire, warning = _retirement(schedule, opens, previous, now)
    steps = (retire,) if retire else ()
    if wanted and (previous is None or retire):
        return RotationPlan((*steps, RotationStep(Action.MINT, newest.key_id, wanted)))
    if asked and previous is not None:
        return RotationPlan(refusal=_refusal(schedule, opens, previous))
    warnings = [warning] if warning else []
    if wanted and previous is not None:
        warnings.append(f"{wanted}; it waits until key …{previous.last_four} is retired")
    return RotationPlan(steps, tuple(warnings), kept=previous.key_id if previous and warning else None)


def _wanted(
    schedule: RotationSchedule, held: Held, newest: LiveKey, now: datetime
) -> tuple[str | None, bool]:
    """Why a rotation should start, and whether somebody asked for it explicitly."""
    if _is_new(schedule.trigger, held.trigger):
        return "rotate: trigger changed", True
    if not held.has_value:
        return "rotate: its value is not in this state", False
    age_days = (now - newest.created_at) // timedelta(days=1)
    if schedule.every_days is not None and age_days >= schedule.every_days:
        return f"rotate: {age_days} days old, limit {schedule.every_days}", False
    return None, False


def _retirement(
    schedule: RotationSchedule, opens: datetime, previous: LiveKey | None, now: datetime
) -> tuple[RotationStep | None, str | None]:
    if previous is None or now < opens:
        return None, None
    quiet = now - (previous.last_used_at or previous.created_at)
    if previous.last_used_at is None:
        return RotationStep(
            Action.RETIRE, previous.key_id, f"retire key …{previous.last_four}: never used"
        ), None
    if quiet >= timedelta(hours=schedule.quiet_hours):
        hours = quiet // timedelta(hours=1)
        return RotationStep(
            Action.RETIRE, previous.key_id, f"retire key …{previous.last_four}: quiet for {hours} h"
        ), None
    used = _minute(previous.last_used_at)
    return None, (
        f"key …{previous.last_four} is past its overlap but still in use (last at {used}); "
        f"it is kept until it has been quiet for {schedule.quiet_hours} h"
    )


def _refusal(schedule: RotationSchedule, opens: datetime, previous: LiveKey) -> str:
    if previous.last_used_at is not None:
        opens = max(opens, previous.last_used_at + timedelta(hours=schedule.quiet_hours))
    return (
        f"key …{previous.last_four} of the last rotation still works; a rotation opens at {_minute(opens)} "
        "if it stays unused (emergency_trigger rotates and revokes at once)"
    )


def retire_after(schedule: RotationSchedule, newest: LiveKey, delivered_at: datetime | None) -> datetime:
    """When the overlap of `newest` with its predecessor is over; a late delivery never shortens it."""
    return max(newest.created_at, delivered_at or newest.created_at) + timedelta(hours=schedule.overlap_hours)


def next_rotation_at(schedule: RotationSchedule, newest: LiveKey) -> datetime | None:
    """When the schedule asks for the next rotation, after any freeze window; `None` without `every_days`."""
    if schedule.every_days is None:
        return None
    due = newest.created_at + timedelta(days=schedule.every_days)
    return _frozen_until(schedule, due) or due


def _frozen_until(schedule: RotationSchedule, at: datetime) -> datetime | None:
    """The end of the freeze around `at`, adjoining windows taken as one; `None` outside any."""
    until = None
    for window in sorted(schedule.freeze_windows, key=lambda window: window.start):
        if window.start <= (until or at) < window.end:
            until = window.end
    return until


def _is_new(value: str | None, acted_on: str | None) -> bool:
    return value is not None and value != acted_on


def _minute(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")
