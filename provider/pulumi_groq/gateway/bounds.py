"""Limits and budgets in force, from those that are declared: defaults filled in, money in micro-dollars."""

from collections.abc import Iterable
from typing import Final

from pulumi_groq.gateway.store.column_types import LimitSetting
from pulumi_groq.gateway.store.keys import KeyRecord
from pulumi_groq.gateway.store.teams import TeamRecord
from pulumi_groq.models import budgets as declared
from pulumi_groq.models.fields import micro_usd
from pulumi_groq.policy.access import Bounds, Budget, Limits

NO_LIMITS: Final = Limits()


def limits_in_force(record: KeyRecord | TeamRecord, defaults: Limits = NO_LIMITS) -> Limits:
    """The declared limits of a key or a team, `defaults` where it declares none."""
    return Limits(
        requests_per_minute=_in_force(record.requests_per_minute, defaults.requests_per_minute),
        tokens_per_minute=_in_force(record.tokens_per_minute, defaults.tokens_per_minute),
        requests_per_day=_in_force(record.requests_per_day, defaults.requests_per_day),
        tokens_per_day=_in_force(record.tokens_per_day, defaults.tokens_per_day),
        max_parallel_requests=_in_force(record.max_parallel_requests, defaults.max_parallel_requests),
    )


def budgets_in_force(
    monthly_budget_micro_usd: int | None, budgets: Iterable[declared.Budget]
) -> tuple[Budget, ...]:
    """The declared budgets, with that of the month, whichever way it is declared, at the end."""
    compiled = [Budget(each.per, micro_usd(each.usd)) for each in budgets]
    if monthly_budget_micro_usd is not None:
        compiled.append(Budget("month", monthly_budget_micro_usd))
    return tuple(compiled)


def without_month(budgets: tuple[Budget, ...]) -> tuple[int | None, tuple[Budget, ...]]:
    """The budget of the month in micro-dollars, if there is one, and the others."""
    of_month = next((budget.micro_usd for budget in budgets if budget.per == "month"), None)
    return of_month, tuple(budget for budget in budgets if budget.per != "month")


def bounds_of_model(limits: declared.ModelLimits) -> Bounds:
    """What holds a key for one model; it has no defaults."""
    budget = limits.budget_usd
    return Bounds(
        Limits(
            requests_per_minute=_in_force(limits.requests_per_minute),
            tokens_per_minute=_in_force(limits.tokens_per_minute),
            requests_per_day=_in_force(limits.requests_per_day),
            tokens_per_day=_in_force(limits.tokens_per_day),
        ),
        () if budget is None else (Budget("month", micro_usd(budget)),),
    )


def _in_force(setting: LimitSetting, default: int | None = None) -> int | None:
    if setting == "unlimited":
        return None
    return default if setting is None else setting
