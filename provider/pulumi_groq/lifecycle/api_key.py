"""A key's life: created, adopted, read, changed in place, rotated, deleted."""

from datetime import datetime
from typing import Final

from pulumi_groq.admin import AdminClient, KeyListing
from pulumi_groq.errors import ConfigurationError, ConflictError, NotFoundError
from pulumi_groq.lifecycle.key_state import (
    ApiKeyArgs,
    ApiKeyState,
    new_state,
    outputs_of,
    settings_of,
    with_fields,
)
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
from pulumi_groq.lifecycle.rotation_runner import OBSERVED, RotationRunner
from pulumi_groq.models.api_key import ApiKey, ApiKeyUpdate
from pulumi_groq.models.rotation import RotationSchedule

QUIET_HOURS: Final = RotationSchedule().quiet_hours


class ApiKeyLifecycle:
    """The lifecycle of `GroqApiKey`. The resource's id is that of its first key: it outlives rotations."""

    args = ApiKeyArgs
    state = ApiKeyState

    def __init__(
        self, client: AdminClient, listing: KeyListing, notify: Notify, new_claim: NewClaim = random_claim
    ) -> None:
        self._client = client
        self._listing = listing
        self._notify = notify
        self._new_claim = new_claim
        self._rotations = RotationRunner(client, listing, notify)

    def check(self, olds: Properties, news: Properties) -> Checked:
        checked = check_inputs(ApiKeyArgs, news)
        return self._rotations.check(olds, checked)

    def diff(self, resource_id: str, state: Properties, inputs: Properties) -> PropertyDiff:
        change = compare(ApiKeyArgs, state, inputs)
        if change.replaces or "key_id" not in state:
            return change
        due = self._rotations.due(parse(ApiKeyState, state), inputs)
        return PropertyDiff(("rotation",), ()) if due and not change.changed else change

    def unsettled(self, state: Properties | None, inputs: Properties) -> frozenset[str]:
        if state is None or "key_id" not in state:
            outputs = outputs_beside(ApiKeyArgs, ApiKeyState)
            return outputs if inputs.get("rotation") is not None else outputs - OBSERVED
        differing = {name for name in inputs.keys() | state.keys() if state.get(name) != inputs.get(name)}
        unsettled = set(self._rotations.unsettled(parse(ApiKeyState, state), inputs))
        if differing & {"disabled", "expires_at"}:
            unsettled.add("status")
        if not state.get("claim"):
            unsettled.add("claim")
        return frozenset(unsettled)

    def create(self, args: ApiKeyArgs) -> tuple[str, ApiKeyState]:
        if args.adopt_key_id is not None:
            return self._adopt(args, args.adopt_key_id)
        claim = self._new_claim()
        minted = mint(self._client, args, claim, replaces=None)
        self._listing.forget()
        state = new_state(args, minted.key, minted.key.api_key, claim)
        return minted.key.id, self._rotations.started(state, minted.key)

    def _adopt(self, args: ApiKeyArgs, key_id: str) -> tuple[str, ApiKeyState]:
        key = self._client.get_key(key_id)
        if key.name != args.name:
            raise ConfigurationError(
                f"adopt_key_id: key {key_id} is named {key.name!r}, not {args.name!r}: "
                f"a key keeps its name, so declare name={key.name!r}"
            )
        if key.managed_by not in (None, args.managed_by):
            self._notify(f"{args.name}: key {key_id} was managed by {key.managed_by}; it is now managed here")
        found = parse(ApiKeyArgs, settings_of(key))
        claim = self._new_claim()
        update = args.update(args.differing(found), claim)
        key = self._client.update_key(key_id, update, take_over=True)
        self._listing.forget()
        adopted = new_state(args, key, None, claim)
        return key.id, self._rotations.advance(adopted, claim, acted_on=args.rotation)

    def read(self, resource_id: str, state: ApiKeyState | None) -> ApiKeyState | None:
        try:
            key = self._live_key(resource_id, state)
        except NotFoundError:
            return None
        if state is None:
            return new_state(parse(ApiKeyArgs, settings_of(key)), key, None, None)
        if key.id != state.key_id:
            return self._rotations.observed(with_fields(state, status="deleted"))
        seen = with_fields(state, **settings_of(key), **outputs_of(key))
        return self._rotations.observed(seen)

    def _live_key(self, resource_id: str, state: ApiKeyState | None) -> ApiKey:
        if state is None:
            return self._client.get_key(resource_id)
        try:
            return self._listing.get(state.key_id, state.managed_by)
        except NotFoundError:
            lineage = self._client.snapshot(lineage_id=state.lineage_id).keys
            if not lineage:
                raise
            return max(lineage.values(), key=lambda key: key.generation)

    def update(self, resource_id: str, state: ApiKeyState, args: ApiKeyArgs) -> ApiKeyState:
        claim = state.claim or self._new_claim()
        differing = args.differing(state)
        take_over = args.adopt_key_id in {resource_id, state.key_id}
        declared = {name: getattr(args, name) for name in ApiKeyArgs.model_fields}
        changed = with_fields(state, **declared, claim=claim)
        if differing or take_over:
            update = args.update(differing, claim)
            # The live key first: it is the one whose changes a refresh finds, should this be cut off.
            for key_id in sorted(self._works(state), key=lambda key_id: key_id != state.key_id):
                key = self._updated(key_id, update, take_over=take_over)
                if key_id == state.key_id:
                    changed = with_fields(changed, **outputs_of(key))
            self._listing.forget()
        return self._rotations.advance(changed, claim, acted_on=state.rotation)

    def _updated(self, key_id: str, update: ApiKeyUpdate, *, take_over: bool) -> ApiKey:
        try:
            return self._client.update_key(key_id, update, take_over=take_over)
        except NotFoundError as error:
            advice = "it was deleted elsewhere; run `pulumi refresh`, then this again"
            raise error.reworded(f"{error}: {advice}") from None

    def delete(self, resource_id: str, state: ApiKeyState) -> None:
        quiet_hours = state.rotation.quiet_hours if state.rotation else QUIET_HOURS
        unless_used_within_s = None if state.allow_delete_in_use else quiet_hours * 3600
        claim = state.claim or self._new_claim()
        for key_id in self._works(state):
            try:
                answer = self._client.delete_key(
                    key_id, unless_used_within_s=unless_used_within_s, claim=claim
                )
            except ConflictError as error:
                if error.code == "key_in_use":
                    raise error.reworded(f"{error}; {_when_deleted(quiet_hours)}") from None
                raise
            tell_if_kept(self._notify, f"{state.name} ({key_id})", answer)
        self._listing.forget()

    def _works(self, state: ApiKeyState) -> list[str]:
        """The ids of the lineage's keys, the last used first; a key that never rotated costs no request.

        In this order, a delete that is refused because one key is in use has deleted none of the others.
        """
        if state.rotation is None and state.generation == 1:
            return [state.key_id]
        keys = self._client.snapshot(lineage_id=state.lineage_id).keys.values()
        own = [key for key in keys if key.id == state.key_id or _is_held(key, state)]
        return [key.id for key in sorted(own, key=_last_use, reverse=True)]


def _is_held(key: ApiKey, state: ApiKeyState) -> bool:
    """Whether no other stack has taken the lineage's `key` over."""
    return key.claim in (None, state.claim) or key.managed_by == state.managed_by


def _last_use(key: ApiKey) -> tuple[bool, datetime]:
    return key.last_used_at is not None, key.last_used_at or key.created_at


def _when_deleted(quiet_hours: int) -> str:
    return (
        f"it is deleted once it has been quiet for {quiet_hours} h, "
        "or at once with allow_delete_in_use=True (run `pulumi up` with it first)"
    )
