"""A workload identity's life."""

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
from pulumi_groq.models.fields import CreatedAt, Name, ObjectId
from pulumi_groq.models.markers import ONCE, REPLACE
from pulumi_groq.models.ownership import OwnClaim, Placed
from pulumi_groq.models.workload_identity import (
    IdentityModels,
    IdentityTools,
    RoleTeams,
    WorkloadIdentity,
    WorkloadIdentitySettings,
    WorkloadIdentityWrite,
)


def _sorted(values: list[str] | None) -> list[str] | None:
    return None if values is None else sorted(values)


class WorkloadIdentityArgs(WorkloadIdentitySettings, Placed):
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
    adopt_existing: Annotated[
        bool,
        ONCE,
        Field(
            description="Whether to take over an identity of that name that exists and differs, or that "
            "another stack declares."
        ),
    ] = False


class WorkloadIdentityState(WorkloadIdentityArgs):
    """Arguments plus outputs."""

    model_config = ConfigDict(extra="ignore")

    claim: OwnClaim = None
    identity_id: Annotated[
        ObjectId, Field(description="The identity's id, given by the server; usage and the log have it.")
    ]
    created_at: CreatedAt


class WorkloadIdentityLifecycle:
    """The lifecycle of `GroqWorkloadIdentity`; its id is the identity's name."""

    args = WorkloadIdentityArgs
    state = WorkloadIdentityState

    def __init__(self, client: AdminClient, notify: Notify, new_claim: NewClaim = random_claim) -> None:
        self._client = client
        self._notify = notify
        self._new_claim = new_claim

    def check(self, olds: Properties, news: Properties) -> Checked:
        return check_inputs(WorkloadIdentityArgs, news)

    def diff(self, resource_id: str, state: Properties, inputs: Properties) -> PropertyDiff:
        return compare(WorkloadIdentityArgs, state, inputs)

    def unsettled(self, state: Properties | None, inputs: Properties) -> frozenset[str]:
        if state is None:
            return outputs_beside(WorkloadIdentityArgs, WorkloadIdentityState)
        return frozenset() if state.get("claim") else frozenset({"claim"})

    def create(self, args: WorkloadIdentityArgs) -> tuple[str, WorkloadIdentityState]:
        existing = self._existing(args)
        if existing is not None:
            refuse_takeover(_named(args.identity_name), existing, args)
        return args.identity_name, self._put(args, self._new_claim())

    def read(self, resource_id: str, state: WorkloadIdentityState | None) -> WorkloadIdentityState | None:
        try:
            identity = self._client.get_workload_identity(resource_id)
        except NotFoundError:
            return None
        return _state(identity, state.adopt_existing if state else False, state.claim if state else None)

    def update(
        self, resource_id: str, state: WorkloadIdentityState, args: WorkloadIdentityArgs
    ) -> WorkloadIdentityState:
        return self._put(args, state.claim or self._new_claim())

    def delete(self, resource_id: str, state: WorkloadIdentityState) -> None:
        answer = self._client.delete_workload_identity(resource_id, claim=state.claim or self._new_claim())
        tell_if_kept(self._notify, _named(resource_id), answer)

    def _existing(self, args: WorkloadIdentityArgs) -> WorkloadIdentity | None:
        """The identity that may be another's; `None` where it does not matter whose it is."""
        if args.adopt_existing:
            return None
        try:
            identity = self._client.get_workload_identity(args.identity_name)
        except NotFoundError:
            return None
        lists = {
            "role_teams": sorted(identity.role_teams),
            "allowed_models": _sorted(identity.allowed_models),
            "allowed_tools": sorted(identity.allowed_tools),
        }
        return identity.model_copy(update=lists)

    def _put(self, args: WorkloadIdentityArgs, claim: str) -> WorkloadIdentityState:
        fields = WorkloadIdentityWrite.model_fields.keys() - {"claim"}
        declared = {name: getattr(args, name) for name in fields}
        write = WorkloadIdentityWrite.model_validate({**declared, "claim": claim})
        identity = self._client.put_workload_identity(
            args.identity_name, write, take_over=args.adopt_existing
        )
        return _state(identity, args.adopt_existing, claim)


def _named(name: str) -> str:
    return f"workload identity '{name}'"


def _state(identity: WorkloadIdentity, adopt_existing: bool, claim: str | None) -> WorkloadIdentityState:
    settings = {name: getattr(identity, name) for name in WorkloadIdentitySettings.model_fields}
    return WorkloadIdentityState.model_validate(
        {
            **settings,
            "identity_name": identity.name,
            "identity_id": identity.id,
            "managed_by": identity.managed_by,
            "declared_as": identity.declared_as,
            "adopt_existing": adopt_existing,
            "claim": claim,
            "created_at": identity.created_at,
        }
    )
