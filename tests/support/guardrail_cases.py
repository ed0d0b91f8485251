"""Each check of policy.yaml against one declared resource, judged in all three places."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pulumi_policy import ResourceValidationArgs
from pulumi_policy.policy import PolicyCustomTimeouts, PolicyResourceOptions
from pulumi_policy.proxy import unknown_checking_proxy

from pulumi_groq.access import read_access
from pulumi_groq.guardrails.pack import verdicts_of
from pulumi_groq.models.spelling import outward
from pulumi_groq.reports.guardrails.judging import Verdict, judge
from pulumi_groq.reports.guardrails.loader import Guardrails, read_guardrails
from pulumi_groq.reports.guardrails.sources import declared_subjects
from pulumi_groq.reports.review.report import review
from pulumi_groq.reports.settings import SETTINGS
from report_facts import CATALOGUE, TYPES, preview, step, urn

FRIDAY = datetime(2026, 11, 27, 12, tzinfo=UTC)
ALL_MODELS = ["openai/gpt-oss-120b", "openai/gpt-oss-20b"]
NAMES = {
    "GroqApiKey": "chatbot-prod",
    "GroqTeam": "chatbot",
    "GroqSpendPolicy": "spend-policy",
    "GroqAdminKey": "preview",
    "GroqWorkloadIdentity": "deploy",
}
USUAL: Mapping[str, Mapping[str, Any]] = {
    "GroqApiKey": {"name": "chatbot-prod", "team": "chatbot", "allowed_models": ["openai/gpt-oss-20b"]},
    "GroqTeam": {"team_name": "chatbot", "allowed_models": ["openai/gpt-oss-20b"]},
    "GroqSpendPolicy": {"monthly_cap_usd": 500},
    "GroqAdminKey": {"name": "preview", "role": "viewer"},
    "GroqWorkloadIdentity": {
        "identity_name": "deploy",
        "issuer": "https://token.actions.githubusercontent.com",
        "audience": "https://groq.example.com",
        "claims": {"sub": "repo:acme/infra:environment:groq"},
    },
}


class Case(NamedTuple):
    """One rule, one resource, and what the rule says of it; `None` where it keeps to the rule."""

    rule: Mapping[str, Any]
    kind: str
    declared: Mapping[str, Any]
    said: str | None


def _at_most(limit: str, most: float) -> dict[str, Any]:
    return {"check": "limit_at_most", "limit": limit, "at_most": most}


_RPM = _at_most("requests_per_minute", 100)
_MODELS = {"check": "models_approved", "models": ["openai/gpt-oss-20b"]}
_NO_TOOLS = {"check": "tools_approved", "tools": []}
_OWNER = {"check": "labels_required", "labels": ["owner"]}
_ROTATE = {"check": "rotation_required", "every_days_at_most": 90}
_END = {"check": "expiry_required", "within_days": 30}
_CAP = {"check": "spend_policy_at_most", "monthly_cap_usd": 500}
_BUDGET = {"check": "budget_required"}
_WAIVED = {"resource": "chatbot-prod", "by": "Dana", "why": "Launch."}
_KEY = "GroqApiKey"
_IDENTITY = "GroqWorkloadIdentity"
_FEW_ROLES = {"check": "roles_approved", "roles": ["viewer"]}
_SAFE = {"check": "safe_claims"}
_OWNER_ROLE = {"admin_role": "owner"}
_CALLER = {"allowed_models": ["openai/gpt-oss-20b"]}

CASES = (
    Case(_RPM, _KEY, {"requests_per_minute": 100}, None),
    Case(_RPM, _KEY, {"requests_per_minute": 101}, "requests_per_minute is 101; at most 100 is allowed"),
    Case(_RPM, _KEY, {"requests_per_minute": "unlimited"}, "requests_per_minute is unlimited"),
    Case(_RPM, _KEY, {}, "requests_per_minute is not declared; declare at most 100"),
    Case(_RPM, "GroqTeam", {}, None),
    Case(_at_most("monthly_budget_usd", 10.5), _KEY, {"monthly_budget_usd": 10.5}, None),
    Case(_at_most("monthly_budget_usd", 10.5), _KEY, {"monthly_budget_usd": 10.51}, "is 10.51; at most 10.5"),
    Case(_MODELS, _KEY, {}, None),
    Case(_MODELS, _KEY, {"allowed_models": ALL_MODELS}, "openai/gpt-oss-120b, which is not approved"),
    Case(_MODELS, "GroqTeam", {"allowed_models": ALL_MODELS}, "openai/gpt-oss-120b, which is not approved"),
    Case(_NO_TOOLS, _KEY, {}, None),
    Case(_NO_TOOLS, _KEY, {"allowed_tools": ["browser_search"]}, "may use browser_search"),
    Case(_NO_TOOLS, "GroqTeam", {"allowed_tools": ["image_urls"]}, "may use image_urls"),
    Case(_OWNER, _KEY, {"metadata": {"owner": "dana"}}, None),
    Case(_OWNER, _KEY, {"metadata": {"owner": " "}}, "has no owner"),
    Case(_OWNER, _KEY, {}, "has no owner in its metadata"),
    Case(_BUDGET, _KEY, {"monthly_budget_usd": 1}, None),
    Case(_BUDGET, _KEY, {}, "has no monthly_budget_usd"),
    Case(_ROTATE, _KEY, {"rotation": {"every_days": 90}}, None),
    Case(_ROTATE, _KEY, {"rotation": {"every_days": 91}}, "rotates every 91 days"),
    Case(_ROTATE, _KEY, {"rotation": {"trigger": "1"}}, "does not rotate by age"),
    Case(_ROTATE, _KEY, {}, "does not rotate by age"),
    Case(_ROTATE, "GroqAdminKey", {"rotation": {"every_days": 90}}, None),
    Case(_ROTATE, "GroqAdminKey", {}, "does not rotate by age"),
    Case(_END, _KEY, {"expires_at": "2026-12-27T12:00:00Z"}, None),
    Case(_END, _KEY, {"expires_at": "2026-12-27T12:00:01Z"}, "more than 30 days from now"),
    Case(_END, _KEY, {}, "has no expires_at"),
    Case(_CAP, "GroqSpendPolicy", {}, None),
    Case(_CAP, "GroqSpendPolicy", {"monthly_cap_usd": 500.01}, "monthly_cap_usd is 500.01"),
    Case(_CAP, "GroqSpendPolicy", {"auto_pause": False}, "auto_pause is off"),
    Case(_FEW_ROLES, "GroqAdminKey", {}, None),
    Case(_FEW_ROLES, "GroqAdminKey", {"role": "owner"}, "has the role owner, which is not approved"),
    Case(_FEW_ROLES, _IDENTITY, _OWNER_ROLE, "has the role owner, which is not approved"),
    Case(_FEW_ROLES, _IDENTITY, _CALLER, None),
    Case(_SAFE, _IDENTITY, _OWNER_ROLE, None),
    Case(
        _SAFE,
        _IDENTITY,
        {**_OWNER_ROLE, "claims": {"sub": "repo:acme/infra:pull_request"}},
        "accepts pull requests",
    ),
    Case(_SAFE, "GroqAdminKey", {"role": "owner"}, None),
    Case(_MODELS, _IDENTITY, {"allowed_models": ALL_MODELS}, "openai/gpt-oss-120b, which is not approved"),
    Case(_NO_TOOLS, _IDENTITY, {**_CALLER, "allowed_tools": ["browser_search"]}, "may use browser_search"),
    Case(_BUDGET, _IDENTITY, _CALLER, "has no monthly_budget_usd"),
    Case(_BUDGET, _IDENTITY, _OWNER_ROLE, None),
    Case(_RPM, _IDENTITY, _CALLER, "requests_per_minute is not declared"),
    Case(_RPM, _IDENTITY, _OWNER_ROLE, None),
    Case(_at_most("max_parallel_requests", 5), _IDENTITY, _CALLER, "max_parallel_requests is not declared"),
    Case(
        {**_BUDGET, "waivers": [{**_WAIVED, "until": "2026-11-27T12:00:01Z"}]},
        _KEY,
        {},
        "waived by Dana until 2026-11-27 12:00 UTC: Launch.",
    ),
    Case(
        {**_BUDGET, "waivers": [{**_WAIVED, "until": "2026-11-27T12:00:00Z"}]},
        _KEY,
        {},
        "the waiver by Dana ended on 2026-11-27 12:00 UTC",
    ),
)


def guardrails_of(rule: Mapping[str, Any]) -> Guardrails:
    """A policy.yaml with the one rule `it`."""
    document = {"rules": {"it": {"reason": "Because.", **rule}}}
    return read_guardrails(json.dumps(document).encode(), "policy.yaml")


Said = tuple[str, str, str]


def said(verdicts: tuple[Verdict, ...]) -> list[Said]:
    """Outcome, resource and text of each verdict."""
    return [(each.outcome, each.resource, each.what) for each in verdicts]


def by_access_file(case: Case) -> list[Said]:
    """What the program says of the case at preview."""
    inherited: dict[str, Any] = {"allowed_tools": []} if case.kind == "GroqApiKey" else {}
    own = {**inherited, **USUAL[case.kind], **case.declared}
    team: dict[str, Any] = {"allowed_models": ALL_MODELS, "allowed_tools": ["browser_search"]}
    document: dict[str, Any] = {}
    match case.kind:
        case "GroqApiKey":
            key = {name: value for name, value in own.items() if name not in {"name", "team"}}
            document = {"teams": {"chatbot": {**team, "keys": {"chatbot-prod": key}}}}
        case "GroqTeam":
            document = {"teams": {"chatbot": {k: v for k, v in own.items() if k != "team_name"}}}
        case "GroqSpendPolicy":
            document = {"spend_policy": own}
        case "GroqAdminKey":
            document = {"admin_keys": {"preview": {k: v for k, v in own.items() if k != "name"}}}
        case "GroqWorkloadIdentity":
            identity = {k: v for k, v in own.items() if k != "identity_name"}
            document = {"workload_identities": {"deploy": identity}}
    access = read_access(json.dumps(document).encode(), "access.yaml")
    subjects = [each for each in declared_subjects(access) if each.kind == case.kind]
    return said(judge(guardrails_of(case.rule).rules_of("dev"), subjects, FRIDAY))


def by_review(case: Case) -> list[Said]:
    """What the review says of a preview that creates the case's resource."""
    planned = step("create", case.kind, NAMES[case.kind], new={**USUAL[case.kind], **case.declared})
    made = review(
        preview(planned),
        catalogue=CATALOGUE,
        live="Not asked.",
        now=FRIDAY,
        guardrails=guardrails_of(case.rule),
    )
    return said(made.verdicts)


def by_pack(case: Case, *, native: bool) -> list[Said]:
    """What the policy pack says when the engine asks for the case's resource, as either adapter spells it."""
    properties = {**USUAL[case.kind], **case.declared}
    kind = f"groq:index:{case.kind}" if native else TYPES + case.kind
    name = NAMES[case.kind]
    spelled = outward(SETTINGS[case.kind], properties) if native else properties
    options = PolicyResourceOptions(False, [], False, [], PolicyCustomTimeouts(0, 0, 0), [])
    args = ResourceValidationArgs(
        kind, unknown_checking_proxy(spelled), urn(case.kind, name), name, options, None, None
    )
    (rule,) = guardrails_of(case.rule).rules.values()
    return said(verdicts_of(rule, "it", args, None, FRIDAY))
