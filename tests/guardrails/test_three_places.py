"""Every rule of policy.yaml says the same in the program, in the review and in the policy pack."""

from typing import Any

import pytest

from guardrail_cases import (
    CASES,
    FRIDAY,
    Case,
    by_access_file,
    by_pack,
    by_review,
    guardrails_of,
    said,
)
from pulumi_groq.reports.engine_state import UNKNOWN
from pulumi_groq.reports.guardrails.judging import judge, subject
from pulumi_groq.reports.guardrails.rules import CHECKS, NoWidening


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule['check']}-{case.said}")
def test_a_rule_says_the_same_everywhere(case: Case) -> None:
    """The access file, a plan, and the engine's inputs in both spellings give one answer."""
    found = by_access_file(case)
    assert found == by_review(case) == by_pack(case, native=False) == by_pack(case, native=True)
    assert len(found) == (case.said is not None)
    assert all(case.said is not None and case.said in what for _, _, what in found)


def test_the_table_has_every_check() -> None:
    """No check is without a case that keeps to it and one that does not."""
    for kept in (True, False):
        covered = {case.rule["check"] for case in CASES if (case.said is None) == kept}
        assert covered == CHECKS.keys() - {"no_widening"}


def test_what_only_the_run_knows_is_told_and_stops_nothing() -> None:
    """A value that is unknown at preview is neither kept nor violated."""
    case = Case({"check": "budget_required"}, "GroqApiKey", {"monthly_budget_usd": UNKNOWN}, None)
    expected = [("unchecked", "chatbot-prod", "monthly_budget_usd cannot be read before the run")]
    assert by_review(case) == by_pack(case, native=False) == by_pack(case, native=True) == expected


KEY: dict[str, Any] = {"name": "k", "team": "t", "allowed_models": ["a", "b"], "requests_per_minute": 10}


@pytest.mark.parametrize(
    ("before", "after", "wider"),
    [
        ({}, {"requests_per_minute": 11}, "requests_per_minute"),
        ({}, {"requests_per_minute": "unlimited"}, "requests_per_minute"),
        ({}, {"requests_per_minute": None}, "requests_per_minute"),
        ({"requests_per_minute": None}, {}, "requests_per_minute"),
        ({"requests_per_minute": "unlimited"}, {}, None),
        ({}, {"requests_per_minute": 9}, None),
        ({}, {"allowed_models": ["a"]}, None),
        ({}, {"allowed_models": ["b", "a"]}, None),
        ({}, {"allowed_models": ["a", "c"]}, "allowed_models"),
        ({}, {"allowed_tools": ["browser_search"]}, "allowed_tools"),
        ({"monthly_budget_usd": 5}, {"monthly_budget_usd": 6}, "monthly_budget_usd"),
        ({"monthly_budget_usd": 5}, {}, "monthly_budget_usd"),
        ({}, {"monthly_budget_usd": 5}, None),
        ({"expires_at": "2027-01-01T00:00:00Z"}, {}, "expires_at"),
        ({"disabled": True}, {}, "disabled"),
        ({}, {"disabled": True}, None),
        ({}, {"team": "u"}, "team"),
        ({}, {"metadata": {"owner": "x"}, "rotation": {"every_days": 5}}, None),
    ],
)
def test_what_counts_as_wider(before: dict[str, Any], after: dict[str, Any], wider: str | None) -> None:
    """On the rule's weekday more of anything is refused, and less or the same is not."""
    rules = guardrails_of({"check": "no_widening", "weekdays": ["friday"]}).rules
    old = subject("GroqApiKey", {**KEY, **before}).declared
    new = subject("GroqApiKey", {**KEY, **after})
    changed = type(new)(new.kind, new.name, new.declared, old)
    expected = [("violated", "k", f"{wider} widened on a day on which nothing is")] if wider else []
    assert said(judge(rules, [changed], FRIDAY)) == expected


IDENTITY: dict[str, Any] = {
    "identity_name": "i",
    "issuer": "https://i.example.com",
    "audience": "a",
    "claims": {"sub": "s", "tier": "1"},
    "admin_role": "viewer",
    "role_teams": ["t"],
}


@pytest.mark.parametrize(
    ("kind", "before", "after", "wider"),
    [
        ("GroqAdminKey", {"role": "viewer"}, {"role": "owner"}, "role"),
        ("GroqAdminKey", {"role": "viewer", "teams": ["a"]}, {"role": "viewer"}, "teams"),
        ("GroqAdminKey", {"role": "viewer"}, {"role": "viewer", "teams": ["a"]}, None),
        ("GroqWorkloadIdentity", {}, {"admin_role": "billing"}, "admin_role"),
        ("GroqWorkloadIdentity", {}, {"role_teams": ["t", "u"]}, "role_teams"),
        ("GroqWorkloadIdentity", {}, {"claims": {"sub": "s"}}, "claims"),
        ("GroqWorkloadIdentity", {}, {"claims": {"sub": "s", "tier": "1", "more": "2"}}, None),
        ("GroqWorkloadIdentity", {}, {"audience": "b"}, "audience"),
        ("GroqWorkloadIdentity", {}, {"credential_minutes": 60}, "credential_minutes"),
        ("GroqWorkloadIdentity", {}, {"credential_minutes": 5}, None),
    ],
)
def test_what_counts_as_wider_rights(
    kind: str, before: dict[str, Any], after: dict[str, Any], wider: str | None
) -> None:
    """A role, its teams, the trust and the time of an admin key or an identity."""
    usual = {"GroqAdminKey": {"name": "i"}, "GroqWorkloadIdentity": IDENTITY}[kind]
    rules = guardrails_of({"check": "no_widening", "weekdays": ["friday"]}).rules
    old, new = (subject(kind, {**usual, **each}) for each in (before, after))
    changed = type(new)(new.kind, new.name, new.declared, old.declared)
    expected = [("violated", "i", f"{wider} widened on a day on which nothing is")] if wider else []
    assert said(judge(rules, [changed], FRIDAY)) == expected


def test_a_new_key_widens_and_an_unknown_past_is_told() -> None:
    """What did not exist is more than before; where nobody can tell, the rule says so and stops nothing."""
    rules = guardrails_of({"check": "no_widening", "weekdays": ["friday"]}).rules
    new = subject("GroqApiKey", KEY)
    ((outcome, _, _),) = said(judge(rules, [new], FRIDAY))
    assert outcome == "violated"
    blind = type(new)(new.kind, new.name, new.declared, None, before_known=False)
    (verdict,) = judge(rules, [blind], FRIDAY)
    assert (verdict.outcome, verdict.stops) == ("unchecked", False)


@pytest.mark.parametrize(
    ("zone", "weekday", "holds"),
    [
        ("UTC", "friday", True),
        ("UTC", "saturday", False),
        ("Pacific/Kiritimati", "saturday", True),  # 14 hours ahead: 02:00 on Saturday
        ("Pacific/Kiritimati", "friday", False),
    ],
)
def test_the_weekday_is_the_one_of_the_time_zone(zone: str, weekday: str, holds: bool) -> None:
    """Noon of a Friday in UTC is Saturday in the east."""
    (rule,) = guardrails_of({"check": "no_widening", "weekdays": [weekday], "time_zone": zone}).rules.values()
    assert isinstance(rule, NoWidening)
    assert rule.holds_on(FRIDAY) is holds
