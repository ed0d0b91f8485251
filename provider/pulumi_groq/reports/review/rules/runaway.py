"""Findings about the guard against runaway spend."""

from collections.abc import Iterator
from typing import Final

from pulumi_groq.reports.guardrails.widening import weaker_guard
from pulumi_groq.reports.phrases import dollars, in_words, minute
from pulumi_groq.reports.review.changes import PlannedChange
from pulumi_groq.reports.review.findings import Finding, ReviewedPlan, Rule, Severity, finding


def guard_weakened(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """A key or workload identity that exists loses its guard, or it lets more pass than before."""
    old, new = change.user()
    if old is None or new is None or "runaway" in old.hidden | new.hidden:
        return
    if not weaker_guard(old.runaway, new.runaway):
        return
    gone = new.runaway is None
    yield finding(
        "guard-weakened",
        Severity.HIGH if gone else Severity.MEDIUM,
        change,
        plan,
        what=f"runaway guard {'removed' if gone else 'weakened'}: "
        f"{in_words('runaway', old.runaway)} to {in_words('runaway', new.runaway)}",
        why="A loop that burns money is stopped later, or only by the month's budget and cap.",
        todo="Check why the guard was in the way: raise it to what the key needs rather than take it out.",
    )


def paused_key(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """A key or workload identity that the run changes is paused, which the run does not end."""
    live = plan.key_of(change) or plan.identity_of(change)
    if live is None or live.paused is None or change.operation == "delete":
        return
    yield finding(
        "key-paused",
        Severity.MEDIUM,
        change,
        plan,
        what=f"is paused since {minute(live.paused.since)}: {dollars(live.paused.spent_usd)} in 10 minutes, "
        f"where {dollars(live.paused.allowed_usd)} are allowed",
        why="Its callers are refused, and this run does not change that, nor does a rotation.",
        todo=f"Find out what spent it, then: pulumi-groq keys resume {live.id}",
    )


RULES: Final[tuple[Rule, ...]] = (guard_weakened, paused_key)
