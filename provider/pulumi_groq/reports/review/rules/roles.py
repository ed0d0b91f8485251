"""Findings about rights on the admin plane."""

from collections.abc import Iterator
from typing import Final

from pulumi_groq.reports.review.changes import PlannedChange
from pulumi_groq.reports.review.findings import Finding, ReviewedPlan, Rule, Severity, finding
from pulumi_groq.reports.settings import AdminKeySettings

_OWNER: Final = "owner"


def owner_added(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """An admin key becomes an owner, or is made as one."""
    old, new = change.admin_key()
    if new is None or new.role != _OWNER or (old is not None and old.role == _OWNER):
        return
    yield finding(
        "owner-added",
        Severity.HIGH,
        change,
        plan,
        what="may do everything, and give rights to others",
        why="Whoever holds the key, or can read this stack's state, owns the organisation.",
        todo="Check that nothing less will do: a viewer for previews, a team-admin for a team's own keys.",
    )


def role_widened(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """An admin key gets another role than owner, or a role for further teams."""
    old, new = change.admin_key()
    if old is None or new is None or new.role == _OWNER or {"role", "teams"} & (old.hidden | new.hidden):
        return
    if new.role != old.role or _further_teams(old, new):
        yield finding(
            "role-widened",
            Severity.MEDIUM,
            change,
            plan,
            what=f"is {_as_words(new)}, and was {_as_words(old)}",
            why="The key keeps its value: everybody who has it has the new rights with the next request.",
            todo="Check who holds the key, or declare a second one for the new purpose.",
        )


def _further_teams(old: AdminKeySettings, new: AdminKeySettings) -> bool:
    if not old.teams:
        return False
    return not new.teams or not set(new.teams) <= set(old.teams)


def _as_words(settings: AdminKeySettings) -> str:
    return f"{settings.role} of {', '.join(settings.teams)}" if settings.teams else str(settings.role)


RULES: Final[tuple[Rule, ...]] = (owner_added, role_widened)
