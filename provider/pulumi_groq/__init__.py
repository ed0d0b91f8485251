"""Groq access as code: API keys, limits, budgets and the spending policy as Pulumi resources."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pulumi_groq.resources.admin_key import GroqAdminKey
    from pulumi_groq.resources.api_key import GroqApiKey
    from pulumi_groq.resources.budget_args import BudgetArgs, ModelLimitsArgs
    from pulumi_groq.resources.rotation_args import RotationArgs
    from pulumi_groq.resources.runaway_args import RunawayArgs
    from pulumi_groq.resources.spend_policy import GroqSpendPolicy
    from pulumi_groq.resources.team import GroqTeam
    from pulumi_groq.resources.workload_identity import GroqWorkloadIdentity

__all__ = [
    "BudgetArgs",
    "GroqAdminKey",
    "GroqApiKey",
    "GroqSpendPolicy",
    "GroqTeam",
    "GroqWorkloadIdentity",
    "ModelLimitsArgs",
    "RotationArgs",
    "RunawayArgs",
]

_HOMES = {
    "BudgetArgs": "pulumi_groq.resources.budget_args",
    "GroqAdminKey": "pulumi_groq.resources.admin_key",
    "GroqApiKey": "pulumi_groq.resources.api_key",
    "GroqSpendPolicy": "pulumi_groq.resources.spend_policy",
    "GroqTeam": "pulumi_groq.resources.team",
    "GroqWorkloadIdentity": "pulumi_groq.resources.workload_identity",
    "ModelLimitsArgs": "pulumi_groq.resources.budget_args",
    "RotationArgs": "pulumi_groq.resources.rotation_args",
    "RunawayArgs": "pulumi_groq.resources.runaway_args",
}


def __getattr__(name: str) -> object:
    # Loaded on first use: the gateway and the command line live in this package too, and have no
    # use for the Pulumi SDK, which takes most of a second to import.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
