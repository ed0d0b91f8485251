"""Rate buckets in Redis: all buckets of a key or none, in one call of `rates.lua` a request.

Keys of one API key have one hash tag, so that Redis Cluster keeps them on one node: where its team has rate
limits, that of the team. While Redis is out, a
replica decides by its own part of each limit, or denies.
"""

import asyncio
from collections.abc import Callable, Sequence
from hashlib import sha1
from importlib.resources import files
from struct import pack, unpack
from typing import Final, Protocol
from weakref import WeakValueDictionary

from pulumi_groq.gateway.counters.errors import CountersUnavailableError
from pulumi_groq.gateway.counters.local_share import SharedBucket, level_as_of_the_limit
from pulumi_groq.gateway.counters.memory import MemoryCounterSet
from pulumi_groq.gateway.counters.protocol import TakeResult, WhenDown
from pulumi_groq.gateway.counters.redis_servers import RedisServers, slot_of
from pulumi_groq.policy.limits import Demand, Quota, highest_levels

SCRIPT: Final = files("pulumi_groq.gateway.counters").joinpath("rates.lua").read_text()
KEY_PREFIX: Final = "pulumi-groq"
IDLE_AFTER_S: Final = 60.0

_SHA: Final = sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest().encode()


class OutageEvents(Protocol):
    """Told of each decision without Redis; must not block or raise."""

    def decided_without_counters(self, how: WhenDown) -> None:
        """A request was held to this replica's own part of the limits, or denied."""
        ...


class RedisCounters:
    """The rate buckets of `Counters`; money is no unit of theirs. Belongs to the event loop.

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
        self._buckets: WeakValueDictionary[str, SharedBucket] = WeakValueDictionary()

    def counter_set(self, quotas: Sequence[Quota], now_s: float) -> "RedisCounterSet":
        """The counters of these quotas, in their order. Raises `ValueError` for money."""
        return RedisCounterSet(self, quotas, [self._bucket(quota, now_s) for quota in quotas], now_s)

    def holds(self, counter_key: str) -> bool:  # noqa: ARG002 (protocol)
        """Rates hold no money."""
        return False

    def correct(self, counter_key: str, more_micro_usd: int) -> None:
        """Rates hold no money."""

    def _bucket(self, quota: Quota, now_s: float) -> SharedBucket:
        if quota.ceiling is None or quota.window_s is None or quota.unit == "micro_usd":
            raise ValueError(f"{quota.counter_key} has no limit to drain by")
        bucket = self._buckets.get(quota.counter_key)
        if bucket is None:
            bucket = self._buckets[quota.counter_key] = SharedBucket(quota.ceiling, quota.window_s, now_s)
        bucket.limit = quota.ceiling
        return bucket


class RedisCounterSet:
    """The buckets of one key. What a set knows of them serves outages only."""

    __slots__ = (
        "_buckets",
        "_counters",
        "_head",
        "_holds",
        "_is_new",
        "_own_ids",
        "_quotas",
        "_slot",
        "_used_s",
        "_words",
    )

    def __init__(
        self, counters: RedisCounters, quotas: Sequence[Quota], buckets: list[SharedBucket], now_s: float
    ) -> None:
        self._counters = counters
        self._quotas = tuple(quotas)
        self._buckets = buckets
        self._holds = any(quota.unit == "tokens" for quota in quotas)
        self._is_new = True
        self._own_ids: set[str] = set()
        self._used_s = now_s
        tag = _tag_of(quotas)
        self._slot = slot_of(tag)
        keys: list[bytes] = []
        for quota in quotas:
            key = f"{KEY_PREFIX}:{{{tag}}}:{quota.counter_key}"
            keys += [key.encode(), f"{key}:holds".encode()]
        packed = b"".join(
            pack("<ddd", quota.unit == "requests", quota.ceiling or 0, quota.window_s or 0)
            for quota in quotas
        )
        head = [b"EVALSHA", _SHA, b"%d" % len(keys), *keys, packed]
        self._words = len(head)
        self._head = b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in head)

    async def take(self, demand: Demand, now_s: float, reservation_id: str, expires_s: float) -> TakeResult:
        """Take the demand from all counters, or from none of them. Raises `CountersUnavailableError` where
        nothing is to pass without Redis.
        """
        self._used_s = now_s
        if not self._buckets:
            return TakeResult(None, [])
        counters = self._counters
        connection = counters.servers.connection(self._slot)
        if connection is None:
            return await self._without_redis(demand, now_s, reservation_id, expires_s)
        is_news = not all(each.knows(connection.server_id) for each in self._buckets)
        before = [(each.own, each.server_id) for each in self._buckets] if is_news else []
        sent = self._call(
            b"take",
            now_s,
            reservation_id.encode(),
            b"%d" % demand.tokens,
            repr(expires_s - now_s).encode(),
            self._handed_over(connection.server_id, now_s) if is_news else b"",
            b"1" if self._is_new else b"",
        )
        try:
            answer = await counters.servers.call(self._slot, sent)
        except CountersUnavailableError:
            for bucket, (own, server_id) in zip(self._buckets, before, strict=False):
                if own is not None or bucket.own is None:  # handed over in vain, perhaps
                    bucket.own, bucket.server_id = own, server_id
            return await self._without_redis(demand, now_s, reservation_id, expires_s)
        except asyncio.CancelledError:
            self._release(demand, reservation_id, 0, now_s)
            raise
        self._is_new = False
        refused, levels, held = _read(answer)
        if refused is None:
            levels = [
                level + (1 if quota.unit == "requests" else demand.tokens)
                for quota, level in zip(self._quotas, levels, strict=True)
            ]
        for bucket, level in zip(self._buckets, levels, strict=True):
            bucket.told(level, connection.server_id, now_s)
        return TakeResult(refused, levels, () if refused is None else held)

    async def full(self, now_s: float) -> TakeResult:
        """Which request counter, if any, is too full for one more; nothing is taken."""
        if not self._buckets:
            return TakeResult(None, [])
        try:
            answer = await self._counters.servers.call(
                self._slot, self._call(b"full", now_s, b"", b"0", b"", b"", b"")
            )
        except CountersUnavailableError:
            replicas = self._decided()
            own, order = self._own_set(replicas, now_s)
            return self._by_the_limits(await own.full(now_s), order, 0, replicas, now_s)
        refused, levels, _ = _read(answer)
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
        if reservation_id in self._own_ids:
            self._own_ids.discard(reservation_id)
            for quota, bucket in zip(self._quotas, self._buckets, strict=True):
                if quota.unit == "tokens" and bucket.own is not None:
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
            and all(bucket.is_empty(now_s) for bucket in self._buckets)
        )

    def _release(self, demand: Demand, reservation_id: str, tokens: int, now_s: float) -> None:
        if not self._holds:
            return
        for quota, bucket in zip(self._quotas, self._buckets, strict=True):
            if quota.unit == "tokens":
                bucket.settled(demand.tokens - tokens)
        sent = self._call(
            b"settle", now_s, reservation_id.encode(), b"%d" % demand.tokens, b"%d" % tokens, b"", b""
        )
        self._counters.servers.send(self._slot, sent)

    def _call(self, operation: bytes, now_s: float, *words: bytes) -> bytes:
        now = b"" if self._counters.uses_server_time else repr(now_s).encode()
        tail = b"".join([b"$%d\r\n%b\r\n" % (len(word), word) for word in (operation, now, *words)])
        return b"*%d\r\n%b%b" % (self._words + 2 + len(words), self._head, tail)

    def _handed_over(self, server_id: str, now_s: float) -> bytes:
        return b"".join(pack("<dd", *each.hand_over(server_id, now_s)) for each in self._buckets)

    async def _without_redis(
        self, demand: Demand, now_s: float, reservation_id: str, expires_s: float
    ) -> TakeResult:
        replicas = self._decided()
        own, order = self._own_set(replicas, now_s)
        result = await own.take(demand, now_s, reservation_id, expires_s)
        if result.refused is None:
            self._own_ids.add(reservation_id)
        return self._by_the_limits(result, order, demand.tokens, replicas, now_s)

    def _decided(self) -> int:
        counters = self._counters
        counters.events.decided_without_counters(counters.when_down)
        if counters.when_down == "deny":
            raise CountersUnavailableError("Redis does not answer")
        return max(1, counters.live_replicas())

    def _own_set(self, replicas: int, now_s: float) -> tuple[MemoryCounterSet, list[int]]:
        """The own parts as counters in memory, and the positions of their quotas in the order of those."""
        parts = [bucket.own_part(replicas, now_s) for bucket in self._buckets]
        order = sorted(range(len(parts)), key=lambda position: self._quotas[position].unit == "tokens")
        highest = highest_levels(self._quotas)
        own = [bucket.limit - (quota.ceiling or 0) for bucket, quota in zip(parts, self._quotas, strict=True)]
        return (
            MemoryCounterSet(
                [],
                [parts[each] for each in order if self._quotas[each].unit == "requests"],
                [],
                [parts[each] for each in order if self._quotas[each].unit == "tokens"],
                tuple(highest[each] + own[each] for each in order),
            ),
            order,
        )

    def _by_the_limits(
        self, result: TakeResult, order: list[int], tokens: int, replicas: int, now_s: float
    ) -> TakeResult:
        levels = [0.0] * len(order)
        reserved = [0.0] * len(order)
        for place, position in enumerate(order):
            quota = self._quotas[position]
            own = self._buckets[position].own_part(replicas, now_s)
            amount = 0
            if result.refused is not None:
                amount = 1 if quota.unit == "requests" else tokens
            levels[position] = level_as_of_the_limit(quota, own.limit, result.levels[place], amount, replicas)
            reserved[position] = own.held
        refused = None if result.refused is None else order[result.refused]
        return TakeResult(refused, levels, () if refused is None else reserved)


def _tag_of(quotas: Sequence[Quota]) -> str:
    """What all of them have in common: a team's limit has to be beside those of each of its keys. Where a
    team gets its first rate limit, the buckets of its keys so begin empty.
    """
    for quota in quotas:
        if quota.scope.team is not None:
            return quota.counter_key.partition(":")[2]
    return quotas[0].counter_key.split(":")[1] if quotas else ""


def _read(answer: bytes) -> tuple[int | None, list[float], list[float]]:
    """The quota that refused, and level and what is held in it of each bucket: levels hold both."""
    refused, *pairs = unpack(f"<{len(answer) // 8}d", answer)
    held = pairs[1::2]
    levels = [level + holds for level, holds in zip(pairs[::2], held, strict=True)]
    return (None if refused < 0 else int(refused)), levels, held
