"""Admin keys as the admin API sends and receives them: who may do what on the admin plane."""

from typing import Annotated, Final, Literal

from pydantic import Field, ValidationInfo, field_validator

from pulumi_groq.models.fields import (
    CreatedAt,
    Name,
    ObjectId,
    UpdatedAt,
    UtcTime,
    WireModel,
    unique,
)
from pulumi_groq.models.markers import REPLACE, SECRET
from pulumi_groq.models.ownership import Owned
from pulumi_groq.models.role import AdminRole, misfit

AdminKeyStatus = Literal["active", "expired"]

_TEAMS: Final = (
    "Names of the teams that the role is for, up to 100; needed for `team-admin`, possible for `viewer`. "
    "Without any the role is for all teams."
)
_ROLE: Final = (
    'What the key may do: everything (`"owner"`), its teams\' keys (`"team-admin"`), the '
    'spending policy and usage (`"billing"`), read (`"viewer"`), or read changes (`"auditor"`).'
)
Role = Annotated[AdminRole, Field(description=_ROLE)]
RoleTeams = Annotated[list[Name], Field(max_length=100, description=_TEAMS)]
AdminKeyExpiresAt = Annotated[
    UtcTime | None,
    Field(description="When the key stops working: an ISO 8601 time with its zone. Unless set, never."),
]
AdminKeyName = Annotated[
    Name, Field(description="What the key is for: 1 to 128 printable characters. It never changes.")
]
AdminKeyReplaces = Annotated[
    ObjectId | None,
    Field(description="Id of the admin key that this one succeeds: the new key joins its lineage."),
]
AdoptAdminKeyId = Annotated[
    ObjectId | None,
    Field(
        description="Id of an existing admin key to take over instead of creating one; its value stays "
        "unknown until a rotation gives it a new one."
    ),
]


class AdminKeySettings(WireModel):
    """What may change during an admin key's life."""

    role: Role
    teams: RoleTeams = Field(default_factory=list, validate_default=True)
    expires_at: AdminKeyExpiresAt = None

    @field_validator("teams")
    @classmethod
    def _fit_the_role(cls, teams: list[str], info: ValidationInfo) -> list[str]:
        unique(teams)
        role = info.data.get("role")
        problem = misfit(role, teams) if role is not None else None
        if problem is not None:
            raise ValueError(problem)
        return teams


class AdminKeyCreate(AdminKeySettings, Owned):
    """Body of `POST /openai/v1/admin-keys`.

    Live admin keys of different lineages never share `managed_by`, `declared_as` and `name` (409
    `already_declared`), so no run mints a second key.
    """

    name: Annotated[AdminKeyName, REPLACE]
    replaces: Annotated[AdminKeyReplaces, REPLACE] = None


class AdminKeyUpdate(Owned):
    """Body of `PATCH /openai/v1/admin-keys/{id}`: a field left out stays, `null` clears it."""

    role: Annotated[AdminRole | None, Field(description=_ROLE)] = None
    teams: Annotated[list[Name] | None, Field(max_length=100, description=_TEAMS)] = None
    expires_at: AdminKeyExpiresAt = None


class AdminKey(AdminKeySettings, Owned):
    """An admin key as every answer but the first shows it: without its value."""

    object: Literal["admin_key"] = Field("admin_key", description="The kind of object.")
    id: Annotated[ObjectId, Field(description="The key's id, given by the server.")]
    name: AdminKeyName
    replaces: AdminKeyReplaces
    lineage_id: Annotated[
        ObjectId, Field(description="Id of the lineage's first key; a key that replaces another keeps it.")
    ]
    generation: Annotated[int, Field(description="The key's number in its lineage, counted from 1.")]
    status: Annotated[AdminKeyStatus, Field(description="`active`, or `expired`: its requests are refused.")]
    last_four: Annotated[
        str, Field(min_length=4, max_length=4, description="The last 4 characters of the key's value.")
    ]
    created_at: CreatedAt
    updated_at: UpdatedAt
    last_used_at: Annotated[
        UtcTime | None,
        Field(
            description="When a request came with the key last (UTC), the page's included; null if never. A "
            "crash may forget the last minute."
        ),
    ]


class AdminKeyCreated(AdminKey):
    """The answer to a create: the only one that holds the key's value."""

    admin_key: Annotated[str, SECRET, Field(repr=False, description="The key's value, for GROQ_ADMIN_KEY.")]


class AdminKeyPage(WireModel):
    """All admin keys, oldest first."""

    object: Literal["list"] = Field("list", description="The kind of object.")
    as_of: Annotated[
        UtcTime, Field(description="The server's time (UTC), which ages and last uses are counted from.")
    ]
    data: Annotated[list[AdminKey], Field(description="The admin keys.")]
