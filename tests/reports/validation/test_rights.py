"""Admin keys and workload identities, declared against live."""

import json
from typing import Any

import pytest

from pulumi_groq.access import read_access
from pulumi_groq.reports.stack_export import StackState, read_stack
from pulumi_groq.reports.validation.checks import Check, Outcome
from pulumi_groq.reports.validation.comparison import compared
from report_facts import OWNER, TYPES, live, live_admin_key, live_identity, urn

OURS: dict[str, Any] = {"managed_by": OWNER}
KEY = {"name": "preview", "role": "viewer", **OURS}
IDENTITY = {
    "identity_name": "deploy",
    "issuer": "https://i.example.com",
    "audience": "a",
    "claims": {"sub": "s"},
    "admin_role": "viewer",
    "credential_minutes": 15,
    **OURS,
}
ACCESS = b"""\
admin_keys:
  preview: {role: viewer}
workload_identities:
  deploy: {issuer: "https://i.example.com", audience: a, claims: {sub: s}, admin_role: viewer}
"""
TAKEN_OVER = f"taken over: organization/infra/prod owns it, this stack ({OWNER}) declares it too"
ORPHANED = "orphaned: it names this stack as its owner, and the stack does not hold it"


def resource(kind: str, object_id: str, outputs: dict[str, Any]) -> dict[str, Any]:
    place = {"urn": urn(kind, object_id), "type": TYPES + kind, "id": object_id, "custom": True}
    return {**place, "inputs": outputs, "outputs": outputs}


def stack(key: dict[str, Any] | None = None, identity: dict[str, Any] | None = None) -> StackState:
    """An exported stack with an admin key and an identity, laid over."""
    found = []
    if key is not None:
        found.append(resource("GroqAdminKey", f"adm_{1:026}", {**KEY, **key}))
    if identity is not None:
        found.append(resource("GroqWorkloadIdentity", "deploy", {**IDENTITY, **identity}))
    return read_stack(json.dumps({"version": 3, "deployment": {"resources": found}}), "stack.json")


def said(checks: tuple[Check, ...], outcome: Outcome = Outcome.MISMATCH) -> list[str]:
    return [f"{each.section} {each.subject}: {each.detail}" for each in checks if each.outcome is outcome]


def test_what_is_as_declared_holds() -> None:
    """In the stack and in the access file, with what is given in words."""
    facts = live(admin_keys=[live_admin_key(**OURS)], identities=[live_identity(**OURS)])
    checks = compared(stack({}, {}), read_access(ACCESS, "access.yaml"), facts)
    assert said(checks) == []
    assert said(checks, Outcome.OK) == [
        *["admin keys preview: viewer"] * 2,
        *["workload identities deploy: viewer"] * 2,
    ]


@pytest.mark.parametrize(
    ("key", "identity", "expected"),
    [
        (
            {"role": "owner"},
            {"admin_role": "owner"},
            [
                "admin keys preview: changed: role: declared viewer, live owner",
                "workload identities deploy: changed: role: declared viewer, live owner",
            ],
        ),
        (
            {"role": "viewer", "teams": ["a"], "expires_at": "2027-01-01T00:00:00Z"},
            {"claims": {"sub": "evil"}},
            [
                "admin keys preview: changed: teams: declared all teams, live a; "
                "expiry: declared never, live 2027-01-01 00:00 UTC",
                "workload identities deploy: changed: claims: declared sub=s, live sub=evil",
            ],
        ),
        (
            {"managed_by": "organization/infra/prod"},
            {"managed_by": "organization/infra/prod"},
            [f"{section}: {TAKEN_OVER}" for section in ("admin keys preview", "workload identities deploy")],
        ),
    ],
)
def test_what_was_changed_by_hand_is_told(
    key: dict[str, Any], identity: dict[str, Any], expected: list[str]
) -> None:
    """Field by field, with both values."""
    facts = live(
        admin_keys=[live_admin_key(**{**OURS, **key})], identities=[live_identity(**{**OURS, **identity})]
    )
    assert said(compared(stack({}, {}), None, facts)) == expected


def test_rights_given_by_hand_are_told() -> None:
    """Those that nobody manages, and those that this stack should hold and does not; others' are counted."""
    facts = live(
        admin_keys=[
            live_admin_key(1, **OURS),
            live_admin_key(2, name="sneaked", role="owner"),
            live_admin_key(3, name="lost", **OURS),
            live_admin_key(4, managed_by="organization/infra/prod"),
        ],
        identities=[live_identity("sneaked", admin_role="owner")],
    )
    checks = compared(stack({}), None, facts)
    assert said(checks) == [
        "admin keys sneaked: given by hand: no stack manages it; owner",
        f"admin keys lost: {ORPHANED}",
        "workload identities sneaked: given by hand: no stack manages it; owner",
    ]
    assert said(checks, Outcome.SKIPPED) == ["admin keys other stacks: 1 of other stacks not checked here"]
    allowed = compared(stack({}), None, facts, allow_unmanaged=True)
    assert said(allowed) == [f"admin keys lost: {ORPHANED}"]


def test_what_is_missing_is_told() -> None:
    """Of the stack and of the file."""
    checks = compared(stack({}, {}), read_access(ACCESS, "access.yaml"), live())
    assert said(checks) == [
        f"admin keys preview: missing: adm_{1:026} is not live",
        "admin keys preview: missing: line 2 is not deployed",
        "workload identities deploy: missing: deploy is not live",
        "workload identities deploy: missing: line 4 is not deployed",
    ]


def test_the_file_alone_is_compared_by_name() -> None:
    """Without a stack the name is all that it gives; what is beside it is nobody's business."""
    facts = live(admin_keys=[live_admin_key(role="owner"), live_admin_key(2, name="other")])
    checks = compared(None, read_access(ACCESS, "access.yaml"), facts)
    assert said(checks) == [
        "admin keys preview: changed: role: declared viewer, live owner",
        "workload identities deploy: missing: line 4 is not deployed",
    ]


def test_what_the_stack_alone_has_is_told() -> None:
    """The file does not declare it any more."""
    facts = live(admin_keys=[live_admin_key(**OURS)], identities=[live_identity(**OURS)])
    file = read_access(b"teams: {t: {allowed_models: [a]}}", "access.yaml")
    told = [line for line in said(compared(stack({}, {}), file, facts)) if "teams" not in line]
    assert told == [
        "admin keys preview: in the stack, but not in the access file",
        "workload identities deploy: in the stack, but not in the access file",
    ]


def test_a_role_that_may_not_read_rights_compares_none() -> None:
    """What is declared is skipped, and told."""
    checks = compared(stack({}, {}), None, live(admin_keys=None, identities=None))
    assert said(checks, Outcome.SKIPPED) == [
        "admin keys all: not compared: your role may not read them",
        "workload identities all: not compared: your role may not read them",
    ]
    assert compared(stack(), None, live(admin_keys=None, identities=None)) == ()


LIMITS: dict[str, Any] = {
    "admin_role": None,
    "allowed_models": ["openai/gpt-oss-20b"],
    "budgets": [{"usd": 5, "per": "day"}],
    "runaway": {"times_usual": 10},
}


def test_limits_of_an_identity_are_compared() -> None:
    """Budgets and guard as declared hold; what was changed by hand is told with both values."""
    same = compared(stack(identity=LIMITS), None, live(identities=[live_identity(**OURS, **LIMITS)]))
    assert said(same) == []
    changed = {**LIMITS, "budgets": [{"usd": 9, "per": "day"}], "share": 5}
    facts = live(identities=[live_identity(**OURS, **changed)])
    assert said(compared(stack(identity=LIMITS), None, facts)) == [
        "workload identities deploy: changed: budgets: declared 5 USD per day, live 9 USD per day; "
        "share of the upstream's limits: declared 1, live 5"
    ]


def test_a_paused_identity_is_told_with_what_resumes_it() -> None:
    """Of the stack's own; others' are theirs to look after."""
    pause = {"since": "2026-11-23T11:00:00Z", "spent_usd": 2, "allowed_usd": 1, "resumes_at": None}
    identities = [
        live_identity(name, **LIMITS, managed_by=owner, paused=pause)
        for name, owner in (("deploy", OWNER), ("other", "organization/infra/prod"))
    ]
    checks = compared(stack(identity=LIMITS), None, live(identities=identities))
    assert said(checks) == [
        "workload identities deploy: paused since 2026-11-23 11:00 UTC: 2 USD in 10 minutes, where 1 USD are "
        "allowed"
    ]
    (told,) = [check.todo for check in checks if check.outcome is Outcome.MISMATCH]
    assert told == "find out what spent it, then: pulumi-groq keys resume wid_deploy"
