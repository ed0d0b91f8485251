"""A key's life, of whatever kind: created, adopted, read, changed in place, rotated, deleted."""

from datetime import datetime
from typing import Any, Generic, TypeVar

from pulumi_groq.errors import ConfigurationError, ConflictError, NotFoundError
from pulumi_groq.lifecycle.key_calls import KeyCalls
from pulumi_groq.lifecycle.minting import mint
from pulumi_groq.lifecycle.ownership import NewClaim, random_claim, tell_if_kept
from pulumi_groq.lifecycle.properties import (
    Checked,
    Properties,
    PropertyDiff,
    check_inputs,
    compare,
    outputs_beside,
    parse,
)
from pulumi_groq.lifecycle.resource import Notify
from pulumi_groq.lifecycle.rotated_key import RotatedKeyArgs, RotatedKeyState, ServedKey, outputs_of
from pulumi_groq.lifecycle.rotation_runner import OBSERVED, RotationRunner

ArgsT = TypeVar("ArgsT", bound=RotatedKeyArgs)
StateT = TypeVar("StateT", bound=RotatedKeyState)


class KeyLifecycle(Generic[ArgsT, StateT]):
    """Base of the lifecycles of keys. The resource's id is that of its first key: it outlives rotations."""

    args: type[ArgsT]
    state: type[StateT]

    def __init__(self, calls: KeyCalls, notify: Notify, new_claim: NewClaim = random_claim) -> None:
        self._calls = calls
        self._notify = notify
        self._new_claim = new_claim
        self._rotations: RotationRunner[StateT] = RotationRunner(calls, notify)

    def settings_of(self, key: Any) -> dict[str, object]:
        """The arguments of `key` as the server has them."""
        raise NotImplementedError

    def quiet_before_delete_s(self, state: StateT) -> int | None:
        """How long a key must not have been used to be deleted; `None` deletes it in any case."""
        return None

    def check(self, olds: Properties, news: Properties) -> Checked:
        checked = check_inputs(self.args, news)
        return self._rotations.check(olds, checked)

    def diff(self, resource_id: str, state: Properties, inputs: Properties) -> PropertyDiff:
        change = compare(self.args, state, inputs)
        if change.replaces or "key_id" not in state:
            return change
        due = self._rotations.due(parse(self.state, state), inputs)
        return PropertyDiff(("rotation",), ()) if due and not change.changed else change

    def unsettled(self, state: Properties | None, inputs: Properties) -> frozenset[str]:
        if state is None or "key_id" not in state:
            outputs = outputs_beside(self.args, self.state)
            return outputs if inputs.get("rotation") is not None else outputs - OBSERVED
        differing = {name for name in inputs.keys() | state.keys() if state.get(name) != inputs.get(name)}
        unsettled = set(self._rotations.unsettled(parse(self.state, state), inputs))
        if differing & {"disabled", "expires_at"}:
            unsettled.add("status")
        if not state.get("claim"):
            unsettled.add("claim")
        return frozenset(unsettled)

    def create(self, args: ArgsT) -> tuple[str, StateT]:
        if args.adopt_key_id is not None:
            return self._adopt(args, args.adopt_key_id)
        claim = self._new_claim()
        minted = mint(self._calls, args, claim, replaces=None)
        self._calls.forget()
        state = self.state.of(args, minted.key, minted.value, claim)
        return minted.key.id, self._rotations.started(state, minted.key)

    def _adopt(self, args: ArgsT, key_id: str) -> tuple[str, StateT]:
        key = self._calls.get(key_id)
        if key.name != args.name:
            raise ConfigurationError(
                f"adopt_key_id: {self._calls.noun} {key_id} is named {key.name!r}, not {args.name!r}: "
                f"a key keeps its name, so declare name={key.name!r}"
            )
        if key.managed_by not in (None, args.managed_by):
            told = f"{self._calls.noun} {key_id} was managed by {key.managed_by}; it is now managed here"
            self._notify(f"{args.name}: {told}")
        found = parse(self.args, self.settings_of(key))
        claim = self._new_claim()
        update = args.update(args.differing(found), claim)
        key = self._calls.update(key_id, update, take_over=True)
        self._calls.forget()
        adopted = self.state.of(args, key, None, claim)
        return key.id, self._rotations.advance(adopted, claim, acted_on=args.rotation)

    def read(self, resource_id: str, state: StateT | None) -> StateT | None:
        try:
            key = self._live_key(resource_id, state)
        except NotFoundError:
            return None
        if state is None:
            return self.state.of(parse(self.args, self.settings_of(key)), key, None, None)
        if key.id != state.key_id:
            return self._rotations.observed(state.with_fields(status="deleted"))
        seen = state.with_fields(**self.settings_of(key), **outputs_of(key))
        return self._rotations.observed(seen)

    def _live_key(self, resource_id: str, state: StateT | None) -> ServedKey:
        if state is None:
            return self._calls.get(resource_id)
        try:
            return self._calls.listed(state.key_id, state.managed_by)
        except NotFoundError:
            lineage = self._calls.lineage(state.lineage_id).keys
            if not lineage:
                raise
            return max(lineage.values(), key=lambda key: key.generation)

    def update(self, resource_id: str, state: StateT, args: ArgsT) -> StateT:
        claim = state.claim or self._new_claim()
        differing = args.differing(state)
        take_over = args.adopt_key_id in {resource_id, state.key_id}
        declared = {name: getattr(args, name) for name in self.args.model_fields}
        changed = state.with_fields(**declared, claim=claim)
        if differing or take_over:
            update = args.update(differing, claim)
            # The live key first: it is the one whose changes a refresh finds, should this be cut off.
            for key_id in sorted(self._works(state), key=lambda key_id: key_id != state.key_id):
                key = self._updated(key_id, update, take_over=take_over)
                if key_id == state.key_id:
                    changed = changed.with_fields(**outputs_of(key))
            self._calls.forget()
        return self._rotations.advance(changed, claim, acted_on=state.rotation)

    def _updated(self, key_id: str, update: Any, *, take_over: bool) -> ServedKey:
        try:
            return self._calls.update(key_id, update, take_over=take_over)
        except NotFoundError as error:
            advice = "it was deleted elsewhere; run `pulumi refresh`, then this again"
            raise error.reworded(f"{error}: {advice}") from None

    def delete(self, resource_id: str, state: StateT) -> None:
        quiet_s = self.quiet_before_delete_s(state)
        claim = state.claim or self._new_claim()
        for key_id in self._works(state):
            try:
                answer = self._calls.delete(key_id, unless_used_within_s=quiet_s, claim=claim)
            except ConflictError as error:
                if error.code == "key_in_use" and quiet_s is not None:
                    raise error.reworded(f"{error}; {_when_deleted(quiet_s // 3600)}") from None
                raise
            tell_if_kept(self._notify, f"{state.name} ({key_id})", answer)
        self._calls.forget()

    def _works(self, state: StateT) -> list[str]:
        """The ids of the lineage's keys, the last used first; a key that never rotated costs no request.

        In this order, a delete that is refused because one key is in use has deleted none of the others.
        """
        if state.rotation is None and state.generation == 1:
            return [state.key_id]
        keys = self._calls.lineage(state.lineage_id).keys.values()
        own = [key for key in keys if key.id == state.key_id or _is_held(key, state)]
        return [key.id for key in sorted(own, key=_last_use, reverse=True)]


def _is_held(key: ServedKey, state: RotatedKeyState) -> bool:
    """Whether no other stack has taken the lineage's `key` over."""
    return key.claim in (None, state.claim) or key.managed_by == state.managed_by


def _last_use(key: ServedKey) -> tuple[bool, datetime]:
    return key.last_used_at is not None, key.last_used_at or key.created_at


def _when_deleted(quiet_hours: int) -> str:
    return (
        f"it is deleted once it has been quiet for {quiet_hours} h, "
        "or at once with allow_delete_in_use=True (run `pulumi up` with it first)"
    )
