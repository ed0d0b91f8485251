"""Findings about what another stack owns."""

from collections.abc import Iterator
from typing import Final

from pulumi_groq.reports.engine_state import stack_address
from pulumi_groq.reports.live import Live
from pulumi_groq.reports.review.adoption import Served, served_for
from pulumi_groq.reports.review.changes import PlannedChange
from pulumi_groq.reports.review.findings import Finding, ReviewedPlan, Rule, Severity, finding
from pulumi_groq.reports.settings import (
    AdminKeySettings,
    IdentitySettings,
    KeySettings,
    PolicySettings,
    TeamSettings,
)


def taken_over(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """A key, or an admin key, is adopted that another stack manages."""
    new = change.new if isinstance(change.new, KeySettings | AdminKeySettings) else None
    adopted = new.adopt_key_id if new and change.operation in {"create", "replace"} else None
    key = served_for(new, plan.live) if plan.live and adopted else None
    if new is not None and _is_elsewhere(key, new):
        yield finding(
            "key-taken-over",
            Severity.MEDIUM,
            change,
            plan,
            what=f"takes over {adopted}, which {key.managed_by} manages" if key else "",
            why="That stack declares it too, and each run of either would undo what the other declared.",
            todo="Take it out of that stack first, with `pulumi state delete`.",
        )


def owned_elsewhere(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """A key is changed that another stack has taken over."""
    old, _ = change.key()
    key = plan.key_of(change)
    if old is not None and change.operation == "update" and _is_elsewhere(key, old):
        yield finding(
            "key-owned-elsewhere",
            Severity.HIGH,
            change,
            plan,
            what=f"is changed here, and {key.managed_by} owns it now" if key else "",
            why="That stack took it over: this run would change a key that is no longer this stack's.",
            todo="Take it out of this stack with `pulumi state delete`, or out of that one.",
        )


def held_elsewhere(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """A team, policy or identity is made that another stack holds already."""
    holder = _holder(change, plan.live) if plan.live and change.operation == "create" else None
    project, stack = stack_address(change.urn)
    if holder is None or holder.endswith(f"/{project}/{stack}"):
        return
    if change.new is not None and not change.new.adopt_existing:
        yield finding(
            "held-elsewhere",
            Severity.HIGH,
            change,
            plan,
            what=f"exists, and {holder} declares it",
            why="The gateway leaves it to that stack (409 held_elsewhere), so the run would fail.",
            todo="Declare it in one of the two stacks.",
        )


def _holder(change: PlannedChange, live: Live) -> str | None:
    """The stack that holds what a change would make, by its name; `None` where none does."""
    named = isinstance(change.new, TeamSettings | PolicySettings | IdentitySettings)
    held = served_for(change.new, live) if named else None
    return held.managed_by if held else None


def _is_elsewhere(key: Served | None, declared: KeySettings | AdminKeySettings) -> bool:
    """Whether `key` has an owner, and one that is not where it is declared; unknown owners count as none."""
    return (
        key is not None and key.managed_by is not None and declared.managed_by not in {None, key.managed_by}
    )


RULES: Final[tuple[Rule, ...]] = (taken_over, owned_elsewhere, held_elsewhere)
