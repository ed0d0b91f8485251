"""Rates and running requests in Redis: all counters of a key or none, in one call of `rates.lua` a request.

Keys of one API key have one hash tag, so that Redis Cluster keeps them on one node: that of its team, whose
limits count its requests, too. A key that moves to another team takes along what this replica knows of its
buckets. While Redis is out, a replica decides by its own part of each limit, or denies.

What runs has a place in Redis for half a minute, which its gateway renews: the places of a gateway that died
are free then. What Redis may not know of is renewed at once, as after an outage.
"""

import asyncio
from collections.abc import Callable, Sequence
from time import time
from typing import Final, Protocol
from weakref import WeakValueDictionary

from pulumi_groq.gateway.counters.errors import CountersUnavailableError
from pulumi_groq.gateway.counters.local_share import Restored, SharedBucket, level_as_of_the_limit
from pulumi_groq.gateway.counters.memory import MemoryCounterSet, Total
from pulumi_groq.gateway.counters.protocol import TakeResult, WhenDown
from pulumi_groq.gateway.counters.redis_script import MOST_RENEWED, ScriptCalls, read_answer
from pulumi_groq.gateway.counters.redis_servers import RedisServers
from pulumi_groq.gateway.counters.renewals import Renewals
from pulumi_groq.policy.limits import DRIFT, Bucket, Demand, Quota, Unit, amount_of

IDLE_AFTER_S: Final = 60.0

_ONE: Final = Demand("", 0, 0)


class OutageEvents(Protocol):
    """Told of each decision without Redis; must not block or raise."""

    def decided_without_counters(self, how: WhenDown) -> None:
        """A request was held to this replica's own part of the limits, or denied."""
        ...


class RedisCounters:
    """All of `Counters` but money. Belongs to the event loop; await `keep` every `KEEP_PERIOD_S`.

    `live_replicas` tells how many gateways share the limits right now. Redis's own time counts unless
    `uses_server_time` is false: then it is the caller's, as in memory.
    """

    def __init__(
        self,
        servers: RedisServers,
        events: OutageEvents,
        *,
        when_down: WhenDown = "local-share",
        live_replicas: Callable[[], int] = lambda: 1,
        uses_server_time: bool = True,
    ) -> None:
        self.servers = servers
        self.events = events
        self.when_down = when_down
        self.live_replicas = live_replicas
        self.uses_server_time = uses_server_time
        self.renewals: Renewals[RedisCounterSet] = Renewals()
        self._connected = 0
        self._buckets: WeakValueDictionary[str, SharedBucket] = WeakValueDictionary()
        self._running: WeakValueDictionary[str, Total] = WeakValueDictionary()

    def counter_set(self, quotas: Sequence[Quota], now_s: float) -> "RedisCounterSet":
        """The counters of these quotas, in their order. Raises `ValueError` for money."""
        return RedisCounterSet(self, quotas, [self._shared(quota, now_s) for quota in quotas], now_s)

    async def keep(self) -> None:
        """One round: connect where a connection is missing, and renew the places of what runs."""
        await self.servers.keep()
        await self.renew(time())

    async def renew(self, now_s: float) -> None:
        """Renew the places of requests that run here, where that is due at a time (Unix seconds)."""
        if self._connected != self.servers.connected:
            self._connected = self.servers.connected
            self.renewals.all_untold()
        await asyncio.gather(*(each.renew(now_s) for each in self.renewals.due(now_s)))

    def holds(self, quota: Quota) -> bool:  # noqa: ARG002 (protocol)
        """The server has the counts of what runs, of all gateways; money is counted elsewhere."""
        return True

    def correct(self, counter_key: str, more_micro_usd: int) -> None:
        """Rates hold no money."""

    def _shared(self, quota: Quota, now_s: float) -> SharedBucket | Total:
        """What this replica knows of a counter: of running requests its own."""
        if quota.unit == "running":
            return self._running.setdefault(quota.counter_key, Total())
        if quota.ceiling is None or quota.window_s is None or quota.unit == "micro_usd":
            raise ValueError(f"{quota.counter_key} has no limit to drain by")
        bucket = self._buckets.get(quota.counter_key)
        if bucket is None:
            bucket = self._buckets[quota.counter_key] = SharedBucket(quota.ceiling, quota.window_s, now_s)
        bucket.hold_to(quota.ceiling, now_s)
        return bucket


class RedisCounterSet:
    """The counters of one key. What a set knows of them serves outages only."""

    __slots__ = (
        "_buckets",
        "_calls",
        "_counters",
        "_holds",
        "_is_new",
        "_own_ids",
        "_quotas",
        "_running",
        "_running_ids",
        "_shared",
        "_tokens",
        "_used_s",
    )

    def __init__(
        self,
        counters: RedisCounters,
        quotas: Sequence[Quota],
        shared: Sequence[SharedBucket | Total],
        now_s: float,
    ) -> None:
        self._counters = counters
        self._quotas = tuple(quotas)
        self._shared = shared
        self._buckets = [each for each in shared if isinstance(each, SharedBucket)]
        self._tokens = [
            each
            for quota, each in zip(quotas, shared, strict=True)
            if quota.unit == "tokens" and isinstance(each, SharedBucket)
        ]
        self._running = [each for each in shared if isinstance(each, Total)]
        self._holds = any(quota.unit != "requests" for quota in quotas)
        self._is_new = True
        self._running_ids: set[str] = set()
        self._own_ids: set[str] = set()
        self._used_s = now_s
        self._calls = ScriptCalls(quotas, uses_server_time=counters.uses_server_time)

    async def take(self, demand: Demand, now_s: float, reservation_id: str, expires_s: float) -> TakeResult:
        """Take the demand from all counters, or from none of them. Raises `CountersUnavailableError` where
        nothing is to pass without Redis.
        """
        self._used_s = now_s
        if not self._quotas:
            return TakeResult(None, [])
        counters = self._counters
        connection = counters.servers.connection(self._calls.slot)
        if connection is None:
            return await self._without_redis(demand, now_s, reservation_id, expires_s)
        place = f"{connection.server_id}/{self._calls.home}"
        is_news = not all(each.knows(place) for each in self._buckets)
        before = [(each.own, each.place) for each in self._buckets] if is_news else []
        sent = self._calls.take(
            now_s,
            reservation_id,
            demand.tokens,
            expires_s=expires_s,
            restored=self._handed_over(place, now_s) if is_news else (),
            booked=[
                each.booked_level(now_s) if isinstance(each, SharedBucket) else 0.0 for each in self._shared
            ],
            drains_first=self._is_new,
        )
        try:
            answer = await counters.servers.call(self._calls.slot, sent)
        except CountersUnavailableError:
            for bucket, former in zip(self._buckets, before, strict=False):
                if former[0] is not None or bucket.own is None:  # handed over in vain, perhaps
                    bucket.own, bucket.place = former
            return await self._after_no_answer(demand, now_s, reservation_id, expires_s)
        except asyncio.CancelledError:
            self._release(demand, reservation_id, 0, now_s)
            raise
        self._is_new = False
        return self._counted(answer, demand, reservation_id, place, now_s)

    async def full(self, now_s: float) -> TakeResult:
        """Which request counter, if any, is too full for one more; nothing is taken."""
        if not self._quotas:
            return TakeResult(None, [])
        try:
            answer = await self._counters.servers.call(self._calls.slot, self._calls.full(now_s))
        except CountersUnavailableError:
            replicas = self._decided()
            own, order = self._own_set(replicas, now_s)
            return self._by_the_limits(await own.full(now_s), order, _ONE, replicas, now_s)
        refused, levels, _ = read_answer(answer)
        return TakeResult(refused, levels)

    async def settle(
        self,
        demand: Demand,
        reservation_id: str,
        *,
        tokens: int,
        cost_micro_usd: int,  # noqa: ARG002  money is counted elsewhere
        now_s: float,
    ) -> None:
        """Release what a reservation holds, and count what was used instead: not waited for."""
        self._used_s = now_s
        if reservation_id in self._running_ids:
            self._running_ids.discard(reservation_id)
            for running in self._running:
                running.held -= 1
            if not self._running_ids:
                self._counters.renewals.over(self)
        if reservation_id in self._own_ids:
            self._own_ids.discard(reservation_id)
            for bucket in self._tokens:
                if bucket.own is not None:
                    bucket.own.drain(now_s)
                    bucket.own.held -= min(bucket.own.held, demand.tokens)
                    bucket.own.level += tokens
        # Also of one that was decided here: a server that answered too late has counted it.
        self._release(demand, reservation_id, tokens, now_s)

    def is_idle(self, now_s: float) -> bool:
        """Whether it was not used lately, and nothing that it knows matters for an outage."""
        return (
            now_s - self._used_s >= IDLE_AFTER_S
            and not self._own_ids
            and not self._running_ids
            and all(bucket.is_empty(now_s) for bucket in self._buckets)
        )

    def _counted(
        self, answer: bytes, demand: Demand, reservation_id: str, place: str, now_s: float
    ) -> TakeResult:
        """What a server has said to a `take`, and its levels afterwards."""
        refused, levels, held = read_answer(answer)
        reserved = 0
        if refused is None:
            reserved = demand.tokens
            levels = [
                level + amount_of(quota, demand) for quota, level in zip(self._quotas, levels, strict=True)
            ]
            if self._running:
                for running in self._running:
                    running.held += 1
                self._running_ids.add(reservation_id)
                self._counters.renewals.runs(self, now_s)
        for quota, each, level, holds in zip(self._quotas, self._shared, levels, held, strict=True):
            if isinstance(each, SharedBucket):
                more = reserved if quota.unit == "tokens" else 0
                each.told(level, holds + more, place, now_s)
        return TakeResult(refused, levels, () if refused is None else held)

    async def renew(self, now_s: float) -> None:
        """Say of all that runs that it does: it counts for `LEASE_S` of `rates.lua` from now on."""
        servers, slot = self._counters.servers, self._calls.slot
        ids = list(self._running_ids)
        try:
            for first in range(0, len(ids), MOST_RENEWED):
                running = [each for each in ids[first : first + MOST_RENEWED] if each in self._running_ids]
                # Sent in the turn of the loop in which they ran, so before whatever is settled later: no
                # task of its own, which would begin in the next one.
                await servers.call(slot, self._calls.renew(now_s, running))
        except CountersUnavailableError:
            if self._running_ids:
                self._counters.renewals.untold(self)

    def _release(self, demand: Demand, reservation_id: str, tokens: int, now_s: float) -> None:
        if not self._holds:
            return
        for bucket in self._tokens:
            bucket.settled(demand.tokens, tokens)
        self._settle_there(demand, reservation_id, tokens, now_s)

    def _settle_there(self, demand: Demand, reservation_id: str, tokens: int, now_s: float) -> None:
        sent = self._calls.settle(now_s, reservation_id, demand.tokens, tokens)
        self._counters.servers.send(self._calls.slot, sent)

    def _handed_over(self, place: str, now_s: float) -> list[Restored | None]:
        return [
            each.hand_over(place, now_s) if isinstance(each, SharedBucket) else None for each in self._shared
        ]

    async def _after_no_answer(
        self, demand: Demand, now_s: float, reservation_id: str, expires_s: float
    ) -> TakeResult:
        """As `_without_redis`. What is not admitted is let go, too, at a server that counts it yet."""
        refused: int | None = 0
        try:
            result = await self._without_redis(demand, now_s, reservation_id, expires_s)
            refused = result.refused
        finally:
            if refused is not None:
                self._settle_there(demand, reservation_id, 0, now_s)
        return result

    async def _without_redis(
        self, demand: Demand, now_s: float, reservation_id: str, expires_s: float
    ) -> TakeResult:
        replicas = self._decided()
        own, order = self._own_set(replicas, now_s)
        result = await own.take(demand, now_s, reservation_id, expires_s)
        if result.refused is None:
            self._own_ids.add(reservation_id)
            if self._running:
                self._running_ids.add(reservation_id)
                self._counters.renewals.untold(self)
        return self._by_the_limits(result, order, demand, replicas, now_s)

    def _decided(self) -> int:
        counters = self._counters
        counters.events.decided_without_counters(counters.when_down)
        if counters.when_down == "deny":
            raise CountersUnavailableError("Redis does not answer")
        return counters.live_replicas()

    def _own_set(self, replicas: int, now_s: float) -> tuple[MemoryCounterSet, list[int]]:
        """The own parts as counters in memory, and the positions of their quotas in the order of those."""
        positions: dict[Unit, list[int]] = {"requests": [], "running": [], "tokens": []}
        buckets: dict[Unit, list[Bucket]] = {"requests": [], "tokens": []}
        for position, (quota, shared) in enumerate(zip(self._quotas, self._shared, strict=True)):
            positions[quota.unit].append(position)
            if isinstance(shared, SharedBucket):
                buckets[quota.unit].append(shared.own_part(replicas, now_s))
        order = [position for places in positions.values() for position in places]
        highest = tuple(self._own_limit(position, replicas, now_s) + DRIFT for position in order)
        own = MemoryCounterSet([], buckets["requests"], self._running, buckets["tokens"], highest)
        return own, order

    def _own_limit(self, position: int, replicas: int, now_s: float) -> int:
        shared = self._shared[position]
        if isinstance(shared, SharedBucket):
            return shared.own_part(replicas, now_s).limit
        return (self._quotas[position].ceiling or 0) // replicas

    def _by_the_limits(
        self, result: TakeResult, order: list[int], demand: Demand, replicas: int, now_s: float
    ) -> TakeResult:
        levels = [0.0] * len(order)
        reserved = [0.0] * len(order)
        for place, position in enumerate(order):
            quota, level = self._quotas[position], result.levels[place]
            own_limit = self._own_limit(position, replicas, now_s)
            amount = 0 if result.refused is None else amount_of(quota, demand)
            levels[position] = level_as_of_the_limit(quota, own_limit, level, amount, replicas)
            if result.reserved:
                reserved[position] = result.reserved[place]
        refused = None if result.refused is None else order[result.refused]
        return TakeResult(refused, levels, () if refused is None else reserved)
