"""Teams: lists of models and of tools that bound every key of the team."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from pulumi_groq.models.fields import AllowedModels, CreatedAt, Name, UpdatedAt, WireModel
from pulumi_groq.models.ownership import Owned
from pulumi_groq.models.tools import AllowedTools

TeamModels = Annotated[
    AllowedModels,
    Field(
        description="Ids of the models that the team's keys may call, 1 to 200; their order means nothing."
    ),
]
TeamTools = Annotated[
    AllowedTools,
    Field(
        description="What the team's keys may let the upstream do or read beyond a request's own body, up to "
        "100 permissions, written as a key's; none by default."
    ),
]
UpstreamKeyName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
TeamUpstreamKey = Annotated[
    UpstreamKeyName | None,
    Field(
        description="Name of the gateway's own key for the upstream (`serve --upstream-key`) with which the "
        "team's requests, files and batches go out, such as that of a Groq project of its own: 1 to 63 "
        "lower-case letters, digits, - and _; unless set, the gateway's default."
    ),
]
TeamName = Annotated[
    Name, Field(description="The team's name, which is its id: 1 to 128 printable characters.")
]


class TeamSettings(WireModel):
    """What bounds the keys of a team."""

    allowed_models: TeamModels
    allowed_tools: TeamTools = Field(default_factory=list)
    upstream_key: TeamUpstreamKey = None


class TeamWrite(TeamSettings, Owned):
    """Body of `PUT /openai/v1/teams/{name}`."""


class Team(TeamSettings, Owned):
    """A team as the admin API shows it."""

    object: Literal["team"] = Field("team", description="The kind of object.")
    name: TeamName
    created_at: CreatedAt
    updated_at: UpdatedAt


class TeamPage(WireModel):
    """All teams, by name."""

    object: Literal["list"] = Field("list", description="The kind of object.")
    data: Annotated[list[Team], Field(description="The teams.")]
