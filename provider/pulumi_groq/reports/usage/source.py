"""What a report asks of the gateway, and how the facts of a month's usage are put together from it."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Protocol

from pulumi_groq.models.api_key import ApiKey
from pulumi_groq.models.consumer import Consumer
from pulumi_groq.models.history import Change, DenialBucket, DenialGroup, UsageBucket, UsageGroup
from pulumi_groq.models.spend_policy import SpendPolicy
from pulumi_groq.models.usage import Usage
from pulumi_groq.reports.usage.projection import last_day
from pulumi_groq.reports.usage.report import By, UsageFacts


class FactSource(Protocol):
    """The gateway, however it is reached."""

    def usage(self) -> Usage:
        """Today and this month, by key."""
        ...

    def keys(self) -> Iterable[ApiKey]:
        """Every live key."""
        ...

    def policy(self) -> SpendPolicy | None:
        """The spending policy, if one is set."""
        ...

    def usage_buckets(
        self, *, since: date, until: date, group_by: Sequence[UsageGroup], key_id: str | None = None
    ) -> Iterable[UsageBucket]:
        """Usage of the UTC days `since` to `until`, both included."""
        ...

    def denials(self, *, since: date, until: date, group_by: Sequence[DenialGroup]) -> Iterable[DenialBucket]:
        """Refused requests of the UTC days `since` to `until`, both included."""
        ...

    def consumers(self, key_id: str) -> Sequence[Consumer]:
        """Who used a key, the one seen last first; empty where the key is gone."""
        ...

    def changes(self, limit: int) -> Sequence[Change]:
        """The last changes, newest first."""
        ...


def usage_facts(source: FactSource, by: By, month: str | None) -> UsageFacts:
    """The facts of `month` (`YYYY-MM`; the server's present one without)."""
    today = source.usage()
    asked = month or today.month
    since, until = date.fromisoformat(f"{asked}-01"), last_day(asked)
    denials = [] if by == "team" else list(source.denials(since=since, until=until, group_by=(by,)))
    return UsageFacts(
        by=by,
        month=asked,
        as_of=today.as_of,
        buckets=list(source.usage_buckets(since=since, until=until, group_by=(by,))),
        denials=denials,
        keys=list(source.keys()) if by == "key" else [],
        today=today.usage_by_key,
        teams=today.usage_by_team,
        budgets=today.budgets,
        policy=source.policy(),
    )
