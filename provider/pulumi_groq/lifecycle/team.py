"""A team's life."""

from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field

from pulumi_groq.lifecycle.put_lifecycle import PutArgs, PutLifecycle, PutState
from pulumi_groq.models.fields import CreatedAt, Name
from pulumi_groq.models.markers import ONCE, REPLACE
from pulumi_groq.models.ownership import Deleted, OwnClaim
from pulumi_groq.models.team import (
    ADOPT_EXISTING_TEAM,
    Team,
    TeamModels,
    TeamSettings,
    TeamTools,
    TeamWrite,
)


class TeamArgs(TeamSettings, PutArgs):
    """A team as declared."""

    allowed_models: Annotated[TeamModels, AfterValidator(sorted)]
    allowed_tools: Annotated[TeamTools, AfterValidator(sorted)] = Field(default_factory=list)
    team_name: Annotated[
        Name,
        REPLACE,
        Field(
            description="The team's name, 1 to 128 printable characters; the resource's name where left out. "
            "Changing it replaces the team; a team that still has keys cannot be deleted."
        ),
    ]
    adopt_existing: Annotated[bool, ONCE, Field(description=ADOPT_EXISTING_TEAM)] = False


class TeamState(TeamArgs, PutState):
    """Arguments plus outputs."""

    model_config = ConfigDict(extra="ignore")

    claim: OwnClaim = None
    created_at: CreatedAt


class TeamLifecycle(PutLifecycle[TeamArgs, TeamState, Team]):
    """The lifecycle of `GroqTeam`."""

    args = TeamArgs
    state = TeamState

    def id_of(self, args: TeamArgs) -> str:
        return args.team_name

    def called(self, resource_id: str) -> str:
        return f"team '{resource_id}'"

    def get(self, resource_id: str) -> Team:
        team = self._client.get_team(resource_id)
        lists = {"allowed_models": sorted(team.allowed_models), "allowed_tools": sorted(team.allowed_tools)}
        return team.model_copy(update=lists)

    def put(self, args: TeamArgs, claim: str) -> Team:
        declared = {name: getattr(args, name) for name in TeamWrite.model_fields if name != "claim"}
        write = TeamWrite.model_validate({**declared, "claim": claim})
        return self._client.put_team(args.team_name, write, take_over=args.adopt_existing)

    def remove(self, resource_id: str, claim: str) -> Deleted | None:
        return self._client.delete_team(resource_id, claim=claim)

    def state_of(self, served: Team, known: TeamArgs | None, claim: str | None) -> TeamState:
        return TeamState(
            team_name=served.name,
            **{name: getattr(served, name) for name in TeamSettings.model_fields},
            managed_by=served.managed_by,
            declared_as=served.declared_as,
            adopt_existing=known is not None and known.adopt_existing,
            claim=claim,
            created_at=served.created_at,
        )
