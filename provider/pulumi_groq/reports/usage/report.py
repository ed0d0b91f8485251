"""Usage of a month by key, team, model or day: rows, their sum, and where the month leads."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from pulumi_groq.models.api_key import ApiKey
from pulumi_groq.models.budgets import Bounded
from pulumi_groq.models.fields import micro_usd
from pulumi_groq.models.history import DenialBucket, UsageBucket
from pulumi_groq.models.spend_policy import SpendPolicy
from pulumi_groq.models.usage import BudgetUse, KeyUsage, TeamUsage
from pulumi_groq.reports.phrases import minute
from pulumi_groq.reports.usage.projection import Pace, pace

By = Literal["key", "team", "model", "day"]

UNUSED_AFTER: Final = timedelta(days=30)
UNUSUAL: Final = 2
"""From so many times the usual on, spend is worth a note."""
NO_TEAM: Final = "(no team)"
NO_MODEL: Final = "(refused before its model was known)"


@dataclass(frozen=True)
class UsageFacts:
    """What the gateway said. `buckets` and `denials` are the month's, grouped by `by` (denials not by team).

    `keys` are the live keys and `today` their usage; both matter for `by` key and for counting only. `teams`
    are those that have budgets, and `budgets` the organisation's.
    """

    by: By
    month: str
    as_of: datetime
    buckets: Sequence[UsageBucket]
    denials: Sequence[DenialBucket] = ()
    keys: Sequence[ApiKey] = ()
    today: Sequence[KeyUsage] = ()
    teams: Sequence[TeamUsage] = ()
    budgets: Sequence[BudgetUse] = ()
    policy: SpendPolicy | None = None

    @property
    def is_running(self) -> bool:
        """Whether the month is the server's present one: else limits, budgets and pace mean nothing."""
        return self.month == f"{self.as_of:%Y-%m}"


@dataclass(frozen=True, slots=True)
class Counts:
    """Sums of one group. Prompt tokens include the cached ones; `denied` is `None` where not counted."""

    requests: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    cost_micro_usd: int = 0
    denied: int | None = None

    @property
    def tokens(self) -> int:
        """Prompt plus completion."""
        return self.prompt_tokens + self.completion_tokens

    @classmethod
    def of(cls, bucket: UsageBucket | None, denied: int | None) -> "Counts":
        """What a bucket holds; nothing if there is none."""
        if bucket is None:
            return cls(denied=denied)
        return cls(
            requests=bucket.requests,
            prompt_tokens=bucket.prompt_tokens,
            cached_tokens=bucket.cached_tokens,
            completion_tokens=bucket.completion_tokens,
            cost_micro_usd=micro_usd(bucket.cost_usd),
            denied=denied,
        )

    @classmethod
    def sum(cls, parts: Sequence["Counts"]) -> "Counts":
        """All of `parts` together."""
        counted = [part.denied for part in parts if part.denied is not None]
        return cls(
            requests=sum(part.requests for part in parts),
            prompt_tokens=sum(part.prompt_tokens for part in parts),
            cached_tokens=sum(part.cached_tokens for part in parts),
            completion_tokens=sum(part.completion_tokens for part in parts),
            cost_micro_usd=sum(part.cost_micro_usd for part in parts),
            denied=sum(counted) if counted else None,
        )


@dataclass(frozen=True, slots=True)
class LimitUse:
    """Today's use of a limit per day."""

    limit: Literal["requests_per_day", "tokens_per_day"]
    used: int
    ceiling: int

    @property
    def share(self) -> float:
        """The part that is used; 1 is all of it."""
        return self.used / self.ceiling


@dataclass(frozen=True, slots=True)
class UsageRow:
    """One key, team, model or day; `id` is the key's id where the row is a key, else the same as `name`.

    `projected_micro_usd` is the row's own cost by the end of a running month. `budget` holds a key's
    or team's budget of the month against what its whole lineage, or the team, spent. `budgets` are all that
    the row's key or team has, with what is spent of them. `notes` are short warnings.
    """

    id: str
    name: str
    counts: Counts
    team: str | None = None
    limits: tuple[LimitUse, ...] = ()
    projected_micro_usd: int | None = None
    budget: Pace | None = None
    budgets: tuple[BudgetUse, ...] = ()
    last_used_at: datetime | None = None
    notes: tuple[str, ...] = ()

    @property
    def tightest_limit(self) -> LimitUse | None:
        """The limit per day of which most is used today."""
        return max(self.limits, key=lambda limit: limit.share, default=None)


@dataclass(frozen=True)
class UsageReport:
    """A month's usage. For the running month: `pace` is the organisation's against its cap, `budgets` its
    budgets with what is spent of them, and `teams` those that have budgets.
    """

    by: By
    month: str
    as_of: datetime
    rows: tuple[UsageRow, ...]
    total: Counts
    pace: Pace | None
    policy: SpendPolicy | None
    unused_keys: int
    budgets: tuple[BudgetUse, ...] = ()
    teams: tuple[TeamUsage, ...] = ()


def usage_report(facts: UsageFacts) -> UsageReport:
    """The report. Rows with the highest cost come first, days in their order."""
    denied = {_denial_id(facts.by, each): each.requests for each in facts.denials}
    rows = _key_rows(facts, denied) if facts.by == "key" else _other_rows(facts, denied)
    if facts.by != "day":
        rows.sort(key=_dearest_first)
    total = Counts.sum([row.counts for row in rows])
    organisation = None
    if facts.is_running:
        spent = micro_usd(facts.policy.status.spent_usd) if facts.policy else total.cost_micro_usd
        cap = micro_usd(facts.policy.monthly_cap_usd) if facts.policy else None
        organisation = pace(spent, cap, facts.as_of)
    return UsageReport(
        by=facts.by,
        month=facts.month,
        as_of=facts.as_of,
        rows=tuple(rows),
        total=total,
        pace=organisation,
        policy=facts.policy,
        unused_keys=sum(1 for key in facts.keys if unused_days(key, facts.as_of) is not None),
        budgets=tuple(facts.budgets) if facts.is_running else (),
        teams=tuple(facts.teams) if facts.is_running else (),
    )


def unused_days(key: ApiKey, as_of: datetime) -> int | None:
    """For how many days the key has served nothing (since its start if never used), if it is 30 or more."""
    idle = as_of - (key.last_used_at or key.created_at)
    return idle // timedelta(days=1) if idle >= UNUSED_AFTER else None


def _dearest_first(row: UsageRow) -> tuple[int, int, int, str, str]:
    counts = row.counts
    return (-counts.cost_micro_usd, -counts.tokens, -counts.requests, row.name, row.id)


def _key_rows(facts: UsageFacts, denied: Mapping[str, int]) -> list[UsageRow]:
    buckets = {bucket.key_id or "": bucket for bucket in facts.buckets}
    today = {usage.key_id: usage for usage in facts.today}
    spent_by_lineage = _spent_by_lineage(facts.buckets)
    newest = {key.lineage_id: key.id for key in sorted(facts.keys, key=lambda key: key.generation)}
    rows = []
    for key in facts.keys:
        counts = Counts.of(buckets.pop(key.id, None), denied.get(key.id, 0))
        notes = ["predecessor"] if newest[key.lineage_id] != key.id else []
        notes += _notes(key, today.get(key.id), facts.as_of)
        row = UsageRow(key.id, key.name, counts, key.team, last_used_at=key.last_used_at, notes=tuple(notes))
        if facts.is_running:
            spent = spent_by_lineage.get(key.lineage_id, 0)
            row = replace(
                row,
                limits=_limits(key, today.get(key.id)),
                projected_micro_usd=_projected(counts, facts.as_of),
                budget=_budget(key, spent, facts.as_of),
                budgets=_budgets_of(today.get(key.id)),
            )
        rows.append(row)
    return rows + list(_rows_besides(facts, buckets, denied))


def _rows_besides(
    facts: UsageFacts, buckets: Mapping[str, UsageBucket], denied: Mapping[str, int]
) -> Iterator[UsageRow]:
    """Of what is no live key: subjects of workload identities, and deleted keys."""
    living = {key.id for key in facts.keys}
    subjects = {each.key_id: each for each in facts.today if each.identity is not None}
    names = {each.key_id or "": each.key_name for each in facts.denials}
    names |= {key_id: bucket.key_name for key_id, bucket in buckets.items()}
    for key_id, name in names.items():
        if key_id not in living:
            bucket = buckets.get(key_id)
            counts = Counts.of(bucket, denied.get(key_id, 0))
            team = bucket.team if bucket else None
            row = UsageRow(key_id, name or key_id, counts, team, notes=("deleted",))
            yield row if key_id not in subjects else _of_subject(row, subjects[key_id], facts)


def _of_subject(row: UsageRow, used: KeyUsage, facts: UsageFacts) -> UsageRow:
    paused = used.runaway.paused if used.runaway else None
    notes = ["workload identity"] if paused is None else [f"paused since {minute(paused.since)}"]
    row = replace(row, last_used_at=used.last_used_at, notes=(*notes, *_unusual(used)))
    if not facts.is_running:
        return row
    of_month = _budget_of_month(used, facts.as_of)
    projected = _projected(row.counts, facts.as_of)
    return replace(row, budgets=_budgets_of(used), budget=of_month, projected_micro_usd=projected)


def _projected(counts: Counts, as_of: datetime) -> int | None:
    return pace(counts.cost_micro_usd, None, as_of).projected_micro_usd


def _budget(key: ApiKey, lineage_spent: int, as_of: datetime) -> Pace | None:
    budget = Bounded.of(key).budget_by_window.get("month")
    return None if budget is None else pace(lineage_spent, micro_usd(budget), as_of)


def _budgets_of(used: KeyUsage | TeamUsage | None) -> tuple[BudgetUse, ...]:
    return () if used is None else tuple(used.budgets)


def _budget_of_month(used: KeyUsage | TeamUsage, as_of: datetime) -> Pace | None:
    of_month = next((each for each in used.budgets if (each.per, each.model) == ("month", None)), None)
    if of_month is None:
        return None
    return pace(micro_usd(of_month.spent_usd), micro_usd(of_month.budget_usd), as_of)


def _limits(key: ApiKey, today: KeyUsage | None) -> tuple[LimitUse, ...]:
    requests, tokens = (today.requests_today, today.tokens_today) if today else (0, 0)
    ceilings = key.effective_limits
    found = []
    if ceilings.requests_per_day is not None:
        found.append(LimitUse("requests_per_day", requests, ceilings.requests_per_day))
    if ceilings.tokens_per_day is not None:
        found.append(LimitUse("tokens_per_day", tokens, ceilings.tokens_per_day))
    return tuple(found)


def _notes(key: ApiKey, today: KeyUsage | None, as_of: datetime) -> Iterable[str]:
    if key.status == "paused" and key.paused is not None:
        yield f"paused since {minute(key.paused.since)}"
    elif key.status != "active":
        yield key.status
    yield from _unusual(today)
    days = unused_days(key, as_of)
    if days is not None:
        yield f"unused for {days} days" if key.last_used_at else f"never used in {days} days"


def _unusual(today: KeyUsage | None) -> Iterator[str]:
    watch = today.runaway if today else None
    if watch is not None and watch.usual_usd and watch.spent_usd >= UNUSUAL * watch.usual_usd:
        yield f"{watch.spent_usd / watch.usual_usd:,.0f} times its usual spend now"


def _spent_by_lineage(buckets: Iterable[UsageBucket]) -> dict[str, int]:
    spent: dict[str, int] = {}
    for bucket in buckets:
        lineage = bucket.lineage_id or ""
        spent[lineage] = spent.get(lineage, 0) + micro_usd(bucket.cost_usd)
    return spent


def _other_rows(facts: UsageFacts, denied: Mapping[str, int]) -> list[UsageRow]:
    found = {_bucket_id(facts.by, bucket): bucket for bucket in facts.buckets}
    teams = {each.team: each for each in facts.teams} if facts.by == "team" and facts.is_running else {}
    names = dict.fromkeys([*found, *denied, *teams])
    leads_on = facts.is_running and facts.by != "day"
    rows = []
    for name in sorted(names):
        counts = Counts.of(found.get(name), None if facts.by == "team" else denied.get(name, 0))
        projected = _projected(counts, facts.as_of) if leads_on else None
        shown = name or (NO_TEAM if facts.by == "team" else NO_MODEL)
        row = UsageRow(name, shown, counts, projected_micro_usd=projected)
        if name in teams:
            budget = _budget_of_month(teams[name], facts.as_of)
            row = replace(row, budget=budget, budgets=_budgets_of(teams[name]))
        rows.append(row)
    return rows


def _bucket_id(by: By, bucket: UsageBucket) -> str:
    match by:
        case "day":
            return bucket.day.isoformat() if bucket.day else ""
        case "team":
            return bucket.team or ""
        case "model":
            return bucket.model or ""
    return bucket.key_id or ""


def _denial_id(by: By, denial: DenialBucket) -> str:
    match by:
        case "day":
            return denial.day.isoformat() if denial.day else ""
        case "model":
            return denial.model or ""
    return denial.key_id or ""
