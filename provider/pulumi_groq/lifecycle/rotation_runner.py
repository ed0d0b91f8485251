"""Rotation applied: the machine's plan, shown at preview and carried out by the run."""

from collections.abc import Mapping, Sequence
from typing import Final, Generic, TypeVar

from pydantic import ValidationError

from pulumi_groq.errors import UNAVAILABLE, ConflictError, RotationRefusedError
from pulumi_groq.lifecycle.key_calls import KeyCalls
from pulumi_groq.lifecycle.minting import mint
from pulumi_groq.lifecycle.ownership import tell_if_kept
from pulumi_groq.lifecycle.properties import Checked, Properties, is_unknown
from pulumi_groq.lifecycle.resource import Notify
from pulumi_groq.lifecycle.rotated_key import RotatedKeyState, ServedKey
from pulumi_groq.models.key_snapshot import KeySnapshot
from pulumi_groq.models.rotation import RotationSchedule
from pulumi_groq.rotation.machine import (
    Action,
    Held,
    LiveKey,
    RotationPlan,
    in_force,
    next_rotation_at,
    plan,
    retire_after,
)

ROTATION_DUE: Final = "rotation_due"
"""The input that a check adds to show at preview what the run will do."""

OBSERVED: Final = frozenset(
    {
        "previous_key_id",
        "previous_last_four",
        "previous_status",
        "previous_last_used_at",
        "retire_after",
        "next_rotation_at",
    }
)
"""The outputs that tell of a key's schedule and of its predecessor."""

_MINTED: Final = frozenset({"key_id", "last_four", "status", "created_at", "generation", "delivered_at"})
_DELETES: Final = frozenset({Action.RETIRE, Action.REVOKE})


StateT = TypeVar("StateT", bound=RotatedKeyState)
_Snapshot = KeySnapshot[ServedKey]


class RotationRunner(Generic[StateT]):
    """Keeps each lineage on its schedule: at most two keys, the older one retired when it is quiet."""

    def __init__(self, calls: KeyCalls, notify: Notify) -> None:
        self._calls = calls
        self._notify = notify

    def check(self, olds: Properties, checked: Checked) -> Checked:
        """Add to the inputs what is due, as far as the lineage tells without the state."""
        address = tuple(olds.get(name) for name in ("managed_by", "declared_as", "name"))
        schedule = None if checked.failures else _declared(checked.inputs)
        if schedule is None or not all(isinstance(part, str) for part in address):
            return checked
        try:
            snapshot = self._calls.owned(olds["managed_by"])
        except UNAVAILABLE as error:
            self._notify(f"{olds['name']}: rotation not checked: {error}")
            return checked
        lineage = [
            key for key in snapshot.keys.values() if (key.managed_by, key.declared_as, key.name) == address
        ]
        live = [LiveKey.of(key) for key in lineage]
        decided = plan(schedule, _assumed(live, olds), live, snapshot.as_of)
        due = "; ".join(step.reason for step in decided.steps)
        return Checked({**checked.inputs, ROTATION_DUE: due} if due else checked.inputs, ())

    def due(self, state: StateT, inputs: Properties) -> bool:
        """Whether the run has something to do; reports what the check could not know.

        Raises RotationRefusedError where a rotation that was asked for may not start yet.
        """
        if is_unknown(inputs.get("rotation")):
            return False
        begun = bool(state.previous_key_id or state.rotation)
        schedule = in_force(_declared(inputs), begun=begun)
        if schedule is None:
            return False
        try:
            snapshot = self._lineage(state)
        except UNAVAILABLE:
            return False  # the check has told
        decided = plan(schedule, _held(state, state.rotation), _live(snapshot), snapshot.as_of)
        _raise_if_refused(state, decided)
        self._tell(state, decided, shown=inputs.get(ROTATION_DUE))
        return bool(decided.steps)

    def unsettled(self, state: StateT, inputs: Properties) -> frozenset[str]:
        """The outputs that an update to `inputs` may give another value."""
        if is_unknown(inputs.get("rotation")):
            return _minted(state)
        begun = bool(state.previous_key_id or state.rotation)
        schedule = in_force(_declared(inputs), begun=begun)
        if schedule is None:
            return frozenset()
        try:
            snapshot = self._lineage(state)
        except UNAVAILABLE:
            return _minted(state)
        decided = plan(schedule, _held(state, state.rotation), _live(snapshot), snapshot.as_of)
        if any(step.action is Action.MINT for step in decided.steps):
            return _minted(state)
        if decided.steps:
            return OBSERVED
        seen = _observed(state, schedule, snapshot)
        return frozenset(name for name in OBSERVED if getattr(seen, name) != getattr(state, name))

    def _tell(self, state: StateT, decided: RotationPlan, shown: object) -> None:
        due = "; ".join(step.reason for step in decided.steps)
        if due and due != shown:
            self._notify(f"{state.name}: {due}")
        for warning in decided.warnings:
            self._notify(f"{state.name}: {warning}")
        use = self._calls.use_in_words(decided.kept) if decided.kept is not None else None
        if use is not None:
            self._notify(f"{state.name}: {use}")

    def advance(self, state: StateT, claim: str, acted_on: RotationSchedule | None) -> StateT:
        """Carry out what is due now and return the state after it.

        The declaration holds the lineage by `claim`: what another stack has taken over is left alone.
        `acted_on` is the rotation of the last run, whose triggers have been acted on.
        """
        schedule = in_force(state.rotation, begun=bool(state.previous_key_id or acted_on))
        if schedule is None:
            return state
        snapshot = self._calls.lineage(state.lineage_id)
        decided = plan(schedule, _held(state, acted_on), _live(snapshot), snapshot.as_of)
        _raise_if_refused(state, decided)
        for step in decided.steps:
            self._notify(f"{state.name}: {step.reason}")
            if step.action is Action.MINT:
                state = self._minted(state, claim, step.key_id, snapshot)
            elif step.key_id and step.action in _DELETES:
                guard_s = _guard_s(step.action, schedule)
                if not self._deleted(state, claim, step.key_id, guard_s):
                    break  # no room for the steps that follow
        if decided.steps:
            self._calls.forget()
            snapshot = self._calls.lineage(state.lineage_id)
        return _observed(state, schedule, snapshot)

    def _deleted(self, state: StateT, claim: str, key_id: str, unless_used_within_s: int | None) -> bool:
        """Delete the step's key; one that served a request since the plan was made is kept, and so is one
        that another stack has taken over.
        """
        try:
            answer = self._calls.delete(key_id, unless_used_within_s=unless_used_within_s, claim=claim)
        except ConflictError as error:
            if error.code != "key_in_use":
                raise
            self._notify(f"{state.name}: kept after all: {error}")
            return False
        tell_if_kept(self._notify, f"{state.name} ({key_id})", answer)
        return answer is None or answer.deleted

    def _minted(self, state: StateT, claim: str, replaces: str | None, snapshot: _Snapshot) -> StateT:
        created = mint(self._calls, state, claim, replaces)
        minted = state.of(state, created.key, created.value, claim)
        return minted.with_fields(delivered_at=snapshot.as_of if created.replayed else None)

    def observed(self, state: StateT) -> StateT:
        """`state` with what the listing shows of the lineage's other key; reports what happened elsewhere."""
        schedule = in_force(state.rotation, begun=bool(state.previous_key_id))
        if schedule is None:
            return state
        seen = _observed(state, schedule, self._lineage(state))
        if seen.status == "deleted":
            self._notify(f"{state.name}: key …{state.last_four} was deleted elsewhere")
        if state.previous_key_id and seen.previous_key_id != state.previous_key_id:
            self._notify(f"{state.name}: previous key …{state.previous_last_four} was deleted elsewhere")
        elif seen.previous_status == "disabled" != state.previous_status:
            self._notify(f"{state.name}: previous key …{seen.previous_last_four} was disabled elsewhere")
        return seen

    def started(self, state: StateT, key: ServedKey) -> StateT:
        """`state` of a lineage that consists of the new `key` alone."""
        schedule = in_force(state.rotation, begun=bool(state.previous_key_id))
        return _observed(state, schedule, KeySnapshot(key.created_at, {key.id: key})) if schedule else state

    def _lineage(self, state: StateT) -> _Snapshot:
        if state.managed_by is None:
            return self._calls.lineage(state.lineage_id)
        listed = self._calls.owned(state.managed_by)
        mine = {key.id: key for key in listed.keys.values() if key.lineage_id == state.lineage_id}
        return KeySnapshot(listed.as_of, mine)


def _minted(state: RotatedKeyState) -> frozenset[str]:
    """What another key changes."""
    return _MINTED | OBSERVED | {state.value_field}


def _declared(inputs: Properties) -> RotationSchedule | None:
    """The rotation in `inputs`, if it is known. Those of a state need not hold one that could be declared: a
    refresh compares what it finds with them.
    """
    try:
        return RotationSchedule.model_validate(inputs.get("rotation"))
    except ValidationError:
        return None


def _raise_if_refused(state: RotatedKeyState, decided: RotationPlan) -> None:
    if decided.refusal:
        raise RotationRefusedError(f"{state.name}: rotation.trigger: {decided.refusal}")


def _guard_s(action: Action, schedule: RotationSchedule) -> int | None:
    # The plan saw the key quiet; the server looks again, in the same transaction as the delete.
    return schedule.quiet_hours * 3600 if action is Action.RETIRE else None


def _live(snapshot: _Snapshot) -> list[LiveKey]:
    return [LiveKey.of(key) for key in snapshot.keys.values()]


def _held(state: RotatedKeyState, acted_on: RotationSchedule | None) -> Held:
    return Held(
        key_id=state.key_id,
        generation=state.generation,
        has_value=state.value is not None,
        delivered_at=state.delivered_at,
        trigger=acted_on.trigger if acted_on else None,
        emergency_trigger=acted_on.emergency_trigger if acted_on else None,
        previous_key_id=state.previous_key_id,
    )


def _assumed(lineage: Sequence[LiveKey], olds: Properties) -> Held:
    """What the state most likely holds: a check sees the last inputs, not the outputs."""
    newest = max(lineage, key=lambda key: key.generation, default=None)
    last = olds.get("rotation")
    rotation = last if isinstance(last, Mapping) else {}
    return Held(
        key_id=newest.key_id if newest else "",
        generation=newest.generation if newest else 0,
        has_value=True,
        delivered_at=None,
        trigger=rotation.get("trigger"),
        emergency_trigger=rotation.get("emergency_trigger"),
    )


def _observed(state: StateT, schedule: RotationSchedule, lineage: _Snapshot) -> StateT:
    newest = next((key for key in _live(lineage) if key.key_id == state.key_id), None)
    previous = next((key for key in lineage.keys.values() if key.generation < state.generation), None)
    overlap_ends = retire_after(schedule, newest, state.delivered_at) if newest and previous else None
    return state.with_fields(
        previous_key_id=previous.id if previous else None,
        previous_last_four=previous.last_four if previous else None,
        previous_status=previous.status if previous else None,
        previous_last_used_at=previous.last_used_at if previous else None,
        retire_after=overlap_ends,
        next_rotation_at=next_rotation_at(schedule, newest) if newest else None,
    )
