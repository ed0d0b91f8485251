"""Puts the metering together over an open store, and keeps it up while the gateway serves."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from pulumi_groq.gateway.counters.memory import MemoryCounters
from pulumi_groq.gateway.metering.alert_delivery import AlertDeliveries, RetrySchedule
from pulumi_groq.gateway.metering.alerts import SpendAlerts
from pulumi_groq.gateway.metering.cap_refusals import CapRefusals
from pulumi_groq.gateway.metering.events import MeteringEvents
from pulumi_groq.gateway.metering.fired_alerts import FiredAlerts
from pulumi_groq.gateway.metering.journal import SEGMENT_BYTES, Journal
from pulumi_groq.gateway.metering.lease_metering import LeaseMetering
from pulumi_groq.gateway.metering.ledger import Ledger, recover
from pulumi_groq.gateway.metering.usage_source import LedgerUsage
from pulumi_groq.gateway.metering.usage_totals import UsageInMemory
from pulumi_groq.gateway.metering.webhook import AlertSender
from pulumi_groq.gateway.protocols import Clock, Directory
from pulumi_groq.gateway.store.alerts import read_alerts
from pulumi_groq.gateway.store.errors import StoreOpenError
from pulumi_groq.gateway.store.ledger import (
    read_daily_sums,
    read_last_used,
    read_lineage_spend,
)
from pulumi_groq.gateway.store.store import Store
from pulumi_groq.policy.spend import last_month, lineage_cell, month_of, organisation_cell

UPKEEP_PERIOD_S: Final = 0.25

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MeteringSettings:
    """What an operator may set: how long a request may take, how long its ledger row is kept, how many
    rows may wait for a store that is down, how large a file of the journal grows, how alerts are tried.
    """

    lease_ttl_s: float = 15 * 60
    kept_days: int = 90
    most_waiting_rows: int = 100_000
    journal_segment_bytes: int = SEGMENT_BYTES
    alert_retries: RetrySchedule = field(default_factory=RetrySchedule)


class Accounting:
    """`metering` for whoever serves requests, `usage` for whoever reports them."""

    def __init__(
        self,
        *,
        metering: LeaseMetering,
        usage: LedgerUsage,
        ledger: Ledger,
        alerts: SpendAlerts,
        deliveries: AlertDeliveries,
    ) -> None:
        self.metering = metering
        self.usage = usage
        self.ledger = ledger
        self._alerts = alerts
        self.deliveries = deliveries

    async def upkeep(self) -> None:
        """One round: expire leases, write the ledger, fire alerts. One at a time."""
        await self.metering.expire()
        await self.ledger.flush(self.metering.open_reservations)
        await self._alerts.check()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Keeps everything up; at the end writes what waits. Deliveries go on after the next start."""
        ended = asyncio.Event()
        self.deliveries.resume()
        upkeep = asyncio.create_task(self._keep_up(ended))
        upkeep.add_done_callback(_report_failure)
        try:
            yield
        finally:
            ended.set()
            await upkeep
            await self.upkeep()
            await self.deliveries.stop()
            self.ledger.close()

    async def _keep_up(self, ended: asyncio.Event) -> None:
        while not ended.is_set():
            await self.upkeep()
            try:
                await asyncio.wait_for(ended.wait(), UPKEEP_PERIOD_S)
            except TimeoutError:
                continue


def _report_failure(upkeep: asyncio.Task[None]) -> None:
    if not upkeep.cancelled() and (failure := upkeep.exception()) is not None:
        _log.critical("the upkeep of the ledger has ended; restart the gateway", exc_info=failure)


@dataclass(frozen=True, slots=True)
class MeteringParts:
    """What the metering stands on. `journal_directory` is made when it is missing."""

    store: Store
    journal_directory: Path
    directory: Directory
    clock: Clock
    events: MeteringEvents
    sender: AlertSender
    random: Random
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    settings: MeteringSettings = field(default_factory=MeteringSettings)


def open_accounting(parts: MeteringParts) -> Accounting:
    """The metering over an open store; what the last run left in its journal is booked first.

    Raises `StoreUnavailableError`, and `StoreOpenError` where `journal_directory` cannot be written.
    """
    books = _open_books(parts)
    cap_refusals = CapRefusals()
    ledger = Ledger(
        store=parts.store,
        journal=books.journal,
        usage=books.usage,
        clock=parts.clock,
        events=parts.events,
        kept_days=parts.settings.kept_days,
        most_waiting_rows=parts.settings.most_waiting_rows,
    )
    metering = LeaseMetering(
        counters=MemoryCounters(),
        ledger=ledger,
        cap_refusals=cap_refusals,
        directory=parts.directory,
        clock=parts.clock,
        events=parts.events,
        lease_ttl_s=parts.settings.lease_ttl_s,
        spent_at_start=books.spent_by_cell,
    )
    deliveries = _deliveries(parts, books)
    return Accounting(
        metering=metering,
        usage=LedgerUsage(books.usage, books.fired, cap_refusals),
        ledger=ledger,
        alerts=_alerts(parts, books, cap_refusals, deliveries),
        deliveries=deliveries,
    )


@dataclass(frozen=True, slots=True)
class _Books:
    """What is known at start."""

    journal: Journal
    usage: UsageInMemory
    fired: FiredAlerts
    spent_by_cell: Mapping[str, int]


def _open_books(parts: MeteringParts) -> _Books:
    store, directory = parts.store, parts.journal_directory
    now = parts.clock.now()
    month = month_of(now)
    try:
        journal = Journal(directory, parts.settings.journal_segment_bytes)
        recover(store, journal, now)
    except OSError as failure:
        raise StoreOpenError(
            f"cannot write the journal in {directory}: {failure.strerror}; give a writable place"
        ) from failure
    usage = UsageInMemory()
    with store.read() as connection:
        # Last month too: requests that began in it may still be in flight or in the journal.
        usage.load(read_daily_sums(connection, f"{last_month(month)}-01"), read_last_used(connection))
        lineage_spend = read_lineage_spend(connection, month)
        fired = FiredAlerts(read_alerts(connection))
    spent = {lineage_cell(month, lineage_id): spent for lineage_id, spent in lineage_spend.items()}
    spent[organisation_cell(month)] = usage.month_spend_micro_usd(month)
    return _Books(journal, usage, fired, spent)


def _deliveries(parts: MeteringParts, books: _Books) -> AlertDeliveries:
    return AlertDeliveries(
        store=parts.store,
        directory=parts.directory,
        fired=books.fired,
        sender=parts.sender,
        clock=parts.clock,
        events=parts.events,
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
