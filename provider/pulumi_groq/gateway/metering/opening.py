"""Puts the metering together over an open store."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

from pulumi_groq.gateway.counters.memory import MemoryCounters
from pulumi_groq.gateway.counters.protocol import Counters
from pulumi_groq.gateway.counters.split import ALL_BUT_MONEY, SplitCounters
from pulumi_groq.gateway.health import Background
from pulumi_groq.gateway.metering.alert_delivery import AlertDeliveries, AlertSender, RetrySchedule
from pulumi_groq.gateway.metering.alerts import SpendAlerts
from pulumi_groq.gateway.metering.announcements import of_runaway, of_threshold
from pulumi_groq.gateway.metering.events import MeteringEvents
from pulumi_groq.gateway.metering.journal import SEGMENT_BYTES
from pulumi_groq.gateway.metering.ledger import Ledger
from pulumi_groq.gateway.metering.ledger_writer import LedgerWriter, records_beside
from pulumi_groq.gateway.metering.read_back import read_usage
from pulumi_groq.gateway.metering.recent_spend import RecentSpend
from pulumi_groq.gateway.metering.recovery import book_journal
from pulumi_groq.gateway.metering.replica_work import ReplicaWork
from pulumi_groq.gateway.metering.request_metering import RequestMetering
from pulumi_groq.gateway.metering.service import MeteringService
from pulumi_groq.gateway.metering.shared_money import BankBooks, SharedMoney, close_former, former_life
from pulumi_groq.gateway.metering.spend_guard import SpendGuard
from pulumi_groq.gateway.metering.usage import FiredAlerts, UsageInMemory
from pulumi_groq.gateway.protocols import Clock, Directory
from pulumi_groq.gateway.store.alerts import read_alerts
from pulumi_groq.gateway.store.errors import StoreOpenError
from pulumi_groq.gateway.store.keys import guarded_lineages
from pulumi_groq.gateway.store.recent_spend import read_settled
from pulumi_groq.gateway.store.runaways import Runaway, read_runaways
from pulumi_groq.gateway.store.set_aside import read_set_aside
from pulumi_groq.gateway.store.store import Connection, Store
from pulumi_groq.gateway.store.usage_news import newest_write
from pulumi_groq.policy.runaway import SLOT_S

RUNAWAYS_SHOWN_FOR: Final = timedelta(days=30)


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


DEFAULT_SETTINGS: Final = MeteringSettings()


def open_metering(
    *,
    store: Store,
    journal_directory: Path,
    directory: Directory,
    clock: Clock,
    events: MeteringEvents,
    background: Background,
    sender: AlertSender,
    random: Random,
    rates: Counters | None = None,
    money: SharedMoney | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    settings: MeteringSettings = DEFAULT_SETTINGS,
) -> MeteringService:
    """The metering over an open store; what the last run left in its journal is booked first.

    `rates` count all but money, else memory does. Where several gateways share the store, `money`
    is what this one has of theirs. `journal_directory` is made when it is missing.
    Raises `StoreUnavailableError`, and `StoreOpenError` where `journal_directory` cannot be used.
    """
    now = clock.now()
    kept = timedelta(days=settings.kept_days)
    member = store.member
    try:
        books = None if money is None else BankBooks(former_life(store, money.books.holder))
        recovered, journal = book_journal(
            store, journal_directory, now, kept, settings.journal_segment_bytes, books
        )
    except OSError as failure:
        raise StoreOpenError(
            f"cannot write the journal in {journal_directory}: {failure.strerror}; give a writable place"
        ) from failure
    for _ in range(recovered.set_aside):
        events.set_aside()
    if money is not None and recovered.waiting_segment is None:
        close_former(store, money.books.holder)
    events.journal_damaged(recovered.damaged, recovered.cut_off)
    with store.read_soundly() as connection:
        last_write = newest_write(connection)
        fired = FiredAlerts(read_alerts(connection))
        runaways = read_runaways(connection, now - RUNAWAYS_SHOWN_FOR)
        recent = _recent_spend(connection, runaways, now, settings.reservation_ttl_s)
        usage = UsageInMemory(fired)
        set_aside = [kept.what for kept in read_set_aside(connection)]
        beside = records_beside(recovered.waiting.rows, [*set_aside, *recovered.waiting.set_aside])
        read_usage(usage, connection, beside, now)
    ledger = Ledger(
        writer=LedgerWriter(store, kept, None if money is None else money.books),
        journal=journal,
        reserve=store.reserve,
        place=store.backend,
        usage=usage,
        recent=recent,
        clock=clock,
        events=events,
        health=background.health,
        most_waiting_rows=settings.most_waiting_rows,
        recovered=recovered.waiting,
        recovered_segment=recovered.waiting_segment,
        set_aside=len(set_aside),
        booked=None if money is None else money.counters.booked,
    )
    ledger.keep_space()
    deliveries = AlertDeliveries(
        store=store,
        directory=directory,
        sender=sender,
        clock=clock,
        events=events,
        background=background,
        random=random,
        sleep=sleep,
        schedule=settings.alert_retries,
    )
    guard = SpendGuard(
        store=store,
        recent=recent,
        deliveries=deliveries,
        clock=clock,
        events=events,
        known=runaways,
    )
    memory = MemoryCounters(usage.settled.of)
    counters: Counters = memory
    if rates is not None or money is not None:
        counters = SplitCounters(
            memory if money is None else money.counters, memory if rates is None else rates, ALL_BUT_MONEY
        )
    metering = RequestMetering(
        guard=guard,
        counters=counters,
        ledger=ledger,
        directory=directory,
        clock=clock,
        events=events,
        health=background.health,
        reservation_ttl_s=settings.reservation_ttl_s,
        money=money,
    )
    alerts = SpendAlerts(
        store=store,
        directory=directory,
        usage=usage,
        fired=fired,
        deliveries=deliveries,
        clock=clock,
        events=events,
    )
    work = None
    if money is not None and member is not None:
        work = ReplicaWork(
            store=store,
            member=member,
            money=money,
            metering=metering,
            ledger=ledger,
            deliveries=deliveries,
            guard=guard,
            clock=clock,
            newest_write=last_write,
        )
    return MeteringService(
        metering=metering,
        ledger=ledger,
        alerts=alerts,
        deliveries=deliveries,
        guard=guard,
        announced=[*map(of_threshold, fired.all()), *map(of_runaway, runaways)],
        store=store,
        background=background,
        replica_work=work,
    )


def _recent_spend(
    connection: Connection, runaways: Sequence[Runaway], now: datetime, longest_request_s: float
) -> RecentSpend:
    """What guarded keys spent in the last ten minutes; of one that was resumed, since then."""
    recent = RecentSpend()
    resumed_at_s = {each.lineage_id: each.ended_at.timestamp() for each in runaways if each.ended_at}
    since_s = now.timestamp() - SLOT_S
    admitted_since = now - timedelta(seconds=SLOT_S + longest_request_s)
    for lineage_id, at_s, cost in read_settled(connection, guarded_lineages(connection), admitted_since):
        if at_s > max(since_s, resumed_at_s.get(lineage_id, 0.0)):
            recent.add(lineage_id, at_s, cost)
    return recent
