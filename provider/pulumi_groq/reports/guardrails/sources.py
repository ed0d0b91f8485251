"""What is judged, from where each caller has it: the access file, a plan, and what the gateway serves."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pulumi_groq.access import Access
from pulumi_groq.models.admin_key import AdminKey
from pulumi_groq.models.api_key import ApiKey
from pulumi_groq.models.spend_policy import SpendPolicy
from pulumi_groq.models.team import Team
from pulumi_groq.models.workload_identity import WorkloadIdentity
from pulumi_groq.reports.guardrails.judging import SPEND_POLICY, Subject, subject
from pulumi_groq.reports.settings import (
    AdminKeySettings,
    IdentitySettings,
    KeySettings,
    PolicySettings,
    Settings,
    TeamSettings,
)


@dataclass(frozen=True)
class Serving:
    """What the gateway serves now, by kind and name; of the keys those of one stack."""

    settings: Mapping[tuple[str, str], Settings]

    def with_before(self, each: Subject) -> Subject:
        """`each`, and what holds of it now."""
        return replace(each, before=self.settings.get((each.kind, each.name)), before_known=True)


def serving(
    keys: Sequence[ApiKey],
    teams: Sequence[Team],
    policy: SpendPolicy | None,
    admin_keys: Sequence[AdminKey],
    identities: Sequence[WorkloadIdentity],
    address: str,
) -> Serving:
    """What the gateway serves; `address` is the stack, as `organization/project/stack`."""
    found: dict[tuple[str, str], Settings] = {}
    for key in sorted(keys, key=lambda key: key.generation):
        if key.managed_by == address:
            properties = {**key.model_dump(mode="json"), "disabled": key.status == "disabled"}
            found["GroqApiKey", key.name] = KeySettings.read(properties)
    for team in teams:
        properties = {**team.model_dump(mode="json"), "team_name": team.name}
        found["GroqTeam", team.name] = TeamSettings.read(properties)
    if policy is not None:
        found["GroqSpendPolicy", SPEND_POLICY] = PolicySettings.read(policy.model_dump(mode="json"))
    for admin_key in admin_keys:
        if admin_key.managed_by == address:
            properties = admin_key.model_dump(mode="json")
            found["GroqAdminKey", admin_key.name] = AdminKeySettings.read(properties)
    for identity in identities:
        properties = {**identity.model_dump(mode="json"), "identity_name": identity.name}
        found["GroqWorkloadIdentity", identity.name] = IdentitySettings.read(properties)
    return Serving(found)


def declared_subjects(access: Access) -> Iterator[Subject]:
    """Everything that the access file declares; what held before is not known."""
    for kind, declared in (
        *(("GroqTeam", team) for team in access.teams),
        *(("GroqApiKey", key) for key in access.keys),
        *((("GroqSpendPolicy", access.spend_policy),) if access.spend_policy else ()),
        *(("GroqAdminKey", admin_key) for admin_key in access.admin_keys),
        *(("GroqWorkloadIdentity", identity) for identity in access.identities),
    ):
        properties: dict[str, Any] = declared.model_dump(mode="json", exclude_none=True)
        for name in ("team_name", "identity_name"):
            properties.setdefault(name, properties.get("name"))
        yield replace(subject(kind, properties), before_known=False)
