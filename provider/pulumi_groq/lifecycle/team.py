"""A team's life."""

from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field

from pulumi_groq.admin import AdminClient
from pulumi_groq.errors import NotFoundError
from pulumi_groq.lifecycle.adoption import refuse_takeover
from pulumi_groq.lifecycle.ownership import NewClaim, random_claim, tell_if_kept
from pulumi_groq.lifecycle.properties import (
    Checked,
    Properties,
    PropertyDiff,
    check_inputs,
    compare,
    outputs_beside,
)
from pulumi_groq.lifecycle.resource import Notify
from pulumi_groq.models.fields import CreatedAt, Name
from pulumi_groq.models.markers import ONCE, REPLACE
from pulumi_groq.models.ownership import OwnClaim, Placed
from pulumi_groq.models.team import Team, TeamModels, TeamSettings, TeamTools, TeamWrite


class TeamArgs(TeamSettings, Placed):
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
        Field(
            description="Whether to take over a team of that name that exists with other models or tools, or "
            "that another stack declares."
        ),
    ] = False


class TeamState(TeamArgs):
    """Arguments plus outputs."""

    model_config = ConfigDict(extra="ignore")

    claim: OwnClaim = None
    created_at: CreatedAt


class TeamLifecycle:
    """The lifecycle of `GroqTeam`; its id is the team's name."""

    args = TeamArgs
    state = TeamState

    def __init__(self, client: AdminClient, notify: Notify, new_claim: NewClaim = random_claim) -> None:
        self._client = client
        self._notify = notify
        self._new_claim = new_claim

    def check(self, olds: Properties, news: Properties) -> Checked:
        return check_inputs(TeamArgs, news)

    def diff(self, resource_id: str, state: Properties, inputs: Properties) -> PropertyDiff:
        return compare(TeamArgs, state, inputs)

    def unsettled(self, state: Properties | None, inputs: Properties) -> frozenset[str]:
        if state is None:
            return outputs_beside(TeamArgs, TeamState)
        return frozenset() if state.get("claim") else frozenset({"claim"})

    def create(self, args: TeamArgs) -> tuple[str, TeamState]:
        existing = self._existing(args)
        if existing is not None:
            refuse_takeover(f"team '{args.team_name}'", existing, args)
        return args.team_name, self._put(args, self._new_claim())

    def read(self, resource_id: str, state: TeamState | None) -> TeamState | None:
        try:
            team = self._client.get_team(resource_id)
        except NotFoundError:
            return None
        return _state(team, state.adopt_existing if state else False, state.claim if state else None)

    def update(self, resource_id: str, state: TeamState, args: TeamArgs) -> TeamState:
        return self._put(args, state.claim or self._new_claim())

    def delete(self, resource_id: str, state: TeamState) -> None:
        answer = self._client.delete_team(resource_id, claim=state.claim or self._new_claim())
        tell_if_kept(self._notify, f"team '{resource_id}'", answer)

    def _existing(self, args: TeamArgs) -> Team | None:
        """The team that may be another's; `None` where it does not matter whose it is."""
        if args.adopt_existing:
            return None
        try:
            team = self._client.get_team(args.team_name)
        except NotFoundError:
            return None
        lists = {"allowed_models": sorted(team.allowed_models), "allowed_tools": sorted(team.allowed_tools)}
        return team.model_copy(update=lists)

    def _put(self, args: TeamArgs, claim: str) -> TeamState:
        declared = {name: getattr(args, name) for name in TeamWrite.model_fields if name != "claim"}
        write = TeamWrite.model_validate({**declared, "claim": claim})
        team = self._client.put_team(args.team_name, write, take_over=args.adopt_existing)
        return _state(team, args.adopt_existing, claim)


def _state(team: Team, adopt_existing: bool, claim: str | None) -> TeamState:
    return TeamState(
        team_name=team.name,
        **{name: getattr(team, name) for name in TeamSettings.model_fields},
        managed_by=team.managed_by,
        declared_as=team.declared_as,
        adopt_existing=adopt_existing,
        claim=claim,
        created_at=team.created_at,
    )
