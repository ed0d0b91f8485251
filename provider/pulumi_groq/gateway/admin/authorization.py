"""What each admin route takes, asked before its handler, and who asks.

A route states its need once (`takes`); `require_role` holds every route to it. Where the objects of a need
belong to teams, the handlers ask further, by the `Caller`, for the team of the object at hand.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, FastAPI, Request
from fastapi.routing import APIRoute

from pulumi_groq.gateway.admin.gate import CALLER
from pulumi_groq.gateway.http.asgi import REQUEST_ID
from pulumi_groq.gateway.http.refusal import PERMISSIONS, Refusal
from pulumi_groq.policy.roles import AdminIdentity, Need, may_not

NEED: Final = "x-takes"
"""Where an operation of the OpenAPI document says what it takes."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes one request of the admin plane; `address` is the peer's, empty where it is not known."""

    identity: AdminIdentity
    request_id: str
    address: str = ""

    @property
    def teams(self) -> frozenset[str] | None:
        """The teams whose objects the caller may see; `None` is all."""
        return self.identity.teams

    def require(self, need: Need, team: str | None) -> None:
        """Raise 403 `insufficient_role` unless the role covers `need` for an object of `team`."""
        if not self.identity.may_for(need, team):
            raise insufficient_role(self.identity, need)


def insufficient_role(identity: AdminIdentity, need: Need) -> Refusal:
    """403: the caller is known and may not do this. It says nothing of objects beyond the caller's teams."""
    return Refusal(403, PERMISSIONS, may_not(identity, need), code="insufficient_role")


def takes(need: Need) -> dict[str, Any]:
    """For `openapi_extra` of a route: what it takes."""
    return {NEED: need}


async def caller_of(request: Request) -> Caller:
    """The caller that the gate let pass."""
    address = request.client.host if request.client else ""
    return Caller(request.scope[CALLER], request.scope[REQUEST_ID], address)


CallerOf = Annotated[Caller, Depends(caller_of)]
"""A handler's argument: who calls."""


async def require_role(request: Request) -> None:
    """Raise 403 `insufficient_role` unless the caller's role covers what the route takes."""
    identity: AdminIdentity = request.scope[CALLER]
    need = _need(request.scope["route"])
    if not identity.may(need):
        raise insufficient_role(identity, need)


def require_needs(app: FastAPI) -> None:
    """Raise `KeyError` for a route that does not state its need: nobody would be held from it."""
    for route in app.routes:
        if isinstance(route, APIRoute):
            _need(route)


def _need(route: APIRoute) -> Need:
    need: Need = (route.openapi_extra or {})[NEED]
    return need
