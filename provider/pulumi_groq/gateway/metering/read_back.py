"""What a gateway knows of usage when it starts: what the ledger holds, and what it does not hold yet."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from pulumi_groq.gateway.metering.ledger_writer import records_beside
from pulumi_groq.gateway.metering.settled_spend import SettledSpend, Spend
from pulumi_groq.gateway.metering.usage import UsageInMemory
from pulumi_groq.gateway.store.ledger import (
    KeyDaySums,
    LedgerRecord,
    OwnersSpend,
    read_daily_sums,
    read_last_used,
    read_spend_of_days,
    read_spend_since,
)
from pulumi_groq.gateway.store.set_aside import read_set_aside
from pulumi_groq.gateway.store.store import Connection
from pulumi_groq.policy.windows import DAY_S, day_at, last_month, month_of, window_at


def read_usage(
    usage: UsageInMemory, connection: Connection, beside: Sequence[LedgerRecord], now: datetime
) -> None:
    """Fill `usage` from the store and from the requests `beside`, which its sums do not hold."""
    # Last month too: requests that began in it may still be in flight or in the journal.
    booked = read_daily_sums(connection, f"{last_month(month_of(now))}-01")
    usage.load(
        sorted([*booked, *map(day_sums, beside)], key=lambda each: each.day), read_last_used(connection)
    )
    now_s = now.timestamp()
    usage.settled.load(_spends(connection, now_s, by_hour=True), now_s)
    usage.settled.load(map(_spend, beside), now_s)


def booked_spend(connection: Connection, now: datetime, *, by_hour: bool) -> SettledSpend:
    """What the windows of `now` have cost by the store, which all gateways on it share: without `by_hour` not
    the hour, which takes long to read after much traffic.
    """
    settled, now_s = SettledSpend(), now.timestamp()
    settled.load(_spends(connection, now_s, by_hour=by_hour), now_s)
    aside = records_beside([], [kept.what for kept in read_set_aside(connection)])
    settled.load(map(_spend, aside), now_s)
    return settled


def day_sums(record: LedgerRecord) -> KeyDaySums:
    """What one request adds to the sums of its key and day."""
    tokens = record.prompt_tokens + record.completion_tokens
    day = day_at(record.started_us / 1_000_000)
    return KeyDaySums(record.key_id, day, 1, tokens, record.cost_micro_usd)


def _spends(connection: Connection, now_s: float, *, by_hour: bool) -> Iterator[Spend]:
    """Of the running month and week, which may have begun before: by stretches of days that both have in
    common, of today without the running hour, and of that hour; else of today as a whole.
    """
    hour, day = window_at("hour", now_s), window_at("day", now_s)
    for start, end in pairwise(_stretches(now_s)):
        for spend in read_spend_of_days(connection, day_at(start), day_at(end)):
            yield Spend(*spend[:3], start, spend.cost_micro_usd)
    today = _by_owners(read_spend_of_days(connection, day_at(day.from_s), day_at(day.until_s)))
    this_hour = _by_owners(read_spend_since(connection, hour.from_s) if by_hour else ())
    for owners, cost in (today - this_hour).items():
        yield Spend(*owners, day.from_s, cost)
    for owners, cost in this_hour.items():
        yield Spend(*owners, hour.from_s, cost)


def _by_owners(spends: Iterable[OwnersSpend]) -> Counter[tuple[str, str | None, str]]:
    return Counter({(each.lineage_id, each.team, each.model): each.cost_micro_usd for each in spends})


def _stretches(now_s: float) -> list[int]:
    """The beginnings of days (Unix seconds) on which a week or a month began, until today's."""
    today = window_at("day", now_s).from_s
    oldest = min(window_at("week", now_s).from_s, window_at("month", now_s).from_s)
    return [
        day
        for day in range(oldest, today + 1, DAY_S)
        if day in (today, window_at("week", day).from_s, window_at("month", day).from_s)
    ]


def _spend(record: LedgerRecord) -> Spend:
    started_s = record.started_us / 1_000_000
    return Spend(record.lineage_id, record.team, record.model, started_s, record.cost_micro_usd)
