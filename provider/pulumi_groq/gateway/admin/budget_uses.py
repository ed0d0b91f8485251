"""What is spent of the budgets that are set: by the store, so the same on every gateway."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pulumi_groq.gateway.admin.authorization import Caller
from pulumi_groq.gateway.directory import LiveDirectory
from pulumi_groq.gateway.metering.read_back import booked_spend
from pulumi_groq.gateway.store.store import Connection
from pulumi_groq.models.fields import usd
from pulumi_groq.models.usage import BudgetUse, TeamUsage
from pulumi_groq.policy.limits import Quota
from pulumi_groq.policy.quotas import budgets_of_key, budgets_of_organisation, budgets_of_team


@dataclass(frozen=True, slots=True)
class BudgetUses:
    """By key (or subject of an identity), by team, and the organisation's; only what the caller may see."""

    of_keys: dict[str, list[BudgetUse]]
    of_teams: list[TeamUsage]
    of_organisation: list[BudgetUse]


def budget_uses(
    connection: Connection,
    directory: LiveDirectory,
    caller: Caller,
    holders: Mapping[str, str],
    now: datetime,
) -> BudgetUses:
    """The uses of the budgets of keys, of teams and of the organisation. `holders` are the ids of whose
    budgets hold what usage is shown by: the key itself, or the workload identity of a subject.
    """
    now_s = now.timestamp()
    of_keys = _of_keys(directory, caller, holders, now_s)
    of_teams = {
        team: budgets_of_team(team, bounds, now_s)
        for team, bounds in sorted(directory.bounds_of_teams.items())
        if bounds.budgets and caller.identity.covers(team)
    }
    sees_spending = caller.teams is None and caller.identity.may("spending.read")
    of_organisation = budgets_of_organisation(directory.organisation, now_s) if sees_spending else []
    use = _uses(connection, [*of_keys.values(), *of_teams.values(), of_organisation], now)
    return BudgetUses(
        {key_id: use(quotas) for key_id, quotas in of_keys.items()},
        [TeamUsage(team=team, budgets=use(quotas)) for team, quotas in of_teams.items()],
        use(of_organisation),
    )


def _of_keys(
    directory: LiveDirectory, caller: Caller, holders: Mapping[str, str], now_s: float
) -> dict[str, list[Quota]]:
    found = {}
    for key_id, holder_id in holders.items():
        key = directory.of_id(holder_id)
        # Usage of a workload identity that has moved to another team stays with the former one.
        if key is not None and caller.identity.covers(key.team):
            found[key_id] = budgets_of_key(key, now_s)
    return found


def _uses(
    connection: Connection, asked: Iterable[list[Quota]], now: datetime
) -> Callable[[list[Quota]], list[BudgetUse]]:
    windows = {quota.window.per for quotas in asked for quota in quotas if quota.window}
    if not windows:
        return lambda _: []
    spend = booked_spend(connection, now, by_hour="hour" in windows)
    return lambda quotas: [_use(quota, spend.of(quota)) for quota in quotas]


def _use(quota: Quota, spent_micro_usd: int) -> BudgetUse:
    if quota.window is None or quota.ceiling is None:
        raise ValueError(f"{quota.counter_key} is no budget")
    return BudgetUse(
        per=quota.window.per,
        model=quota.scope.model,
        budget_usd=usd(quota.ceiling),
        spent_usd=usd(spent_micro_usd),
        remaining_usd=usd(quota.ceiling - spent_micro_usd),
        resets_at=datetime.fromtimestamp(quota.window.until_s, UTC),
    )
