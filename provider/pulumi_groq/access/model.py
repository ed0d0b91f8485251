"""What an access file declares: teams, their keys, the spending policy, and who may change all of it."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from pulumi_groq.models.admin_key import AdminKeySettings, AdoptAdminKeyId
from pulumi_groq.models.api_key import ALLOW_DELETE_IN_USE, DISABLED, AdoptKeyId, ApiKeySettings
from pulumi_groq.models.fields import AllowedModels, Name
from pulumi_groq.models.markers import BY_PLACE, marked
from pulumi_groq.models.rotation import Rotation
from pulumi_groq.models.spend_policy import ADOPT_EXISTING_POLICY, SpendPolicySettings
from pulumi_groq.models.team import ADOPT_EXISTING_TEAM, TeamName, TeamSettings
from pulumi_groq.models.tools import AllowedTools
from pulumi_groq.models.workload_identity import (
    ADOPT_EXISTING_IDENTITY,
    IdentityName,
    WorkloadIdentitySettings,
)

Reason = Annotated[
    Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None,
    Field(description="Why it is declared as it is, for whoever reviews a change: 1 to 1,000 characters."),
]
Line = Annotated[int, BY_PLACE, Field(ge=1, description="Where the file declares it, counted from line 1.")]


class DeclaredKey(ApiKeySettings):
    """A key under its team. Fields that `GroqApiKey` has too mean the same here."""

    allowed_models: Annotated[
        AllowedModels,
        Field(
            description="Ids of the models that the key may call, 1 to 200, all of them the team's; the "
            "team's models where left out."
        ),
    ]
    allowed_tools: Annotated[
        AllowedTools,
        Field(
            description="What the key may let the upstream do or read beyond a request's own body, up to 100 "
            "permissions, all of them the team's; the team's permissions where left out."
        ),
    ] = Field(default_factory=list)
    name: Annotated[
        Name,
        BY_PLACE,
        Field(
            description="The key's name, 1 to 128 printable characters, under which it stands in the file."
        ),
    ]
    team: Annotated[
        Name,
        BY_PLACE,
        Field(description="The name of the key's team, 1 to 128 printable characters."),
    ]
    disabled: Annotated[bool | None, Field(description=DISABLED)] = None
    rotation: Rotation = None
    adopt_key_id: AdoptKeyId = None
    allow_delete_in_use: Annotated[bool | None, Field(description=ALLOW_DELETE_IN_USE)] = None
    reason: Reason = None
    line: Line


class DeclaredTeam(TeamSettings):
    """A team; its `allowed_models` and `allowed_tools` bound those of each of its keys."""

    name: Annotated[TeamName, BY_PLACE]
    adopt_existing: Annotated[bool | None, Field(description=ADOPT_EXISTING_TEAM)] = None
    reason: Reason = None
    line: Line


class DeclaredSpendPolicy(SpendPolicySettings):
    """The organisation's spending policy. Its secrets are never in the file."""

    adopt_existing: Annotated[bool | None, Field(description=ADOPT_EXISTING_POLICY)] = None
    reason: Reason = None
    line: Line


class DeclaredAdminKey(AdminKeySettings):
    """A credential of the admin plane."""

    name: Annotated[
        Name,
        BY_PLACE,
        Field(
            description="What the key is for, 1 to 128 printable characters, under which it stands in the "
            "file."
        ),
    ]
    rotation: Rotation = None
    adopt_key_id: AdoptAdminKeyId = None
    reason: Reason = None
    line: Line


class DeclaredIdentity(WorkloadIdentitySettings):
    """A workload identity: whose OIDC tokens are trusted, and what for."""

    name: Annotated[IdentityName, BY_PLACE]
    adopt_existing: Annotated[bool | None, Field(description=ADOPT_EXISTING_IDENTITY)] = None
    reason: Reason = None
    line: Line


Declaration = DeclaredTeam | DeclaredKey | DeclaredSpendPolicy | DeclaredAdminKey | DeclaredIdentity


@dataclass(frozen=True, slots=True)
class Access:
    """A whole access file, in the file's order. `warnings` are lines such as `access.yaml:3: ...`."""

    teams: tuple[DeclaredTeam, ...] = ()
    keys: tuple[DeclaredKey, ...] = ()
    spend_policy: DeclaredSpendPolicy | None = None
    admin_keys: tuple[DeclaredAdminKey, ...] = ()
    identities: tuple[DeclaredIdentity, ...] = ()
    warnings: tuple[str, ...] = ()


def arguments(declared: Declaration) -> dict[str, Any]:
    """The arguments that `declared` sets of its resource; JSON's values."""
    left_out = {*marked(type(declared), BY_PLACE), "reason"}
    return declared.model_dump(mode="json", exclude_none=True, exclude=left_out)
