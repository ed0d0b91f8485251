"""A workload identity's life."""

from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field

from pulumi_groq.lifecycle.put_lifecycle import PutArgs, PutLifecycle, PutState
from pulumi_groq.models.fields import CreatedAt, Name, ObjectId
from pulumi_groq.models.markers import ONCE, REPLACE
from pulumi_groq.models.ownership import Deleted, OwnClaim
from pulumi_groq.models.workload_identity import (
    ADOPT_EXISTING_IDENTITY,
    IdentityModels,
    IdentityTools,
    RoleTeams,
    WorkloadIdentity,
    WorkloadIdentitySettings,
    WorkloadIdentityWrite,
)


def _sorted(values: list[str] | None) -> list[str] | None:
    return None if values is None else sorted(values)


class WorkloadIdentityArgs(WorkloadIdentitySettings, PutArgs):
    """A workload identity as declared."""

    role_teams: Annotated[RoleTeams, AfterValidator(sorted)] = Field(default_factory=list)
    allowed_models: Annotated[IdentityModels, AfterValidator(_sorted)] = None
    allowed_tools: Annotated[IdentityTools, AfterValidator(sorted)] = Field(default_factory=list)
    identity_name: Annotated[
        Name,
        REPLACE,
        Field(
            description="The identity's name, 1 to 128 printable characters; the resource's name where left "
            "out. Changing it replaces the identity, and ends its credentials."
        ),
    ]
    adopt_existing: Annotated[bool, ONCE, Field(description=ADOPT_EXISTING_IDENTITY)] = False


class WorkloadIdentityState(WorkloadIdentityArgs, PutState):
    """Arguments plus outputs."""

    model_config = ConfigDict(extra="ignore")

    claim: OwnClaim = None
    identity_id: Annotated[
        ObjectId, Field(description="The identity's id, given by the server; usage and the log have it.")
    ]
    created_at: CreatedAt


class WorkloadIdentityLifecycle(PutLifecycle[WorkloadIdentityArgs, WorkloadIdentityState, WorkloadIdentity]):
    """The lifecycle of `GroqWorkloadIdentity`."""

    args = WorkloadIdentityArgs
    state = WorkloadIdentityState

    def id_of(self, args: WorkloadIdentityArgs) -> str:
        return args.identity_name

    def called(self, resource_id: str) -> str:
        return f"workload identity '{resource_id}'"

    def get(self, resource_id: str) -> WorkloadIdentity:
        identity = self._client.get_workload_identity(resource_id)
        lists = {
            "role_teams": sorted(identity.role_teams),
            "allowed_models": _sorted(identity.allowed_models),
            "allowed_tools": sorted(identity.allowed_tools),
        }
        return identity.model_copy(update=lists)

    def put(self, args: WorkloadIdentityArgs, claim: str) -> WorkloadIdentity:
        fields = WorkloadIdentityWrite.model_fields.keys() - {"claim"}
        declared = {name: getattr(args, name) for name in fields}
        write = WorkloadIdentityWrite.model_validate({**declared, "claim": claim})
        return self._client.put_workload_identity(args.identity_name, write, take_over=args.adopt_existing)

    def remove(self, resource_id: str, claim: str) -> Deleted | None:
        return self._client.delete_workload_identity(resource_id, claim=claim)

    def state_of(
        self, served: WorkloadIdentity, known: WorkloadIdentityArgs | None, claim: str | None
    ) -> WorkloadIdentityState:
        settings = {name: getattr(served, name) for name in WorkloadIdentitySettings.model_fields}
        return WorkloadIdentityState.model_validate(
            {
                **settings,
                "identity_name": served.name,
                "identity_id": served.id,
                "managed_by": served.managed_by,
                "declared_as": served.declared_as,
                "adopt_existing": known is not None and known.adopt_existing,
                "claim": claim,
                "created_at": served.created_at,
            }
        )
