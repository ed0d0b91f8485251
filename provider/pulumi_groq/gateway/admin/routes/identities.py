"""`/openai/v1/workload-identities`."""

from typing import Annotated, Final

from fastapi import APIRouter, Path

from pulumi_groq.gateway.admin.authorization import CallerOf, takes
from pulumi_groq.gateway.admin.identities import WorkloadIdentities
from pulumi_groq.gateway.admin.openapi import body_errors, errors
from pulumi_groq.gateway.admin.routes.claim import GivenUp, TakeOver
from pulumi_groq.models.fields import Name
from pulumi_groq.models.ownership import Deleted
from pulumi_groq.models.workload_identity import (
    WorkloadIdentity,
    WorkloadIdentityPage,
    WorkloadIdentityWrite,
)

PATH: Final = "/openai/v1/workload-identities"
# As a team's name, this one may hold a slash.
_ONE: Final = "/{name:path}"
_NAME: Final = "The workload identity's name."

IdentityId = Annotated[str, Path(description=_NAME)]


def identity_routes(identities: WorkloadIdentities) -> APIRouter:
    """The routes over their handlers."""
    router = APIRouter(prefix=PATH, tags=["Workload identities"])

    @router.get("", responses=errors(), openapi_extra=takes("admin_keys.read"))
    def list_workload_identities() -> WorkloadIdentityPage:
        """List all workload identities, by name."""
        return identities.list()

    @router.get(_ONE, responses=errors(404), openapi_extra=takes("admin_keys.read"))
    def show_workload_identity(name: IdentityId) -> WorkloadIdentity:
        """Show a workload identity."""
        return identities.show(name)

    @router.put(_ONE, responses=body_errors(404, 409), openapi_extra=takes("admin_keys.write"))
    def put_workload_identity(
        caller: CallerOf,
        name: Annotated[Name, Path(description=_NAME)],
        body: WorkloadIdentityWrite,
        take_over: TakeOver = False,
    ) -> WorkloadIdentity:
        """Create a workload identity or set it; credentials that it gave out follow it at once."""
        return identities.put(caller, name, body, take_over=take_over)

    @router.delete(_ONE, responses=errors(404), openapi_extra=takes("admin_keys.write"))
    def delete_workload_identity(caller: CallerOf, name: IdentityId, claim: GivenUp = None) -> Deleted:
        """Delete a workload identity, and with it its credentials."""
        return identities.delete(caller, name, claim)

    return router
