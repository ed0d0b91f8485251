"""What an access file declares: teams, their keys, and the organisation's spending policy."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, StringConstraints

from pulumi_groq.models.api_key import ApiKeySettings
from pulumi_groq.models.fields import Name, ObjectId
from pulumi_groq.models.rotation import RotationSchedule
from pulumi_groq.models.spend_policy import SpendPolicySettings
from pulumi_groq.models.team import TeamSettings

Reason = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
"""Why something is declared as it is, for whoever reviews a change: 1 to 1,000 characters."""


class DeclaredKey(ApiKeySettings):
    """A key under its team; without `allowed_models` or `allowed_tools` of its own it has the team's.

    Everything else means what it means for `GroqApiKey`. `line` is where the file declares the
    key, counted from 1.
    """

    name: Name
    team: Name  # always set here: a key stands under its team
    disabled: bool | None = None
    rotation: RotationSchedule | None = None
    adopt_key_id: ObjectId | None = None
    allow_delete_in_use: bool | None = None
    reason: Reason | None = None
    line: Annotated[int, Field(ge=1)]


class DeclaredTeam(TeamSettings):
    """A team; its `allowed_models` and `allowed_tools` bound those of each of its keys."""

    name: Name
    reason: Reason | None = None
    line: Annotated[int, Field(ge=1)]


class DeclaredSpendPolicy(SpendPolicySettings):
    """The organisation's spending policy. Its secrets never stand in the file."""

    reason: Reason | None = None
    line: Annotated[int, Field(ge=1)]


@dataclass(frozen=True, slots=True)
class Access:
    """A whole access file, in the file's order. `warnings` are lines such as `access.yaml:3: ...`."""

    teams: tuple[DeclaredTeam, ...]
    keys: tuple[DeclaredKey, ...]
    spend_policy: DeclaredSpendPolicy | None
    warnings: tuple[str, ...]
