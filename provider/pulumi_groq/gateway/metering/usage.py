"""What is known in memory of usage, alerts and refusals by the cap: kept as requests go, read by any thread.

Every value is replaced, never changed, and a dict is copied in one step, so a reader sees whole rows.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from pulumi_groq.gateway.metering.journal import LedgerRow
from pulumi_groq.gateway.metering.settled_spend import SettledSpend, Spend
from pulumi_groq.gateway.protocols import KeyUsageRow
from pulumi_groq.gateway.store.alerts import Alert
from pulumi_groq.gateway.store.ledger import KeyDaySums, LedgerRecord
from pulumi_groq.models.fields import usd
from pulumi_groq.models.spend_policy import AlertSent
from pulumi_groq.models.usage import UsageTotals
from pulumi_groq.policy.windows import day_at, day_of, month_of, window_at


class FiredAlerts:
    """Alerts by month and threshold."""

    def __init__(self, alerts: Iterable[Alert]) -> None:
        self._alerts = {(alert.month, alert.threshold_micro_usd): alert for alert in alerts}

    def __contains__(self, month_and_threshold: tuple[str, int]) -> bool:
        return month_and_threshold in self._alerts

    def add(self, alert: Alert) -> None:
        """The alert is in the store."""
        self._alerts[alert.month, alert.threshold_micro_usd] = alert

    def of_month(self, month: str) -> list[Alert]:
        """The alerts of a month, by threshold."""
        alerts = [alert for alert in self._alerts.copy().values() if alert.month == month]
        return sorted(alerts, key=lambda alert: alert.threshold_micro_usd)

    def all(self) -> list[Alert]:
        """The alerts of all months."""
        return list(self._alerts.copy().values())


Sums = tuple[str, int, int, int]
"""A day or a month, and its requests, tokens (prompt plus completion) and micro-dollars. Plain tuples: two
are made with every settlement.
"""

KeySums = tuple[Sums, Sums]
"""One key: its last day and its last month with traffic."""

_NEVER: Final[Sums] = ("", 0, 0, 0)
_NOTHING: Final[KeySums] = (_NEVER, _NEVER)


class UsageInMemory:
    """Sums by key, spend by month and by window (`settled`), when each key was last used, and whether the cap
    has refused anybody.

    Implements `gateway.protocols.UsageSource`, with the alerts that have fired.
    """

    def __init__(self, fired: FiredAlerts) -> None:
        self.settled = SettledSpend()
        self._fired = fired
        self._cap_refusal: tuple[str, int] | None = None
        self.others_refusals: Collection[tuple[str, int]] = ()
        """The same (month and cap) of the other gateways."""
        self._by_key: dict[str, KeySums] = {}
        self._day = window_at("day", 0)
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
        _, key_id, _, _, _, _, started_s = row.admission
        _, _, _, prompt_tokens, _, completion_tokens, cost_micro_usd, _ = row.settlement
        if not self._day.from_s <= started_s < self._day.until_s:
            self._day = window_at("day", started_s)
        self._add(key_id, self._day.label, 1, prompt_tokens + completion_tokens, cost_micro_usd)
        self.settled.waiting.append(row)

    def correct(self, record: LedgerRecord, more_micro_usd: int) -> None:
        """This request costs more, or less, than was added."""
        started_s = record.started_us / 1_000_000
        self._add(record.key_id, day_at(started_s), 0, 0, more_micro_usd)
        self.settled.correct(Spend(record.lineage_id, record.team, record.model, started_s, more_micro_usd))

    def _add(self, key_id: str, day: str, requests: int, tokens: int, cost_micro_usd: int) -> None:
        month = day[:7]
        of_day, of_month = self._by_key.get(key_id, _NOTHING)
        self._by_key[key_id] = (
            _plus(of_day, day, requests, tokens, cost_micro_usd),
            _plus(of_month, month, requests, tokens, cost_micro_usd),
        )
        self._spent_by_month[month] = self._spent_by_month.get(month, 0) + cost_micro_usd

    def replace(self, days: Iterable[KeyDaySums], months: Iterable[KeyDaySums]) -> list[KeyDaySums]:
        """Know these whole days and whole months (`day` is `YYYY-MM` in those) of some keys from now on,
        where nothing later is known; several of one key and span are added up. Oldest first. Gives the days
        that have cost more than was known, as what is more.
        """
        new: dict[str, list[Sums]] = {}
        for place, spans in enumerate((days, months)):
            for key_id, span, requests, tokens, cost_micro_usd in spans:
                sums = new.setdefault(key_id, [_NEVER, _NEVER])
                sums[place] = _plus(sums[place], span, requests, tokens, cost_micro_usd)
        increases: list[KeyDaySums] = []
        for key_id, (of_day, of_month) in new.items():
            known_day, known_month = self._by_key.get(key_id, _NOTHING)
            day = of_day if of_day[0] >= known_day[0] else known_day
            month = of_month if of_month[0] >= known_month[0] else known_month
            before = known_month[3] if known_month[0] == month[0] else 0
            known = known_day if known_day[0] == day[0] else _NEVER
            if day[3] > known[3]:
                more = (new - old for new, old in zip(day[1:], known[1:], strict=True))
                increases.append(KeyDaySums(key_id, day[0], *more))
            self._by_key[key_id] = (day, month)
            self._spent_by_month[month[0]] = self._spent_by_month.get(month[0], 0) + month[3] - before
        return increases

    def last_used_at(self, key_id: str) -> datetime | None:
        """When the key's last request was admitted."""
        used_s = self._last_used_s.get(key_id)
        return None if used_s is None else datetime.fromtimestamp(used_s, UTC)

    def spent_in(self, month: str) -> int:
        """Settled spend in the month (`YYYY-MM`), micro-dollars."""
        return self._spent_by_month.get(month, 0)

    def month_spend_micro_usd(self, now: datetime) -> int:
        """Settled spend of the organisation in the UTC month of `now`."""
        return self.spent_in(month_of(now))

    def cap_refused(self, month: str, cap_micro_usd: int) -> None:
        """A request was refused for this cap. Only the last one is remembered: a raised cap or a new month
        begins again.
        """
        self._cap_refusal = (month, cap_micro_usd)

    @property
    def last_cap_refusal(self) -> tuple[str, int] | None:
        """Month and cap (micro-dollars) of the last refusal here."""
        return self._cap_refusal

    def cap_has_refused(self, now: datetime, cap_micro_usd: int) -> bool:
        """Whether this cap refused a request in the UTC month of `now`, here or at another gateway, since the
        process started.

        Worst cases are reserved, so spend stops a little below the cap: an alert at the cap itself fires on
        this, and the policy's status shows it as paused.
        """
        refusal = (month_of(now), cap_micro_usd)
        return self._cap_refusal == refusal or refusal in self.others_refusals

    def alerts_sent(self, now: datetime) -> list[AlertSent]:
        """The alerts of the UTC month of `now`, by threshold."""
        return [
            AlertSent(threshold_usd=usd(alert.threshold_micro_usd), sent_at=alert.sent_at)
            for alert in self._fired.of_month(month_of(now))
        ]

    def usage_by_key(self, now: datetime) -> Mapping[str, KeyUsageRow]:
        """Usage by key id of every key that was ever used."""
        sums_by_key = self._by_key.copy()
        return {
            key_id: self._row(key_id, sums_by_key.get(key_id, _NOTHING), now)
            for key_id in _union(sums_by_key, self._last_used_s.copy())
        }

    def _row(self, key_id: str, sums: KeySums, now: datetime) -> KeyUsageRow:
        of_day, of_month = sums
        _, day_requests, day_tokens, day_cost = of_day if of_day[0] == day_of(now) else _NEVER
        _, month_requests, month_tokens, month_cost = of_month if of_month[0] == month_of(now) else _NEVER
        return KeyUsageRow(
            key_id=key_id,
            requests_today=day_requests,
            tokens_today=day_tokens,
            cost_today_micro_usd=day_cost,
            last_used_at=self.last_used_at(key_id),
            month_to_date=UsageTotals(requests=month_requests, tokens=month_tokens, cost_usd=usd(month_cost)),
        )


def _plus(sums: Sums, span: str, requests: int, tokens: int, cost_micro_usd: int) -> Sums:
    """With these added where they belong: a newer span starts again, an older one adds nothing."""
    own_span, own_requests, own_tokens, own_cost_micro_usd = sums
    if span == own_span:
        return span, own_requests + requests, own_tokens + tokens, own_cost_micro_usd + cost_micro_usd
    return (span, requests, tokens, cost_micro_usd) if span > own_span else sums


def _union(some: Iterable[str], others: Iterable[str]) -> Iterable[str]:
    return dict.fromkeys([*some, *others])
