"""The resources of the plugin, by the engine's name of their type."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from pulumi_groq.lifecycle.admin_key import AdminKeyLifecycle
from pulumi_groq.lifecycle.api_key import ApiKeyLifecycle
from pulumi_groq.lifecycle.resource import Lifecycle, Notify
from pulumi_groq.lifecycle.session import Session
from pulumi_groq.lifecycle.spend_policy import SpendPolicyLifecycle
from pulumi_groq.lifecycle.team import TeamLifecycle
from pulumi_groq.lifecycle.workload_identity import WorkloadIdentityLifecycle

PACKAGE: Final = "groq"


def token(name: str) -> str:
    """The engine's name of a type or function of this package."""
    return f"{PACKAGE}:index:{name}"


KINDS: Final[Mapping[str, Callable[[Session, Notify], Lifecycle[Any, Any]]]] = {
    token("GroqApiKey"): lambda session, notify: ApiKeyLifecycle(session.client, session.listing, notify),
    token("GroqAdminKey"): lambda session, notify: AdminKeyLifecycle(
        session.client, session.admin_listing, notify
    ),
    token("GroqTeam"): lambda session, notify: TeamLifecycle(session.client, notify),
    token("GroqWorkloadIdentity"): lambda session, notify: WorkloadIdentityLifecycle(session.client, notify),
    token("GroqSpendPolicy"): lambda session, notify: SpendPolicyLifecycle(session.client, notify),
}
