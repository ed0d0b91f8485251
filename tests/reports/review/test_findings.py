"""Every finding: a change that it is about, and one close by that it is not about."""

import ast
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pulumi_groq.access import read_access
from pulumi_groq.models.history import UsageBucket
from pulumi_groq.models.rotation import RotationSchedule
from pulumi_groq.reports.guardrails.loader import load_guardrails
from pulumi_groq.reports.live import Live
from pulumi_groq.reports.review import rules as rules_package
from pulumi_groq.reports.review.comment import review_markdown
from pulumi_groq.reports.review.findings import Finding, Severity
from pulumi_groq.reports.review.report import review
from pulumi_groq.reports.review.rules.keys import mints, revokes
from pulumi_groq.reports.settings import KeySettings
from pulumi_groq.rotation.machine import Held, LiveKey, plan
from report_facts import (
    CATALOGUE,
    KEY_ID,
    NOON,
    OWNER,
    budget_use,
    key_step,
    live,
    live_identity,
    live_key,
    live_policy,
    policy_step,
    preview,
    step,
    taker,
    team,
    usage_row,
)

RULE_FILES = sorted(Path(*rules_package.__path__).glob("*.py"))
USED = "2026-11-23T11:58:00Z"
QUIET = "2026-11-21T11:58:00Z"
OTHER_ID = "key_01000000000000000000000002"
MODEL = "openai/gpt-oss-20b"


def found(*steps: Mapping[str, Any], facts: Live | str = "not asked") -> list[Finding]:
    made = review(preview(*steps), catalogue=CATALOGUE, live=facts, now=NOON, raise_factor=Decimal(2))
    return list(made.findings)


def rules(*steps: Mapping[str, Any], facts: Live | str = "not asked") -> set[tuple[str, str]]:
    return {(each.rule, each.severity.word) for each in found(*steps, facts=facts)}


def in_use(**row: Any) -> Live:
    return live(live_key(last_used_at=USED), usage=[usage_row(**row)])


def spent(amount_usd: float, **policy: Any) -> Live:
    return live(policy=live_policy(amount_usd, **policy))


def budgets(*amounts_usd: float) -> Live:
    keys = (
        live_key(id=f"{KEY_ID[:-1]}{number}", monthly_budget_usd=amount)
        for number, amount in enumerate(amounts_usd, 1)
    )
    return live(*keys, policy=live_policy())


def admin_step(operation: str, old: str | None, new: str) -> dict[str, Any]:
    """A step of an admin key with `ROLE` or `ROLE:TEAM,TEAM`."""

    def declared(text: str | None) -> dict[str, Any] | None:
        if text is None:
            return None
        role, _, teams = text.partition(":")
        return {"name": "preview", "role": role, "teams": teams.split(",") if teams else []}

    return step(operation, "GroqAdminKey", "preview", old=declared(old), new=declared(new))


IDENTITY = {
    "identity_name": "deploy",
    "issuer": "https://token.actions.githubusercontent.com",
    "audience": "https://groq.example.com",
    "claims": {"sub": "repo:acme/infra:environment:groq", "repository_owner_id": "1"},
    "admin_role": "team-admin",
    "role_teams": ["a"],
}
WILD = {"claims": {"repository_owner_id": "1"}, "claim_patterns": {"sub": "repo:acme/infra:environment:*"}}
OF_MODELS = {"admin_role": None, "role_teams": [], "allowed_models": ["openai/gpt-oss-20b"]}
BY_NAME = {"claims": {"sub": "repo:acme/infra:environment:groq"}}
PULL_REQUESTS = {"claims": {"sub": "repo:acme/infra:pull_request", "repository_owner_id": "1"}}


def identity_step(operation: str, old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> dict[str, Any]:
    """A step of an identity: `old` and `new` are laid over IDENTITY."""
    before = None if old is None else {**IDENTITY, **old}
    return step(operation, "GroqWorkloadIdentity", "deploy", old=before, new={**IDENTITY, **new})


A, B = "openai/gpt-oss-20b", "openai/gpt-oss-120b"
UPDATED = "update"
ROTATING = {"rotation": {"every_days": 30}}
DUE = {**ROTATING, "rotation_due": "rotate: 31 days old, limit 30"}
RETIRING = {**ROTATING, "rotation_due": "retire key …ab12: quiet for 26 h"}
EMERGENCY = {
    **ROTATING,
    "rotation_due": "rotate: emergency trigger changed, earlier keys are revoked at once; "
    "revoke key …ab12 at once",
}


GUARD = {"spend_usd_per_10_min": 5, "times_usual": 10, "action": "pause_key"}


def team_step(
    old: Mapping[str, Any] | None, new: Mapping[str, Any], operation: str = UPDATED
) -> dict[str, Any]:
    """A step of the team `chatbot`, with these beside its models."""
    listed: dict[str, Any] = {"team_name": "chatbot", "allowed_models": [A, B]}
    before = None if old is None else {**listed, **old}
    return step(operation, "GroqTeam", "chatbot", old=before, new={**listed, **new})


def member(old: Mapping[str, Any] | None, new: Mapping[str, Any], operation: str = UPDATED) -> dict[str, Any]:
    """A step of a key of that team."""
    in_team: dict[str, Any] = {"team": "chatbot"}
    return key_step(operation, None if old is None else {**in_team, **old}, {**in_team, **new})


def day(amount_usd: float) -> dict[str, Any]:
    return {"budgets": [{"usd": amount_usd, "per": "day"}]}


def of_model(**limits: Any) -> dict[str, Any]:
    return {"model_limits": {A: limits}}


CASES: dict[tuple[str, str], list[tuple[Any, Any]]] = {
    ("above-its-team", "high"): [
        (
            [team_step({}, {"tokens_per_minute": 100}), member({}, {"tokens_per_minute": 101})],
            [team_step({}, {"tokens_per_minute": 100}), member({}, {"tokens_per_minute": 100})],
        ),
        (
            [team_step(None, day(5), "create"), member(None, day(6), "create")],
            [team_step(None, day(5), "create"), member(None, day(5), "create")],
        ),
        (
            [team_step({}, {"requests_per_minute": 9}), member({}, of_model(requests_per_minute=10))],
            [team_step({}, {"requests_per_day": 9}), member({}, of_model(requests_per_minute=10))],
        ),
    ],
    ("owner-added", "high"): [
        ([admin_step("create", None, "owner")], [admin_step("create", None, "viewer")]),
        ([admin_step(UPDATED, "viewer", "owner")], [admin_step(UPDATED, "owner", "viewer")]),
        (
            [identity_step("create", None, {"admin_role": "owner", "role_teams": []})],
            [identity_step("create", None, {})],
        ),
    ],
    ("unsafe-claims", "high"): [
        ([identity_step("create", None, PULL_REQUESTS)], [identity_step("create", None, {})]),
        (
            [identity_step(UPDATED, {**PULL_REQUESTS, "admin_role": "viewer"}, PULL_REQUESTS)],
            [identity_step(UPDATED, PULL_REQUESTS, {**PULL_REQUESTS, "credential_minutes": 5})],
        ),
    ],
    ("unsafe-claims", "medium"): [
        ([identity_step(UPDATED, {}, WILD)], [identity_step(UPDATED, WILD, {})]),
        (
            [identity_step("create", None, {"audience": "sts.amazonaws.com"})],
            [identity_step("create", None, {"audience": "04da6b54-80e4-46f7-96ec-b56ff0331ba9"})],
        ),
    ],
    ("unsafe-claims", "low"): [
        ([identity_step("create", None, BY_NAME)], [identity_step("create", None, {})]),
    ],
    ("trust-widened", "medium"): [
        ([identity_step(UPDATED, {}, BY_NAME)], [identity_step(UPDATED, BY_NAME, {})]),
        (
            [identity_step(UPDATED, {}, {"issuer": "https://i.example.com"})],
            [identity_step("create", None, {"issuer": "https://i.example.com"})],
        ),
    ],
    ("role-widened", "medium"): [
        ([admin_step(UPDATED, "viewer", "auditor")], [admin_step(UPDATED, "viewer", "viewer")]),
        ([admin_step(UPDATED, "viewer:a", "viewer")], [admin_step(UPDATED, "viewer", "viewer:a")]),
        ([admin_step(UPDATED, "viewer:a", "viewer:a,b")], [admin_step(UPDATED, "viewer:a,b", "viewer:b")]),
        (
            [identity_step(UPDATED, {}, {"role_teams": ["a", "b"]})],
            [identity_step(UPDATED, {"role_teams": ["a", "b"]}, {})],
        ),
        (
            [identity_step(UPDATED, OF_MODELS, {"admin_role": "viewer"})],
            [identity_step(UPDATED, {"admin_role": "viewer"}, OF_MODELS)],
        ),
    ],
    ("access-widened", "medium"): [
        (
            [key_step(UPDATED, {}, {"allowed_models": [A, B]})],
            [key_step(UPDATED, {"allowed_models": [A, B]}, {"allowed_models": [B]})],
        ),
        (
            [step(UPDATED, "GroqTeam", "t", old={"allowed_models": [A]}, new={"allowed_models": [A, B]})],
            [step("create", "GroqTeam", "t", new={"allowed_models": [A, B]})],
        ),
        (
            [key_step(UPDATED, {"disabled": True}, {"disabled": False})],
            [key_step(UPDATED, {"disabled": False}, {"disabled": True})],
        ),
    ],
    ("tools-allowed", "medium"): [
        (
            [key_step(UPDATED, {}, {"allowed_tools": ["web_search"]})],
            [key_step(UPDATED, {"allowed_tools": ["web_search"]}, {"allowed_tools": []})],
        ),
        (
            [step("create", "GroqTeam", "t", new={"allowed_models": [A], "allowed_tools": ["image_urls"]})],
            [step("create", "GroqTeam", "t", new={"allowed_models": [A]})],
        ),
    ],
    ("tools-allowed", "high"): [
        (
            [key_step("create", None, {"allowed_tools": ["stored_responses"]})],
            [key_step("create", None, {"allowed_tools": ["mcp:docs.example.com"]})],
        )
    ],
    ("mcp-allowed", "high"): [
        (
            [key_step(UPDATED, {}, {"allowed_tools": ["mcp:docs.example.com"]})],
            [key_step("create", None, {"allowed_tools": ["web_search"]})],
        )
    ],
    ("team-changed", "medium"): [
        ([key_step(UPDATED, {"team": "a"}, {"team": "b"})], [key_step("create", None, {"team": "b"})])
    ],
    ("limit-raised", "medium"): [
        (
            [key_step(UPDATED, {"requests_per_minute": 100}, {"requests_per_minute": 201})],
            [key_step(UPDATED, {"requests_per_minute": 100}, {"requests_per_minute": 200})],
        ),
        (
            [key_step(UPDATED, {"max_parallel_requests": 4}, {"max_parallel_requests": 9})],
            [key_step(UPDATED, {"max_parallel_requests": 4}, {"max_parallel_requests": 8})],
        ),
        (
            [key_step(UPDATED, {"monthly_budget_usd": 10}, {"monthly_budget_usd": 20.01})],
            [key_step(UPDATED, {"monthly_budget_usd": 10}, {"monthly_budget_usd": 20})],
        ),
        (
            [team_step({"requests_per_minute": 100}, {"requests_per_minute": 201})],
            [team_step({"requests_per_minute": 100}, {"requests_per_minute": 200})],
        ),
        ([key_step(UPDATED, day(1), day(2.01))], [key_step(UPDATED, day(1), day(2))]),
        (
            [key_step(UPDATED, of_model(budget_usd=1), of_model(budget_usd=2.01))],
            [key_step(UPDATED, of_model(budget_usd=1), of_model(budget_usd=2))],
        ),
    ],
    ("limit-removed", "high"): [
        (
            [key_step(UPDATED, {"tokens_per_day": 5}, {"tokens_per_day": "unlimited"})],
            [key_step(UPDATED, {"tokens_per_day": "unlimited"}, {"tokens_per_day": 5})],
        ),
        (
            [key_step(UPDATED, {"max_parallel_requests": 5}, {"max_parallel_requests": "unlimited"})],
            [key_step(UPDATED, {"max_parallel_requests": "unlimited"}, {"max_parallel_requests": 5})],
        ),
        (
            [key_step(UPDATED, {"monthly_budget_usd": 5}, {})],
            [key_step(UPDATED, {}, {"monthly_budget_usd": 5})],
        ),
        ([team_step({"requests_per_day": 5}, {})], [team_step({}, {"requests_per_day": 5})]),
        ([team_step(day(5), {})], [team_step({}, day(5))]),
        (
            [key_step(UPDATED, of_model(requests_per_day=5), of_model(budget_usd=1))],
            [key_step(UPDATED, {}, of_model(requests_per_day=5))],
        ),
    ],
    ("model-retired", "low"): [
        (
            [
                key_step(
                    UPDATED,
                    {"allowed_models": ["llama-3.1-8b-instant"]},
                    {"allowed_models": ["llama-3.1-8b-instant"], "requests_per_day": 5},
                )
            ],
            [key_step(UPDATED, {}, {"requests_per_day": 5})],
        )
    ],
    ("model-retired", "medium"): [
        (
            [key_step("create", None, {"allowed_models": ["llama-3.1-8b-instant"]})],
            [key_step("create", None, {})],
        )
    ],
    ("model-unpriced", "high"): [
        (
            [key_step("create", None, {"allowed_models": ["allam-2-7b"]})],
            [key_step("create", None, {"allowed_models": [A]})],
        ),
        (
            [step("create", "GroqTeam", "t", new={"allowed_models": ["no/such-model"]})],
            [step("create", "GroqTeam", "t", new={"allowed_models": [B]})],
        ),
    ],
    ("expiry-past", "high"): [
        (
            [key_step(UPDATED, {}, {"expires_at": "2026-11-23T11:59:00Z"})],
            [key_step(UPDATED, {}, {"expires_at": "2027-11-23T11:59:00Z"})],
        )
    ],
    ("expiry-soon", "medium"): [
        (
            [key_step("create", None, {"expires_at": "2026-11-30T12:00:00Z"})],
            [key_step("create", None, {"expires_at": "2026-11-30T12:01:00Z"})],
        )
    ],
    ("guard-weakened", "high"): [
        (
            [key_step(UPDATED, {"runaway": GUARD}, {})],
            [key_step(UPDATED, {}, {"runaway": GUARD})],
        )
    ],
    ("guard-weakened", "medium"): [
        (
            [key_step(UPDATED, {"runaway": GUARD}, {"runaway": GUARD | weaker})],
            [key_step(UPDATED, {"runaway": GUARD | weaker}, {"runaway": GUARD})],
        )
        for weaker in (
            {"spend_usd_per_10_min": 6},
            {"times_usual": 11},
            {"spend_usd_per_10_min": None},
            {"action": "alert"},
            {"resume_after_minutes": 5},
        )
    ],
    ("upstream-key-changed", "medium"): [
        ([team_step({}, {"upstream_key": "research"})], [team_step({}, {"allowed_tools": ["web_search"]})]),
        ([team_step({"upstream_key": "research"}, {})], [team_step({}, {})]),
    ],
    ("share-raised", "medium"): [
        ([key_step(UPDATED, {}, {"share": 2})], [key_step(UPDATED, {"share": 2}, {})]),
        ([key_step(UPDATED, {"share": 2}, {"share": 3})], [key_step("create", None, {"share": 3})]),
    ],
    ("policy-removed", "high"): [
        ([policy_step("delete", {}, None)], [policy_step(UPDATED, {}, {"monthly_cap_usd": 600})])
    ],
    ("auto-pause-off", "high"): [
        (
            [policy_step(UPDATED, {}, {"auto_pause": False})],
            [policy_step(UPDATED, {"auto_pause": False}, {"auto_pause": True})],
        ),
        ([policy_step("create", None, {"auto_pause": False})], [policy_step("create", None, {})]),
    ],
    ("alerts-removed", "medium"): [
        (
            [policy_step(UPDATED, {}, {"alert_thresholds_usd": []})],
            [policy_step(UPDATED, {}, {"alert_thresholds_usd": [100]})],
        )
    ],
    ("secret-changes", "medium"): [
        ([key_step("replace", {}, {"name": "new"})], [key_step(UPDATED, {}, {"requests_per_day": 5})])
    ],
    ("secret-changes", "low"): [
        ([key_step(UPDATED, ROTATING, DUE)], [key_step(UPDATED, ROTATING, RETIRING)])
    ],
    ("rotation-revokes", "high"): [
        ([key_step(UPDATED, ROTATING, EMERGENCY)], [key_step(UPDATED, ROTATING, DUE)])
    ],
    ("key-deleted", "medium"): [
        ([key_step("delete", {}, None)], [step("delete", "GroqTeam", "t", old={"allowed_models": [A]})])
    ],
    ("key-replaced", "medium"): [
        ([key_step("replace", {}, {"name": "new"})], [key_step("create", None, {})])
    ],
}
"""Findings that need no gateway: steps that it is about, steps that it is not about."""


@pytest.mark.parametrize(
    ("rule", "fires", "stays_quiet"),
    [(rule, *case) for rule, cases in CASES.items() for case in cases],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)
def test_findings_without_the_gateway(rule: tuple[str, str], fires: Any, stays_quiet: Any) -> None:
    """A finding appears with its severity where it belongs, and not beside it."""
    assert rule in rules(*fires)
    assert rule not in rules(*stays_quiet)


PAUSED = {
    "since": "2026-11-23T11:00:00Z",
    "spent_usd": 30,
    "allowed_usd": 5,
    "resumes_at": None,
}
LIVE_CASES: dict[tuple[str, str], tuple[Any, Live, Any, Live]] = {
    ("team-below-its-keys", "medium"): (
        team_step(day(9), day(4)),
        live(live_key(team="chatbot", **day(5))),
        team_step(day(9), day(5)),
        live(live_key(team="chatbot", **day(5))),
    ),
    ("cap-below-spend", "high"): (
        policy_step(UPDATED, {}, {"monthly_cap_usd": 120}),
        spent(120),
        policy_step(UPDATED, {}, {"monthly_cap_usd": 121}),
        spent(120),
    ),
    ("cap-below-spend", "medium"): (
        policy_step(UPDATED, {"auto_pause": False}, {"auto_pause": False, "monthly_cap_usd": 120}),
        spent(130),
        policy_step(UPDATED, {"auto_pause": False}, {"auto_pause": False, "monthly_cap_usd": 140}),
        spent(130),
    ),
    ("cap-below-budgets", "medium"): (
        policy_step(UPDATED, {}, {"monthly_cap_usd": 400}),
        budgets(200, 201),
        policy_step(UPDATED, {}, {"monthly_cap_usd": 401}),
        budgets(200, 201),
    ),
    ("key-paused", "medium"): (
        key_step(UPDATED, {}, {"requests_per_day": 50}),
        live(live_key(status="paused", paused=PAUSED)),
        key_step(UPDATED, {}, {"requests_per_day": 50}),
        live(live_key()),
    ),
    ("limit-near-use", "high"): (
        key_step(UPDATED, {"requests_per_day": 100}, {"requests_per_day": 50}),
        in_use(requests_today=50),
        key_step(UPDATED, {"requests_per_day": 40}, {"requests_per_day": 50}),
        in_use(requests_today=50),
    ),
    ("limit-near-use", "medium"): (
        key_step(UPDATED, {"monthly_budget_usd": 100}, {"monthly_budget_usd": 50}),
        in_use(month_to_date={"requests": 1, "tokens": 1, "cost_usd": 40}),
        key_step(UPDATED, {"monthly_budget_usd": 100}, {"monthly_budget_usd": 50}),
        in_use(month_to_date={"requests": 1, "tokens": 1, "cost_usd": 39.9}),
    ),
    ("key-in-use-deleted", "high"): (
        key_step("delete", {}, None),
        in_use(),
        key_step("delete", {}, None),
        live(live_key(last_used_at=QUIET)),
    ),
    ("key-in-use-replaced", "high"): (
        key_step("replace", {}, {"name": "new"}),
        in_use(),
        key_step("replace", {}, {"name": "new"}),
        live(live_key(last_used_at=None)),
    ),
    ("key-in-use-rotated", "low"): (
        key_step(UPDATED, ROTATING, DUE),
        in_use(),
        key_step(UPDATED, ROTATING, DUE),
        live(live_key(last_used_at=QUIET)),
    ),
    ("key-disabled", "high"): (
        key_step(UPDATED, {}, {"disabled": True}),
        in_use(),
        key_step(UPDATED, {}, {"disabled": True}),
        live(live_key()),
    ),
    ("access-narrowed", "medium"): (
        key_step(UPDATED, {"allowed_models": [A, B]}, {"allowed_models": [A]}),
        in_use(),
        key_step(UPDATED, {"allowed_models": [A, B]}, {"allowed_models": [A]}),
        live(live_key(last_used_at=QUIET)),
    ),
    ("model-unpriced", "high"): (
        key_step("create", None, {"allowed_models": ["no/such-model"]}),
        live(),
        key_step("create", None, {"allowed_models": [A]}),
        live(),
    ),
    ("key-taken-over", "medium"): (
        key_step("create", None, {"adopt_key_id": OTHER_ID}),
        live(live_key(id=OTHER_ID, managed_by="organization/infra/prod")),
        key_step("create", None, {}),
        live(live_key(id=OTHER_ID, managed_by="organization/infra/prod")),
    ),
    ("key-owned-elsewhere", "high"): (
        key_step(UPDATED, {"requests_per_minute": 5}, {"requests_per_minute": 4}),
        live(live_key(managed_by="organization/infra/prod")),
        key_step(UPDATED, {"requests_per_minute": 5}, {"requests_per_minute": 4}),
        live(live_key()),
    ),
    ("held-elsewhere", "high"): (
        policy_step("create", None, {}),
        live(policy=live_policy(managed_by="organization/infra/prod")),
        policy_step("create", None, {}),
        live(policy=live_policy(managed_by=OWNER)),
    ),
    ("limit-removed", "high"): (
        key_step(UPDATED, {"requests_per_day": 5}, {}),
        live(live_key()),
        key_step(UPDATED, {"requests_per_minute": 5}, {}),
        live(live_key()),
    ),
    ("limit-raised", "medium"): (
        key_step(UPDATED, {}, {"requests_per_minute": 2001}),
        live(live_key()),
        key_step(UPDATED, {}, {"requests_per_minute": 2000}),
        live(live_key()),
    ),
}
"""Findings that need the gateway's facts: a step and facts that fire, and a pair that does not."""


@pytest.mark.parametrize(
    ("made", "facts"),
    [
        (team_step(None, {}, "create"), lambda owner: live(teams=[team("chatbot", A, managed_by=owner)])),
        (
            identity_step("create", None, BY_NAME),
            lambda owner: live(identities=[live_identity("deploy", managed_by=owner)]),
        ),
        (policy_step("create", None, {}), lambda owner: live(policy=live_policy(managed_by=owner))),
    ],
    ids=["team", "identity", "policy"],
)
def test_what_another_stack_holds_is_found_before_the_run_fails(made: Any, facts: Any) -> None:
    """Not this stack's own, nobody's, or what is to be taken over on purpose."""
    refused = ("held-elsewhere", "high")
    assert refused in rules(made, facts=facts("organization/infra/prod"))
    for owner in (OWNER, None):
        assert refused not in rules(made, facts=facts(owner))
    made["newState"]["inputs"]["adopt_existing"] = True
    assert refused not in rules(made, facts=facts("organization/infra/prod"))


@pytest.mark.parametrize("rule", LIVE_CASES, ids="-".join)
def test_findings_with_the_gateway(rule: tuple[str, str]) -> None:
    """A finding that needs use, spend or defaults appears where they call for it, and not beside it."""
    fires, facts, stays_quiet, other_facts = LIVE_CASES[rule]
    assert rule in rules(fires, facts=facts)
    assert rule not in rules(stays_quiet, facts=other_facts)


def test_every_finding_has_its_cases() -> None:
    """No rule can yield a finding that the tables above know nothing of."""
    yielded = {
        constant.value
        for file in RULE_FILES
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "finding"
        for constant in ast.walk(call.args[0])
        if isinstance(constant, ast.Constant) and isinstance(constant.value, str)
    }
    assert {rule for rule, _ in [*CASES, *LIVE_CASES]} == yielded


def test_minute_limits_are_held_against_the_average() -> None:
    """Of a limit per minute only the day's average is known: 72,000 requests by noon are 100 a minute."""
    lowered = key_step(UPDATED, {"requests_per_minute": 500}, {"requests_per_minute": 100})
    (finding,) = (
        each for each in found(lowered, facts=in_use(requests_today=72_000)) if each.rule == "limit-near-use"
    )
    assert finding.severity is Severity.HIGH
    assert "100 requests a minute on average since midnight" in finding.what


def in_hours(usd: float) -> dict[str, Any]:
    return {"budgets": [{"usd": usd, "per": "hour"}]}


def limits_of_model(**limits: float) -> dict[str, Any]:
    return {"model_limits": {MODEL: limits}}


def buckets(requests: int, tokens: int, cost_usd: str, key_id: str = KEY_ID) -> list[UsageBucket]:
    counts: dict[str, Any] = {
        "requests": requests,
        "prompt_tokens": tokens,
        "cached_tokens": 0,
        "completion_tokens": 0,
    }
    return [UsageBucket(key_id=key_id, model=MODEL, cost_usd=Decimal(cost_usd), **counts)]


NEAR = [
    # A budget of any window that is there already, and new ones by what usage says.
    (
        in_hours(5),
        in_hours(2),
        {"usage": [usage_row(budgets=[budget_use("hour", 5, 1.9)])]},
        "1.90 USD spent this hour",
    ),
    (
        {},
        {"budgets": [{"usd": 2, "per": "day"}]},
        {"usage": [usage_row(estimated_cost_usd=2)]},
        "2 USD spent today",
    ),
    (
        {},
        {"budgets": [{"usd": 2, "per": "week"}]},
        {"usage": [usage_row(estimated_cost_usd=2)]},
        "at least 2 USD spent this week",
    ),
    # Of a model.
    (
        limits_of_model(budget_usd=9),
        limits_of_model(budget_usd=3),
        {"usage": [usage_row(budgets=[budget_use("month", 9, 3, MODEL)])]},
        "3 USD spent this month",
    ),
    (
        {},
        limits_of_model(budget_usd=3),
        {"usage": [usage_row()], "month_by_model": buckets(1, 1, "2.5")},
        "2.50 USD spent this month",
    ),
    (
        limits_of_model(requests_per_day=90),
        limits_of_model(requests_per_day=50),
        {"usage": [usage_row()], "today_by_model": buckets(50, 1, "0")},
        "50 requests used today",
    ),
    (
        {},
        limits_of_model(tokens_per_minute=10),
        {"usage": [usage_row()], "today_by_model": buckets(1, 7_200, "0")},
        "10 tokens a minute on average since midnight (UTC)",
    ),
]
FAR = [
    (in_hours(5), in_hours(2), {"usage": [usage_row(budgets=[budget_use("hour", 5, 1.5)])]}),
    ({}, in_hours(2), {"usage": [usage_row(estimated_cost_usd=5)]}),
    (
        {},
        limits_of_model(budget_usd=3),
        {"usage": [usage_row()], "month_by_model": buckets(1, 1, "3", OTHER_ID)},
    ),
    ({}, {"max_parallel_requests": 1}, {"usage": [usage_row(requests_today=5_000)]}),
]


@pytest.mark.parametrize(("old", "new", "facts", "words"), NEAR)
def test_any_limit_that_is_lowered_is_held_against_its_use(
    old: Mapping[str, Any], new: Mapping[str, Any], facts: Mapping[str, Any], words: str
) -> None:
    """Budgets of each window, limits and budgets of models."""
    seen = found(key_step(UPDATED, old, new), facts=live(live_key(), **facts))
    (told,) = [each for each in seen if each.rule == "limit-near-use"]
    assert told.what.endswith(f", {words}")


@pytest.mark.parametrize(("old", "new", "facts"), FAR)
def test_what_is_not_known_to_be_near_is_no_finding(
    old: Mapping[str, Any], new: Mapping[str, Any], facts: Mapping[str, Any]
) -> None:
    """A new budget per hour and requests at once have no use that is kept; another key's use is its own."""
    seen = rules(key_step(UPDATED, old, new), facts=live(live_key(), **facts))
    assert not [rule for rule, _ in seen if rule == "limit-near-use"]


@pytest.mark.parametrize(
    ("new", "words"),
    [
        ({"requests_per_day": 10}, "10 requests used today"),
        ({"budgets": [{"usd": 4, "per": "week"}]}, "4 USD spent this week"),
        ({"monthly_budget_usd": 5}, "5 USD spent this month"),
    ],
)
def test_what_a_team_has_is_held_against_the_use_of_its_keys(new: Mapping[str, Any], words: str) -> None:
    """Of all its keys together."""
    month = {"requests": 1, "tokens": 1, "cost_usd": 2.5}
    rows = [
        usage_row(f"{KEY_ID[:-1]}{number}", team=team, requests_today=5, month_to_date=month)
        for number, team in enumerate(("chatbot", "chatbot", "other"))
    ]
    uses = [{"team": "chatbot", "budgets": [budget_use("week", 40, 4)]}]
    facts = live(usage=rows, team_usage=uses)
    old = {"team_name": "chatbot", "allowed_models": [MODEL], "budgets": [{"usd": 40, "per": "week"}]}
    lowered = step(UPDATED, "GroqTeam", "chatbot", old=old, new={**old, **new})
    (told,) = [each for each in found(lowered, facts=facts) if each.rule == "limit-near-use"]
    assert (told.severity, told.what.endswith(words)) == (Severity.HIGH, True)
    assert told.why.startswith("The team is over")


POLICY_NEAR = [
    ({"monthly_cap_usd": 149}, "medium", "120 USD spent this month"),
    ({"budgets": [{"usd": 10, "per": "day"}]}, "medium", "9 USD spent today"),
    ({"budgets": [{"usd": 9, "per": "day"}]}, "high", "9 USD spent today"),
    ({"budgets": [{"usd": 20, "per": "day"}, {"usd": 4, "per": "week"}]}, "high", "5 USD spent this week"),
]
POLICY_FAR = [
    {"monthly_cap_usd": 151},
    {"monthly_cap_usd": 120},  # `cap-below-spend`
    {"budgets": [{"usd": 12, "per": "day"}]},
    {"budgets": [{"usd": 30, "per": "day"}]},
    {"auto_pause": False, "budgets": [{"usd": 1, "per": "day"}]},
]
POLICY_FACTS = live(
    usage=[usage_row(estimated_cost_usd=5)],
    policy=live_policy(120),
    organisation_usage=[budget_use("day", 20, 9), budget_use("month", 500, 120)],
)


def organisation_step(new: Mapping[str, Any]) -> Any:
    had = {"budgets": [{"usd": 20, "per": "day"}]}
    return policy_step(UPDATED, had, {**had, **new})


@pytest.mark.parametrize(("new", "severity", "words"), POLICY_NEAR)
def test_what_the_policy_lowers_is_held_against_what_all_have_spent(
    new: Mapping[str, Any], severity: str, words: str
) -> None:
    """Its cap and its budgets, as far as they refuse anything."""
    (told,) = [
        each for each in found(organisation_step(new), facts=POLICY_FACTS) if each.rule == "limit-near-use"
    ]
    assert (told.severity.name.lower(), told.what.endswith(words)) == (severity, True)
    assert told.why.startswith("The organisation ")


@pytest.mark.parametrize("new", POLICY_FAR)
def test_what_the_policy_lowers_far_above_the_spend_is_no_finding(new: Mapping[str, Any]) -> None:
    """Nor is what pauses nothing; a cap below the spend has a finding of its own."""
    seen = rules(organisation_step(new), facts=POLICY_FACTS)
    assert not [rule for rule, _ in seen if rule == "limit-near-use"]


@pytest.mark.parametrize(
    ("new", "rule"),
    [
        ({"monthly_cap_usd": 1001}, ("limit-raised", "medium")),
        ({"budgets": [{"usd": 41, "per": "day"}]}, ("limit-raised", "medium")),
        ({"budgets": []}, ("limit-removed", "high")),
    ],
)
def test_what_the_policy_lets_go_is_found(new: Mapping[str, Any], rule: tuple[str, str]) -> None:
    """A cap or a budget that is more than twice the former one, and a budget that goes."""
    assert rule in rules(organisation_step(new), facts=POLICY_FACTS)
    assert rule not in rules(organisation_step({"monthly_cap_usd": 1000}), facts=POLICY_FACTS)


def app_step(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    plain = {
        "identity_name": "app",
        "issuer": "https://i.example.com",
        "audience": "a",
        "claims": {"sub": "s"},
        "allowed_models": [MODEL],
        "team": "chatbot",
    }
    return step(UPDATED, "GroqWorkloadIdentity", "app", old={**plain, **old}, new={**plain, **new})


GUARD = {"runaway": {"times_usual": 5}}


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ({"requests_per_day": 10}, {"requests_per_day": 100}, ("limit-raised", "medium")),
        ({"budgets": [{"usd": 1, "per": "day"}]}, {}, ("limit-removed", "high")),
        ({}, {"requests_per_day": 10}, ("limit-near-use", "high")),
        ({"share": 1}, {"share": 5}, ("share-raised", "medium")),
        (GUARD, {}, ("guard-weakened", "high")),
        (GUARD, {**GUARD, "share": 2}, ("key-paused", "medium")),
        ({}, {"monthly_budget_usd": 9}, ("above-its-team", "high")),
    ],
)
def test_limits_of_a_workload_identity_are_looked_at_as_a_keys(
    old: Mapping[str, Any], new: Mapping[str, Any], rule: tuple[str, str]
) -> None:
    """Its subjects use them together."""
    rows = [usage_row(f"wis_{number}", identity="app", requests_today=5) for number in range(2)]
    pause = {"since": USED, "spent_usd": 2, "allowed_usd": 1, "resumes_at": None}
    bounds = team("chatbot", MODEL).model_copy(update={"monthly_budget_usd": Decimal(5)})
    live_app = live_identity("app", admin_role=None, allowed_models=[MODEL], paused=pause)
    facts = live(usage=rows, teams=[bounds], identities=[live_app])
    assert rule in rules(app_step(old, new), facts=facts)


def test_a_budget_that_outgrows_the_cap_is_found_on_the_key() -> None:
    """A cap that stays as it is can still end below the budgets: the key that grows is named, once."""
    grown = key_step(UPDATED, {"monthly_budget_usd": 300}, {"monthly_budget_usd": 450})
    assert ("cap-below-budgets", "medium") not in rules(grown, facts=budgets(300))
    assert ("cap-below-budgets", "medium") in rules(grown, facts=budgets(300, 51))


def test_budgets_count_once_a_lineage() -> None:
    """Two generations of a key in its overlap share a budget."""
    successor = live_key(id=OTHER_ID, lineage_id=KEY_ID, generation=2, monthly_budget_usd=300)
    facts = live(live_key(monthly_budget_usd=300), successor, policy=live_policy())
    assert rules(policy_step(UPDATED, {}, {"monthly_cap_usd": 300}), facts=facts) == set()


def test_the_budget_of_a_deleted_key_counts_no_more() -> None:
    """What is deleted in the same run no longer stands against the cap."""
    facts = budgets(200, 201)
    lowered = policy_step(UPDATED, {}, {"monthly_cap_usd": 300})
    assert ("cap-below-budgets", "medium") in rules(lowered, facts=facts)
    deletion = key_step("delete", {"monthly_budget_usd": 200}, None)
    assert ("cap-below-budgets", "medium") not in rules(lowered, deletion, facts=facts)


def test_budgets_without_a_cap_are_no_finding() -> None:
    """Where no policy is in force there is nothing to exceed."""
    grown = key_step(UPDATED, {}, {"monthly_budget_usd": 450})
    assert rules(grown, facts=live(live_key())) == set()


def test_use_exactly_the_quiet_period_ago_is_quiet() -> None:
    """The gateway deletes a key that was last used exactly its quiet period ago, so the review agrees."""
    facts = live(live_key(last_used_at="2026-11-22T12:00:00Z"))
    assert rules(key_step("delete", {}, None), facts=facts) == set()


def test_quiet_hours_decide_whether_a_deleted_key_is_in_use() -> None:
    """A key's own quiet period counts: two days ago is in use for one that asks for three days."""
    facts = live(live_key(last_used_at=QUIET))
    patient = {"rotation": {"every_days": 30, "quiet_hours": 72}}
    assert ("key-in-use-deleted", "high") in rules(key_step("delete", patient, None), facts=facts)


def test_a_deletion_in_use_says_what_the_run_will_do() -> None:
    """Without allow_delete_in_use the run fails; with it the callers do."""
    refused, allowed = (
        next(each.why for each in found(key_step("delete", flag, None), facts=in_use()))
        for flag in ({}, {"allow_delete_in_use": True})
    )
    assert "the run would fail" in refused
    assert "401" in allowed


def test_takers_of_a_new_value_are_named() -> None:
    """Whoever reviews a rotation sees which resources take the new value."""
    findings = found(key_step(UPDATED, ROTATING, DUE), taker("vault"), taker("cache"))
    assert [each.what for each in findings] == ["gets another value by rotation, taken by cache, vault"]


def test_a_failed_preview_is_the_first_finding() -> None:
    """What the engine reports as an error comes first, for the preview is then incomplete."""
    error = {
        "urn": "urn:x::y::z::chatbot-prod",
        "message": "error: Exception calling application: must be\nat least 1\n",
        "severity": "error",
    }
    warning = {"urn": "", "message": "warning: old", "severity": "warning"}
    made = review(
        preview(key_step("delete", {}, None), diagnostics=[error, warning]),
        catalogue=CATALOGUE,
        live="not asked",
        now=NOON,
    )
    assert [(each.rule, each.resource, each.what) for each in made.findings][:1] == [
        ("preview-failed", "chatbot-prod", "must be at least 1")
    ]


def test_what_a_rule_stops_is_told_once(tmp_path: Path) -> None:
    """Not once more as an error of the program that enforced it, nor as the error that there was an error."""
    rules = "rules: {approved: {check: models_approved, models: [openai/gpt-oss-20b], reason: No others.}}"
    (tmp_path / "policy.yaml").write_text(rules, encoding="utf-8")
    access = read_access(b"teams: {a: {allowed_models: [openai/gpt-oss-120b], keys: {k: {}}}}", "access.yaml")
    broken = "may call openai/gpt-oss-120b, which is not approved (policy.yaml, rule approved: No others.)"
    message = f"error: a: {broken}\nk: {broken}"
    ended = "an unhandled error occurred: Program exited with non-zero exit code: 1"
    errors = [{"urn": "", "message": each, "severity": "error"} for each in (message, ended)]
    made = review(
        preview(diagnostics=errors),
        catalogue=CATALOGUE,
        live="not asked",
        now=NOON,
        access=access,
        guardrails=load_guardrails(tmp_path / "policy.yaml"),
    )
    assert [(each.rule, each.resource) for each in made.findings] == [
        ("policy:approved", "a"),
        ("policy:approved", "k"),
    ]
    assert "## Groq access: the run would stop" in review_markdown(made)


def test_an_error_that_stands_alone_is_told() -> None:
    """Whatever it says."""
    ended = "an unhandled error occurred: Program exited with non-zero exit code: 1"
    made = review(
        preview(diagnostics=[{"urn": "", "message": ended, "severity": "error"}]),
        catalogue=CATALOGUE,
        live="not asked",
        now=NOON,
    )
    assert [each.rule for each in made.findings] == ["preview-failed"]


def test_worst_findings_come_first() -> None:
    """A reviewer who stops reading early has read what matters."""
    changed = key_step(
        UPDATED,
        {"requests_per_day": 10, "tokens_per_day": 10},
        {"requests_per_day": "unlimited", "tokens_per_day": 100, "allowed_models": [A, B]},
    )
    severities = [each.severity for each in found(changed)]
    assert severities == sorted(severities, reverse=True)
    assert len(set(severities)) > 1


def test_values_out_of_sight_are_no_findings() -> None:
    """A value that only the run knows, or that is a secret, is never mistaken for unset."""
    unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    hidden = {"team": unknown, "monthly_budget_usd": unknown, "allowed_models": [unknown]}
    assert rules(key_step(UPDATED, {"team": "a", "monthly_budget_usd": 5}, hidden)) == set()


LIVE = LiveKey(KEY_ID, 2, "ab12", NOON - timedelta(days=40), NOON)
OLDER = LiveKey(OTHER_ID, 1, "cd34", NOON - timedelta(days=70), NOON - timedelta(days=30))
HELD = Held(KEY_ID, 2, has_value=True, delivered_at=None, trigger=None, emergency_trigger=None)
MONTHLY = RotationSchedule(every_days=30)


@pytest.mark.parametrize(
    ("schedule", "held", "keys", "expected"),
    [
        (MONTHLY, HELD, [LIVE], (True, False)),
        (MONTHLY, HELD, [], (True, False)),
        (RotationSchedule(), HELD, [OLDER, LIVE], (False, False)),
        (RotationSchedule(trigger="now"), HELD, [LIVE], (True, False)),
        (RotationSchedule(emergency_trigger="leak"), HELD, [LIVE], (True, True)),
        (MONTHLY, Held(OTHER_ID, 1, True, None, None, None), [OLDER, LIVE], (True, False)),
    ],
    ids=["due", "all gone", "retire", "trigger", "emergency", "resume"],
)
def test_what_is_due_is_understood_as_the_machine_words_it(
    schedule: RotationSchedule, held: Held, keys: list[LiveKey], expected: tuple[bool, bool]
) -> None:
    """Whether a new value comes, and whether an old one ends at once, is read off the machine's own words."""
    steps = plan(schedule, held, keys, NOON).steps
    due = KeySettings(rotation_due="; ".join(step.reason for step in steps))
    assert (mints(due), revokes(due)) == expected


def test_the_advice_for_a_retired_model_names_models_in_service() -> None:
    """A replacement that has been retired since gives way to its own, as in the preview's warning."""
    (retired,) = found(key_step("create", None, {"allowed_models": ["llama-3.3-70b-versatile"]}))
    assert (retired.rule, retired.todo) == (
        "model-retired",
        "Use openai/gpt-oss-120b or qwen/qwen3.8-27b instead.",
    )


@pytest.mark.parametrize("owner", [None, "organization/infra/dev"])
def test_taking_over_what_no_other_stack_manages_is_no_finding(owner: str | None) -> None:
    """A key that nobody or this stack manages may be adopted; deleting another's keeps it at the server."""
    facts = live(live_key(id=OTHER_ID, managed_by=owner), live_key(managed_by="organization/infra/prod"))
    assert rules(key_step("create", None, {"adopt_key_id": OTHER_ID}), facts=facts) == set()
    assert "key-owned-elsewhere" not in {rule for rule, _ in rules(key_step("delete", {}, None), facts=facts)}
