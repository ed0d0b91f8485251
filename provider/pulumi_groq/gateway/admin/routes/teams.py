"""`/openai/v1/teams`."""

from typing import Annotated, Final

from fastapi import APIRouter, Path

from pulumi_groq.gateway.admin.authorization import CallerOf, takes
from pulumi_groq.gateway.admin.openapi import body_errors, errors
from pulumi_groq.gateway.admin.routes.claim import GivenUp, TakeOver
from pulumi_groq.gateway.admin.teams import Teams
from pulumi_groq.models.fields import Name
from pulumi_groq.models.ownership import Deleted
from pulumi_groq.models.team import Team, TeamPage, TeamWrite

PATH: Final = "/openai/v1/teams"
# A name may hold a slash. A name with a line end matches no path, so even PUT may answer 404.
_ONE: Final = "/{name:path}"
_NAME: Final = "The team's name."

TeamId = Annotated[str, Path(description=_NAME)]


def team_routes(teams: Teams) -> APIRouter:
    """The routes over their handlers."""
    router = APIRouter(prefix=PATH, tags=["Teams"])

    @router.get("", responses=errors(), openapi_extra=takes("teams.read"))
    def list_teams(caller: CallerOf) -> TeamPage:
        """List all teams, by name."""
        return teams.list(caller)

    @router.get(_ONE, responses=errors(404), openapi_extra=takes("teams.read"))
    def show_team(caller: CallerOf, name: TeamId) -> Team:
        """Show a team."""
        return teams.show(caller, name)

    @router.put(_ONE, responses=body_errors(404, 409), openapi_extra=takes("teams.write"))
    def put_team(
        caller: CallerOf,
        name: Annotated[Name, Path(description=_NAME)],
        body: TeamWrite,
        take_over: TakeOver = False,
    ) -> Team:
        """Create a team or set its models; its keys are held to them from the next request on."""
        return teams.put(caller, name, body, take_over=take_over)

    @router.delete(_ONE, responses=errors(404, 409), openapi_extra=takes("teams.write"))
    def delete_team(caller: CallerOf, name: TeamId, claim: GivenUp = None) -> Deleted:
        """Delete a team that has no keys."""
        return teams.delete(caller, name, claim)

    return router
