"""Findings about keys that another stack owns."""

from collections.abc import Iterator
from typing import Final

from pulumi_groq.models.api_key import ApiKey
from pulumi_groq.reports.review.changes import PlannedChange
from pulumi_groq.reports.review.findings import Finding, ReviewedPlan, Rule, Severity, finding
from pulumi_groq.reports.settings import KeySettings


def taken_over(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """A key is adopted that another stack manages."""
    _, new = change.key()
    adopted = new.adopt_key_id if new and change.operation in {"create", "replace"} else None
    key = plan.live.keys_by_id.get(adopted) if plan.live and adopted else None
    if new is not None and _is_elsewhere(key, new):
        yield finding(
            "key-taken-over",
            Severity.MEDIUM,
            change,
            plan,
            what=f"takes over {key.id}, which {key.managed_by} manages" if key else "",
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


def _is_elsewhere(key: ApiKey | None, declared: KeySettings) -> bool:
    """Whether `key` has an owner, and one that is not where it is declared; unknown owners count as none."""
    return (
        key is not None and key.managed_by is not None and declared.managed_by not in {None, key.managed_by}
    )


RULES: Final[tuple[Rule, ...]] = (taken_over, owned_elsewhere)
