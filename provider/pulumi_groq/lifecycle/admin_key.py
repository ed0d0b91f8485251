"""The life of an admin key."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field

from pulumi_groq.lifecycle.key_calls import AdminKeyCalls
from pulumi_groq.lifecycle.key_lifecycle import KeyLifecycle
from pulumi_groq.lifecycle.ownership import NewClaim, random_claim
from pulumi_groq.lifecycle.resource import Notify
from pulumi_groq.lifecycle.rotated_key import RotatedKeyArgs, RotatedKeyState
from pulumi_groq.models.admin_key import (
    AdminKeyCreate,
    AdminKeySettings,
    AdminKeyUpdate,
    AdoptAdminKeyId,
    RoleTeams,
)
from pulumi_groq.models.fields import DeclaredAs, ManagedBy, Name
from pulumi_groq.models.markers import ONCE, REPLACE, SECRET
from pulumi_groq.models.rotation import Rotation

if TYPE_CHECKING:
    from pulumi_groq.admin import AdminClient, AdminKeyListing


class AdminKeyArgs(AdminKeySettings, RotatedKeyArgs):
    """An admin key as declared."""

    creates = AdminKeyCreate
    updates = AdminKeyUpdate

    teams: Annotated[RoleTeams, AfterValidator(sorted)] = Field(default_factory=list, validate_default=True)
    name: Annotated[
        Name,
        REPLACE,
        Field(
            description="What the key is for, 1 to 128 printable characters; the resource's name where left "
            "out. Changing it replaces the key: the new one is created before the old one is deleted."
        ),
    ]
    managed_by: ManagedBy = None
    declared_as: DeclaredAs = None
    rotation: Rotation = None
    adopt_key_id: Annotated[AdoptAdminKeyId, ONCE] = None


class AdminKeyState(AdminKeyArgs, RotatedKeyState):
    """Arguments plus outputs."""

    model_config = ConfigDict(extra="ignore")
    value_field = "admin_key"

    status: Annotated[
        Literal["active", "expired", "deleted"],
        Field(
            description="`active`, or why requests are refused: `expired`, or `deleted` while a predecessor "
            "still works."
        ),
    ]
    previous_status: Annotated[
        str | None, Field(description="The predecessor's status: `active` or `expired`.")
    ] = None
    admin_key: Annotated[
        str | None,
        SECRET,
        Field(
            repr=False,
            description="The key's value, for GROQ_ADMIN_KEY; a secret. Empty for an adopted key until a "
            "rotation gives it a new one.",
        ),
    ] = None


class AdminKeyLifecycle(KeyLifecycle[AdminKeyArgs, AdminKeyState]):
    """The lifecycle of `GroqAdminKey`. Rights that are taken away are gone at once: no use stops a delete."""

    args = AdminKeyArgs
    state = AdminKeyState

    def __init__(
        self,
        client: "AdminClient",
        listing: "AdminKeyListing",
        notify: Notify,
        new_claim: NewClaim = random_claim,
    ) -> None:
        super().__init__(AdminKeyCalls(client, listing), notify, new_claim)

    def settings_of(self, key: Any) -> dict[str, object]:
        names = set(AdminKeySettings.model_fields) | {"name", "managed_by", "declared_as"}
        shared: dict[str, object] = key.model_dump(include=names)
        return shared
