"""Findings about keys that come, go or get another value."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from pulumi_groq.models.rotation import RotationSchedule
from pulumi_groq.reports.review.changes import PlannedChange
from pulumi_groq.reports.review.findings import Finding, ReviewedPlan, Rule, Severity, finding
from pulumi_groq.reports.review.rules.access import in_use, last_use
from pulumi_groq.reports.settings import KeySettings

_MINTS: Final = ("rotate: ", "resume: ", "create: ")
_REVOKES: Final = "revoke "


def due_steps(settings: KeySettings | None) -> list[str]:
    """What a rotation would do in this run, step by step, in the provider's words."""
    due = settings.rotation_due if settings else None
    return due.split("; ") if due else []


def mints(settings: KeySettings | None) -> bool:
    """Whether the run gives the key a new value."""
    return any(step.startswith(_MINTS) for step in due_steps(settings))


def revokes(settings: KeySettings | None) -> bool:
    """Whether the run ends an earlier key of the lineage at once, in use or not."""
    return any(step.startswith(_REVOKES) for step in due_steps(settings))


def deleted(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """A key that serves traffic is deleted, or a key whose use is not known."""
    old, new = change.key()
    if old is None or new is not None:
        return
    span = timedelta(hours=_quiet_hours(old))
    if in_use(change, plan, span):
        yield finding(
            "key-in-use-deleted",
            Severity.HIGH,
            change,
            plan,
            what=f"is deleted while in use ({last_use(change, plan)})",
            why=(
                "Its callers get 401 as soon as the run is done."
                if old.allow_delete_in_use
                else f"The gateway refuses to delete it until it has been quiet for {_quiet_hours(old)} h, "
                "so the run would fail here."
            ),
            todo="Move its callers to another key first.",
        )
    elif plan.live is None:
        yield finding(
            "key-deleted",
            Severity.MEDIUM,
            change,
            plan,
            what="is deleted",
            why="Whether it is in use could not be checked.",
            todo=f"Check its last use: pulumi-groq keys show {change.key_id or 'KEY_ID'}",
        )


def replaced(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """A key in use is replaced: the old value ends in the same run."""
    old, new = change.key()
    if change.operation != "replace" or old is None or new is None:
        return
    used = in_use(change, plan, timedelta(hours=_quiet_hours(old)))
    if used or plan.live is None:
        known = f" while in use ({last_use(change, plan)})" if used else ""
        yield finding(
            "key-in-use-replaced" if used else "key-replaced",
            Severity.HIGH if used else Severity.MEDIUM,
            change,
            plan,
            what=f"is replaced by a new key{known}",
            why=(
                "There is no overlap: the run deletes the old key, or fails while it is in use. "
                "The new key starts a budget of its own."
            ),
            todo="Keep the name and rotate it, or add the new key beside it and remove the old one later.",
        )


def rotated(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """A key in use is rotated; in an emergency the old value ends at once."""
    old, new = change.key()
    if new is None or not (mints(new) or revokes(new)):
        return
    if revokes(new):
        yield finding(
            "rotation-revokes",
            Severity.HIGH,
            change,
            plan,
            what=f"is rotated as an emergency: {'; '.join(due_steps(new))}",
            why="Whoever still holds the old value gets 401 as soon as the run is done.",
            todo="Hand the new value out in the same run, and restart what reads it only at its start.",
        )
    elif old is not None and in_use(change, plan):
        overlap = new.rotation.overlap_hours if new.rotation else RotationSchedule().overlap_hours
        yield finding(
            "key-in-use-rotated",
            Severity.LOW,
            change,
            plan,
            what=f"is rotated while in use ({'; '.join(due_steps(new))}; {last_use(change, plan)})",
            why=f"The old value keeps working for at least {overlap} h, and until it is quiet.",
            todo="Check that every caller takes the new value within that time.",
        )


def secret_changes(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """The key's value changes, and whatever took the old one has to take the new one."""
    _, new = change.key()
    if new is None:
        return
    if change.operation == "replace":
        severity, what = Severity.MEDIUM, "gets another value"
    elif mints(new):
        severity, what = Severity.LOW, "gets another value by rotation"
    else:
        return
    takers = ", ".join(change.downstream[:10]) + (" and more" if len(change.downstream) > 10 else "")
    yield finding(
        "secret-changes",
        severity,
        change,
        plan,
        what=f"{what}, taken by {takers}" if takers else what,
        why="Services go on with the value they have read until they read it again.",
        todo="Check that the run hands it to every place that needs it.",
    )


def _quiet_hours(old: KeySettings) -> int:
    return (old.rotation or RotationSchedule()).quiet_hours


RULES: Final[tuple[Rule, ...]] = (deleted, replaced, rotated, secret_changes)
