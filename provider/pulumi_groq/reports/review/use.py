"""What is used already of a limit or budget that a change sets anew, as far as the gateway tells."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from pulumi_groq.models.budgets import Per
from pulumi_groq.models.history import UsageBucket
from pulumi_groq.models.usage import BudgetUse, KeyUsage
from pulumi_groq.reports.live import Live
from pulumi_groq.reports.phrases import WINDOWS, dollars
from pulumi_groq.reports.review.amounts import Amount
from pulumi_groq.reports.review.changes import PlannedChange

POLICY: Final = "GroqSpendPolicy"


class Use(NamedTuple):
    """How much is used, in the unit of the limit, and the same in words."""

    amount: Decimal
    words: str


def use_of(amount: Amount, change: PlannedChange, live: Live) -> Use | None:
    """What the key, the keys of the team, the workloads of the identity, or all have used of the amount's
    window; `None` where that is not known. How many requests ran at once is kept nowhere.
    """
    rows = _rows(change, live)
    if not rows or amount.setting == "max_parallel_requests":
        return None
    if amount.per is not None:
        return _spent(amount.per, amount.model, rows, _budgets(change, live, rows), live)
    return _requests_or_tokens(amount, rows, live)


def _rows(change: PlannedChange, live: Live) -> list[KeyUsage]:
    every = live.usage.usage_by_key
    if change.kind == POLICY:
        return every
    if change.kind == "GroqTeam":
        return [row for row in every if row.team == change.name and not row.deleted]
    if change.kind == "GroqWorkloadIdentity":
        return [row for row in every if row.identity == change.name]
    key = live.keys_by_id.get(change.key_id or "")
    lineage = {each.id for each in live.keys if key is not None and each.lineage_id == key.lineage_id}
    return [row for row in every if row.key_id in lineage]


def _budgets(change: PlannedChange, live: Live, rows: Sequence[KeyUsage]) -> Iterable[BudgetUse]:
    if change.kind == POLICY:
        return live.usage.budgets
    if change.kind == "GroqTeam":
        return [use for team in live.usage.usage_by_team if team.team == change.name for use in team.budgets]
    return [use for row in rows for use in row.budgets]


def _spent(
    per: Per, model: str | None, rows: Sequence[KeyUsage], budgets: Iterable[BudgetUse], live: Live
) -> Use | None:
    """Of a budget that is there already what the gateway says; of a new one what usage says, at least."""
    for use in budgets:
        if (use.per, use.model) == (per, model):
            return Use(use.spent_usd, f"{dollars(use.spent_usd)} spent {WINDOWS[per]}")
    least = ""
    if model is not None:
        spent = _sum(each.cost_usd for each in _of_model(live.month_by_model, model, rows))
    elif per == "month":
        spent = _sum(row.month_to_date.cost_usd for row in rows)
    elif per == "hour":
        return None
    else:
        least = "at least " if per == "week" else ""
        spent = _sum(row.estimated_cost_usd for row in rows)
    return Use(spent, f"{least}{dollars(spent)} spent {WINDOWS[per]}")


def _requests_or_tokens(amount: Amount, rows: Sequence[KeyUsage], live: Live) -> Use:
    things, per = amount.setting.split("_per_")
    if amount.model is not None:
        of_model = _of_model(live.today_by_model, amount.model, rows)
        today = sum(
            each.requests if things == "requests" else each.prompt_tokens + each.completion_tokens
            for each in of_model
        )
    else:
        today = sum(row.requests_today if things == "requests" else row.tokens_today for row in rows)
    if per == "day":
        return Use(Decimal(today), f"{today:,} {things} used today")
    average = Decimal(today) / max(1, live.as_of.hour * 60 + live.as_of.minute)
    return Use(average, f"{average:,.0f} {things} a minute on average since midnight (UTC)")


def _of_model(buckets: Iterable[UsageBucket], model: str, rows: Sequence[KeyUsage]) -> list[UsageBucket]:
    ids = {row.key_id for row in rows}
    return [each for each in buckets if each.model == model and each.key_id in ids]


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))
