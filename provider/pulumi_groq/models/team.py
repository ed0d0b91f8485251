"""Teams: lists of models and of tools that bound every key of the team."""

from typing import Literal

from pydantic import Field

from pulumi_groq.models.fields import AllowedModels, Name, UtcTime, WireModel
from pulumi_groq.models.tools import AllowedTools


class TeamSettings(WireModel):
    """Body of `PUT /openai/v1/teams/{name}`."""

    allowed_models: AllowedModels
    allowed_tools: AllowedTools = Field(default_factory=list)


class Team(TeamSettings):
    """A team as the admin API shows it; its name is its id."""

    object: Literal["team"] = "team"
    name: Name
    created_at: UtcTime
    updated_at: UtcTime


class TeamPage(WireModel):
    """All teams, by name."""

    object: Literal["list"] = "list"
    data: list[Team]
