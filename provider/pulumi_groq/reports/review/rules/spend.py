"""Findings about the organisation's cap, its alerts and the keys' budgets."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from pulumi_groq.models.budgets import Bounded
from pulumi_groq.reports.phrases import dollars
from pulumi_groq.reports.review.changes import PlannedChange
from pulumi_groq.reports.review.findings import Finding, ReviewedPlan, Rule, Severity, finding
from pulumi_groq.reports.settings import KeySettings


def policy_removed(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """The spending policy goes."""
    old, new = change.policy()
    if old is not None and new is None:
        cap = f" of {dollars(old.monthly_cap_usd)} a month" if old.monthly_cap_usd else ""
        yield finding(
            "policy-removed",
            Severity.HIGH,
            change,
            plan,
            what=f"is removed: no cap{cap}, no alerts",
            why="Nothing stops or reports the organisation's spending any more, but the keys' own budgets.",
            todo="Raise the cap instead of removing it.",
        )


def auto_pause_off(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """The cap stops nothing any more."""
    old, new = change.policy()
    if new is not None and not new.auto_pause and (old is None or old.auto_pause):
        yield finding(
            "auto-pause-off",
            Severity.HIGH,
            change,
            plan,
            what="switches auto-pause off" if old else "leaves auto-pause off",
            why="At the cap requests go on, and so does the bill: the cap only alerts.",
            todo="Keep it on unless an outage costs more than the overrun.",
        )


def alerts_removed(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """No alert is left."""
    old, new = change.policy()
    if old and new and old.alert_thresholds_usd and not new.alert_thresholds_usd:
        yield finding(
            "alerts-removed",
            Severity.MEDIUM,
            change,
            plan,
            what="loses all its alerts",
            why="Nobody is told before the cap is reached.",
            todo="Keep at least one alert below the cap.",
        )


def cap_below_spend(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """The new cap is reached already."""
    old, new = change.policy()
    if new is None or new.monthly_cap_usd is None or plan.live is None:
        return
    same_effect = old is not None and (old.monthly_cap_usd, old.auto_pause) == (
        new.monthly_cap_usd,
        new.auto_pause,
    )
    spent = plan.live.spent_usd
    if same_effect or spent < new.monthly_cap_usd:
        return
    yield finding(
        "cap-below-spend",
        Severity.HIGH if new.auto_pause else Severity.MEDIUM,
        change,
        plan,
        what=f"has a cap of {dollars(new.monthly_cap_usd)}, below the {dollars(spent)} spent this month",
        why=(
            "This would pause the organisation at once: every request is refused until the month ends (UTC)."
            if new.auto_pause
            else "The cap counts as reached at once; without auto-pause requests go on."
        ),
        todo=f"Set the cap above {dollars(spent)}, or make the change after the month's end.",
    )


def cap_below_budgets(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """The keys' budgets together exceed the cap: its new value, or the one in force when a budget grows."""
    budgets = plan.budgets_usd
    cap = _cap_to_compare(change, plan)
    if cap is None or budgets is None or budgets <= cap:
        return
    yield finding(
        "cap-below-budgets",
        Severity.MEDIUM,
        change,
        plan,
        what=f"brings the keys' budgets together to {dollars(budgets)}, above the cap of {dollars(cap)}"
        if change.kind == "GroqApiKey"
        else f"has a cap of {dollars(cap)}, below the keys' budgets together ({dollars(budgets)})",
        why="The cap can be reached while keys have budget left: one team's use then stops another's.",
        todo="Raise the cap or lower budgets, unless overbooking is meant.",
    )


def _cap_to_compare(change: PlannedChange, plan: ReviewedPlan) -> Decimal | None:
    _, policy = change.policy()
    if policy is not None:
        return policy.monthly_cap_usd
    if plan.policy_changes or plan.live is None or plan.live.policy is None:
        return None
    old, new = change.key()
    grows = new is not None and _of_month(new) > (_of_month(old) if old else Decimal(0))
    return plan.live.policy.monthly_cap_usd if grows else None


def _of_month(key: KeySettings) -> Decimal:
    return Bounded.of(key).budget_by_window.get("month", Decimal(0))


RULES: Final[tuple[Rule, ...]] = (
    policy_removed,
    auto_pause_off,
    alerts_removed,
    cap_below_spend,
    cap_below_budgets,
)
