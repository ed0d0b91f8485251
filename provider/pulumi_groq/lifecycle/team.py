"""A team's life."""

from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field

from pulumi_groq.admin import AdminClient
from pulumi_groq.errors import NotFoundError
from pulumi_groq.lifecycle.properties import Change, Checked, Properties, check_inputs, compare
from pulumi_groq.lifecycle.singleton import refuse_takeover
from pulumi_groq.models.fields import CreatedAt, Name
from pulumi_groq.models.markers import ONCE, REPLACE
from pulumi_groq.models.team import Team, TeamModels, TeamSettings, TeamTools


class TeamArgs(TeamSettings):
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
    adopt_existing: Annotated[
        bool,
        ONCE,
        Field(description="Whether to take over a team of that name that exists with other models or tools."),
    ] = False


class TeamState(TeamArgs):
    """Arguments plus outputs."""

    model_config = ConfigDict(extra="ignore")

    created_at: CreatedAt


class TeamLifecycle:
    """The lifecycle of `GroqTeam`; its id is the team's name."""

    args = TeamArgs
    state = TeamState

    def __init__(self, client: AdminClient) -> None:
        self._client = client

    def check(self, olds: Properties, news: Properties) -> Checked:
        return check_inputs(TeamArgs, news)

    def diff(self, resource_id: str, state: Properties, inputs: Properties) -> Change:
        return compare(TeamArgs, state, inputs)

    def create(self, args: TeamArgs) -> tuple[str, TeamState]:
        try:
            existing = self._client.get_team(args.team_name)
        except NotFoundError:
            pass
        else:
            found = TeamSettings(
                allowed_models=sorted(existing.allowed_models), allowed_tools=sorted(existing.allowed_tools)
            )
            refuse_takeover(f"team '{args.team_name}'", found, args, args.adopt_existing)
        return args.team_name, self._put(args)

    def read(self, resource_id: str, state: TeamState | None) -> TeamState | None:
        try:
            team = self._client.get_team(resource_id)
        except NotFoundError:
            return None
        return _state(team, state.adopt_existing if state else False)

    def update(self, resource_id: str, state: TeamState, args: TeamArgs) -> TeamState:
        return self._put(args)

    def delete(self, resource_id: str, state: TeamState) -> None:
        self._client.delete_team(resource_id)

    def _put(self, args: TeamArgs) -> TeamState:
        settings = TeamSettings(allowed_models=args.allowed_models, allowed_tools=args.allowed_tools)
        team = self._client.put_team(args.team_name, settings)
        return _state(team, args.adopt_existing)


def _state(team: Team, adopt_existing: bool) -> TeamState:
    return TeamState(
        team_name=team.name,
        allowed_models=team.allowed_models,
        allowed_tools=team.allowed_tools,
        adopt_existing=adopt_existing,
        created_at=team.created_at,
    )
