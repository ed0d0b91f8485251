"""Usage of every key in memory: kept with each settlement, read by any thread without a lock.

Every value is replaced, never changed, and a dict is copied in one step, so a reader sees whole rows.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from pulumi_groq.gateway.metering.entries import LedgerRow
from pulumi_groq.gateway.metering.ledger_store import KeyDaySums
from pulumi_groq.gateway.protocols import KeyUsageRow
from pulumi_groq.models.fields import usd
from pulumi_groq.models.usage import UsageTotals
from pulumi_groq.policy.spend import day_at, day_of, month_of

KeySums = tuple[str, int, int, int, str, int, int, int]
"""One key: its last day with traffic and that day's requests, tokens (prompt plus completion) and
micro-dollars, then its last month and the month's.
"""

_NOTHING: Final[KeySums] = ("", 0, 0, 0, "", 0, 0, 0)


class UsageInMemory:
    """Sums by key, spend by month, and when each key was last used."""

    def __init__(self) -> None:
        self._by_key: dict[str, KeySums] = {}
        self._spent_by_month: dict[str, int] = {}
        self._last_used_s: dict[str, float] = {}

    def load(self, sums: Iterable[KeyDaySums], last_used: Mapping[str, datetime]) -> None:
        """Fill from the store; `sums` come oldest day first."""
        for each in sums:
            self._add(*each)
        for key_id, used_at in last_used.items():
            self.used(key_id, used_at.timestamp())

    def used(self, key_id: str, at_s: float) -> None:
        """A request of the key was admitted."""
        if at_s > self._last_used_s.get(key_id, 0.0):
            self._last_used_s[key_id] = at_s

    def add(self, row: LedgerRow) -> None:
        """A request is over."""
        _, key_id, _, _, _, _, started_s = row.reservation
        _, _, _, prompt_tokens, _, completion_tokens, cost_micro_usd, _ = row.settlement
        self._add(key_id, day_at(started_s), 1, prompt_tokens + completion_tokens, cost_micro_usd)

    def _add(self, key_id: str, day: str, requests: int, tokens: int, cost_micro_usd: int) -> None:
        """A newer day or month starts again, an older one adds nothing to the key."""
        last_day, day_requests, day_tokens, day_cost, last_month, month_requests, month_tokens, month_cost = (
            self._by_key.get(key_id, _NOTHING)
        )
        if day > last_day:
            last_day, day_requests, day_tokens, day_cost = day, 0, 0, 0
        if day == last_day:
            day_requests += requests
            day_tokens += tokens
            day_cost += cost_micro_usd
        month = day[:7]
        if month > last_month:
            last_month, month_requests, month_tokens, month_cost = month, 0, 0, 0
        if month == last_month:
            month_requests += requests
            month_tokens += tokens
            month_cost += cost_micro_usd
        self._by_key[key_id] = (
            last_day,
            day_requests,
            day_tokens,
            day_cost,
            last_month,
            month_requests,
            month_tokens,
            month_cost,
        )
        self._spent_by_month[month] = self._spent_by_month.get(month, 0) + cost_micro_usd

    def last_used_at(self, key_id: str) -> datetime | None:
        """When the key's last request was admitted."""
        used_s = self._last_used_s.get(key_id)
        return None if used_s is None else datetime.fromtimestamp(used_s, UTC)

    def month_spend_micro_usd(self, month: str) -> int:
        """Settled spend in the month (`YYYY-MM`)."""
        return self._spent_by_month.get(month, 0)

    def usage_by_key(self, now: datetime) -> Mapping[str, KeyUsageRow]:
        """Usage by key id of every key that was ever used."""
        sums_by_key = self._by_key.copy()
        return {
            key_id: self._row(key_id, sums_by_key.get(key_id, _NOTHING), now)
            for key_id in _union(sums_by_key, self._last_used_s.copy())
        }

    def _row(self, key_id: str, sums: KeySums, now: datetime) -> KeyUsageRow:
        day, day_requests, day_tokens, day_cost, month, month_requests, month_tokens, month_cost = sums
        if day != day_of(now):
            day_requests = day_tokens = day_cost = 0
        if month != month_of(now):
            month_requests = month_tokens = month_cost = 0
        return KeyUsageRow(
            key_id=key_id,
            requests_today=day_requests,
            tokens_today=day_tokens,
            cost_today_micro_usd=day_cost,
            last_used_at=self.last_used_at(key_id),
            month_to_date=UsageTotals(requests=month_requests, tokens=month_tokens, cost_usd=usd(month_cost)),
        )


def _union(some: Iterable[str], others: Iterable[str]) -> Iterable[str]:
    return dict.fromkeys([*some, *others])
