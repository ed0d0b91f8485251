"""`GroqWorkloadIdentity`: whose OIDC tokens are exchanged for credentials, and what those may do."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pulumi

from pulumi_groq.lifecycle.resource import Lifecycle
from pulumi_groq.lifecycle.workload_identity import (
    WorkloadIdentityArgs,
    WorkloadIdentityLifecycle,
    WorkloadIdentityState,
)
from pulumi_groq.resources.budget_args import BudgetArgs, ModelLimitsArgs
from pulumi_groq.resources.declaration import DeclaredResource, by_id
from pulumi_groq.resources.provider import LifecycleProvider
from pulumi_groq.resources.retirement import warn_of_retired_models
from pulumi_groq.resources.runaway_args import RunawayArgs
from pulumi_groq.resources.session import notify

if TYPE_CHECKING:
    from pulumi_groq.lifecycle.session import Session


class WorkloadIdentityProvider(LifecycleProvider):
    """Serves `GroqWorkloadIdentity`."""

    def lifecycle(self, session: "Session") -> Lifecycle[Any, Any]:
        return WorkloadIdentityLifecycle(session.client, notify)


class GroqWorkloadIdentity(DeclaredResource, module="groq", name="GroqWorkloadIdentity"):
    """A workload identity: tokens of an OIDC issuer are exchanged for credentials that live for minutes.
    Either `admin_role` or `allowed_models` says for which plane.

    Outputs: `identity_name`, `identity_id` and `created_at`.

    :param resource_name: the resource's name in the stack.
    :param issuer: The issuer of the tokens, exactly as their `iss` claim has it: an https URL whose
        `/.well-known/openid-configuration` the gateway can read, up to 1,024 characters.
    :param audience: What the tokens' `aud` claim has to hold, 1 to 1,024 characters: a name of this
        gateway, such as its URL, that no other service uses.
    :param claims: Claims that a token must have with exactly these values, up to 16: names to texts;
        a list in a token must hold the value, numbers and booleans count as JSON writes them.
    :param claim_patterns: Claims that a token must have with values like these, up to 16: `*` stands
        for any characters but a colon, every other character for itself.
    :param credential_minutes: How long a credential lives, in minutes: 5 to 60. Default: 15.
    :param admin_role: The role that a credential has on the admin plane: `owner`, `team-admin`,
        `billing`, `viewer` or `auditor`. Without one it is for the inference plane, by
        `allowed_models`.
    :param role_teams: The teams that the role is for, up to 100; needed by `team-admin`, possible for
        `viewer`, where none means all.
    :param allowed_models: Ids of the models that a credential may call on the inference plane, 1 to
        200; their order means nothing. Without any it is for the admin plane, by `admin_role`.
    :param allowed_tools: What a credential may let the upstream do or read beyond a request's own
        body, up to 100 permissions, written as a key's; none by default.
    :param team: The name of the identity's team on the inference plane, 1 to 128 printable
        characters: its models, tools, limits and budgets bound the identity's.
    :param requests_per_minute: Requests a minute, refilled continuously: 1 to 1,000,000,000, or
        `"unlimited"`; the server's default unless set.
    :param tokens_per_minute: Tokens a minute, prompt and completion together: 1 to 1,000,000,000, or
        `"unlimited"`; the server's default unless set.
    :param requests_per_day: Requests a day, refilled continuously: 1 to 1,000,000,000, or
        `"unlimited"`; the server's default unless set.
    :param tokens_per_day: Tokens a day, prompt and completion together: 1 to 1,000,000,000, or
        `"unlimited"`; the server's default unless set.
    :param max_parallel_requests: Requests that may run at once, each until its answer's end, streams
        included: 1 to 1,000,000,000, or `"unlimited"`; the server's default unless set.
    :param monthly_budget_usd: US dollars that all workloads of the identity together may spend in a
        calendar month (UTC): above 0, up to 1,000,000,000, with at most 6 decimal places. Unless set,
        only its team's budgets and the organisation's hold.
    :param budgets: What all workloads of the identity together may spend by window, up to 4, at most
        one each per hour, day, week or month, in UTC; not per month beside `monthly_budget_usd`. None
        unless set.
    :param model_limits: Limits of single models, up to 200, by the model's id, which must be one of
        `allowed_models`: they hold within all other limits. None unless set.
    :param runaway: What of the spend of all its workloads together is a runaway, and whether it pauses
        the identity; unless set, nothing is.
    :param share: The identity's weight, all its workloads together, while the upstream's own limits are
        near, which are then divided among the keys that ask: 1 to 1,000; 1 unless set.
    :param identity_name: The identity's name, 1 to 128 printable characters; the resource's name
        where left out. Changing it replaces the identity, and ends its credentials.
    :param adopt_existing: Whether to take over an identity of that name that exists and differs, or
        that another stack declares.
    :param opts: Pulumi's resource options.
    """

    _served_by = WorkloadIdentityProvider
    _args = WorkloadIdentityArgs
    _state = WorkloadIdentityState

    if TYPE_CHECKING:
        identity_name: pulumi.Output[str]
        identity_id: pulumi.Output[str]
        created_at: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        issuer: pulumi.Input[str],
        audience: pulumi.Input[str],
        claims: pulumi.Input[Mapping[str, str]] | None = None,
        claim_patterns: pulumi.Input[Mapping[str, str]] | None = None,
        credential_minutes: pulumi.Input[int] | None = None,
        admin_role: pulumi.Input[str] | None = None,
        role_teams: pulumi.Input[Sequence[str]] | None = None,
        allowed_models: pulumi.Input[Sequence[str]] | None = None,
        allowed_tools: pulumi.Input[Sequence[str]] | None = None,
        team: pulumi.Input[str] | None = None,
        requests_per_minute: pulumi.Input[int | str] | None = None,
        tokens_per_minute: pulumi.Input[int | str] | None = None,
        requests_per_day: pulumi.Input[int | str] | None = None,
        tokens_per_day: pulumi.Input[int | str] | None = None,
        max_parallel_requests: pulumi.Input[int | str] | None = None,
        monthly_budget_usd: pulumi.Input[float] | None = None,
        budgets: pulumi.Input[Sequence[BudgetArgs]] | None = None,
        model_limits: pulumi.Input[Mapping[str, ModelLimitsArgs]] | None = None,
        runaway: pulumi.Input[RunawayArgs] | None = None,
        share: pulumi.Input[int] | None = None,
        identity_name: pulumi.Input[str] | None = None,
        adopt_existing: pulumi.Input[bool] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        arguments = {
            "issuer": issuer,
            "audience": audience,
            "claims": claims,
            "claim_patterns": claim_patterns,
            "credential_minutes": credential_minutes,
            "admin_role": admin_role,
            "role_teams": role_teams,
            "allowed_models": allowed_models,
            "allowed_tools": allowed_tools,
            "team": team,
            "requests_per_minute": requests_per_minute,
            "tokens_per_minute": tokens_per_minute,
            "requests_per_day": requests_per_day,
            "tokens_per_day": tokens_per_day,
            "max_parallel_requests": max_parallel_requests,
            "monthly_budget_usd": monthly_budget_usd,
            "budgets": budgets,
            "model_limits": model_limits,
            "runaway": runaway,
            "share": share,
            "identity_name": identity_name,
            "adopt_existing": adopt_existing,
        }
        self._register(resource_name, arguments, opts)
        warn_of_retired_models(self, allowed_models)

    @classmethod
    def get(
        cls, resource_name: str, identity_name: str, opts: pulumi.ResourceOptions | None = None
    ) -> "GroqWorkloadIdentity":
        """Read the existing identity `identity_name` into the program without owning it."""
        read = by_id(identity_name, opts)
        return cls(resource_name, issuer="", audience="", identity_name=identity_name, opts=read)
