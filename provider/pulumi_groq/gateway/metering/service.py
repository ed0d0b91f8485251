"""Keeps the metering going while the gateway serves."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from pulumi_groq.gateway.health import Background
from pulumi_groq.gateway.metering.alert_delivery import AlertDeliveries
from pulumi_groq.gateway.metering.alerts import SpendAlerts
from pulumi_groq.gateway.metering.announcements import Announcement
from pulumi_groq.gateway.metering.ledger import Ledger
from pulumi_groq.gateway.metering.replica_work import ReplicaWork
from pulumi_groq.gateway.metering.request_metering import RequestMetering
from pulumi_groq.gateway.metering.spend_guard import SpendGuard
from pulumi_groq.gateway.store.store import Store

UPKEEP_PERIOD_S: Final = 0.25
CHECKPOINT_PERIOD_S: Final = 10.0
WATCH_PERIOD_S: Final = 1.0
SILENCE_PERIOD_S: Final = 5.0


class MeteringService:
    """`metering` for whoever serves requests, `usage` for whoever reports them."""

    def __init__(
        self,
        *,
        metering: RequestMetering,
        ledger: Ledger,
        alerts: SpendAlerts,
        deliveries: AlertDeliveries,
        guard: SpendGuard,
        announced: Sequence[Announcement],
        store: Store,
        background: Background,
        replica_work: ReplicaWork | None = None,
    ) -> None:
        self.metering = metering
        self.usage = ledger.usage
        self.ledger = ledger
        self._alerts = alerts
        self.deliveries = deliveries
        self.guard = guard
        self._announced = announced
        self._store = store
        self._background = background
        self._replica_work = replica_work

    @property
    def bank_calls(self) -> int:
        """How often money was asked for or given back, where several gateways share it."""
        return 0 if self._replica_work is None else self._replica_work.money.counters.calls

    async def upkeep(self) -> None:
        """One round: expire reservations, write the ledger, fire alerts, pause keys. One at a time. What
        fails is reported to the health under its name, and keeps nothing else from its turn.
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
        if self._replica_work is not None:
            with watched("usage of other gateways"):
                await self._replica_work.refresh()
        with watched("alerts"):
            await self._alerts.check()
        with watched("runaways"):
            await self.guard.check()

    async def report(self) -> None:
        """Tell the other gateways on the store at once which keys are in use here. Raises
        `StoreUnavailableError`.
        """
        if self._replica_work is not None:
            await self._replica_work.report()

    def resume_deliveries(self) -> None:
        """Go on with what the last process had not told to the end; returns at once."""
        self.deliveries.resume(self._announced)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Keeps everything going; at the end writes what waits. Deliveries go on after the next start."""
        self.resume_deliveries()
        self._background.every(UPKEEP_PERIOD_S, "upkeep", self.upkeep)
        self._background.every(CHECKPOINT_PERIOD_S, "checkpoint", self._checkpoint)
        self._background.every(WATCH_PERIOD_S, "place at the store", self._watch)
        self._background.every(SILENCE_PERIOD_S, "connections to the store", self._end_silent)
        if self._replica_work is not None:
            self._replica_work.begin(self._background)
        try:
            yield
        finally:
            await self._background.stop()
            await self.upkeep()
            if self._replica_work is not None:
                with self._background.health.watched("money of this gateway"):
                    await self._replica_work.leave()
            await self.deliveries.close()
            self.ledger.close()

    async def _watch(self) -> None:
        await asyncio.to_thread(self._store.watch)

    async def _end_silent(self) -> None:
        self._store.end_silent()  # in no thread: all of them may wait for the store

    async def _checkpoint(self) -> None:
        await asyncio.to_thread(self._store.checkpoint)
