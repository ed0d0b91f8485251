"""Rotates the keys of Pulumi ESC environments: two live keys at most, and no call that leaves none."""

from datetime import timedelta

from pulumi_groq.gateway.admin.authorization import Caller
from pulumi_groq.gateway.admin.keys import Keys
from pulumi_groq.gateway.admin.minting import Minting
from pulumi_groq.gateway.admin.refusals import Conflict, Missing, shown
from pulumi_groq.gateway.store.keys import KeyRecord, find_key, keys_declared_as, live_lineage
from pulumi_groq.gateway.store.store import Store
from pulumi_groq.models.api_key import ApiKeyCreate
from pulumi_groq.models.external_rotation import PreviousKey, RotatorRequest, RotatorState


class ExternalRotation:
    """The handler behind the endpoint. Not for an event loop: it waits for the store.

    A key belongs to the environment that called, under the name that it declares, so that a first call whose
    answer was lost is found again.
    """

    def __init__(self, store: Store, keys: Keys, minting: Minting) -> None:
        self._store = store
        self._keys = keys
        self._minting = minting

    def rotate(self, caller: Caller, environment: str, wanted: RotatorRequest, token_id: str) -> RotatorState:
        """The successor of the key in `wanted.state`, or a first key; its value is in no later answer.

        The same token again is the same call: it gets the same answer. Whatever else lives in the lineage is
        deleted first, being older than the predecessor or the key of an answer that was lost; raises
        `Refusal` 409 `key_in_use` where that is still in use.
        """
        key = self._minting.answered(caller, token_id)
        if key is None:
            predecessor = self._make_room(caller, environment, wanted)
            declared = wanted.request.model_dump(exclude={"quiet_hours"}) | {
                "managed_by": environment,
                "declared_as": wanted.request.name,
                "replaces": None if predecessor is None else predecessor.id,
            }
            key = self._minting.create(caller, ApiKeyCreate.model_validate(declared), token_id).key
        held = wanted.state
        is_successor = held is not None and held.key_id == key.replaces
        return RotatorState(
            key_id=key.id,
            api_key=key.api_key,
            rotated_at=key.created_at,
            previous=PreviousKey(key_id=held.key_id, api_key=held.api_key) if held and is_successor else None,
        )

    def _make_room(self, caller: Caller, environment: str, wanted: RotatorRequest) -> KeyRecord | None:
        name, state = wanted.request.name, wanted.state
        with self._store.read() as connection:
            held = find_key(connection, state.key_id) if state else None
            placed = keys_declared_as(connection, environment, name, name)
            predecessor = held or (placed[-1] if placed else None)
            living = live_lineage(connection, predecessor.lineage_id) if predecessor else []
        if predecessor is None:
            return None
        if predecessor.managed_by not in {None, environment}:
            raise Conflict(
                f"API key {predecessor.id} belongs to {shown(predecessor.managed_by or '')}, which rotates "
                "it: give it up there first, or let the environment begin without a state",
                code="held_elsewhere",
                param="state.key_id",
                key_id=predecessor.id,
            )
        quiet = timedelta(hours=wanted.request.quiet_hours)
        for other in living:
            if other.id != predecessor.id:
                self._delete_quiet(caller, other.id, quiet)
        return predecessor

    def _delete_quiet(self, caller: Caller, key_id: str, quiet: timedelta) -> None:
        try:
            self._keys.delete(caller, key_id, quiet, None)
        except Missing:
            return  # deleted by somebody else just now
        except Conflict as in_use:
            raise Conflict(
                f"{in_use}. Rotate again when it is quiet, or with fewer quiet_hours; who uses it: "
                f"GET /openai/v1/api-keys/{key_id}/consumers",
                code=in_use.detail.code,
                param="request.quiet_hours",
                key_id=key_id,
            ) from None
