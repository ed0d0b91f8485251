"""What all keys may spend together after a run."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from pulumi_groq.access import Access
from pulumi_groq.reports.changes import Change
from pulumi_groq.reports.live import Live


def budgets_after(changes: Sequence[Change], live: Live | None, access: Access | None) -> Decimal | None:
    """The sum of all keys' monthly budgets in US dollars after `changes`; a lineage counts once.

    Without the gateway the access file's own sum; `None` without either.
    """
    if live is not None:
        return _sum(_budgets(changes, live).values())
    return _sum(key.monthly_budget_usd for key in access.keys) if access is not None else None


def _budgets(changes: Sequence[Change], live: Live) -> dict[str, Decimal | None]:
    lineages = {key.id: key.lineage_id for key in live.keys}
    budgets = {key.lineage_id: key.monthly_budget_usd for key in live.keys}
    for change in changes:
        old, new = change.key()
        lineage = lineages.get(change.key_id or "", change.urn)
        if old is not None and change.operation != "update":
            budgets.pop(lineage, None)
        if new is not None and "monthly_budget_usd" not in new.hidden:
            budgets[lineage if change.operation == "update" else change.urn] = new.monthly_budget_usd
    return budgets


def _sum(budgets: Iterable[Decimal | None]) -> Decimal:
    return sum((budget for budget in budgets if budget), Decimal(0))
