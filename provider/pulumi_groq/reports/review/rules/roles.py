"""Findings about rights on the admin plane: of admin keys, and of workload identities."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from pulumi_groq.reports.review.changes import PlannedChange
from pulumi_groq.reports.review.findings import Finding, ReviewedPlan, Rule, Severity, finding
from pulumi_groq.reports.settings import AdminKeySettings, IdentitySettings, Settings

_OWNER: Final = "owner"


class _Right(NamedTuple):
    """A role and the teams that it is for; no role where there is none, `None` where it cannot be seen."""

    role: str | None
    teams: frozenset[str] | None

    def __str__(self) -> str:
        return f"{self.role} of {', '.join(sorted(self.teams))}" if self.teams else str(self.role)


def owner_added(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """An admin key or identity becomes an owner, or is made as one."""
    old, new = _rights(change)
    if new is None or new.role != _OWNER or (old is not None and old.role == _OWNER):
        return
    holder = (
        "Whoever holds the key, or can read this stack's state, owns the organisation."
        if change.kind == "GroqAdminKey"
        else "Whatever its claims accept owns the organisation."
    )
    yield finding(
        "owner-added",
        Severity.HIGH,
        change,
        plan,
        what="may do everything, and give rights to others",
        why=holder,
        todo="Check that nothing less will do: a viewer for previews, a team-admin for a team's own keys.",
    )


def role_widened(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """An admin key or identity gets another role than owner, or a role for further teams."""
    old, new = _rights(change)
    if old is None or new is None or new.role in (None, _OWNER) or None in (old.teams, new.teams):
        return
    if new.role != old.role or _further_teams(old, new):
        was = f"is {new}, and was {old}" if old.role else f"is {new}, and had no role"
        yield finding(
            "role-widened",
            Severity.MEDIUM,
            change,
            plan,
            what=was,
            why="Everybody who has the key, or a credential of the identity, has the new rights at once.",
            todo="Check who that is, or declare a second one for the new purpose.",
        )


def _rights(change: PlannedChange) -> tuple[_Right | None, _Right | None]:
    """What was given, and what will be; `None` for a resource that is not there then, or gives no rights."""
    old, new = change.admin_key() if change.kind == "GroqAdminKey" else change.identity()
    return _right(old), _right(new)


def _right(settings: Settings | None) -> _Right | None:
    match settings:
        case AdminKeySettings():
            hidden = settings.hidden & {"role", "teams"}
            return _Right(settings.role, None if hidden else frozenset(settings.teams))
        case IdentitySettings():
            hidden = settings.hidden & {"admin_role", "role_teams"}
            return _Right(settings.admin_role, None if hidden else frozenset(settings.role_teams))
    return None


def _further_teams(old: _Right, new: _Right) -> bool:
    if not old.teams or new.teams is None:
        return False
    return not new.teams or not new.teams <= old.teams


RULES: Final[tuple[Rule, ...]] = (owner_added, role_widened)
