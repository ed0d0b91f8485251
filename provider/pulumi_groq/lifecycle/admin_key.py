"""An admin key's life: created, adopted, read, changed in place, deleted."""

import hashlib
from typing import Annotated, Final

from pydantic import AfterValidator, ConfigDict, Field

from pulumi_groq.admin import AdminClient
from pulumi_groq.errors import ConfigurationError, ConflictError, NotFoundError
from pulumi_groq.lifecycle.ownership import NewClaim, random_claim, tell_if_kept
from pulumi_groq.lifecycle.properties import (
    Checked,
    Properties,
    PropertyDiff,
    check_inputs,
    compare,
    outputs_beside,
)
from pulumi_groq.lifecycle.resource import Notify
from pulumi_groq.models.admin_key import (
    AdminKey,
    AdminKeyCreate,
    AdminKeyCreated,
    AdminKeySettings,
    AdminKeyUpdate,
    AdoptAdminKeyId,
    RoleTeams,
)
from pulumi_groq.models.fields import CreatedAt, Name
from pulumi_groq.models.markers import ONCE, REPLACE, SECRET
from pulumi_groq.models.ownership import OwnClaim, Placed, place_of

_LEFT_BEHIND: Final = frozenset({"already_declared", "idempotency_key_expired"})


class AdminKeyArgs(AdminKeySettings, Placed):
    """An admin key as declared."""

    teams: Annotated[RoleTeams, AfterValidator(sorted)] = Field(default_factory=list, validate_default=True)
    name: Annotated[
        Name,
        REPLACE,
        Field(
            description="What the key is for, 1 to 128 printable characters; the resource's name where left "
            "out. Changing it replaces the key: the new one is created before the old one is deleted."
        ),
    ]
    adopt_key_id: Annotated[AdoptAdminKeyId, ONCE] = None


class AdminKeyState(AdminKeyArgs):
    """Arguments plus outputs."""

    model_config = ConfigDict(extra="ignore")

    claim: OwnClaim = None
    admin_key: Annotated[
        str | None,
        SECRET,
        Field(
            repr=False,
            description="The key's value, for GROQ_ADMIN_KEY; a secret. Empty for an adopted key.",
        ),
    ] = None
    last_four: Annotated[str, Field(description="The last 4 characters of the key's value.")]
    created_at: CreatedAt


class AdminKeyLifecycle:
    """The lifecycle of `GroqAdminKey`; its id is the key's."""

    args = AdminKeyArgs
    state = AdminKeyState

    def __init__(self, client: AdminClient, notify: Notify, new_claim: NewClaim = random_claim) -> None:
        self._client = client
        self._notify = notify
        self._new_claim = new_claim

    def check(self, olds: Properties, news: Properties) -> Checked:
        return check_inputs(AdminKeyArgs, news)

    def diff(self, resource_id: str, state: Properties, inputs: Properties) -> PropertyDiff:
        return compare(AdminKeyArgs, state, inputs)

    def unsettled(self, state: Properties | None, inputs: Properties) -> frozenset[str]:
        if state is None:
            return outputs_beside(AdminKeyArgs, AdminKeyState)
        return frozenset() if state.get("claim") else frozenset({"claim"})

    def create(self, args: AdminKeyArgs) -> tuple[str, AdminKeyState]:
        claim = self._new_claim()
        if args.adopt_key_id is not None:
            return self._adopt(args, args.adopt_key_id, claim)
        created = self._mint(args, claim)
        return created.id, _state(args, created, created.admin_key, claim)

    def _mint(self, args: AdminKeyArgs, claim: str) -> AdminKeyCreated:
        """Create the key, once: the next run sends the same idempotency key and gets the same answer. Where
        the server cannot repeat it, the key that was left behind, whose value nobody has, is deleted first.
        """
        shared = {name: getattr(args, name) for name in AdminKeyCreate.model_fields if name != "claim"}
        body = AdminKeyCreate.model_validate({**shared, "claim": claim})
        token = hashlib.sha256(body.model_dump_json(exclude={"claim"}).encode()).hexdigest()
        try:
            return self._client.create_admin_key(body, token)
        except ConflictError as error:
            if error.code not in _LEFT_BEHIND or error.key_id is None:
                raise
            left_behind = error.key_id
        self._discard(args, left_behind)
        return self._client.create_admin_key(body, token)

    def _discard(self, args: AdminKeyArgs, key_id: str) -> None:
        try:
            found = self._client.get_admin_key(key_id)
        except NotFoundError:
            return
        if (found.managed_by, found.declared_as) != (args.managed_by, args.declared_as):
            raise ConfigurationError(
                f"admin key '{args.name}' ({key_id}), which this declaration created, is {place_of(found)} "
                f"now: take it over with adopt_key_id='{key_id}', or declare another name"
            )
        self._client.delete_admin_key(key_id)

    def _adopt(self, args: AdminKeyArgs, key_id: str, claim: str) -> tuple[str, AdminKeyState]:
        key = self._client.get_admin_key(key_id)
        if key.name != args.name:
            raise ConfigurationError(
                f"adopt_key_id: admin key {key_id} is named {key.name!r}, not {args.name!r}: "
                f"a key keeps its name, so declare name={key.name!r}"
            )
        if key.managed_by not in (None, args.managed_by):
            self._notify(
                f"{args.name}: admin key {key_id} was managed by {key.managed_by}; it is now managed here"
            )
        key = self._client.update_admin_key(key_id, _written(args, claim), take_over=True)
        return key.id, _state(args, key, None, claim)

    def read(self, resource_id: str, state: AdminKeyState | None) -> AdminKeyState | None:
        try:
            key = self._client.get_admin_key(resource_id)
        except NotFoundError:
            return None
        value, claim = (state.admin_key, state.claim) if state else (None, None)
        adopted = state.adopt_key_id if state else None
        names = AdminKeyArgs.model_fields.keys() - {"adopt_key_id"}
        found = {name: getattr(key, name) for name in names} | {"adopt_key_id": adopted}
        return _state(AdminKeyArgs.model_validate(found), key, value, claim)

    def update(self, resource_id: str, state: AdminKeyState, args: AdminKeyArgs) -> AdminKeyState:
        claim = state.claim or self._new_claim()
        take_over = args.adopt_key_id == resource_id
        key = self._client.update_admin_key(resource_id, _written(args, claim), take_over=take_over)
        return _state(args, key, state.admin_key, claim)

    def delete(self, resource_id: str, state: AdminKeyState) -> None:
        answer = self._client.delete_admin_key(resource_id, claim=state.claim or self._new_claim())
        tell_if_kept(self._notify, f"admin key '{state.name}' ({resource_id})", answer)


def _written(args: AdminKeyArgs, claim: str) -> AdminKeyUpdate:
    declared = {name: getattr(args, name) for name in AdminKeyUpdate.model_fields if name != "claim"}
    return AdminKeyUpdate.model_validate({**declared, "claim": claim})


def _state(args: AdminKeyArgs, key: AdminKey, value: str | None, claim: str | None) -> AdminKeyState:
    declared = {name: getattr(args, name) for name in AdminKeyArgs.model_fields}
    outputs = {"claim": claim, "admin_key": value, "last_four": key.last_four, "created_at": key.created_at}
    return AdminKeyState.model_validate({**declared, **outputs})
