"""Puts the metering together over an open store, and keeps it up while the gateway serves."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from pulumi_groq.gateway.counters.memory import MemoryCounters
from pulumi_groq.gateway.health import Background
from pulumi_groq.gateway.metering.alert_delivery import AlertDeliveries, RetrySchedule
from pulumi_groq.gateway.metering.alerts import SpendAlerts
from pulumi_groq.gateway.metering.cap_refusals import CapRefusals
from pulumi_groq.gateway.metering.events import MeteringEvents
from pulumi_groq.gateway.metering.fired_alerts import FiredAlerts
from pulumi_groq.gateway.metering.journal import SEGMENT_BYTES, Journal
from pulumi_groq.gateway.metering.ledger import Ledger
from pulumi_groq.gateway.metering.ledger_writer import LedgerWriter, key_day_sums
from pulumi_groq.gateway.metering.recovery import Recovered, recover
from pulumi_groq.gateway.metering.request_metering import RequestMetering
from pulumi_groq.gateway.metering.usage_source import LedgerUsage
from pulumi_groq.gateway.metering.usage_totals import UsageInMemory
from pulumi_groq.gateway.metering.webhook import AlertSender
from pulumi_groq.gateway.protocols import Clock, Directory
from pulumi_groq.gateway.store.alerts import read_alerts
from pulumi_groq.gateway.store.errors import StoreOpenError
from pulumi_groq.gateway.store.ledger import read_daily_sums, read_last_used, read_lineage_spend
from pulumi_groq.gateway.store.set_aside import read_set_aside
from pulumi_groq.gateway.store.store import Store
from pulumi_groq.policy.spend import last_month, lineage_counter_key, month_of, organisation_counter_key

UPKEEP_PERIOD_S: Final = 0.25
CHECKPOINT_PERIOD_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class MeteringSettings:
    """What an operator may set: how long a request may take, how long its ledger row is kept, how many
    rows may wait for a store that is down, how large a file of the journal grows, how alerts are tried.
    """

    reservation_ttl_s: float = 15 * 60
    kept_days: int = 90
    most_waiting_rows: int = 100_000
    journal_segment_bytes: int = SEGMENT_BYTES
    alert_retries: RetrySchedule = field(default_factory=RetrySchedule)


class MeteringService:
    """`metering` for whoever serves requests, `usage` for whoever reports them."""

    def __init__(
        self,
        *,
        metering: RequestMetering,
        usage: LedgerUsage,
        ledger: Ledger,
        alerts: SpendAlerts,
        deliveries: AlertDeliveries,
        store: Store,
        background: Background,
    ) -> None:
        self.metering = metering
        self.usage = usage
        self.ledger = ledger
        self._alerts = alerts
        self.deliveries = deliveries
        self._store = store
        self._background = background

    async def upkeep(self) -> None:
        """One round: expire reservations, write the ledger, fire alerts. One at a time. What fails is told to
        the health under its name, and keeps nothing else from its turn.
        """
        watched = self._background.health.watched
        with watched("reservations"):
            await self.metering.expire()
        self.ledger.keep_space()
        with watched("ledger"):
            await self.ledger.flush(self.metering.open_admissions)
        with watched("set-aside rows"):
            for kept in await self.ledger.book_decided():
                await self.metering.correct(kept)
        with watched("alerts"):
            await self._alerts.check()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Keeps everything up; at the end writes what waits. Deliveries go on after the next start."""
        self.deliveries.resume()
        self._background.every(UPKEEP_PERIOD_S, "upkeep", self.upkeep)
        self._background.every(CHECKPOINT_PERIOD_S, "checkpoint", self._checkpoint)
        try:
            yield
        finally:
            await self._background.stop()
            await self.upkeep()
            await self.deliveries.close()
            self.ledger.close()

    async def _checkpoint(self) -> None:
        await asyncio.to_thread(self._store.checkpoint)


@dataclass(frozen=True, slots=True)
class MeteringParts:
    """What the metering stands on. `journal_directory` is made when it is missing."""

    store: Store
    journal_directory: Path
    directory: Directory
    clock: Clock
    events: MeteringEvents
    background: Background
    sender: AlertSender
    random: Random
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    settings: MeteringSettings = field(default_factory=MeteringSettings)


def open_metering(parts: MeteringParts) -> MeteringService:
    """The metering over an open store; what the last run left in its journal is booked first.

    Raises `StoreUnavailableError`, and `StoreOpenError` where `journal_directory` cannot be used.
    """
    writer = LedgerWriter(parts.store, timedelta(days=parts.settings.kept_days))
    books = _open_books(parts, writer)
    cap_refusals = CapRefusals()
    ledger = Ledger(
        writer=writer,
        journal=books.journal,
        reserve=parts.store.reserve,
        usage=books.usage,
        clock=parts.clock,
        events=parts.events,
        health=parts.background.health,
        most_waiting_rows=parts.settings.most_waiting_rows,
        recovered=books.recovered.waiting,
        recovered_segment=books.recovered.waiting_segment,
        set_aside=books.set_aside,
    )
    ledger.keep_space()
    metering = RequestMetering(
        counters=MemoryCounters(),
        ledger=ledger,
        cap_refusals=cap_refusals,
        directory=parts.directory,
        clock=parts.clock,
        events=parts.events,
        health=parts.background.health,
        reservation_ttl_s=parts.settings.reservation_ttl_s,
        spent_at_start=books.spent_by_counter_key,
    )
    deliveries = _deliveries(parts, books)
    return MeteringService(
        metering=metering,
        usage=LedgerUsage(books.usage, books.fired, cap_refusals),
        ledger=ledger,
        alerts=_alerts(parts, books, cap_refusals, deliveries),
        deliveries=deliveries,
        store=parts.store,
        background=parts.background,
    )


class _Books(NamedTuple):
    """What is known at start."""

    journal: Journal
    recovered: Recovered
    set_aside: int
    usage: UsageInMemory
    fired: FiredAlerts
    spent_by_counter_key: Mapping[str, int]


def _open_books(parts: MeteringParts, writer: LedgerWriter) -> _Books:
    directory, now = parts.journal_directory, parts.clock.now()
    month = month_of(now)
    try:
        journal = Journal(directory, parts.settings.journal_segment_bytes)
        recovered = recover(writer, journal, directory, now)
    except OSError as failure:
        raise StoreOpenError(
            f"cannot write the journal in {directory}: {failure.strerror}; give a writable place"
        ) from failure
    for _ in range(recovered.set_aside):
        parts.events.set_aside()
    parts.events.journal_damaged(recovered.damaged, recovered.cut_off)
    usage = UsageInMemory()
    with parts.store.read_soundly() as connection:
        kept = [each.what for each in read_set_aside(connection)]
        beside = key_day_sums(recovered.waiting.rows, [*kept, *recovered.waiting.set_aside])
        # Last month too: requests that began in it may still be in flight or in the journal.
        booked = read_daily_sums(connection, f"{last_month(month)}-01")
        sums = sorted([*booked, *(each.sums for each in beside)], key=lambda each: each.day)
        usage.load(sums, read_last_used(connection))
        lineage_spend = Counter(read_lineage_spend(connection, month))
        fired = FiredAlerts(read_alerts(connection))
    for each in beside:
        if each.sums.day.startswith(month):
            lineage_spend[each.lineage_id] += each.sums.cost_micro_usd
    spent = {lineage_counter_key(month, lineage_id): spent for lineage_id, spent in lineage_spend.items()}
    spent[organisation_counter_key(month)] = usage.month_spend_micro_usd(month)
    return _Books(journal, recovered, len(kept), usage, fired, spent)


def _deliveries(parts: MeteringParts, books: _Books) -> AlertDeliveries:
    return AlertDeliveries(
        store=parts.store,
        directory=parts.directory,
        fired=books.fired,
        sender=parts.sender,
        clock=parts.clock,
        events=parts.events,
        background=parts.background,
        random=parts.random,
        sleep=parts.sleep,
        schedule=parts.settings.alert_retries,
    )


def _alerts(
    parts: MeteringParts, books: _Books, cap_refusals: CapRefusals, deliveries: AlertDeliveries
) -> SpendAlerts:
    return SpendAlerts(
        store=parts.store,
        directory=parts.directory,
        usage=books.usage,
        cap_refusals=cap_refusals,
        fired=books.fired,
        deliveries=deliveries,
        clock=parts.clock,
        events=parts.events,
    )
