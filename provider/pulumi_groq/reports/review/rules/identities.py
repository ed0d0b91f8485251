"""Findings about whose tokens a workload identity trusts."""

from collections.abc import Iterator
from typing import Final

from pulumi_groq.policy.trust import weaknesses
from pulumi_groq.reports.identity_trust import TRUST_FIELDS, trust_of, trusts_more
from pulumi_groq.reports.review.changes import PlannedChange
from pulumi_groq.reports.review.findings import Finding, ReviewedPlan, Rule, Severity, finding


def unsafe_claims(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """An identity is made, or trusts others, or gives more, and its claims fit more than one workload."""
    _, new = change.identity()
    trust = trust_of(new) if new is not None else None
    changed = {each.field for each in change.fields}
    if trust is None or not changed & {*TRUST_FIELDS, "admin_role", "role_teams", "allowed_models"}:
        return
    for weakness in weaknesses(trust):
        yield finding(
            "unsafe-claims",
            Severity[weakness.grade.upper()],
            change,
            plan,
            what=weakness.what,
            why=weakness.why,
            todo=weakness.todo,
        )


def trust_widened(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """An identity accepts tokens that it did not accept."""
    old, new = change.identity()
    if old is None or new is None or {*TRUST_FIELDS} & (old.hidden | new.hidden):
        return
    wider = trusts_more(old, new)
    if wider:
        yield finding(
            "trust-widened",
            Severity.MEDIUM,
            change,
            plan,
            what=f"trusts tokens that it did not: {', '.join(wider)} changed",
            why="Whoever has such a token has the identity's rights with the next exchange.",
            todo="Check whose tokens these are.",
        )


RULES: Final[tuple[Rule, ...]] = (unsafe_claims, trust_widened)
