"""Finds keys whose spend runs away and pauses them, or only tells of them.

The hot path tells it which keys are guarded and asks it for pauses; what is spent is looked at in the upkeep,
four times a second, so a loop is paused within that of the settlement that crosses its bound.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pulumi_groq.gateway.metering.alert_delivery import AlertDeliveries
from pulumi_groq.gateway.metering.announcements import of_runaway
from pulumi_groq.gateway.metering.events import MeteringEvents
from pulumi_groq.gateway.metering.recent_spend import RecentSpend
from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.gateway.store.change_log import GATEWAY, log_pause, log_resumption
from pulumi_groq.gateway.store.recent_spend import read_usual
from pulumi_groq.gateway.store.runaways import Runaway, end_pause, insert_runaways, read_runaways
from pulumi_groq.gateway.store.store import Store
from pulumi_groq.models.fields import json_number, usd
from pulumi_groq.policy.access import KeyAccess
from pulumi_groq.policy.limits import Denial
from pulumi_groq.policy.messages import Pause, key_paused
from pulumi_groq.policy.runaway import RunawayLimit, floor_micro_usd, judge

ALERT_AGAIN_AFTER: Final = timedelta(hours=1)
IDLE_PERIOD_S: Final = 60.0
_HOUR_S: Final = 3600

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Watched:
    """The key of a lineage that was last admitted, and its guard."""

    key: KeyAccess
    limit: RunawayLimit


class SpendGuard:
    """Pauses by lineage: a rotation changes nothing. Belongs to the event loop, except for what
    `protocols.Pauses` says.

    `known` are the runaways that the store has, oldest first.
    """

    def __init__(
        self,
        *,
        store: Store,
        recent: RecentSpend,
        deliveries: AlertDeliveries,
        clock: Clock,
        events: MeteringEvents,
        known: Sequence[Runaway],
    ) -> None:
        self.recent = recent
        self._store = store
        self._deliveries = deliveries
        self._clock = clock
        self._events = events
        self._watched: dict[str, _Watched] = {}
        self._last = {runaway.lineage_id: runaway for runaway in known}
        self._paused = {runaway.lineage_id: runaway for runaway in known if runaway.pauses}
        self._usual: dict[str, tuple[int, int | None]] = {}
        self._unsaved: list[Runaway] = []
        self._idle_looked_at_s = 0.0

    @property
    def is_in_use(self) -> bool:
        """Whether any key is guarded or paused; while none is, nobody has to ask."""
        return bool(self._watched or self._paused)

    @property
    def paused_keys(self) -> int:
        """How many lineages are paused."""
        return len(self._paused)

    def turns_away(self, key: KeyAccess) -> Denial | None:
        """The denial while the key is paused. Whatever else of the key is guarded is watched from here on."""
        lineage_id = key.lineage_id
        if key.runaway is None:
            self._watched.pop(lineage_id, None)
        else:
            watched = self._watched.get(lineage_id)
            if watched is None or watched.key is not key:
                self._watched[lineage_id] = _Watched(key, key.runaway)
                self.recent.watch(lineage_id)
        paused = self._paused.get(lineage_id)
        if paused is None:
            return None
        pause = Pause(paused.at, paused.spent_micro_usd, paused.allowed_micro_usd, paused.resumes_at)
        return key_paused(key.identity_id or key.key_id, pause)

    def pause_of(self, lineage_id: str) -> Runaway | None:
        """What pauses the lineage, if anything does."""
        return self._paused.get(lineage_id)

    def last_of(self, lineage_id: str) -> Runaway | None:
        """The lineage's last runaway of which anything is known."""
        return self._last.get(lineage_id)

    def spent(self, lineage_id: str, now: datetime) -> int:
        """What the lineage, if it is guarded, spent in the last ten minutes, in micro-dollars."""
        return self.recent.spent(lineage_id, now.timestamp())

    def resumed(self, lineage_id: str) -> None:
        """The store has it that the lineage goes on: from now on it is judged by what it spends anew."""
        self._paused.pop(lineage_id, None)
        self.recent.forget(lineage_id)
        self._watched.pop(lineage_id, None)
        self._usual.pop(lineage_id, None)

    def spent_elsewhere(self, lineage_id: str, cost_micro_usd: int) -> None:
        """A lineage has spent so much at other gateways since it was last said."""
        if lineage_id in self._watched:
            self.recent.add(lineage_id, self._clock.now_s(), cost_micro_usd)

    async def follow(self, _changed: object) -> None:
        """Have the pauses that the store has: other gateways may have found or ended some. Raises
        `StoreUnavailableError`.
        """
        pausing = {each.lineage_id: each for each in await asyncio.to_thread(self._read_pausing)}
        unsaved = {each.lineage_id: each for each in self._unsaved if each.pauses}
        for lineage_id in self._paused.keys() - pausing.keys() - unsaved.keys():
            self.resumed(lineage_id)
        self._paused = pausing | unsaved
        self._last |= pausing

    def _read_pausing(self) -> list[Runaway]:
        with self._store.read() as connection:
            return [each for each in read_runaways(connection, self._clock.now()) if each.pauses]

    async def check(self) -> None:
        """Pause what runs away, let go on whose time has come, and tell.

        Raises `StoreUnavailableError`: pauses hold all the same, and the next call tries again.
        """
        now = self._clock.now()
        for lineage_id in sorted(self.recent.touched):
            await self._look_at(lineage_id, now)
        if self._unsaved:
            found = self._unsaved
            await asyncio.to_thread(self._save, found)
            self._unsaved = []
            for runaway in found:
                self._deliveries.start(of_runaway(runaway))
        for paused in list(self._paused.values()):
            if paused.resumes_at is not None and paused.resumes_at <= now:
                await asyncio.to_thread(self._end, paused, now)
                self.resumed(paused.lineage_id)
                _log.warning("key %s goes on: its pause is over", paused.key_id)
        self._forget_idle(now.timestamp())

    async def _look_at(self, lineage_id: str, now: datetime) -> None:
        self.recent.touched.discard(lineage_id)
        watched = self._watched.get(lineage_id)
        if watched is None or lineage_id in self._paused:
            return
        try:
            runaway = await self._judged(lineage_id, watched, now)
        except BaseException:
            self.recent.touched.add(lineage_id)
            raise
        if runaway is not None:
            self._found(runaway)

    async def _judged(self, lineage_id: str, watched: _Watched, now: datetime) -> Runaway | None:
        key, limit = watched.key, watched.limit
        spent = self.recent.spent(lineage_id, now.timestamp())
        last = self._last.get(lineage_id)
        told = limit.action == "alert" and last is not None and now - last.at < ALERT_AGAIN_AFTER
        if told or spent <= floor_micro_usd(limit):
            return None
        usual = None if limit.times_usual is None else await self._usual_of(lineage_id, now.timestamp())
        judgement = judge(limit, spent, usual)
        if judgement is None:
            return None
        minutes = limit.resume_after_minutes
        return Runaway(
            lineage_id=lineage_id,
            at=now,
            key_id=key.identity_id or key.key_id,
            key_name=key.name,
            team=key.team,
            action=limit.action,
            spent_micro_usd=spent,
            allowed_micro_usd=judgement.allowed_micro_usd,
            usual_micro_usd=judgement.usual_micro_usd,
            resumes_at=None if minutes is None else now + timedelta(minutes=minutes),
        )

    async def _usual_of(self, lineage_id: str, now_s: float) -> int | None:
        """Looked up once an hour: nothing of today is in it."""
        hour = int(now_s) // _HOUR_S
        known = self._usual.get(lineage_id)
        if known is None or known[0] != hour:
            known = hour, await asyncio.to_thread(self._read_usual, lineage_id, now_s)
            self._usual[lineage_id] = known
        return known[1]

    def _found(self, runaway: Runaway) -> None:
        # In force before it is written: the store may be what is out.
        self._last[runaway.lineage_id] = runaway
        if runaway.pauses:
            self._paused[runaway.lineage_id] = runaway
        self._unsaved.append(runaway)
        self._events.runaway(runaway.action)
        _log.warning(
            "key %s spent %s USD in 10 minutes, where %s USD are allowed: %s",
            runaway.key_id,
            json_number(usd(runaway.spent_micro_usd)),
            json_number(usd(runaway.allowed_micro_usd)),
            "it is paused" if runaway.pauses else "it goes on",
        )

    def _forget_idle(self, now_s: float) -> None:
        if now_s - self._idle_looked_at_s < IDLE_PERIOD_S:
            return
        self._idle_looked_at_s = now_s
        for lineage_id in list(self._watched):
            if self.recent.spent(lineage_id, now_s) == 0:
                self._watched.pop(lineage_id, None)
                self.recent.forget(lineage_id)
                self._usual.pop(lineage_id, None)

    def _read_usual(self, lineage_id: str, now_s: float) -> int | None:
        with self._store.read() as connection:
            return read_usual(connection, lineage_id, now_s)

    def _save(self, found: list[Runaway]) -> None:
        with self._store.write() as connection:
            insert_runaways(connection, found)
            for runaway in found:
                if runaway.pauses:
                    log_pause(connection, GATEWAY, runaway)

    def _end(self, paused: Runaway, now: datetime) -> None:
        with self._store.write() as connection:
            if end_pause(connection, paused.lineage_id, now):
                log_resumption(connection, GATEWAY, paused, now)
