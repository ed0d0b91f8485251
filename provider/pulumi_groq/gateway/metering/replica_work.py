"""What the metering also does on a gateway that is one of several: it reports, and follows the others."""

import asyncio
from datetime import UTC, datetime
from typing import Final

from pulumi_groq.gateway.health import Background
from pulumi_groq.gateway.metering.alert_delivery import ALERT_DELIVERIES, RESUMED_FOR, AlertDeliveries
from pulumi_groq.gateway.metering.announcements import Announcement, read_announcements
from pulumi_groq.gateway.metering.ledger import Ledger
from pulumi_groq.gateway.metering.request_metering import RequestMetering
from pulumi_groq.gateway.metering.shared_money import SharedMoney, drop_old_accounts
from pulumi_groq.gateway.metering.spend_guard import SpendGuard
from pulumi_groq.gateway.metering.usage_refresh import UsageRefresh
from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.gateway.store.alerts import left_alerts
from pulumi_groq.gateway.store.backend import Member
from pulumi_groq.gateway.store.replicas import CapRefusal, report
from pulumi_groq.gateway.store.store import Store

REPORT_PERIOD_S: Final = 1.0
LEFT_OUT: Final = 3
"""While nobody writes, so many of the rounds in a row do not ask the store whether anybody has."""
TAKE_OVER_PERIOD_S: Final = 10.0
WINDOWS_PERIOD_S: Final = 60.0


class ReplicaWork:
    """Belongs to the event loop. All of it raises `StoreUnavailableError`."""

    def __init__(
        self,
        *,
        store: Store,
        member: Member,
        money: SharedMoney,
        metering: RequestMetering,
        ledger: Ledger,
        deliveries: AlertDeliveries,
        guard: SpendGuard,
        clock: Clock,
        newest_write: int,
    ) -> None:
        self.money = money
        self._store = store
        self._member = member
        self._metering = metering
        self._ledger = ledger
        self._deliveries = deliveries
        self._guard = guard
        self._clock = clock
        self._usage = UsageRefresh(
            store=store,
            ledger=ledger,
            clock=clock,
            seen=newest_write,
            cap_refusals=self._cap_refusals,
            spent_elsewhere=guard.spent_elsewhere,
        )
        self._rounds_to_leave_out = 0
        self._told: tuple[dict[str, float], CapRefusal | None] = {}, None

    def begin(self, background: Background) -> None:
        """Do it in rounds until the background work ends."""
        background.every(REPORT_PERIOD_S, "reports to other gateways", self.report)
        background.every(TAKE_OVER_PERIOD_S, ALERT_DELIVERIES, self._take_over)
        background.every(WINDOWS_PERIOD_S, "windows of budgets", self._forget_windows)

    async def refresh(self) -> None:
        """Have the usage in memory be that of all; between two flushes of the ledger."""
        if self._rounds_to_leave_out:
            self._rounds_to_leave_out -= 1
        elif not await self._usage():
            self._rounds_to_leave_out = LEFT_OUT

    async def report(self) -> None:
        """Tell the others which keys are in use, if that is news."""
        uses: dict[str, float] = {}
        rows, _ = self._ledger.unwritten
        unwritten = ((row.admission.key_id, row.admission.started_s) for row in rows)
        for used in (unwritten, self._metering.uses()):
            for key_id, at_s in used:
                uses[key_id] = max(at_s, uses.get(key_id, at_s))
        last = self._ledger.usage.last_cap_refusal
        refusal = None if last is None else CapRefusal(*last)
        if (uses, refusal) != self._told:
            times = {key_id: datetime.fromtimestamp(at_s, UTC) for key_id, at_s in uses.items()}
            await asyncio.to_thread(self._report, times, refusal)
            self._told = uses, refusal

    async def leave(self) -> None:
        """Give back all money if everything that was spent is booked; else the next life of it does."""
        rows, set_aside = self._ledger.unwritten
        if not rows and not set_aside and not self._metering.open_reservations:
            await self.money.leave()

    def _report(self, uses: dict[str, datetime], refusal: CapRefusal | None) -> None:
        with self._store.write() as connection:
            report(connection, self._member.holder, uses, refusal)

    async def _take_over(self) -> None:
        for announcement in await asyncio.to_thread(self._left):
            self._deliveries.start(announcement)

    def _left(self) -> list[Announcement]:
        now = self._clock.now()
        with self._store.read() as connection:
            left = left_alerts(connection, self._member.live, now - RESUMED_FOR)
            return [each for each in read_announcements(connection, now) if each.id in left] if left else []

    async def _forget_windows(self) -> None:
        now_s = self._clock.now().timestamp()
        await self.money.forget_windows(now_s)
        if self._store.leads:
            await asyncio.to_thread(drop_old_accounts, self._store, now_s)

    def _cap_refusals(self) -> list[CapRefusal]:
        own = self._member.holder.replica
        others = (each for each in self._member.present if each.replica != own)
        return [each.cap_refusal for each in others if each.cap_refusal is not None]
