"""A key as declared and as kept in state."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field

from pulumi_groq.models.api_key import (
    AdoptKeyId,
    AllowDeleteInUse,
    ApiKey,
    ApiKeyCreate,
    ApiKeySettings,
    ApiKeyUpdate,
    Disabled,
    KeyModels,
    KeyTools,
)
from pulumi_groq.models.fields import CreatedAt, DeclaredAs, ManagedBy, Name, ObjectId, UtcTime, WholeNumber
from pulumi_groq.models.markers import ONCE, REPLACE, SECRET
from pulumi_groq.models.ownership import OwnClaim, Placed
from pulumi_groq.models.rotation import Rotation


class ApiKeyArgs(ApiKeySettings):
    """A key as declared."""

    allowed_models: Annotated[KeyModels, AfterValidator(sorted)]
    allowed_tools: Annotated[KeyTools, AfterValidator(sorted)] = Field(default_factory=list)
    name: Annotated[
        Name,
        REPLACE,
        Field(
            description="The name that usage is booked under, 1 to 128 printable characters; the resource's "
            "name where left out. Changing it replaces the key: the new one is created before the old one is "
            "deleted."
        ),
    ]
    managed_by: ManagedBy = None
    declared_as: DeclaredAs = None
    disabled: Disabled = False
    rotation: Rotation = None
    adopt_key_id: Annotated[AdoptKeyId, ONCE] = None
    allow_delete_in_use: AllowDeleteInUse = False

    def creation(self, claim: str | None, replaces: str | None = None) -> ApiKeyCreate:
        """The body that creates the key, or the successor of the key `replaces`, held by `claim`."""
        shared = self.model_dump(include=set(ApiKeyCreate.model_fields))
        return ApiKeyCreate.model_validate({**shared, "claim": claim, "replaces": replaces})

    def differing(self, live: "ApiKeyArgs") -> dict[str, object]:
        """The fields of an update that turn a key set up as `live` into this one."""
        return {
            name: getattr(self, name)
            for name in ApiKeyUpdate.model_fields.keys() - {"claim"}
            if getattr(self, name) != getattr(live, name)
        }

    def update(self, fields: Mapping[str, object], claim: str) -> ApiKeyUpdate:
        """The body that sets `fields` in the name of this declaration, which holds the key by `claim`."""
        place = {name: getattr(self, name) for name in Placed.model_fields}
        return ApiKeyUpdate.model_validate({**fields, **place, "claim": claim})


class ApiKeyState(ApiKeyArgs):
    """Arguments plus outputs. Unless a field says that it is the predecessor's, it is the live key's."""

    model_config = ConfigDict(extra="ignore")

    claim: OwnClaim = None
    key_id: Annotated[ObjectId, Field(description="The key's id; a rotation changes it.")]
    lineage_id: Annotated[ObjectId, Field(description="Id of the lineage's first key, which rotations keep.")]
    api_key: Annotated[
        str | None,
        SECRET,
        Field(
            repr=False,
            description="The key's value, which applications send; a secret. Empty for an adopted key until "
            "a rotation gives it a new one.",
        ),
    ] = None
    last_four: Annotated[str, Field(description="The last 4 characters of the key's value.")]
    status: Annotated[
        Literal["active", "disabled", "expired", "paused", "deleted"],
        Field(
            description="`active`, or why requests are refused: `disabled`, `expired`, `paused` for runaway "
            "spend, or `deleted` while a predecessor still works."
        ),
    ]
    created_at: CreatedAt
    generation: Annotated[WholeNumber, Field(description="The key's number in its lineage, counted from 1.")]
    delivered_at: Annotated[
        UtcTime | None,
        Field(
            description="When the value arrived (UTC), if the first answer was lost: the overlap is counted "
            "from then."
        ),
    ] = None
    previous_key_id: Annotated[
        ObjectId | None, Field(description="The predecessor's id, while it still works.")
    ] = None
    previous_last_four: Annotated[
        str | None, Field(description="The last 4 characters of the predecessor's value.")
    ] = None
    previous_status: Annotated[
        str | None,
        Field(description="The predecessor's status: `active`, `disabled`, `expired` or `paused`."),
    ] = None
    previous_last_used_at: Annotated[
        UtcTime | None, Field(description="When the predecessor last served a request (UTC).")
    ] = None
    retire_after: Annotated[
        UtcTime | None,
        Field(description="When the overlap ends (UTC): the predecessor may be deleted from then on."),
    ] = None
    next_rotation_at: Annotated[
        UtcTime | None, Field(description="When the key is due for rotation by its age (UTC).")
    ] = None


def settings_of(key: ApiKey) -> dict[str, object]:
    """The arguments of `key` as the server has them."""
    shared = key.model_dump(include=set(ApiKeySettings.model_fields) | {"name", "managed_by", "declared_as"})
    return {**shared, "disabled": key.status == "disabled"}


def outputs_of(key: ApiKey) -> dict[str, object]:
    """What the state keeps of the live `key`, besides its arguments and its value."""
    return {
        "key_id": key.id,
        "lineage_id": key.lineage_id,
        "last_four": key.last_four,
        "status": key.status,
        "created_at": key.created_at,
        "generation": key.generation,
    }


def new_state(args: ApiKeyArgs, key: ApiKey, api_key: str | None, claim: str | None) -> ApiKeyState:
    """The state of a key that was just created or adopted as `args` declare it, held by `claim`."""
    outputs = {**outputs_of(key), "api_key": api_key, "claim": claim}
    return ApiKeyState.model_validate({**_fields(args), **outputs})


def with_fields(state: ApiKeyState, **fields: object) -> ApiKeyState:
    """`state` with some fields replaced, validated like any other."""
    return ApiKeyState.model_validate({**_fields(state), **fields})


def _fields(model: ApiKeyArgs) -> dict[str, object]:
    return {name: getattr(model, name) for name in type(model).model_fields}
