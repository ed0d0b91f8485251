"""Findings about rate limits and budgets of keys."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from pulumi_groq.models.fields import UNLIMITED
from pulumi_groq.reports.phrases import LABELS, LIMITS, dollars, in_words
from pulumi_groq.reports.review.changes import PlannedChange
from pulumi_groq.reports.review.findings import Finding, ReviewedPlan, Rule, Severity, finding
from pulumi_groq.reports.settings import KeySettings

BUDGET: Final = "monthly_budget_usd"
NEAR: Final = Decimal("0.8")
"""Use of at least this share of a limit counts as near it."""


def limit_raised(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """A limit or budget of a key grows beyond the factor that the reviewer set."""
    for field, old, new in _amounts(change, plan):
        if old is None or new is None or new <= old * plan.raise_factor:
            continue
        times = f"{float(new / old):,.1f}".removesuffix(".0")
        yield finding(
            "limit-raised",
            Severity.MEDIUM,
            change,
            plan,
            what=f"{LABELS[field]} raised {times} times: {_from_to(change, field, plan)}",
            why=f"More than {float(plan.raise_factor):g} times the old value.",
            todo="Check that the team expects this load, and that the limits at Groq carry it.",
        )


def limit_removed(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """A limit that held becomes unlimited, or a key's own budget goes."""
    _, new = change.key()
    if new is None:
        return
    for field, was, becomes in _amounts(change, plan):
        if was is not None and becomes is None and field not in new.hidden and _is_endless(new, field, plan):
            bound = (
                "Only the organisation's cap holds then."
                if field == BUDGET
                else "Only budget and cap hold then."
            )
            yield finding(
                "limit-removed",
                Severity.HIGH,
                change,
                plan,
                what=f"{LABELS[field]} removed: {_from_to(change, field, plan)}",
                why=f"One key can take what all others need. {bound}",
                todo="Set a high limit instead of none.",
            )


def near_limit_lowered(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """A limit is lowered to what the key uses already, or near it."""
    for field, old, new in _amounts(change, plan):
        lowered = new is not None and (old is None or new < old)
        used = _used(change, field, plan)
        if not lowered or new is None or used is None or used < new * NEAR or used <= 0:
            continue
        over = used >= new
        yield finding(
            "limit-near-use",
            Severity.HIGH if over else Severity.MEDIUM,
            change,
            plan,
            what=f"{LABELS[field]} lowered to {_in_words(field, new)}, {_use_in_words(field, used)}",
            why=(
                "The key is over the new limit already: its callers are refused as soon as the run is done."
                if over
                else f"The key uses {used / new:.0%} of the new limit already."
            ),
            todo="Ask the team before lowering it, or lower it in steps.",
        )


def _amounts(
    change: PlannedChange, plan: ReviewedPlan
) -> Iterator[tuple[str, Decimal | None, Decimal | None]]:
    """Each limit that changes on a key that exists, as amounts in force; `None` is none, or not known."""
    old, new = change.key()
    if old is None or new is None:
        return
    for changed in change.fields:
        if changed.field in {*LIMITS, BUDGET} and not (changed.old_hidden or changed.new_hidden):
            yield (
                changed.field,
                _in_force(changed.field, changed.old, plan),
                _in_force(changed.field, changed.new, plan),
            )


def _in_force(field: str, value: Any, plan: ReviewedPlan) -> Decimal | None:
    if value is None and field != BUDGET and plan.live is not None:
        value = plan.live.default_limit(field)
    return None if value in (None, UNLIMITED) else Decimal(value)


def _is_endless(new: KeySettings, field: str, plan: ReviewedPlan) -> bool:
    value = getattr(new, field)
    if field == BUDGET or value == UNLIMITED:
        return True
    return plan.live is not None and plan.live.default_limit(field) == UNLIMITED


def _from_to(change: PlannedChange, field: str, plan: ReviewedPlan) -> str:
    default = plan.live.default_limit(field) if plan.live and field != BUDGET else None
    changed = next(each for each in change.fields if each.field == field)
    return f"{in_words(field, changed.old, default)} to {in_words(field, changed.new, default)}"


def _used(change: PlannedChange, field: str, plan: ReviewedPlan) -> Decimal | None:
    """What the key has used of `field`'s window; of a minute, the average since midnight: a lower bound."""
    row = plan.usage_of(change)
    if row is None or field == "max_parallel_requests":  # how many ran at once is not kept
        return None
    if field == BUDGET:
        return row.month_to_date.cost_usd
    today = Decimal(row.requests_today if field.startswith("requests") else row.tokens_today)
    if field.endswith("per_day"):
        return today
    minutes = plan.now.hour * 60 + plan.now.minute
    return today / max(1, minutes)


def _use_in_words(field: str, used: Decimal) -> str:
    if field == BUDGET:
        return f"{dollars(used)} spent this month"
    things = field.split("_", maxsplit=1)[0]
    if field.endswith("per_day"):
        return f"{used:,.0f} {things} used today"
    return f"{used:,.0f} {things} a minute on average since midnight (UTC)"


def _in_words(field: str, amount: Decimal) -> str:
    return in_words(field, amount if field == BUDGET else int(amount))


def share_raised(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """A key that exists gets a larger part of the upstream's limits, which the others lose."""
    old, new = change.key()
    if old is None or new is None or "share" in old.hidden | new.hidden:
        return
    was, becomes = old.share or 1, new.share or 1
    if becomes > was:
        yield finding(
            "share-raised",
            Severity.MEDIUM,
            change,
            plan,
            what=f"share of the upstream's limits raised: {was:,} to {becomes:,}",
            why="While the organisation's limits at the upstream are near, other keys get that much less.",
            todo="Check that those keys' teams know.",
        )


RULES: Final[tuple[Rule, ...]] = (limit_raised, limit_removed, near_limit_lowered, share_raised)
