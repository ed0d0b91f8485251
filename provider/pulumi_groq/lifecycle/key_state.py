"""A key as declared and as kept in state."""

from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field

from pulumi_groq.lifecycle.rotated_key import RotatedKeyArgs, RotatedKeyState
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
from pulumi_groq.models.fields import DeclaredAs, ManagedBy, Name
from pulumi_groq.models.markers import ONCE, REPLACE, SECRET
from pulumi_groq.models.rotation import Rotation


class ApiKeyArgs(ApiKeySettings, RotatedKeyArgs):
    """A key as declared."""

    creates = ApiKeyCreate
    updates = ApiKeyUpdate

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


class ApiKeyState(ApiKeyArgs, RotatedKeyState):
    """Arguments plus outputs."""

    model_config = ConfigDict(extra="ignore")
    value_field = "api_key"

    api_key: Annotated[
        str | None,
        SECRET,
        Field(
            repr=False,
            description="The key's value, which applications send; a secret. Empty for an adopted key until "
            "a rotation gives it a new one.",
        ),
    ] = None


def settings_of(key: ApiKey) -> dict[str, object]:
    """The arguments of `key` as the server has them."""
    shared = key.model_dump(include=set(ApiKeySettings.model_fields) | {"name", "managed_by", "declared_as"})
    return {**shared, "disabled": key.status == "disabled"}
