"""Counters of one process. A restart empties the rate buckets; totals begin with what is settled."""

from collections.abc import Callable, Mapping, Sequence
from math import inf
from operator import add, attrgetter
from typing import Final
from weakref import WeakValueDictionary

from pulumi_groq.gateway.counters.protocol import TakeResult
from pulumi_groq.policy.limits import Bucket, Demand, Quota, Unit, drain, highest_levels, refusing

IDLE_AFTER_S: Final = 60.0
"""How long a set is kept after its last request, so that busy ones are not made anew over and over."""

_ORDER: Final[Mapping[Unit, int]] = {"micro_usd": 0, "requests": 1, "running": 2, "tokens": 3}


_LEVEL: Final = attrgetter("level")
_HELD: Final = attrgetter("held")


class Total:
    """Micro-dollars: `level` is spent and never drains; `held` is reserved by requests in flight.
    Of running requests, which are `held` alone.
    """

    __slots__ = ("__weakref__", "held", "level")

    def __init__(self, spent_micro_usd: int = 0) -> None:
        self.level = spent_micro_usd
        self.held = 0


class MemoryCounterSet:
    """The in-process `CounterSet`: totals first, then buckets of requests, then counts of running requests,
    then buckets of tokens.
    """

    __slots__ = (
        "_buckets",
        "_counters",
        "_highest",
        "_ones",
        "_paced",
        "_requests",
        "_running",
        "_tokens",
        "_totals",
        "_used_s",
    )

    def __init__(
        self,
        totals: list[Total],
        requests: list[Bucket],
        running: list[Total],
        tokens: list[Bucket],
        highest: tuple[float, ...],
    ) -> None:
        self._totals = totals
        self._requests = requests
        self._running = running
        self._tokens = tokens
        self._ones = len(requests) + len(running)
        self._buckets = (*requests, *tokens)
        # Keys of one lineage share buckets and may have other limits: each drains at the pace of who asks.
        self._paced = [(bucket, bucket.limit) for bucket in self._buckets]
        self._counters: tuple[Total | Bucket, ...] = (*totals, *requests, *running, *tokens)
        self._highest = highest
        self._used_s = -inf

    async def take(
        self,
        demand: Demand,
        now_s: float,
        reservation_id: str,  # noqa: ARG002  what it holds dies with the process
        expires_s: float,  # noqa: ARG002  the same
    ) -> TakeResult:
        """Take the demand from all counters, or from none of them."""
        self._used_s = now_s
        tokens, cost_micro_usd = demand.tokens, demand.cost_micro_usd
        for bucket, limit in self._paced:
            bucket.limit = limit
        drain(self._buckets, now_s)
        levels: list[float] = [*map(add, map(_LEVEL, self._counters), map(_HELD, self._counters))]
        amounts = [cost_micro_usd] * len(self._totals) + [1] * self._ones
        amounts += [tokens] * len(self._tokens)
        refused = refusing(self._highest, amounts, levels)
        if refused is not None:
            return TakeResult(refused, levels, self._reserved())
        for total in self._totals:
            total.held += cost_micro_usd
        for bucket in self._requests:
            bucket.level += 1
        for running in self._running:
            running.held += 1
        for bucket in self._tokens:
            bucket.held += tokens
        return TakeResult(None, list(map(add, levels, amounts)))

    async def full(self, now_s: float) -> TakeResult:
        """Which request counter, if any, is too full for one more; nothing is taken."""
        drain(self._buckets, now_s)
        levels: list[float] = [*map(add, map(_LEVEL, self._counters), map(_HELD, self._counters))]
        first = len(self._totals)
        for position in range(first, first + self._ones):
            if levels[position] + 1 > self._highest[position]:
                return TakeResult(position, levels)
        return TakeResult(None, levels)

    async def settle(
        self,
        demand: Demand,
        reservation_id: str,  # noqa: ARG002  the metering settles nothing twice
        *,
        tokens: int,
        cost_micro_usd: int,
        now_s: float,
    ) -> None:
        """Release what a demand holds, and count what was used instead."""
        for total in self._totals:
            total.held -= demand.cost_micro_usd
            total.level += cost_micro_usd
        for running in self._running:
            running.held -= 1
        drain(self._tokens, now_s)
        for bucket in self._tokens:
            bucket.held -= demand.tokens
            bucket.level += tokens

    def _reserved(self) -> list[int]:
        return [counter.held for counter in self._counters]

    def is_idle(self, now_s: float) -> bool:
        """Whether it was not used lately and its buckets are empty and hold nothing. A total that is opened
        again goes on from what is settled.
        """
        if now_s - self._used_s < IDLE_AFTER_S:
            return False
        for bucket in self._buckets:
            bucket.drain(now_s)
            if bucket.held or bucket.level:
                return False
        return not any(running.held for running in self._running)


class MemoryCounters:
    """The in-process `Counters`. Atomic because nothing in a call waits: use it on one event loop only.

    A counter lives as long as a counter set that has it, so memory follows the sets in use. What runs dies
    with the process, and so does its count. `spent_before` is what a total of money begins with.
    """

    def __init__(self, spent_before: Callable[[Quota], int] = lambda _: 0) -> None:
        self._buckets: WeakValueDictionary[str, Bucket] = WeakValueDictionary()
        self._running: WeakValueDictionary[str, Total] = WeakValueDictionary()
        self._totals: WeakValueDictionary[str, Total] = WeakValueDictionary()
        self._spent_before = spent_before

    @property
    def bucket_count(self) -> int:
        """How many rate buckets are kept."""
        return len(self._buckets)

    def counter_set(self, quotas: Sequence[Quota], now_s: float) -> MemoryCounterSet:
        """The counters of these quotas. Raises `ValueError` unless they come in the order of a
        `MemoryCounterSet`, in which it gives its levels.
        """
        order = [_ORDER[quota.unit] for quota in quotas]
        if order != sorted(order):
            raise ValueError("quotas come in the order of money, requests, running ones and tokens")
        totals: list[Total] = []
        running: list[Total] = []
        buckets: dict[str, list[Bucket]] = {"requests": [], "tokens": []}
        for quota in quotas:
            if quota.unit == "micro_usd":
                totals.append(self._total(quota))
            elif quota.unit == "running":
                running.append(self._running.setdefault(quota.counter_key, Total()))
            else:
                buckets[quota.unit].append(self._bucket(quota, now_s))
        return MemoryCounterSet(
            totals, buckets["requests"], running, buckets["tokens"], highest_levels(quotas)
        )

    def holds(self, quota: Quota) -> bool:
        """Whether a quota of money or of running requests has its counter."""
        return quota.counter_key in (self._running if quota.unit == "running" else self._totals)

    def correct(self, counter_key: str, more_micro_usd: int) -> None:
        """Count more, or less, as spent in a total; one that is not held is opened right."""
        total = self._totals.get(counter_key)
        if total is not None:
            total.level += more_micro_usd

    def _total(self, quota: Quota) -> Total:
        total = self._totals.get(quota.counter_key)
        if total is None:
            total = self._totals[quota.counter_key] = Total(self._spent_before(quota))
        return total

    def _bucket(self, quota: Quota, now_s: float) -> Bucket:
        if quota.ceiling is None or quota.window_s is None:
            raise ValueError(f"{quota.counter_key} has no limit to drain by")
        bucket = self._buckets.get(quota.counter_key)
        if bucket is None:
            bucket = self._buckets[quota.counter_key] = Bucket(quota.ceiling, quota.window_s, now_s)
        else:
            bucket.drain(now_s)
            bucket.limit = quota.ceiling  # from here on it drains at the new pace
        return bucket
