"""Which counters the requests of a key are counted in: at each level, for each limit, in each window."""

from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from typing import Final

from pulumi_groq.models.budgets import Per
from pulumi_groq.policy.access import Bounds, Budget, KeyAccess, Limits, OrganisationPolicy
from pulumi_groq.policy.limits import ORGANISATION, LimitName, Quota, Scope, Unit
from pulumi_groq.policy.windows import DAY_S, MINUTE_S, PERIODS, window_at

_LIMITS: Final[tuple[tuple[LimitName, str, Unit, int | None], ...]] = (
    ("requests_per_minute", "rpm", "requests", MINUTE_S),
    ("requests_per_day", "rpd", "requests", DAY_S),
    ("max_parallel_requests", "running", "running", None),
    ("tokens_per_minute", "tpm", "tokens", MINUTE_S),
    ("tokens_per_day", "tpd", "tokens", DAY_S),
)
_ORDER: Final[tuple[Unit, ...]] = ("requests", "running", "tokens")
_DIGEST_CHARACTERS: Final = 32
_NOBODY: Final = KeyAccess("", "", "", None, frozenset(), Limits(), None, None, disabled=True)


def quotas_of(
    key: KeyAccess, organisation: OrganisationPolicy | None, now_s: float, model: str | None = None
) -> tuple[Quota, ...]:
    """Every quota that the key's requests to `model` count against at a time (Unix seconds), in the order in
    which they refuse; without a model those that hold for all.

    Spending comes first: where it refuses, waiting for a rate limit would not help.
    """
    return (*spend_quotas(key, organisation, now_s, model), *rate_quotas(key, model))


def spend_quotas(
    key: KeyAccess, organisation: OrganisationPolicy | None, now_s: float, model: str | None = None
) -> list[Quota]:
    """The quotas of money. Cap and budget of the month always count, so that one that is set in mid-month
    knows what was spent. Without auto-pause those of the organisation refuse nothing.
    """
    holds = organisation if organisation is not None and organisation.auto_pause else None
    of_month = (None if holds is None else holds.cap_micro_usd, key.monthly_budget_micro_usd)
    quotas = month_quotas(key.lineage_id, now_s, *of_month)
    if holds is not None:
        quotas += _budgets(holds.budgets, ORGANISATION, now_s)
    quotas += _budgets(key.budgets, Scope(key.lineage_id), now_s)
    if key.team is not None:
        quotas += budgets_of_team(key.team, key.team_bounds, now_s)
    return quotas + model_budgets(key, model, now_s)


def month_quotas(
    lineage_id: str, now_s: float, cap_micro_usd: int | None = None, budget_micro_usd: int | None = None
) -> list[Quota]:
    """Those that always count: the month of the organisation and of a lineage."""
    return [
        _of_money(cap_micro_usd, ORGANISATION, "month", now_s),
        _of_money(budget_micro_usd, Scope(lineage_id), "month", now_s),
    ]


def always_counts(quota: Quota) -> bool:
    """Whether it counts every request of its scope, whatever is set."""
    scope = quota.scope
    is_of_month = quota.window is not None and quota.window.per == "month"
    return is_of_month and scope.team is None and scope.model is None


def counter_keys_of_money(lineage_id: str, team: str | None, model: str, at_s: float) -> list[str]:
    """The counters that may count the money of a request which is admitted at a time (Unix seconds)."""
    scopes = [ORGANISATION, Scope(lineage_id), Scope(lineage_id, model=model)]
    if team is not None:
        scopes.append(Scope(team=team))
    return [_of_money(None, scope, per, at_s).counter_key for scope in scopes for per in PERIODS]


def ceiling_in_force(
    total: Quota, key: KeyAccess | None, organisation: OrganisationPolicy | None
) -> int | None:
    """What a total of money may hold by what is in force, where `key` is of its scope (any where that is the
    organisation, then also none): `None` if nothing limits it any more.
    """
    at_s = 0 if total.window is None else total.window.from_s
    quotas = spend_quotas(key or _NOBODY, organisation, at_s, total.scope.model)
    return next((quota.ceiling for quota in quotas if quota.counter_key == total.counter_key), None)


def budgets_of_key(key: KeyAccess, now_s: float) -> list[Quota]:
    """The budgets that are set for its lineage, the shortest first, then those of its models."""
    month = key.monthly_budget_micro_usd
    own = key.budgets if month is None else (*key.budgets, Budget("month", month))
    by_model = (quota for model in key.model_bounds for quota in model_budgets(key, model, now_s))
    return [*_budgets(own, Scope(key.lineage_id), now_s), *by_model]


def budgets_of_team(team: str, bounds: Bounds, now_s: float) -> list[Quota]:
    """The budgets that a team's keys share."""
    return _budgets(bounds.budgets, Scope(team=team), now_s)


def budgets_of_organisation(organisation: OrganisationPolicy | None, now_s: float) -> list[Quota]:
    """Its budgets and its cap, also where they refuse nothing."""
    if organisation is None:
        return []
    cap = Budget("month", organisation.cap_micro_usd)
    return _budgets((*organisation.budgets, cap), ORGANISATION, now_s)


def model_budgets(key: KeyAccess, model: str | None, now_s: float) -> list[Quota]:
    """The quotas of money that the key has of this model alone."""
    bounds = None if model is None else key.model_bounds.get(model)
    return [] if bounds is None else _budgets(bounds.budgets, Scope(key.lineage_id, model=model), now_s)


def rate_quotas(key: KeyAccess, model: str | None = None) -> list[Quota]:
    """The limits that are no money: the key's own, its team's, and the key's of this model; unlimited ones
    left out.

    The keys of a lineage share the counters, so that a rotation's overlap does not double the rate.
    """
    held: list[tuple[Scope, Limits]] = [(Scope(key.lineage_id), key.limits)]
    if key.team is not None:
        held.append((Scope(team=key.team), key.team_bounds.limits))
    if model is not None and model in key.model_bounds:
        held.append((Scope(key.lineage_id, model=model), key.model_bounds[model].limits))
    # Of the team also where that has no limits: else its first one would part the key from what it has used.
    home = _owner(Scope(key.lineage_id) if key.team is None else Scope(team=key.team))
    quotas = [quota for scope, limits in held for quota in _rates(scope, limits, home)]
    return sorted(quotas, key=lambda quota: _ORDER.index(quota.unit))


def _rates(scope: Scope, limits: Limits, home: str) -> Iterator[Quota]:
    owner = _owner(scope)
    for limit, short, unit, window_s in _LIMITS:
        ceiling = getattr(limits, limit)
        if ceiling is not None:
            yield Quota(limit, f"{short}:{owner}", unit, ceiling, window_s, scope, home=home)


def _budgets(budgets: tuple[Budget, ...], scope: Scope, now_s: float) -> list[Quota]:
    return [_of_money(budget.micro_usd, scope, budget.per, now_s) for budget in budgets]


def _of_money(ceiling: int | None, scope: Scope, per: Per, now_s: float) -> Quota:
    window = window_at(per, now_s)
    limit: LimitName = "cap" if scope == ORGANISATION else "budget"
    return Quota(limit, f"spend:{window.label}:{_owner(scope)}", "micro_usd", ceiling, None, scope, window)


@lru_cache(maxsize=4096)
def _owner(scope: Scope) -> str:
    """Names of teams and models have any length and characters, which keys of counters have not."""
    if scope.team is not None:
        return f"team:{_digest(scope.team)}"
    if scope.lineage_id is None:
        return "organisation"
    return scope.lineage_id if scope.model is None else f"{scope.lineage_id}:{_digest(scope.model)}"


def _digest(name: str) -> str:
    return sha256(name.encode()).hexdigest()[:_DIGEST_CHARACTERS]
